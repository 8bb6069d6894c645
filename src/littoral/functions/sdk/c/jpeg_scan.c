// JPEG scans: Huffman-coded bits to coefficients.
#include <string.h>

#include "jpeg.h"

static const char *const DAMAGED = "the JPEG is damaged: its bits are of no code";

// Zigzag to natural order. Runs may lead up to 16 places behind the end: those go to the last one.
const uint8_t lt_zigzag[80] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
    6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31,
    39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63};

// Behind a stretch's bytes lie as many zeros as the bits of one group can be long, so that reading needs no limit.
enum { MARGIN = 4096 };

typedef struct {
    lt_jpeg *jpeg;
    lt_component *part[4];
    uint32_t count, start, end, high, low;  // the part of the spectrum, and the bits of it
    uint64_t bits;                          // the next ones, from the highest
    uint32_t have;                          // how many
    const uint8_t *at, *limit;
    uint32_t blank;                         // blocks that are known to bring nothing
} scan;

static int32_t extended(uint32_t value, uint32_t size) {
    return size && value < 1u << (size - 1) ? (int32_t)value - (1 << size) + 1 : (int32_t)value;
}

// Marks the entries whose value's bits are among the LT_FAST ones too.
static void find_values(lt_huffman *code) {
    for (uint32_t bits = 0; bits < 1 << LT_FAST; bits++) {
        uint32_t entry = code->fast[bits], length = entry & 31, size = entry >> 8 & 15, run = entry >> 12 & 15;
        if (!length || !size || length + size > LT_FAST) continue;
        uint32_t value = bits >> (LT_FAST - length - size) & ((1u << size) - 1);
        code->fast[bits] = (uint32_t)extended(value, size) << 16 | run << 8 | LT_WHOLE | (length + size);
    }
}

bool lt_make_huffman(lt_huffman *code, const uint8_t *counts, const uint8_t *symbols, uint32_t total, bool values) {
    memset(code->fast, 0, sizeof code->fast);
    memcpy(code->symbols, symbols, total);
    int32_t next = 0, index = 0;
    for (int32_t length = 1; length <= 16; length++) {
        code->offset[length] = index - next;
        for (int32_t left = counts[length - 1]; left; left--, next++, index++) {
            if (next >= 1 << length) return false;
            if (length > LT_FAST) continue;
            uint32_t first = (uint32_t)next << (LT_FAST - length), entries = 1u << (LT_FAST - length);
            for (uint32_t entry = 0; entry < entries; entry++)
                code->fast[first + entry] = (uint32_t)symbols[index] << 8 | (uint32_t)length;
        }
        code->limit[length] = next << (16 - length);
        next <<= 1;
    }
    if (values) find_values(code);
    code->there = true;
    return true;
}

// After it there are more than 32 bits.
static inline void refill(scan *s) {
    if (s->have > 32) return;
    uint32_t word;
    memcpy(&word, s->at, 4);
    s->bits |= (uint64_t)__builtin_bswap32(word) << (32 - s->have);
    s->at += 4;
    s->have += 32;
}

static inline uint32_t take(scan *s, uint32_t count) {
    uint32_t value = (uint32_t)(s->bits >> 1 >> (63 - count));
    s->bits <<= count;
    s->have -= count;
    return value;
}

static inline uint32_t take_bit(scan *s) {
    refill(s);
    return take(s, 1);
}

// A symbol that `fast` has no entry for.
static uint32_t long_symbol(scan *s, const lt_huffman *code) {
    int32_t bits = (int32_t)(s->bits >> 48), length = LT_FAST + 1;
    while (length <= 16 && bits >= code->limit[length]) length++;
    if (length > 16) return 0xFFFF;
    take(s, (uint32_t)length);
    return code->symbols[(code->offset[length] + (bits >> (16 - length))) & 255];
}

// The next symbol of a code without values in its entries.
static inline uint32_t symbol(scan *s, const lt_huffman *code) {
    refill(s);
    uint32_t entry = code->fast[s->bits >> (64 - LT_FAST)];
    if (!entry) return long_symbol(s, code);
    take(s, entry & 31);
    return entry >> 8;
}

