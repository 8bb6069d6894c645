// Decodes the picture in the request: width, height, orientation as 32-bit numbers, then three bytes a pixel.
#include <picture.h>
#include <stdlib.h>

static uint32_t columns;

static void begin(lt_rows *self, uint32_t width, uint32_t height, int orientation) {
    columns = width;
    lt_answer((uint32_t[]){width, height, (uint32_t)orientation}, 12);
}

static void row(lt_rows *self, const uint32_t *pixels) {
    uint8_t *line = malloc(columns * 3);
    for (uint32_t x = 0; x < columns; x++)
        for (int colour = 0; colour < 3; colour++) line[3 * x + colour] = (uint8_t)(pixels[x] >> 8 * colour);
    lt_answer(line, columns * 3);
    free(line);
}

LT_EXPORT(handle) int32_t handle(void) {
    size_t length;
    uint8_t *body = lt_request(&length);
    lt_rows rows = {begin, row};
    const char *wrong = lt_decode(body, length, &rows);
    if (wrong) lt_log(wrong);
    return wrong ? 400 : 0;
}
