// JPEG (ITU-T T.81): baseline, extended and progressive, 8 bits a sample, Huffman codes. Markers are read here.
#include "jpeg.h"

#include <string.h>

static const char *const DAMAGED = "the JPEG is damaged";

static const char *read_quantizers(lt_jpeg *jpeg, const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        bool wide = *at >> 4;
        uint16_t *table = jpeg->tables[*at & 3];
        if ((*at++ & 15) > 3 || end - at < (wide ? 128 : 64)) return DAMAGED;
        for (int index = 0; index < 64; index++, at += 1 + wide) table[index] = (uint16_t)(wide ? lt_be16(at) : *at);
    }
    return NULL;
}

static const char *read_codes(lt_jpeg *jpeg, const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        uint32_t which = *at & 15, kind = *at >> 4, total = 0;
        if (end - at < 17 || which > 3 || kind > 1) return DAMAGED;
        for (int length = 1; length <= 16; length++) total += at[length];
        if (total > 256 || end - at < 17 + (ptrdiff_t)total) return DAMAGED;
        lt_huffman **code = &jpeg->codes[kind * 4 + which];
        if (!*code) *code = lt_borrow(sizeof **code);
        if (!lt_make_huffman(*code, at + 1, at + 17, total, kind == 1)) return DAMAGED;
        at += 17 + total;
    }
    return NULL;
}

static const char *read_components(lt_jpeg *jpeg, const uint8_t *at) {
    jpeg->across = jpeg->down = 1;
    for (uint32_t index = 0; index < jpeg->count; index++, at += 3) {
        lt_component *c = &jpeg->component[index];
        *c = (lt_component){.id = at[0], .across = at[1] >> 4, .down = at[1] & 15, .quantizer = at[2]};
        if (!c->across || !c->down || c->across > 4 || c->down > 4 || c->quantizer > 3) return DAMAGED;
        if (c->across > jpeg->across) jpeg->across = c->across;
        if (c->down > jpeg->down) jpeg->down = c->down;
    }
    jpeg->groups = (jpeg->width + 8 * jpeg->across - 1) / (8 * jpeg->across);
    jpeg->group_rows = (jpeg->height + 8 * jpeg->down - 1) / (8 * jpeg->down);
    for (uint32_t index = 0; index < jpeg->count; index++) {
        lt_component *c = &jpeg->component[index];
        if (jpeg->across % c->across || jpeg->down % c->down) return "the JPEG has samples at odd distances, which are not read";
        c->width = (jpeg->width * c->across + jpeg->across - 1) / jpeg->across;
        c->height = (jpeg->height * c->down + jpeg->down - 1) / jpeg->down;
        c->columns = jpeg->groups * c->across;
        c->lines = jpeg->group_rows * c->down;
    }
    return NULL;
}

static const char *read_frame(lt_jpeg *jpeg, uint32_t marker, const uint8_t *at, const uint8_t *end) {
    if (marker > 0xC2) return "the JPEG is lossless, hierarchical or arithmetically coded, which is not read";
    if (jpeg->framed || end - at < 6) return DAMAGED;
    if (at[0] != 8) return "the JPEG has more than 8 bits a sample, which is not read";
    jpeg->height = lt_be16(at + 1);
    jpeg->width = lt_be16(at + 3);
    jpeg->count = at[5];
    jpeg->progressive = marker == 0xC2;
    if (!jpeg->height && jpeg->width) return "the JPEG tells its height late, which is not read";
    if (jpeg->count != 1 && jpeg->count != 3 && jpeg->count != 4) return "the JPEG has neither 1, 3 nor 4 colours";
    if (end - at < 6 + 3 * (ptrdiff_t)jpeg->count) return DAMAGED;
    const char *wrong = read_components(jpeg, at + 6);
    jpeg->framed = true;
    return wrong ? wrong : lt_begin(jpeg->source, jpeg->width, jpeg->height, jpeg->orientation);
}

static void read_application(lt_jpeg *jpeg, uint32_t marker, const uint8_t *at, size_t length) {
    if (marker == 0xE0 && length >= 5 && memcmp(at, "JFIF", 5) == 0) jpeg->jfif = true;
    if (marker == 0xE1 && length >= 6 && memcmp(at, "Exif\0", 6) == 0) jpeg->orientation = lt_orientation(at + 6, length - 6);
    if (marker == 0xEE && length >= 12 && memcmp(at, "Adobe", 5) == 0) jpeg->adobe = at[11];
}

// The next marker, `at` behind it; 0 where there is none.
static uint32_t next_marker(lt_jpeg *jpeg) {
    while (jpeg->end - jpeg->at >= 2) {
        uint32_t marker = jpeg->at[1];
        if (*jpeg->at++ != 0xFF || marker == 0 || marker == 0xFF) continue;
        jpeg->at++;
        return marker;
    }
    return 0;
}

static const char *read_segment(lt_jpeg *jpeg, uint32_t marker) {
    if (jpeg->end - jpeg->at < 2) return LT_TRUNCATED;
    size_t length = lt_be16(jpeg->at);
    if (length < 2) return DAMAGED;
    if ((size_t)(jpeg->end - jpeg->at) < length) return LT_TRUNCATED;
    const uint8_t *at = jpeg->at + 2, *end = jpeg->at + length;
    if (marker == 0xDA) return lt_read_scan(jpeg);
    jpeg->at = end;
    if (marker == 0xDB) return read_quantizers(jpeg, at, end);
    if (marker == 0xC4) return read_codes(jpeg, at, end);
    if (marker == 0xDD && length >= 4) jpeg->restart = lt_be16(at);
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC8 && marker != 0xCC) return read_frame(jpeg, marker, at, end);
    if (marker >= 0xE0 && marker <= 0xEF) read_application(jpeg, marker, at, length - 2);
    return NULL;
}

const char *lt_decode_jpeg(lt_source *source) {
    lt_jpeg *jpeg = lt_borrow(sizeof *jpeg);
    *jpeg = (lt_jpeg){.source = source, .at = source->bytes + 2, .end = source->bytes + source->length};
    jpeg->orientation = 1;
    jpeg->adobe = -1;
    while (!jpeg->framed || jpeg->emitted < jpeg->height) {
        uint32_t marker = next_marker(jpeg);
        if (!marker) return LT_TRUNCATED;
        if (marker == 0xD9) break;
        if (marker >= 0xD0 && marker <= 0xD8) continue;  // restarts are read with their scan
        const char *wrong = read_segment(jpeg, marker);
        if (wrong) return wrong;
    }
    if (!jpeg->whole) return jpeg->emitted ? NULL : "the JPEG has no pixels";
    for (uint32_t index = 0; index < jpeg->count; index++)
        if (!jpeg->component[index].quantized) return "the JPEG lacks one of its colours";
    for (uint32_t row = 0; row < jpeg->group_rows; row++) lt_finish_groups(jpeg, row);
    return NULL;
}