// Reads a coefficient behind a run of zeros: gives the run, and the value, or a size of 0 in `value`'s place.
static inline uint32_t run_and_value(scan *s, const lt_huffman *code, int32_t *value) {
    refill(s);
    uint32_t entry = code->fast[s->bits >> (64 - LT_FAST)];
    if (entry & LT_WHOLE) {
        take(s, entry & 31);
        *value = (int32_t)entry >> 16;
        return entry >> 8 & 15;
    }
    uint32_t found = entry >> 8;
    if (entry) {
        take(s, entry & 31);
    } else {
        found = long_symbol(s, code);
        if (found > 255) return found;
    }
    uint32_t size = found & 15;
    *value = size ? extended(take(s, size), size) : 0;
    return found >> 4;
}

static inline bool first_coefficient(scan *s, lt_component *c, int32_t *value) {
    uint32_t size = symbol(s, s->jpeg->codes[c->dc]);
    if (size > 15) return false;
    c->last += size ? extended(take(s, size), size) : 0;
    *value = c->last;
    return true;
}

// All coefficients of a block: baseline and extended.
static bool sequential_block(scan *s, lt_component *c, int16_t *block) {
    const lt_huffman *code = s->jpeg->codes[4 + c->ac];
    int32_t value = 0;
    if (!first_coefficient(s, c, &value)) return false;
    block[0] = (int16_t)value;
    for (uint32_t place = 1; place < 64; place++) {
        uint32_t run = run_and_value(s, code, &value);
        if (!value) {
            if (run == 15) {
                place += 15;
                continue;
            }
            return run == 0;
        }
        if (run > 15) return false;
        place += run;
        block[lt_zigzag[place]] = (int16_t)value;
    }
    return true;
}

static bool dc_block(scan *s, lt_component *c, int16_t *block) {
    int32_t value;
    if (s->high) {
        if (take_bit(s)) block[0] |= (int16_t)(1 << s->low);
        return true;
    }
    if (!first_coefficient(s, c, &value)) return false;
    block[0] = (int16_t)(value * (1 << s->low));
    return true;
}

static bool ac_block(scan *s, lt_component *c, int16_t *block) {
    const lt_huffman *code = s->jpeg->codes[4 + c->ac];
    if (s->blank) {
        s->blank--;
        return true;
    }
    for (uint32_t place = s->start; place <= s->end; place++) {
        int32_t value = 0;
        uint32_t run = run_and_value(s, code, &value);
        if (run > 15) return false;
        if (value || run == 15) {
            place += run;
            if (value) block[lt_zigzag[place]] = (int16_t)(value * (1 << s->low));
            continue;
        }
        refill(s);
        s->blank = (1u << run) - 1 + take(s, run);
        return true;
    }
    return true;
}

// Gives a coefficient its next bit.
static inline void refine(scan *s, int16_t *coefficient) {
    int16_t bit = (int16_t)(1 << s->low);
    if (take_bit(s) && !(*coefficient & bit)) *coefficient += *coefficient < 0 ? -bit : bit;
}

// Refines coefficients from `place` on, up to the one behind `run` zeros; gives its place.
static uint32_t refine_run(scan *s, int16_t *block, uint32_t place, uint32_t run) {
    for (; place <= s->end; place++) {
        int16_t *coefficient = &block[lt_zigzag[place]];
        if (*coefficient) {
            refine(s, coefficient);
        } else if (!run--) {
            break;
        }
    }
    return place;
}

static bool refining_block(scan *s, lt_component *c, int16_t *block) {
    const lt_huffman *code = s->jpeg->codes[4 + c->ac];
    uint32_t place = s->start;
    while (!s->blank && place <= s->end) {
        int32_t value = 0;
        uint32_t run = run_and_value(s, code, &value);
        if (run > 15 || value > 1 || value < -1) return false;
        if (!value && run < 15) {
            refill(s);
            s->blank = (1u << run) + take(s, run);
            break;
        }
        place = refine_run(s, block, place, run);
        if (value && place <= s->end) block[lt_zigzag[place]] = (int16_t)(value * (1 << s->low));
        place++;
    }
    if (s->blank) {
        refine_run(s, block, place, 64);
        s->blank--;
    }
    return true;
}

