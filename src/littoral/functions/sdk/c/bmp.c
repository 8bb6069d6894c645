// Windows and OS/2 bitmaps: 1 to 32 bits a pixel, palettes, bit fields, run lengths.
#include <string.h>

#include "decoding.h"

enum { RGB = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHA_BITFIELDS = 6 };

typedef struct {
    uint32_t width, height, bits, compression;
    bool upside_down;
    const uint8_t *pixels;  // behind the headers, up to the end of the file
    size_t size;            // bytes of them
    uint32_t palette[256];
    struct {
        uint32_t shift, limit;
    } field[3];
} bitmap;

static void read_palette(bitmap *image, const uint8_t *at, size_t entry, uint32_t count, const uint8_t *end) {
    if (image->bits > 8) return;
    if (!count || count > 1u << image->bits) count = 1u << image->bits;
    for (uint32_t index = 0; index < count && end - at >= (ptrdiff_t)entry; index++, at += entry)
        image->palette[index] = lt_rgb(at[2], at[1], at[0]);
}

static const char *read_fields(bitmap *image, const uint8_t *masks, bool given) {
    static const uint32_t plain16[3] = {0x7C00, 0x3E0, 0x1F}, plain32[3] = {0xFF0000, 0xFF00, 0xFF};
    for (int colour = 0; colour < 3; colour++) {
        uint32_t mask = given ? lt_le32(masks + 4 * colour) : (image->bits == 16 ? plain16 : plain32)[colour];
        if (!mask) return "the bitmap has an empty colour mask";
        image->field[colour].shift = (uint32_t)__builtin_ctz(mask);
        image->field[colour].limit = mask >> image->field[colour].shift;
        if (image->field[colour].limit & (image->field[colour].limit + 1)) return "the bitmap has a colour mask with gaps";
    }
    return NULL;
}

static const char *read_headers(bitmap *image, const lt_source *source) {
    const uint8_t *bytes = source->bytes, *end = bytes + source->length;
    if (source->length < 26) return LT_TRUNCATED;
    uint32_t offset = lt_le32(bytes + 10), header = lt_le32(bytes + 14);
    bool old = header == 12;
    if ((!old && header < 40) || header > 1024) return "the bitmap has a header of a kind that is not read";
    if (source->length < 14 + header) return LT_TRUNCATED;
    int32_t height = old ? (int32_t)lt_le16(bytes + 20) : (int32_t)lt_le32(bytes + 22);
    image->width = old ? lt_le16(bytes + 18) : lt_le32(bytes + 18);
    image->upside_down = height > 0;
    image->height = height < 0 ? 0u - (uint32_t)height : (uint32_t)height;
    image->bits = lt_le16(bytes + (old ? 24 : 28));
    image->compression = old ? RGB : lt_le32(bytes + 30);
    bool fields = image->compression == BITFIELDS || image->compression == ALPHA_BITFIELDS;
    const uint8_t *behind = bytes + 14 + header;
    if (fields && header == 40) behind += image->compression == BITFIELDS ? 12 : 16;
    if (behind > end || offset > source->length || (fields && source->length < 66)) return LT_TRUNCATED;
    image->pixels = bytes + offset;
    image->size = source->length - offset;
    read_palette(image, behind, old ? 3 : 4, old ? 0 : lt_le32(bytes + 46), end);
    if (image->bits != 16 && image->bits != 32) return NULL;
    return read_fields(image, bytes + 54, fields);
}

static void row_of_indices(const bitmap *image, const uint8_t *at, uint32_t *out) {
    uint32_t bits = image->bits, mask = (1u << bits) - 1;
    for (uint32_t x = 0; x < image->width; x++) {
        uint32_t bit = x * bits;
        out[x] = image->palette[at[bit >> 3] >> (8 - bits - (bit & 7)) & mask];
    }
}

