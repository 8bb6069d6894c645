// PNG: all colour types and depths, interlaced or not. Checksums of chunks are verified.
#include <string.h>

#include "decoding.h"
#include "inflate.h"

enum { GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGB_ALPHA = 6 };

typedef struct {
    lt_stream stream;  // first: the functions that it calls find the rest behind it
    lt_source *source;
    const uint8_t *next, *end;  // the next chunk, the end of the file
    const char *wrong;
    uint32_t width, height, depth, type, samples, interlaced;
    uint32_t palette[256], colours;
    uint8_t *row, *above;    // one filtered row each: a byte for the filter, then pixels
    size_t filled, stride;   // bytes of `row` that are there, and that there are in this pass
    uint32_t pass, y;        // of the picture's seven passes, and the row in it
    uint32_t *pixels;        // a row, or all of an interlaced picture
    bool done;
} png;

// Adam7: where the pixels of a pass begin and how far apart they are. A picture that is not interlaced is pass 7.
static const struct {
    uint8_t x, y, across, down;
} PASSES[8] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}, {0, 0, 1, 1}};

static uint32_t checksums[4][256];

static void make_checksums(void) {
    for (uint32_t index = 0; index < 256; index++) {
        uint32_t value = index;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xEDB88320 : 0);
        checksums[0][index] = value;
    }
    for (int step = 1; step < 4; step++)
        for (uint32_t index = 0; index < 256; index++)
            checksums[step][index] = checksums[step - 1][index] >> 8 ^ checksums[0][checksums[step - 1][index] & 255];
}

// CRC-32, four bytes at a time.
static uint32_t checksum(const uint8_t *bytes, size_t length) {
    if (!checksums[0][1]) make_checksums();
    uint32_t value = ~0u;
    for (; length >= 4; bytes += 4, length -= 4) {
        value ^= lt_le32(bytes);
        value = checksums[3][value & 255] ^ checksums[2][value >> 8 & 255] ^ checksums[1][value >> 16 & 255] ^
                checksums[0][value >> 24];
    }
    for (; length; bytes++, length--) value = value >> 8 ^ checksums[0][(value ^ *bytes) & 255];
    return ~value;
}

// The next chunk: its name, and where its data are. False at the end of the file and where it is damaged.
static bool chunk(png *image, uint32_t *name, const uint8_t **data, uint32_t *length) {
    if (image->end - image->next < 12 || lt_be32(image->next) > (size_t)(image->end - image->next) - 12) {
        image->wrong = LT_TRUNCATED;
        return false;
    }
    *length = lt_be32(image->next);
    *name = lt_be32(image->next + 4);
    *data = image->next + 8;
    image->next = *data + *length + 4;
    if (checksum(*data - 4, *length + 4) == lt_be32(*data + *length)) return true;
    image->wrong = "the PNG is damaged: a checksum is wrong";
    return false;
}

#define NAME(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

// Compressed data go on in the next chunk, if that is one of data too.
static int more_data(lt_stream *stream) {
    png *image = (png *)stream;
    for (;;) {
        const uint8_t *data;
        uint32_t name, length;
        if (image->end - image->next >= 8 && lt_be32(image->next + 4) != NAME('I', 'D', 'A', 'T')) return 0;
        if (!chunk(image, &name, &data, &length)) return 0;
        stream->at = data;
        stream->end = data + length;
        if (length) return 1;
    }
}

static uint8_t nearest(int left, int up, int corner) {
    int across = up - corner, down = left - corner, both = across + down;
    across = across < 0 ? -across : across, down = down < 0 ? -down : down, both = both < 0 ? -both : both;
    return (uint8_t)(across <= down && across <= both ? left : down <= both ? up : corner);
}

// Takes a row's filter off: its pixels were written as differences to those on the left, above, or both.
static bool unfilter(png *image) {
    uint8_t *row = image->row + 1, *above = image->above + 1;
    size_t step = (image->depth * image->samples + 7) / 8, size = image->stride - 1;
    switch (image->row[0]) {
        case 0: return true;
        case 1:
            for (size_t at = step; at < size; at++) row[at] += row[at - step];
            return true;
        case 2:
            for (size_t at = 0; at < size; at++) row[at] += above[at];
            return true;
        case 3:
            for (size_t at = 0; at < step; at++) row[at] += above[at] >> 1;
            for (size_t at = step; at < size; at++) row[at] += (uint8_t)((row[at - step] + above[at]) >> 1);
            return true;
        case 4:
            for (size_t at = 0; at < step; at++) row[at] += above[at];
            for (size_t at = step; at < size; at++) row[at] += nearest(row[at - step], above[at], above[at - step]);
            return true;
        default: return false;
    }
}

// A pixel of fewer than 8 bits, or of a palette.
static uint32_t small_pixel(const png *image, const uint8_t *row, uint32_t x) {
    uint32_t bit = x * image->depth, limit = (1u << image->depth) - 1;
    uint32_t value = row[bit >> 3] >> (8 - image->depth - (bit & 7)) & limit;
    return image->type == PALETTE ? image->palette[value] : value * (255 / limit) * 0x10101u;
}

// Puts a row's pixels to `out`, `across` apart.
static void spread(const png *image, const uint8_t *row, uint32_t count, uint32_t *out, uint32_t across) {
    if (image->depth < 8 || image->type == PALETTE) {
        for (uint32_t x = 0; x < count; x++) out[x * across] = small_pixel(image, row, x);
        return;
    }
    uint32_t wide = image->depth / 8, step = wide * image->samples;  // of 16 bits the first byte is the upper one
    bool gray = image->type == GRAY || image->type == GRAY_ALPHA;
    for (uint32_t x = 0; x < count; x++, row += step)
        out[x * across] = gray ? row[0] * 0x10101u : lt_rgb(row[0], row[wide], row[2 * wide]);
}

