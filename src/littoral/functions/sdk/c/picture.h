// Pictures: PNG, JPEG and BMP, decoded row by row into whatever takes rows; and the way from there to a model's input.
#ifndef LITTORAL_PICTURE_H
#define LITTORAL_PICTURE_H

#include "littoral.h"

enum { LT_MAX_PIXELS = 89000000 };  // more is refused before it is decoded: a small file can claim any size

// What takes the rows of a picture. `begin` is called once; `row` for each row then, from top to bottom, with `width`
// pixels of red, green, blue and one unused byte. The rows are as the file stores them: `orientation` is EXIF's, 1 to 8.
typedef struct lt_rows lt_rows;
struct lt_rows {
    void (*begin)(lt_rows *self, uint32_t width, uint32_t height, int orientation);
    void (*row)(lt_rows *self, const uint32_t *pixels);
};

// Decodes a picture. NULL, or a text that says what is wrong with it; rows may have come before. Transparency is
// dropped; of 16 bits the upper 8 are taken.
const char *lt_decode(const uint8_t *bytes, size_t length, lt_rows *rows);

typedef enum { LT_BILINEAR, LT_AREA, LT_LETTERBOX, LT_NEAREST } lt_resize;

// How a picture becomes a tensor: littoral's contract. value = (pixel - mean) * scale.
typedef struct {
    uint32_t width, height;
    lt_resize resize;
    bool gray, bgr, planes;  // planes: NCHW in place of NHWC
    double mean[3], scale[3];
} lt_contract;

// Brings a picture to a size: rows go in, `pixels` has the result once `lt_decode` is done: `width` x `height`, upright.
typedef struct {
    lt_rows rows;
    const lt_contract *contract;
    uint32_t *pixels;
    struct lt_resizing *inside;
} lt_resizer;

// The resizer of a contract. It may be used for one picture after another.
lt_resizer lt_resizer_of(const lt_contract *contract);

#endif
