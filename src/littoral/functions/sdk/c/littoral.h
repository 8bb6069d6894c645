// What every function needs: the request, the answer, the log, its files, and JSON.
#ifndef LITTORAL_H
#define LITTORAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// LT_EXPORT(init) void init(void): runs once, when the function is deployed. What it leaves in memory is what every
//     request starts from, so read files and build tables here.
// LT_EXPORT(handle) int32_t handle(void): answers one request. 0, or a number that makes the answer an error: 400 to
//     599 where it is an HTTP status.
#define LT_EXPORT(name) __attribute__((export_name(#name)))

// All of the request's body. `length` gets its bytes.
uint8_t *lt_request(size_t *length);

// Adds to the answer.
void lt_answer(const void *bytes, size_t length);

// Adds a line to the function's log.
void lt_log(const char *line);

// Logs a line and ends this request (or the deployment, in `init`) with it.
_Noreturn void lt_fail(const char *line);

// All of one of the function's files, with a zero byte behind it; NULL where there is none of that name.
char *lt_file(const char *path, size_t *length);

// malloc that does not return without memory: a request that needs more than its limit ends.
void *lt_allocate(size_t bytes);

// Whole pages of memory, zeroed and never freed; NULL where there are no more. For what is large: C's malloc rounds
// that up to a power of two.
void *lt_pages(size_t bytes);

// ---- Texts that grow -------------------------------------------------------------------------------------------------

typedef struct {
    char *bytes;
    size_t length, room;
} lt_text;

void lt_add(lt_text *text, const char *words);
void lt_add_json_string(lt_text *text, const char *words);  // quoted and escaped
void lt_add_whole(lt_text *text, uint64_t number);
void lt_add_number(lt_text *text, double number);           // six digits after the point; null where it is not finite

// ---- JSON that is read where it lies ---------------------------------------------------------------------------------

// A value inside a text; `at` is NULL where there is none, and whatever is asked of that is none too.
typedef struct {
    const char *at, *end;
} lt_json;

lt_json lt_json_of(const char *text, size_t length);
lt_json lt_json_get(lt_json object, const char *key);
lt_json lt_json_first(lt_json array);                      // for (v = lt_json_first(a); v.at; v = lt_json_next(v))
lt_json lt_json_next(lt_json element);
double lt_json_number(lt_json value, double otherwise);
char *lt_json_string(lt_json value);                       // its own copy, without escapes; NULL where it is no string
bool lt_json_is(lt_json value, const char *words);         // whether it is that string

#endif
