#include <string.h>

#include "decoding.h"

// What is borrowed lies in one stretch of pages, one thing behind the other, and is given back all at once.
static struct {
    uint8_t *start, *next, *end;
    uint8_t *clean;  // from here on nothing was written yet
} stretch;

bool lt_has_room(uint64_t bytes) {
    size_t left = (size_t)(stretch.end - stretch.next);
    if (bytes <= left) return true;
    bytes = (bytes + 0xFFFF) & ~0xFFFFull;  // not less by what is left: new pages may lie elsewhere
    uint8_t *more = bytes >> 31 ? NULL : lt_pages((size_t)bytes);
    if (!more) return false;
    if (more != stretch.end) stretch.start = stretch.next = stretch.clean = more;
    stretch.end = more + bytes;
    return true;
}

void *lt_borrow(size_t bytes) {
    bytes = (bytes + 15) & ~(size_t)15;
    if (!lt_has_room(bytes)) lt_fail(LT_TOO_LARGE);
    uint8_t *memory = stretch.next;
    stretch.next += bytes;
    if (memory < stretch.clean) memset(memory, 0, (size_t)((stretch.next < stretch.clean ? stretch.next : stretch.clean) - memory));
    if (stretch.clean < stretch.next) stretch.clean = stretch.next;
    return memory;
}

const char *lt_begin(lt_source *source, uint32_t width, uint32_t height, int orientation) {
    if (!width || !height) return "the picture has no pixels";
    if ((uint64_t)width * height > LT_MAX_PIXELS) return "the picture has more than 89 million pixels";
    // More than rows and weights of that width take, and what does not depend on it.
    if (!lt_has_room(width * 256ull + (1 << 18))) return LT_TOO_LARGE;
    source->rows->begin(source->rows, width, height, orientation);
    return NULL;
}

int lt_orientation(const uint8_t *bytes, size_t length) {
    if (length < 8 || (memcmp(bytes, "II*\0", 4) && memcmp(bytes, "MM\0*", 4))) return 1;
    bool little = bytes[0] == 'I';
    uint32_t at = little ? lt_le32(bytes + 4) : lt_be32(bytes + 4);
    if (at > length - 2) return 1;
    uint32_t count = little ? lt_le16(bytes + at) : lt_be16(bytes + at);
    const uint8_t *entry = bytes + at + 2;
    for (; count && bytes + length - entry >= 12; count--, entry += 12) {
        uint32_t tag = little ? lt_le16(entry) : lt_be16(entry), kind = little ? lt_le16(entry + 2) : lt_be16(entry + 2);
        uint32_t value = little ? lt_le16(entry + 8) : lt_be16(entry + 8);
        if (tag == 0x112 && kind == 3) return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static const char *decode(lt_source *source) {
    const uint8_t *bytes = source->bytes;
    if (source->length >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0) return lt_decode_png(source);
    if (source->length >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) return lt_decode_jpeg(source);
    if (source->length >= 2 && memcmp(bytes, "BM", 2) == 0) return lt_decode_bmp(source);
    return "the request is no picture that this function reads: PNG, JPEG or BMP";
}

const char *lt_decode(const uint8_t *bytes, size_t length, lt_rows *rows) {
    lt_source source = {bytes, length, rows};
    stretch.next = stretch.start;
    return decode(&source);
}
