#include "inflate.h"

#include <stdbool.h>
#include <string.h>

enum { FAST = 10, MAX_CODE = 15, WINDOW = 1 << 15, ROOM = 1 << 16, LONGEST = 258 };

static const char *const BROKEN = "the picture's compressed data are damaged";
static const char *const ENDED = "the picture ends too early";

// A Huffman code. Codes of up to FAST bits are found by their bits, as they come: symbol << 4 | length. Longer ones
// are found length by length: `first` is the first code of a length, `index` its place in `symbols`.
typedef struct {
    uint16_t fast[1 << FAST];
    uint16_t first[MAX_CODE + 2], count[MAX_CODE + 2], index[MAX_CODE + 2], symbols[288];
} code;

typedef struct {
    lt_stream *stream;
    uint64_t bits;  // the next ones, from the lowest
    uint32_t have;  // how many; those behind the end of the stream are zeros
    uint32_t beyond;  // how many of them are such
    uint8_t *out;
    size_t length, given;  // unpacked bytes in `out`, and how many were handed on
    bool enough;
    code literals, distances;
} state;

static void refill(state *s) {
    lt_stream *stream = s->stream;
    if (stream->end - stream->at >= 8) {
        uint64_t word;
        memcpy(&word, stream->at, 8);
        s->bits |= word << s->have;
        stream->at += (63 - s->have) >> 3;
        s->have |= 56;
        return;
    }
    while (s->have <= 56) {
        uint64_t byte = 0;
        if (stream->at < stream->end || stream->more(stream)) {
            byte = *stream->at++;
        } else {
            s->beyond += 8;
        }
        s->bits |= byte << s->have;
        s->have += 8;
    }
}

static uint32_t take_bits(state *s, uint32_t count) {
    if (s->have < count) refill(s);
    uint32_t value = (uint32_t)(s->bits & ((1ull << count) - 1));
    s->bits >>= count;
    s->have -= count;
    return value;
}

static uint32_t reversed(uint32_t value, uint32_t length) {
    uint32_t result = 0;
    for (; length; length--, value >>= 1) result = result << 1 | (value & 1);
    return result;
}

// Makes a code of the lengths of its symbols; false where they are no code.
static bool make_code(code *c, const uint8_t *lengths, uint32_t symbols) {
    memset(c, 0, sizeof *c);
    for (uint32_t symbol = 0; symbol < symbols; symbol++) c->count[lengths[symbol]]++;
    c->count[0] = 0;
    uint32_t next = 0, total = 0, place[MAX_CODE + 2];
    for (uint32_t length = 1; length <= MAX_CODE; length++) {
        c->first[length] = (uint16_t)next;
        c->index[length] = (uint16_t)total;
        place[length] = total;
        next += c->count[length];
        if (next > 1u << length) return false;
        total += c->count[length];
        next <<= 1;
    }
    for (uint32_t symbol = 0; symbol < symbols; symbol++) {
        uint32_t length = lengths[symbol];
        if (!length) continue;
        uint32_t value = c->first[length] + place[length] - c->index[length];
        c->symbols[place[length]++] = (uint16_t)symbol;
        if (length > FAST) continue;
        for (uint32_t bits = reversed(value, length); bits < 1 << FAST; bits += 1u << length)
            c->fast[bits] = (uint16_t)(symbol << 4 | length);
    }
    return true;
}

// The next symbol; 0xFFFF where the bits are of none.
static uint32_t decode(state *s, const code *c) {
    if (s->have < MAX_CODE) refill(s);
    uint32_t entry = c->fast[s->bits & ((1 << FAST) - 1)];
    uint32_t length = entry & 15, symbol = entry >> 4;
    if (!length) {
        uint32_t value = reversed((uint32_t)s->bits & ((1 << FAST) - 1), FAST);
        for (length = FAST + 1; length <= MAX_CODE; length++) {
            value = value << 1 | (uint32_t)(s->bits >> (length - 1) & 1);
            if (value - c->first[length] < c->count[length]) break;
        }
        if (length > MAX_CODE) return 0xFFFF;
        symbol = c->symbols[c->index[length] + value - c->first[length]];
    }
    s->bits >>= length;
    s->have -= length;
    return symbol;
}

// Hands on what is new, and keeps the last WINDOW bytes, to which later ones may refer.
static void hand_on(state *s) {
    if (!s->enough) s->enough = !s->stream->take(s->stream, s->out + s->given, s->length - s->given);
    size_t keep = s->length < WINDOW ? s->length : WINDOW;
    memmove(s->out, s->out + s->length - keep, keep);
    s->length = s->given = keep;
}

