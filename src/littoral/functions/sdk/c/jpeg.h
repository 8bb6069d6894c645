// The two halves of the JPEG decoder: bits to coefficients (jpeg_scan.c), coefficients to pixels (jpeg_pixels.c).
#ifndef LITTORAL_JPEG_H
#define LITTORAL_JPEG_H

#include "decoding.h"

enum { LT_FAST = 10 };

// A Huffman code. `fast` is found by the next LT_FAST bits: length (0: a longer code) | symbol << 8, or, where the
// value's own bits lie in them too, LT_WHOLE | length of both | run << 8 | value << 16.
typedef struct {
    uint32_t fast[1 << LT_FAST];
    int32_t limit[18];  // the first code of 16 bits that is longer than this length
    int32_t offset[17];
    uint8_t symbols[256];
    bool there;
} lt_huffman;

enum { LT_WHOLE = 0x80 };

typedef struct {
    uint32_t id, across, down;        // sampling factors
    uint32_t width, height;           // samples
    uint32_t columns, lines;          // blocks, with those that fill up the last groups
    int16_t *blocks;                  // coefficients: 64 a block, in rows of `columns`; `kept` rows of them
    uint32_t quantizer;               // which table
    uint16_t table[64];               // of the time of the first scan, in natural order
    bool quantized;
    uint32_t dc, ac;                  // which codes
    int32_t last;                     // the DC coefficient before
    uint8_t *samples;                 // a ring of two groups of rows
    uint32_t stride, ring;
    int16_t *sums;                    // of two rows, on the way to more samples
    uint8_t *line;                    // a row of samples as wide as the picture
} lt_component;

typedef struct {
    lt_source *source;
    const uint8_t *at, *end;
    uint32_t width, height, across, down;  // the largest sampling factors
    uint32_t groups, group_rows;           // groups of blocks (MCUs) in a row, and rows of them
    uint32_t count;
    lt_component component[4];
    uint16_t tables[4][64];                // quantization, in zigzag order
    lt_huffman *codes[8];                  // four for DC, four for AC
    uint32_t restart;                      // groups between restarts; 0: none
    int orientation, adobe;                // Adobe's transformation; -1: none is told
    bool jfif, progressive, framed, whole; // whole: all coefficients are kept, as several scans bring them
    uint8_t *stretch;                      // bits up to the next marker, without stuffing
    uint32_t emitted;                      // rows of pixels that were given on
    uint32_t *pixels;
} lt_jpeg;

extern const uint8_t lt_zigzag[80];

// Makes a code: `counts` of the symbols with 1 to 16 bits. False where they are no code.
bool lt_make_huffman(lt_huffman *code, const uint8_t *counts, const uint8_t *symbols, uint32_t total, bool values);

// Reads a scan whose header begins at `jpeg->at`.
const char *lt_read_scan(lt_jpeg *jpeg);

// Turns a row of groups into pixels, and gives on those that are certain now.
void lt_finish_groups(lt_jpeg *jpeg, uint32_t row);

// Borrows what lt_finish_groups needs.
void lt_prepare_pixels(lt_jpeg *jpeg);

#endif
