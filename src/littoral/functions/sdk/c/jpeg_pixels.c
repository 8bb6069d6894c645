// JPEG coefficients to pixels: the inverse transform, more samples where colours have fewer, and RGB. The arithmetic is
// that of the reference implementation (its accurate integer transform, its triangle filter), so results are the same.
#include <wasm_simd128.h>

#include "jpeg.h"

typedef int32_t four __attribute__((vector_size(16)));

// Multiplied by 2^13.
#define FIXED(number) ((int32_t)((number) * 8192 + 0.5))

// Eight values in each of four columns, by Loeffler, Ligtenberg and Moschytz (1989): 12 multiplications.
static inline void transform(four v[8], int32_t rounding, int shift) {
    four a = (v[2] + v[6]) * FIXED(0.541196100), b = (v[0] + v[4]) << 13, c = (v[0] - v[4]) << 13;
    four low = a - v[6] * FIXED(1.847759065), high = a + v[2] * FIXED(0.765366865);
    four even[4] = {b + high, c + low, c - low, b - high};

    four sum = (v[7] + v[3] + v[5] + v[1]) * FIXED(1.175875602);
    four outer = (v[7] + v[1]) * -FIXED(0.899976223), inner = (v[5] + v[3]) * -FIXED(2.562915447);
    four left = sum - (v[7] + v[3]) * FIXED(1.961570560), right = sum - (v[5] + v[1]) * FIXED(0.390180644);
    four odd[4] = {
        v[1] * FIXED(1.501321110) + outer + right,
        v[3] * FIXED(3.072711026) + inner + left,
        v[5] * FIXED(2.053119869) + inner + right,
        v[7] * FIXED(0.298631336) + outer + left,
    };
    for (int index = 0; index < 4; index++) {
        v[index] = (even[index] + odd[index] + rounding) >> shift;
        v[7 - index] = (even[index] - odd[index] + rounding) >> shift;
    }
}