typedef bool (*block_reader)(scan *s, lt_component *c, int16_t *block);

static block_reader reader_of(const scan *s) {
    if (!s->jpeg->progressive) return sequential_block;
    if (!s->start) return dc_block;
    return s->high ? refining_block : ac_block;
}

// Takes the stuffing out of the bytes up to the next marker.
static void start_stretch(scan *s) {
    lt_jpeg *jpeg = s->jpeg;
    uint8_t *to = jpeg->stretch;
    while (jpeg->at < jpeg->end) {
        const uint8_t *mark = memchr(jpeg->at, 0xFF, (size_t)(jpeg->end - jpeg->at));
        size_t length = (size_t)((mark ? mark : jpeg->end) - jpeg->at);
        memcpy(to, jpeg->at, length);
        to += length;
        jpeg->at += length;
        if (!mark || jpeg->end - jpeg->at < 2) {
            jpeg->at = jpeg->end;
        } else if (jpeg->at[1] == 0) {
            *to++ = 0xFF;
            jpeg->at += 2;
        } else if (jpeg->at[1] == 0xFF) {
            jpeg->at++;
        } else {
            break;
        }
    }
    memset(to, 0, MARGIN);
    s->limit = to;
    s->at = jpeg->stretch;
    s->bits = s->have = s->blank = 0;
    for (uint32_t index = 0; index < s->count; index++) s->part[index]->last = 0;
}

static bool restart(scan *s) {
    lt_jpeg *jpeg = s->jpeg;
    if (jpeg->end - jpeg->at < 2 || (jpeg->at[1] & 0xF8) != 0xD0) return false;
    jpeg->at += 2;
    start_stretch(s);
    return true;
}

static inline bool beyond(const scan *s) { return s->at - s->have / 8 > s->limit; }

static int16_t *block_at(const lt_jpeg *jpeg, const lt_component *c, uint32_t line, uint32_t column) {
    if (!jpeg->whole) line %= c->down;
    return c->blocks + ((size_t)line * c->columns + column) * 64;
}

// A group of a scan with several components: as many blocks of each as it has samples.
static bool read_group(scan *s, block_reader read, uint32_t row, uint32_t column) {
    for (uint32_t index = 0; index < s->count; index++) {
        lt_component *c = s->part[index];
        for (uint32_t y = 0; y < c->down; y++)
            for (uint32_t x = 0; x < c->across; x++)
                if (!read(s, c, block_at(s->jpeg, c, row * c->down + y, column * c->across + x))) return false;
    }
    return true;
}

static void clear_blocks(lt_jpeg *jpeg) {
    for (uint32_t index = 0; index < jpeg->count; index++) {
        lt_component *c = &jpeg->component[index];
        memset(c->blocks, 0, (size_t)c->columns * c->down * 128);
    }
}

// Reads the groups of a scan. One with a single component has one block a group, and none that fill up.
static const char *read_groups(scan *s) {
    lt_jpeg *jpeg = s->jpeg;
    block_reader read = reader_of(s);
    lt_component *c = s->part[0];
    bool single = s->count == 1;
    uint32_t rows = single ? (c->height + 7) / 8 : jpeg->group_rows, columns = single ? (c->width + 7) / 8 : jpeg->groups;
    uint32_t left = jpeg->restart;
    start_stretch(s);
    for (uint32_t row = 0; row < rows; row++) {
        if (!jpeg->whole && (!single || row % c->down == 0)) clear_blocks(jpeg);
        for (uint32_t column = 0; column < columns; column++) {
            if (jpeg->restart && !left--) {
                if (!restart(s)) return jpeg->at >= jpeg->end ? LT_TRUNCATED : "the JPEG is damaged: a restart is missing";
                left = jpeg->restart - 1;
            }
            bool good = single ? read(s, c, block_at(jpeg, c, row, column)) : read_group(s, read, row, column);
            if (beyond(s)) return LT_TRUNCATED;
            if (!good) return DAMAGED;
        }
        if (jpeg->whole) continue;
        if (!single) lt_finish_groups(jpeg, row);
        else if (row % c->down == c->down - 1 || row == rows - 1) lt_finish_groups(jpeg, row / c->down);
    }
    return NULL;
}

