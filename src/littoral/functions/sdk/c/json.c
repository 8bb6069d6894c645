// A reader of JSON without a tree: a value is where it lies in the text. What is asked for is found by walking there, so
// it suits a file that is read once, in `init`. The text comes from the host and is well formed.
#include <stdlib.h>
#include <string.h>

#include "littoral.h"

static const lt_json NONE = {NULL, NULL};

static const char *past_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r' || *at == ',' || *at == ':')) at++;
    return at;
}

// Behind the string that starts at `at`.
static const char *past_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : end;
}

// Behind the value that starts at `at`: brackets are counted, what is in strings is not.
static const char *past_value(const char *at, const char *end) {
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = past_string(at, end);
        } else if (*at == '{' || *at == '[') {
            depth++, at++;
        } else if (*at == '}' || *at == ']') {
            depth--, at++;
        } else if (depth) {
            at++;
        } else {
            while (at < end && !strchr(",]} \n\t\r", *at)) at++;
        }
        if (depth <= 0) break;
    }
    return at;
}

static lt_json value_at(const char *at, const char *end) {
    at = past_space(at, end);
    return at < end && *at != ']' && *at != '}' ? (lt_json){at, end} : NONE;
}

lt_json lt_json_of(const char *text, size_t length) { return value_at(text, text + length); }

lt_json lt_json_first(lt_json array) {
    return array.at && *array.at == '[' ? value_at(array.at + 1, array.end) : NONE;
}

lt_json lt_json_next(lt_json element) {
    return element.at ? value_at(past_value(element.at, element.end), element.end) : NONE;
}

lt_json lt_json_get(lt_json object, const char *key) {
    if (!object.at || *object.at != '{') return NONE;
    lt_json name = value_at(object.at + 1, object.end);
    while (name.at) {
        lt_json value = lt_json_next(name);
        if (lt_json_is(name, key)) return value;
        name = lt_json_next(value);
    }
    return NONE;
}

bool lt_json_is(lt_json value, const char *words) {
    size_t length = strlen(words);
    return value.at && *value.at == '"' && (size_t)(value.end - value.at) > length + 1 &&
           memcmp(value.at + 1, words, length) == 0 && value.at[length + 1] == '"';
}

double lt_json_number(lt_json value, double otherwise) {
    if (!value.at || !strchr("-0123456789", *value.at)) return otherwise;
    const char *at = value.at;
    bool negative = *at == '-';
    double number = 0;
    int exponent = 0;
    bool fraction = false;
    for (at += negative; at < value.end && strchr("0123456789.", *at); at++) {
        if (*at == '.') {
            fraction = true;
        } else {
            number = number * 10 + (*at - '0');
            exponent -= fraction;
        }
    }
    if (at < value.end && (*at == 'e' || *at == 'E')) exponent += atoi(at + 1);
    double power = 1;
    for (int step = abs(exponent); step > 0; step--) power *= 10;
    number = exponent < 0 ? number / power : number * power;
    return negative ? -number : number;
}

static uint32_t hexadecimal(const char *at) {
    uint32_t number = 0;
    for (int digit = 0; digit < 4; digit++) {
        char letter = at[digit] | 0x20;
        number = number << 4 | (uint32_t)(letter <= '9' ? letter & 15 : letter - 'a' + 10);
    }
    return number;
}

static char *add_utf8(char *out, uint32_t code) {
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *out++ = (char)((more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0) | code >> (6 * more));
    while (more--) *out++ = (char)(0x80 | (code >> (6 * more) & 0x3F));
    return out;
}

// The character of an escape; `at` is at the backslash, and behind the escape afterwards.
static uint32_t escaped(const char **at) {
    const char *letters = "nrtbf", *codes = "\n\r\t\b\f";
    char letter = (*at)[1];
    const char *known = strchr(letters, letter);
    if (letter != 'u') {
        *at += 2;
        return (uint8_t)(known ? codes[known - letters] : letter);
    }
    uint32_t code = hexadecimal(*at + 2);
    *at += 6;
    if (code >> 10 == 0x36 && (*at)[0] == '\\' && (*at)[1] == 'u') {  // the first half of a pair
        code = 0x10000 + ((code & 0x3FF) << 10 | (hexadecimal(*at + 2) & 0x3FF));
        *at += 6;
    }
    return code;
}

char *lt_json_string(lt_json value) {
    if (!value.at || *value.at != '"') return NULL;
    const char *at = value.at + 1, *end = past_string(value.at, value.end) - 1;
    char *text = lt_allocate((size_t)(end - at) + 1), *out = text;
    while (at < end) {
        if (*at == '\\') {
            out = add_utf8(out, escaped(&at));
        } else {
            *out++ = *at++;
        }
    }
    *out = 0;
    return text;
}
