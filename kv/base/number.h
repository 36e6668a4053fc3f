/* number: text to numbers and back, with exactly the forms that Redis accepts and prints. Pure. */
#ifndef KV_BASE_NUMBER_H
#define KV_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/slice.h"

enum {
    INT64_TEXT_MAX = 20, /* "-9223372036854775808" */
    LONG_DOUBLE_TEXT_MAX = 5 * 1024
};

/* The canonical form only: no spaces, no plus, no leading zeros, no "-0". False: *out unchanged. */
bool number_parse_int64(struct slice s, int64_t *out);
bool number_parse_uint64(struct slice s, uint64_t *out);
/* strtold / strtod over the whole of s: no leading space, not NaN; "inf" and "-inf" are taken. */
bool number_parse_long_double(struct slice s, long double *out);
bool number_parse_double(struct slice s, double *out);

/* Writes without a terminator, returns the length. */
int number_format_int64(char out[INT64_TEXT_MAX], int64_t value);
int number_format_uint64(char out[INT64_TEXT_MAX], uint64_t value);
/* As INCRBYFLOAT stores it: no exponent, 17 digits behind the point, no trailing zeros. */
int number_format_long_double(char out[LONG_DOUBLE_TEXT_MAX], long double value);
/* As Redis 7.2's replies (7.0 prints 17 digits): the shortest digits that read back the same, whole
 * numbers in full, "1e-7", "1.5e+300", "inf", "-inf", "nan". out: 128 bytes. */
int number_format_double(char *out, double value);

#endif