// Decides whether rows of blocks can be given on as they come, and borrows room for them.
static const char *prepare(scan *s) {
    lt_jpeg *jpeg = s->jpeg;
    uint64_t bytes = 0;
    jpeg->whole = jpeg->progressive || s->count < jpeg->count;
    for (uint32_t index = 0; index < jpeg->count; index++)
        bytes += (uint64_t)jpeg->component[index].columns * jpeg->component[index].lines * 128;
    if (jpeg->whole && !lt_has_room(bytes)) return LT_TOO_LARGE;
    for (uint32_t index = 0; index < jpeg->count; index++) {
        lt_component *c = &jpeg->component[index];
        c->blocks = lt_borrow((size_t)c->columns * (jpeg->whole ? c->lines : c->down) * 128);
    }
    lt_prepare_pixels(jpeg);
    return NULL;
}

static lt_component *component_of(lt_jpeg *jpeg, uint32_t id) {
    for (uint32_t index = 0; index < jpeg->count; index++)
        if (jpeg->component[index].id == id) return &jpeg->component[index];
    return NULL;
}

// A component's quantization table is the one of its first scan: later ones may have the same number.
static void quantize(const lt_jpeg *jpeg, lt_component *c) {
    if (c->quantized) return;
    for (int index = 0; index < 64; index++) c->table[lt_zigzag[index]] = jpeg->tables[c->quantizer][index];
    c->quantized = true;
}

static const char *read_header(scan *s) {
    lt_jpeg *jpeg = s->jpeg;
    const uint8_t *at = jpeg->at;
    size_t length = lt_be16(at);
    s->count = length > 2 ? at[2] : 0;
    if (!s->count || s->count > jpeg->count || length != 6 + 2 * s->count) return "the JPEG is damaged: a scan's header is wrong";
    const uint8_t *rest = at + 3 + 2 * s->count;
    s->start = jpeg->progressive ? rest[0] : 0;
    s->end = jpeg->progressive ? rest[1] : 63;
    s->high = rest[2] >> 4;
    s->low = jpeg->progressive ? rest[2] & 15 : 0;
    if (s->start > s->end || s->end > 63 || s->low > 13 || (s->start && s->count > 1) || (jpeg->progressive && !s->start && s->end))
        return "the JPEG is damaged: a scan is of a kind that does not exist";
    uint32_t blocks = 0;
    for (uint32_t index = 0; index < s->count; index++) {
        lt_component *c = component_of(jpeg, at[3 + 2 * index]);
        if (!c) return "the JPEG is damaged: a scan names an unknown colour";
        for (uint32_t before = 0; before < index; before++)
            if (s->part[before] == c) return "the JPEG is damaged: a scan names a colour twice";
        c->dc = at[4 + 2 * index] >> 4 & 3;
        c->ac = at[4 + 2 * index] & 3;
        bool dc = s->start == 0 && !s->high, ac = s->end > 0;
        if ((dc && !jpeg->codes[c->dc]) || (ac && !jpeg->codes[4 + c->ac])) return "the JPEG is damaged: a code is missing";
        blocks += c->across * c->down;
        s->part[index] = c;
        quantize(jpeg, c);
    }
    jpeg->at = at + length;
    return s->count > 1 && blocks > 10 ? "the JPEG is damaged: its groups are too large" : NULL;
}

const char *lt_read_scan(lt_jpeg *jpeg) {
    scan s = {.jpeg = jpeg};
    if (!jpeg->framed) return "the JPEG is damaged: a scan comes before the picture's size";
    const char *wrong = read_header(&s);
    if (!wrong && !jpeg->component[0].blocks) wrong = prepare(&s);
    if (wrong) return wrong;
    size_t room = (size_t)(jpeg->end - jpeg->at) + MARGIN;
    if (!jpeg->stretch && !lt_has_room(room)) return LT_TOO_LARGE;
    if (!jpeg->stretch) jpeg->stretch = lt_borrow(room);
    return read_groups(&s);
}
