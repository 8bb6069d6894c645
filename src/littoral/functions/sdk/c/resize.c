// Pictures to a contract's size, row by row: no more rows are kept than one row of the result is made of.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

enum { BAR = 114, BITS = 22 };  // the gray of a letterbox's bars; of a weight's fraction

typedef int32_t four __attribute__((vector_size(16)));
typedef uint8_t bytes4 __attribute__((vector_size(4)));

// How one axis is brought to another size: a result is the weighted sum of `count` pixels from `start` on.
typedef struct {
    uint32_t start, count;
    int32_t *weights;
} tap;

typedef struct {
    uint32_t size, widest;
    tap *taps;
    int32_t *weights;
} axis;

struct lt_resizing {
    axis across, down;
    uint32_t width, height, y;   // of the whole picture as it is stored, and the row that comes
    uint32_t inner[2];           // the size that it becomes, as it is stored
    uint32_t left, top;
    int orientation;
    uint32_t *gray;              // a row without colours, where none are wanted
    uint32_t *ring, *small;      // the last rows, in their new width; the result, as it is stored
    uint32_t done;               // rows of the result
};

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static void set_weights(tap *t, const double *shares, double sum) {
    for (uint32_t index = 0; index < t->count; index++)
        t->weights[index] = (int32_t)(shares[index] / sum * (1 << BITS) + 0.5);
}

// Pillow's bilinear: a triangle as wide as the step between two results, at least two pixels.
static void triangle(tap *t, double centre, double radius, uint32_t from, double *shares) {
    double low = centre - radius + 0.5, high = centre + radius + 0.5, sum = 0;
    t->start = low < 0 ? 0 : (uint32_t)low;
    t->count = smaller((uint32_t)high, from) - t->start;
    for (uint32_t index = 0; index < t->count; index++) {
        double distance = fabs((index + t->start - centre + 0.5) * (1.0 / radius));
        shares[index] = distance < 1 ? 1 - distance : 0;
        sum += shares[index];
    }
    set_weights(t, shares, sum);
}

// The mean of the pixels that a result covers; one on a border counts by its part.
static void mean(tap *t, double low, double high, uint32_t from, double *shares) {
    if (high > from) high = from;
    t->start = (uint32_t)low;
    t->count = (uint32_t)ceil(high) - t->start;
    for (uint32_t index = 0; index < t->count; index++) {
        double start = t->start + index;
        shares[index] = fmin(start + 1, high) - fmax(start, low);
    }
    set_weights(t, shares, high - low);
}

static void make_axis(axis *a, uint32_t from, uint32_t to, lt_resize how) {
    double step = (double)from / to, radius = step < 1 ? 1 : step, at = step * 0.5;
    uint32_t room = (uint32_t)ceil(radius) * 2 + 1;
    *a = (axis){.size = to, .taps = lt_allocate(to * sizeof(tap)), .weights = lt_allocate((size_t)to * room * 4)};
    double *shares = lt_allocate(room * sizeof(double));
    for (uint32_t index = 0; index < to; index++, at += step) {
        tap *t = &a->taps[index];
        t->weights = a->weights + (size_t)index * room;
        if (how == LT_NEAREST) {
            *t = (tap){smaller((uint32_t)at, from - 1), 1, t->weights};
            t->weights[0] = 1 << BITS;
        } else if (how == LT_AREA) {
            mean(t, index * step, (index + 1) * step, from, shares);
        } else {
            triangle(t, (index + 0.5) * step, radius, from, shares);
        }
        if (t->count > a->widest) a->widest = t->count;
    }
    free(shares);
}

static inline four pixel_at(const uint32_t *pixel) {
    bytes4 bytes;
    memcpy(&bytes, pixel, 4);
    return __builtin_convertvector(bytes, four);
}

// Sums are of weights that add up to 1, so no result is outside of 0..255.
static inline uint32_t rounded(four sum) {
    bytes4 bytes = __builtin_convertvector((sum + (1 << (BITS - 1))) >> BITS, bytes4);
    uint32_t pixel;
    memcpy(&pixel, &bytes, 4);
    return pixel;
}

static void shrink_row(const axis *a, const uint32_t *row, uint32_t *out) {
    for (uint32_t x = 0; x < a->size; x++) {
        tap t = a->taps[x];
        four sum = {0};
        for (uint32_t index = 0; index < t.count; index++) sum += pixel_at(row + t.start + index) * t.weights[index];
        out[x] = rounded(sum);
    }
}