static uint32_t pass_width(const png *image) {
    return (image->width + PASSES[image->pass].across - 1 - PASSES[image->pass].x) / PASSES[image->pass].across;
}

static uint32_t pass_height(const png *image) {
    return (image->height + PASSES[image->pass].down - 1 - PASSES[image->pass].y) / PASSES[image->pass].down;
}

// Bytes of a row with its filter.
static size_t row_bytes(const png *image, uint32_t width) {
    return (size_t)(1 + ((uint64_t)width * image->depth * image->samples + 7) / 8);
}

// Starts the pass that is due, or a later one where that has no pixels.
static void start_pass(png *image) {
    while (image->pass < 7 && (!pass_width(image) || !pass_height(image))) image->pass++;
    image->y = 0;
    image->filled = 0;
    image->stride = row_bytes(image, pass_width(image));
    memset(image->above, 0, image->stride);
}

static void finish_row(png *image) {
    uint32_t count = pass_width(image);
    if (image->interlaced) {
        size_t y = PASSES[image->pass].y + (size_t)image->y * PASSES[image->pass].down;
        uint32_t *out = image->pixels + y * image->width + PASSES[image->pass].x;
        spread(image, image->row + 1, count, out, PASSES[image->pass].across);
    } else {
        spread(image, image->row + 1, count, image->pixels, 1);
        image->source->rows->row(image->source->rows, image->pixels);
    }
    uint8_t *swapped = image->row;
    image->row = image->above;
    image->above = swapped;
    image->filled = 0;
    if (++image->y < pass_height(image)) return;
    if (++image->pass < 7) start_pass(image);
    image->done = image->pass >= 7;
}

// Takes unpacked bytes, row by row.
static int take_rows(lt_stream *stream, const uint8_t *bytes, size_t length) {
    png *image = (png *)stream;
    while (length && !image->done) {
        size_t part = image->stride - image->filled < length ? image->stride - image->filled : length;
        memcpy(image->row + image->filled, bytes, part);
        image->filled += part, bytes += part, length -= part;
        if (image->filled < image->stride) break;
        if (!unfilter(image)) image->wrong = "the PNG is damaged: a row has an unknown filter";
        if (image->wrong) return 0;
        finish_row(image);
    }
    return !image->done;
}

static const char *read_header(png *image, const uint8_t *data, uint32_t length) {
    static const uint8_t samples[7] = {1, 0, 3, 1, 2, 0, 4};
    if (length != 13) return "the PNG is damaged: its header has the wrong size";
    image->width = lt_be32(data);
    image->height = lt_be32(data + 4);
    image->depth = data[8];
    image->type = data[9];
    image->interlaced = data[12];
    image->samples = image->type <= 6 ? samples[image->type] : 0;
    bool small = image->depth == 1 || image->depth == 2 || image->depth == 4;
    bool known = image->depth == 8 || (image->depth == 16 && image->type != PALETTE) ||
                 (small && (image->type == GRAY || image->type == PALETTE));
    if (!image->samples || !known) return "the PNG has pixels of a kind that does not exist";
    return data[10] || data[11] || data[12] > 1 ? "the PNG is packed in a way that does not exist" : NULL;
}

static void read_palette(png *image, const uint8_t *data, uint32_t length) {
    for (image->colours = 0; image->colours < length / 3 && image->colours < 256; image->colours++, data += 3)
        image->palette[image->colours] = lt_rgb(data[0], data[1], data[2]);
}

// Reads the chunks before the pixels, and begins.
static const char *read_chunks(png *image) {
    int orientation = 1;
    const uint8_t *data;
    uint32_t name, length;
    if (!chunk(image, &name, &data, &length)) return image->wrong;
    if (name != NAME('I', 'H', 'D', 'R')) return "the PNG is damaged: it has no header";
    const char *wrong = read_header(image, data, length);
    while (!wrong && name != NAME('I', 'D', 'A', 'T')) {
        if (!chunk(image, &name, &data, &length)) return image->wrong;
        if (name == NAME('P', 'L', 'T', 'E')) read_palette(image, data, length);
        if (name == NAME('e', 'X', 'I', 'f')) orientation = lt_orientation(data, length);
        if (name == NAME('I', 'E', 'N', 'D')) return "the PNG has no pixels";
    }
    if (!wrong && image->type == PALETTE && !image->colours) wrong = "the PNG has no palette";
    image->stream.at = data;
    image->stream.end = data + length;
    return wrong ? wrong : lt_begin(image->source, image->width, image->height, orientation);
}

const char *lt_decode_png(lt_source *source) {
    png image = {.source = source, .next = source->bytes + 8, .end = source->bytes + source->length};
    image.stream.more = more_data;
    image.stream.take = take_rows;
    const char *wrong = read_chunks(&image);
    if (wrong) return wrong;
    if (image.interlaced && !lt_has_room((uint64_t)image.width * image.height * 4)) return LT_TOO_LARGE;
    size_t widest = row_bytes(&image, image.width);
    image.row = lt_borrow(widest);
    image.above = lt_borrow(widest);
    image.pixels = lt_borrow((size_t)image.width * 4 * (image.interlaced ? image.height : 1));
    image.pass = image.interlaced ? 0 : 7;
    start_pass(&image);
    wrong = lt_inflate(&image.stream, lt_borrow(LT_INFLATE_MEMORY));
    if (image.wrong || wrong) return image.wrong ? image.wrong : wrong;
    if (!image.done) return LT_TRUNCATED;
    if (image.interlaced)
        for (uint32_t y = 0; y < image.height; y++) source->rows->row(source->rows, image.pixels + (size_t)y * image.width);
    return NULL;
}
