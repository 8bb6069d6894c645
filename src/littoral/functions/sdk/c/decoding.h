// What the decoders share. Not for functions.
#ifndef LITTORAL_DECODING_H
#define LITTORAL_DECODING_H

#include "picture.h"

typedef struct {
    const uint8_t *bytes;
    size_t length;
    lt_rows *rows;
} lt_source;

// Memory, zeroed, until the picture is done.
void *lt_borrow(size_t bytes);

// Whether so many bytes can be borrowed: asked before a picture is decoded that may want a lot.
bool lt_has_room(uint64_t bytes);

// Whether a picture of this size is refused; calls `begin` where it is not.
const char *lt_begin(lt_source *source, uint32_t width, uint32_t height, int orientation);

// EXIF's orientation in a TIFF header with its tags; 1 where it has none.
int lt_orientation(const uint8_t *bytes, size_t length);

const char *lt_decode_bmp(lt_source *source);
const char *lt_decode_png(lt_source *source);
const char *lt_decode_jpeg(lt_source *source);

static inline uint32_t lt_rgb(uint32_t red, uint32_t green, uint32_t blue) { return red | green << 8 | blue << 16; }
static inline uint32_t lt_le16(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }
static inline uint32_t lt_le32(const uint8_t *at) { return lt_le16(at) | lt_le16(at + 2) << 16; }
static inline uint32_t lt_be16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static inline uint32_t lt_be32(const uint8_t *at) { return lt_be16(at) << 16 | lt_be16(at + 2); }

#define LT_TRUNCATED "the picture ends too early"
#define LT_TOO_LARGE "the picture is too large for the memory that this function may use"

#endif