static void finish_row(struct lt_resizing *r, const tap *t) {
    uint32_t width = r->across.size, *out = r->small + (size_t)r->done * width;
    for (uint32_t x = 0; x < width; x++) {
        four sum = {0};
        for (uint32_t index = 0; index < t->count; index++)
            sum += pixel_at(r->ring + (size_t)((t->start + index) % r->down.widest) * width + x) * t->weights[index];
        out[x] = rounded(sum);
    }
}

// Puts the result upright and into its place. EXIF's 2 and 4 are mirrored, 3 is upside down, 5 to 8 lie on a side.
static void place(const lt_resizer *self) {
    const struct lt_resizing *r = self->inside;
    const lt_contract *contract = self->contract;
    int32_t width = (int32_t)r->across.size, height = (int32_t)r->down.size, start = 0, right = 1, down = width;
    if (r->orientation >= 5) right = width, down = 1;
    bool from_right = strchr("\2\3\7\10", r->orientation), from_below = strchr("\3\4\6\7", r->orientation);
    if (from_right) start += width - 1;
    if (from_below) start += (height - 1) * width;
    if (from_right) *(r->orientation >= 5 ? &down : &right) *= -1;
    if (from_below) *(r->orientation >= 5 ? &right : &down) *= -1;
    uint32_t wide = r->orientation >= 5 ? r->down.size : r->across.size;
    uint32_t high = r->orientation >= 5 ? r->across.size : r->down.size;
    for (uint32_t y = 0; y < high; y++) {
        uint32_t *out = self->pixels + (size_t)(y + r->top) * contract->width + r->left;
        const uint32_t *in = r->small + start + (int32_t)y * down;
        for (uint32_t x = 0; x < wide; x++, in += right) out[x] = *in;
    }
}

static void free_axes(struct lt_resizing *r) {
    free(r->across.taps), free(r->across.weights), free(r->down.taps), free(r->down.weights), free(r->ring), free(r->small), free(r->gray);
    memset(r, 0, sizeof *r);
}

static void begin(lt_rows *rows, uint32_t width, uint32_t height, int orientation) {
    lt_resizer *self = (lt_resizer *)rows;
    const lt_contract *contract = self->contract;
    struct lt_resizing *r = self->inside;
    free_axes(r);
    bool lying = orientation >= 5;
    uint32_t upright[2] = {lying ? height : width, lying ? width : height}, to[2] = {contract->width, contract->height};
    size_t pixels = (size_t)to[0] * to[1];
    if (contract->resize == LT_LETTERBOX) {
        double scale = fmin((double)to[0] / upright[0], (double)to[1] / upright[1]);
        for (int side = 0; side < 2; side++) {
            uint32_t size = (uint32_t)nearbyint(upright[side] * scale);
            to[side] = size ? size : 1;
        }
        for (size_t index = 0; index < pixels; index++) self->pixels[index] = BAR * 0x10101u;
    }
    r->left = (contract->width - to[0]) / 2;
    r->top = (contract->height - to[1]) / 2;
    r->orientation = orientation;
    r->width = width;
    r->height = height;
    make_axis(&r->across, width, to[lying], contract->resize);
    make_axis(&r->down, height, to[!lying], contract->resize);
    if (contract->gray) r->gray = lt_allocate((size_t)width * 4);
    r->ring = lt_allocate((size_t)r->across.size * r->down.widest * 4);
    r->small = lt_allocate((size_t)r->across.size * r->down.size * 4);
}

// ITU-R 601-2, as Pillow has it.
static void lose_colours(const uint32_t *pixels, uint32_t width, uint32_t *out) {
    for (uint32_t x = 0; x < width; x++) {
        uint32_t red = pixels[x] & 255, green = pixels[x] >> 8 & 255, blue = pixels[x] >> 16 & 255;
        out[x] = ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16) * 0x10101u;
    }
}

static void take_row(lt_rows *rows, const uint32_t *pixels) {
    lt_resizer *self = (lt_resizer *)rows;
    struct lt_resizing *r = self->inside;
    uint32_t *out = r->ring + (size_t)(r->y % r->down.widest) * r->across.size;
    if (r->gray) {
        lose_colours(pixels, r->width, r->gray);
        pixels = r->gray;
    }
    shrink_row(&r->across, pixels, out);
    for (; r->done < r->down.size; r->done++) {
        const tap *t = &r->down.taps[r->done];
        if (t->start + t->count > r->y + 1) break;
        finish_row(r, t);
    }
    if (++r->y == r->height) place(self);
}

lt_resizer lt_resizer_of(const lt_contract *contract) {
    lt_resizer resizer = {{begin, take_row}, contract, NULL, NULL};
    resizer.pixels = lt_allocate((size_t)contract->width * contract->height * 4);
    resizer.inside = lt_allocate(sizeof *resizer.inside);
    memset(resizer.inside, 0, sizeof *resizer.inside);
    return resizer;
}