static inline void transpose(four *r0, four *r1, four *r2, four *r3) {
    four a = __builtin_shufflevector(*r0, *r1, 0, 4, 1, 5), b = __builtin_shufflevector(*r0, *r1, 2, 6, 3, 7);
    four c = __builtin_shufflevector(*r2, *r3, 0, 4, 1, 5), d = __builtin_shufflevector(*r2, *r3, 2, 6, 3, 7);
    *r0 = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    *r1 = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    *r2 = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    *r3 = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

// An 8 x 8 block held as columns 0 to 3 and columns 4 to 7, with rows and columns changed over.
static inline void turn(four left[8], four right[8]) {
    transpose(&left[0], &left[1], &left[2], &left[3]);
    transpose(&left[4], &left[5], &left[6], &left[7]);
    transpose(&right[0], &right[1], &right[2], &right[3]);
    transpose(&right[4], &right[5], &right[6], &right[7]);
    for (int row = 0; row < 4; row++) {
        four kept = left[4 + row];
        left[4 + row] = right[row];
        right[row] = kept;
    }
}

static void inverse(const int16_t *block, const uint16_t *table, uint8_t *out, uint32_t stride) {
    four left[8], right[8];
    for (int row = 0; row < 8; row++) {
        v128_t values = wasm_v128_load(block + 8 * row), steps = wasm_v128_load(table + 8 * row);
        left[row] = (four)wasm_i32x4_extmul_low_i16x8(values, steps);
        right[row] = (four)wasm_i32x4_extmul_high_i16x8(values, steps);
    }
    transform(left, 1 << 10, 11);
    transform(right, 1 << 10, 11);
    turn(left, right);
    transform(left, (128 << 18) + (1 << 17), 18);
    transform(right, (128 << 18) + (1 << 17), 18);
    turn(left, right);
    for (int row = 0; row < 8; row++, out += stride) {
        v128_t words = wasm_i16x8_narrow_i32x4((v128_t)left[row], (v128_t)right[row]);
        wasm_v128_store64_lane(out, wasm_u8x16_narrow_i16x8(words, words), 0);
    }
}

// Many blocks have one colour: their transform is short.
static bool is_flat(const int16_t *block) {
    v128_t any = wasm_v128_andnot(wasm_v128_load(block), wasm_i16x8_make(-1, 0, 0, 0, 0, 0, 0, 0));
    for (int row = 1; row < 8; row++) any = wasm_v128_or(any, wasm_v128_load(block + 8 * row));
    return !wasm_v128_any_true(any);
}

static void flat(int32_t value, uint8_t *out, uint32_t stride) {
    int32_t sample = ((value * 4 + 16) >> 5) + 128;
    v128_t all = wasm_u8x16_splat((uint8_t)(sample < 0 ? 0 : sample > 255 ? 255 : sample));
    for (int row = 0; row < 8; row++, out += stride) wasm_v128_store64_lane(out, all, 0);
}

static void finish_line(lt_jpeg *jpeg, lt_component *c, uint32_t line) {
    const int16_t *block = c->blocks + (size_t)(jpeg->whole ? line : line % c->down) * c->columns * 64;
    uint8_t *out = c->samples + (size_t)(line * 8 % c->ring) * c->stride;
    for (uint32_t column = 0; column < c->columns; column++, block += 64, out += 8) {
        if (is_flat(block)) {
            flat(block[0] * c->table[0], out, c->stride);
        } else {
            inverse(block, c->table, out, c->stride);
        }
    }
}

static const uint8_t *samples_at(const lt_component *c, uint32_t y) { return c->samples + (size_t)(y % c->ring) * c->stride; }

// Twice as many samples in a row: each is three parts the nearer one and one part the other.
static void widen(const uint8_t *restrict in, uint32_t width, uint8_t *restrict out) {
    out[0] = in[0];
    for (uint32_t x = 1; x < width; x++) out[2 * x] = (uint8_t)((3 * in[x] + in[x - 1] + 1) >> 2);
    for (uint32_t x = 0; x < width - 1; x++) out[2 * x + 1] = (uint8_t)((3 * in[x] + in[x + 1] + 2) >> 2);
    out[2 * width - 1] = in[width - 1];
}

// The same of sums of two rows, four times a sample.
static void widen_sums(const int16_t *restrict in, uint32_t width, uint8_t *restrict out) {
    out[0] = (uint8_t)((4 * in[0] + 8) >> 4);
    for (uint32_t x = 1; x < width; x++) out[2 * x] = (uint8_t)((3 * in[x] + in[x - 1] + 8) >> 4);
    for (uint32_t x = 0; x < width - 1; x++) out[2 * x + 1] = (uint8_t)((3 * in[x] + in[x + 1] + 7) >> 4);
    out[2 * width - 1] = (uint8_t)((4 * in[width - 1] + 7) >> 4);
}

static void repeat(const uint8_t *in, uint32_t width, uint32_t times, uint8_t *out) {
    for (uint32_t x = 0; x < width; x++)
        for (uint32_t copy = 0; copy < times; copy++) *out++ = in[x];
}

// A component's samples for row `y` of the picture, one a pixel.
static const uint8_t *upsampled(const lt_jpeg *jpeg, lt_component *c, uint32_t y) {
    uint32_t across = jpeg->across / c->across, down = jpeg->down / c->down;
    const uint8_t *near = samples_at(c, y / down);
    bool smooth = across == 1 || (across == 2 && c->width > 2);
    if (down == 2 && smooth) {
        uint32_t other = y & 1 ? (y / 2 + 1 < c->height ? y / 2 + 1 : y / 2) : y / 2 - (y > 0);
        const uint8_t *far = samples_at(c, other);
        int32_t rounding = 1 + (int32_t)(y & 1);
        if (across == 1) {
            for (uint32_t x = 0; x < c->width; x++) c->line[x] = (uint8_t)((3 * near[x] + far[x] + rounding) >> 2);
        } else {
            for (uint32_t x = 0; x < c->width; x++) c->sums[x] = (int16_t)(3 * near[x] + far[x]);
            widen_sums(c->sums, c->width, c->line);
        }
    } else if (across == 1) {
        return near;
    } else if (down == 1 && smooth) {
        widen(near, c->width, c->line);
    } else {
        repeat(near, c->width, across, c->line);
    }
    return c->line;
}

static inline uint32_t clamped(int32_t value) { return (uint32_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

// JFIF's colours; `flip` is 255 where they stand for inks.
static void from_ycc(const uint8_t *restrict y, const uint8_t *restrict blue, const uint8_t *restrict red, uint32_t width,
                     uint32_t flip, uint32_t *restrict out) {
    for (uint32_t x = 0; x < width; x++) {
        int32_t b = blue[x] - 128, r = red[x] - 128, level = y[x];
        uint32_t first = clamped(level + ((91881 * r + 32768) >> 16));
        uint32_t second = clamped(level + ((-22554 * b - 46802 * r + 32768) >> 16));
        uint32_t third = clamped(level + ((116130 * b + 32768) >> 16));
        out[x] = lt_rgb(first ^ flip, second ^ flip, third ^ flip);
    }
}

// Black over three others. Files hold what paper is left of each ink, as Adobe's programs write it.
static void add_black(const uint8_t *black, uint32_t width, uint32_t *pixels) {
    for (uint32_t x = 0; x < width; x++) {
        uint32_t colours[3], paper = black[x];
        for (int colour = 0; colour < 3; colour++) {
            uint32_t covered = paper * (255 - (pixels[x] >> 8 * colour & 255)) + 128;
            colours[colour] = paper - ((covered + (covered >> 8)) >> 8);
        }
        pixels[x] = lt_rgb(colours[0], colours[1], colours[2]);
    }
}

// Whether three components are RGB as they are: as Adobe says, else where they are called so.
static bool is_rgb(const lt_jpeg *jpeg) {
    if (jpeg->jfif) return false;
    if (jpeg->adobe >= 0) return jpeg->adobe == 0;
    const lt_component *c = jpeg->component;
    return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B';
}

static void emit(lt_jpeg *jpeg, uint32_t y) {
    const uint8_t *part[4];
    uint32_t width = jpeg->width, *out = jpeg->pixels;
    for (uint32_t index = 0; index < jpeg->count; index++) part[index] = upsampled(jpeg, &jpeg->component[index], y);
    if (jpeg->count == 1) {
        for (uint32_t x = 0; x < width; x++) out[x] = part[0][x] * 0x10101u;
    } else if (jpeg->count == 3 ? is_rgb(jpeg) : jpeg->adobe != 2) {
        for (uint32_t x = 0; x < width; x++) out[x] = lt_rgb(part[0][x], part[1][x], part[2][x]);
    } else {
        from_ycc(part[0], part[1], part[2], width, jpeg->count == 4 ? 255 : 0, out);
    }
    if (jpeg->count == 4) add_black(part[3], width, out);
    jpeg->source->rows->row(jpeg->source->rows, out);
}

void lt_finish_groups(lt_jpeg *jpeg, uint32_t row) {
    for (uint32_t index = 0; index < jpeg->count; index++) {
        lt_component *c = &jpeg->component[index];
        for (uint32_t line = 0; line < c->down; line++) finish_line(jpeg, c, row * c->down + line);
    }
    // A row between two groups needs the samples of both.
    uint32_t certain = (row + 1) * 8 * jpeg->down - (jpeg->down > 1);
    if (row + 1 == jpeg->group_rows) certain = jpeg->height;
    for (; jpeg->emitted < certain; jpeg->emitted++) emit(jpeg, jpeg->emitted);
}

void lt_prepare_pixels(lt_jpeg *jpeg) {
    for (uint32_t index = 0; index < jpeg->count; index++) {
        lt_component *c = &jpeg->component[index];
        c->stride = c->columns * 8;
        c->ring = 16 * c->down;
        c->samples = lt_borrow((size_t)c->stride * c->ring);
        c->sums = lt_borrow((size_t)c->stride * 2);
        c->line = lt_borrow((size_t)c->stride * (jpeg->across / c->across) + 16);
    }
    jpeg->pixels = lt_borrow((size_t)jpeg->width * 4);
}