static const char *stored(state *s) {
    take_bits(s, s->have & 7);
    uint32_t length = take_bits(s, 16), inverse = take_bits(s, 16);
    if (length != (inverse ^ 0xFFFF)) return BROKEN;
    for (; length && !s->enough; length--) {
        if (s->length >= WINDOW + ROOM) hand_on(s);
        s->out[s->length++] = (uint8_t)take_bits(s, 8);
        if (s->beyond > s->have) return ENDED;
    }
    return NULL;
}

static const char *copy(state *s, uint32_t symbol) {
    static const uint8_t extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    if (symbol >= 257 + 29) return BROKEN;
    uint32_t length = base[symbol - 257] + take_bits(s, extra[symbol - 257]);
    uint32_t near = decode(s, &s->distances);
    if (near >= 30) return BROKEN;
    uint32_t bits = near < 4 ? 0 : near / 2 - 1;
    uint32_t distance = (near < 4 ? near : (2 + (near & 1)) << bits) + 1 + take_bits(s, bits);
    if (distance > s->length || distance > WINDOW) return BROKEN;
    uint8_t *to = s->out + s->length;
    const uint8_t *from = to - distance;
    s->length += length;
    if (distance >= length) {
        memcpy(to, from, length);
    } else if (distance == 1) {
        memset(to, *from, length);
    } else {
        while (length--) *to++ = *from++;
    }
    return NULL;
}

static const char *coded(state *s) {
    while (!s->enough) {
        if (s->length >= WINDOW + ROOM) hand_on(s);
        uint32_t symbol = decode(s, &s->literals);
        if (s->beyond > s->have) return ENDED;
        if (symbol < 256) {
            s->out[s->length++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 256) return NULL;
        const char *wrong = copy(s, symbol);
        if (wrong) return wrong;
    }
    return NULL;
}

static bool fixed_codes(state *s) {
    uint8_t lengths[288];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    if (!make_code(&s->literals, lengths, 288)) return false;
    memset(lengths, 5, 30);
    return make_code(&s->distances, lengths, 30);
}

static bool own_codes(state *s) {
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint32_t literals = take_bits(s, 5) + 257, distances = take_bits(s, 5) + 1, count = take_bits(s, 4) + 4;
    uint8_t lengths[320] = {0};
    for (uint32_t index = 0; index < count; index++) lengths[order[index]] = (uint8_t)take_bits(s, 3);
    if (literals > 286 || distances > 30 || !make_code(&s->literals, lengths, 19)) return false;
    memset(lengths, 0, sizeof lengths);
    for (uint32_t index = 0; index < literals + distances;) {
        uint32_t symbol = decode(s, &s->literals), times = 1;
        uint8_t value = symbol < 16 ? (uint8_t)symbol : 0;
        if (symbol > 18 || (symbol == 16 && !index)) return false;
        if (symbol == 16) value = lengths[index - 1], times = 3 + take_bits(s, 2);
        if (symbol == 17) times = 3 + take_bits(s, 3);
        if (symbol == 18) times = 11 + take_bits(s, 7);
        if (index + times > literals + distances) return false;
        while (times--) lengths[index++] = value;
    }
    return make_code(&s->literals, lengths, literals) && make_code(&s->distances, lengths + literals, distances);
}

const char *lt_inflate(lt_stream *stream, uint8_t *memory) {
    static state s;  // 10 KB: too much for a small stack
    s = (state){.stream = stream, .out = memory};
    uint32_t header = take_bits(&s, 8) << 8;
    header |= take_bits(&s, 8);
    if ((header >> 8 & 15) != 8 || header % 31 || header & 0x20) return s.beyond ? ENDED : BROKEN;
    for (bool last = false; !last && !s.enough;) {
        last = take_bits(&s, 1);
        uint32_t kind = take_bits(&s, 2);
        if (kind == 3) return BROKEN;
        if (kind && !(kind == 1 ? fixed_codes(&s) : own_codes(&s))) return s.beyond > s.have ? ENDED : BROKEN;
        const char *wrong = kind ? coded(&s) : stored(&s);
        if (wrong) return wrong;
    }
    hand_on(&s);
    return NULL;
}

_Static_assert(WINDOW + ROOM + LONGEST <= LT_INFLATE_MEMORY, "what is unpacked fits");
