#include "littoral.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 1 << 16 };

static const char *const TOO_LARGE = "out of memory: the input is larger than this function's limit";

void *lt_allocate(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) lt_fail("out of memory: raise `memory` in the manifest's limits");
    return memory;
}

void *lt_pages(size_t bytes) {
    size_t first = __builtin_wasm_memory_grow(0, (bytes + PAGE - 1) / PAGE);
    return first == SIZE_MAX ? NULL : (void *)(first * PAGE);
}

// Reads a descriptor to its end, at once where its size is known.
static uint8_t *read_all(int descriptor, size_t *length) {
    struct stat about;
    bool known = fstat(descriptor, &about) == 0 && about.st_size > 0;
    size_t room = known ? (size_t)about.st_size + 2 : PAGE;  // one more than that to see the end, one for the zero
    uint8_t *bytes = room > PAGE ? lt_pages(room) : malloc(room);
    *length = 0;
    if (!bytes) lt_fail(TOO_LARGE);
    for (;;) {
        ssize_t got = read(descriptor, bytes + *length, room - *length - 1);
        if (got < 0) lt_fail("input cannot be read");
        if (got == 0) break;
        *length += (size_t)got;
        if (*length + 1 < room) continue;
        uint8_t *larger = lt_pages(room * 2);
        if (!larger) lt_fail(TOO_LARGE);
        bytes = memcpy(larger, bytes, *length);
        room *= 2;
    }
    bytes[*length] = 0;
    return bytes;
}

static void write_all(int descriptor, const char *bytes, size_t length) {
    while (length) {
        ssize_t done = write(descriptor, bytes, length);
        if (done <= 0) __builtin_trap();
        bytes += done;
        length -= (size_t)done;
    }
}

uint8_t *lt_request(size_t *length) { return read_all(0, length); }

void lt_answer(const void *bytes, size_t length) { write_all(1, bytes, length); }

void lt_log(const char *line) {
    lt_text text = {0};
    lt_add(&text, line);
    lt_add(&text, "\n");
    write_all(2, text.bytes, text.length);
    free(text.bytes);
}

void lt_fail(const char *line) {
    write_all(2, line, strlen(line));  // no allocation: this may be the end of memory
    write_all(2, "\n", 1);
    __builtin_trap();
}

char *lt_file(const char *path, size_t *length) {
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0) return NULL;
    char *bytes = (char *)read_all(descriptor, length);
    close(descriptor);
    return bytes;
}

static void add_bytes(lt_text *text, const char *bytes, size_t length) {
    if (text->length + length > text->room) {
        text->room = (text->length + length) * 2;
        text->bytes = realloc(text->bytes, text->room);
        if (!text->bytes) lt_fail("out of memory: the answer is larger than this function's limit");
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void lt_add(lt_text *text, const char *words) { add_bytes(text, words, strlen(words)); }

void lt_add_json_string(lt_text *text, const char *words) {
    add_bytes(text, "\"", 1);
    for (; *words; words++) {
        uint8_t letter = (uint8_t)*words;
        if (letter == '"' || letter == '\\') {
            add_bytes(text, (char[]){'\\', (char)letter}, 2);
        } else if (letter < 0x20) {
            const char *digits = "0123456789abcdef";
            add_bytes(text, (char[]){'\\', 'u', '0', '0', digits[letter >> 4], digits[letter & 15]}, 6);
        } else {
            add_bytes(text, words, 1);
        }
    }
    add_bytes(text, "\"", 1);
}

void lt_add_whole(lt_text *text, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    add_bytes(text, digits + at, sizeof digits - at);
}

void lt_add_number(lt_text *text, double number) {
    if (!(number > -1e12 && number < 1e12)) {
        lt_add(text, "null");
        return;
    }
    uint64_t millionths = (uint64_t)((number < 0 ? -number : number) * 1e6 + 0.5);
    if (number < 0) lt_add(text, "-");
    lt_add_whole(text, millionths / 1000000);
    char digits[7] = {'.'};
    uint64_t rest = millionths % 1000000;
    for (int place = 6; place > 0; place--, rest /= 10) digits[place] = (char)('0' + rest % 10);
    size_t end = 7;
    while (end > 2 && digits[end - 1] == '0') end--;
    add_bytes(text, digits, end);
}