static void row_of_fields(const bitmap *image, const uint8_t *at, uint32_t *out) {
    uint32_t step = image->bits / 8;
    for (uint32_t x = 0; x < image->width; x++, at += step) {
        uint32_t word = step == 2 ? lt_le16(at) : lt_le32(at), colours[3];
        for (int colour = 0; colour < 3; colour++) {
            uint32_t limit = image->field[colour].limit;
            uint64_t value = word >> image->field[colour].shift & limit;
            colours[colour] = (uint32_t)(limit == 255 ? value : value * 255 / limit);
        }
        out[x] = lt_rgb(colours[0], colours[1], colours[2]);
    }
}

static const char *plain_rows(const bitmap *image, lt_source *source) {
    uint64_t stride = ((uint64_t)image->width * image->bits + 31) / 32 * 4;
    uint64_t last = ((uint64_t)image->width * image->bits + 7) / 8;  // some writers do not pad the last row
    if (stride * (image->height - 1) + last > image->size) return LT_TRUNCATED;
    uint32_t *out = lt_borrow((size_t)image->width * 4);
    for (uint32_t y = 0; y < image->height; y++) {
        const uint8_t *at = image->pixels + stride * (image->upside_down ? image->height - 1 - y : y);
        if (image->bits <= 8) {
            row_of_indices(image, at, out);
        } else if (image->bits == 24) {
            for (uint32_t x = 0; x < image->width; x++) out[x] = lt_rgb(at[3 * x + 2], at[3 * x + 1], at[3 * x]);
        } else {
            row_of_fields(image, at, out);
        }
        source->rows->row(source->rows, out);
    }
    return NULL;
}

// Unpacks run lengths into one byte a pixel, in the order of the file.
static const char *unpack(const bitmap *image, uint8_t *out) {
    const uint8_t *at = image->pixels, *end = at + image->size;
    uint32_t x = 0, y = 0, bits = image->bits;
    while (y < image->height) {
        if (end - at < 2) return LT_TRUNCATED;
        uint32_t count = *at++, code = *at++;
        bool run = count > 0;
        if (!run && code == 0) {
            x = 0, y++;
            continue;
        }
        if (!run && code == 1) return NULL;
        if (!run && code == 2) {
            if (end - at < 2) return LT_TRUNCATED;
            x += *at++, y += *at++;
            continue;
        }
        if (!run) count = code;
        ptrdiff_t bytes = run ? 0 : ((ptrdiff_t)count * bits + 15) / 16 * 2;
        if (end - at < bytes) return LT_TRUNCATED;
        for (uint32_t index = 0; index < count && x < image->width; index++, x++) {
            uint32_t byte = run ? code : at[index * bits / 8];
            out[(size_t)y * image->width + x] = (uint8_t)(bits == 8 ? byte : index & 1 ? byte & 15 : byte >> 4);
        }
        at += bytes;
    }
    return NULL;
}

static const char *packed_rows(bitmap *image, lt_source *source) {
    if (image->bits != (image->compression == RLE8 ? 8u : 4u)) return "the bitmap has run lengths of the wrong kind";
    if (!lt_has_room((uint64_t)image->width * image->height)) return LT_TOO_LARGE;
    uint8_t *indices = lt_borrow((size_t)image->width * image->height);
    const char *wrong = unpack(image, indices);
    if (wrong) return wrong;
    image->bits = 8;
    uint32_t *out = lt_borrow((size_t)image->width * 4);
    for (uint32_t y = 0; y < image->height; y++) {
        uint32_t from = image->upside_down ? image->height - 1 - y : y;
        row_of_indices(image, indices + (size_t)from * image->width, out);
        source->rows->row(source->rows, out);
    }
    return NULL;
}

const char *lt_decode_bmp(lt_source *source) {
    bitmap image = {0};
    const char *wrong = read_headers(&image, source);
    if (wrong) return wrong;
    if (!strchr("\1\2\4\10\20\30\40", (int)image.bits) || !image.bits) return "the bitmap has an odd number of bits a pixel";
    bool packed = image.compression == RLE8 || image.compression == RLE4;
    bool fields = image.compression == BITFIELDS || image.compression == ALPHA_BITFIELDS;
    if (!packed && !fields && image.compression != RGB) return "the bitmap is compressed in a way that is not read";
    wrong = lt_begin(source, image.width, image.height, 1);
    if (wrong) return wrong;
    return packed ? packed_rows(&image, source) : plain_rows(&image, source);
}
