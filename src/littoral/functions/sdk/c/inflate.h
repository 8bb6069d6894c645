// DEFLATE (RFC 1951) in a zlib stream (RFC 1950). Not for functions.
#ifndef LITTORAL_INFLATE_H
#define LITTORAL_INFLATE_H

#include <stddef.h>
#include <stdint.h>

// Where compressed bytes come from and unpacked ones go: both in pieces.
typedef struct lt_stream lt_stream;
struct lt_stream {
    // Makes `at` and `end` the next piece; false where there is none.
    int (*more)(lt_stream *self);
    // Takes unpacked bytes; false where no more are wanted.
    int (*take)(lt_stream *self, const uint8_t *bytes, size_t length);
    const uint8_t *at, *end;
};

enum { LT_INFLATE_MEMORY = 1 << 17 };

// Unpacks until `take` wants no more or the stream ends. NULL, or what is wrong. `memory`: LT_INFLATE_MEMORY bytes.
const char *lt_inflate(lt_stream *stream, uint8_t *memory);

#endif
