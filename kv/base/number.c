/* Text to numbers and back. Floating point goes through the C library with the process in the "C"
 * locale (no setlocale anywhere); integers are done here, as they are on every request's path. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv/base/number.h"

static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

bool number_parse_uint64(struct slice s, uint64_t *out)
{
    if (s.len == 0 || s.len > INT64_TEXT_MAX)
        return false;
    if (s.ptr[0] == '0') {
        if (s.len != 1)
            return false;
        *out = 0;
        return true;
    }
    uint64_t value = 0;
    /* Nineteen digits cannot overflow, so only the twentieth is checked. */
    size_t safe = s.len < INT64_TEXT_MAX ? s.len : INT64_TEXT_MAX - 1;
    for (size_t i = 0; i < safe; i++) {
        unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    if (safe < s.len) {
        unsigned digit = (unsigned char)s.ptr[safe] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool number_parse_int64(struct slice s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t value;
    if (!number_parse_uint64(slice_of(s.ptr + negative, s.len - negative), &value))
        return false;
    if (!negative) {
        if (value > INT64_MAX)
            return false;
        *out = (int64_t)value;
        return true;
    }
    if (value == 0 || value > (uint64_t)INT64_MAX + 1)
        return false;
    *out = (int64_t)(0 - value);
    return true;
}

/* The whole of the C string must have been read, and neither overflow nor underflow happened. */
static bool parsed_whole(struct slice s, const char *text, const char *stop, long double value)
{
    if (isspace((unsigned char)text[0]) || (size_t)(stop - text) != s.len || isnan(value))
        return false;
    return errno != ERANGE || !(isinf(value) || value == 0);
}

bool number_parse_long_double(struct slice s, long double *out)
{
    char text[LONG_DOUBLE_TEXT_MAX];
    char *stop;
    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    errno = 0;
    long double value = strtold(text, &stop);
    if (!parsed_whole(s, text, stop, value))
        return false;
    *out = value;
    return true;
}

bool number_parse_double(struct slice s, double *out)
{
    char small[256], *text = small, *stop;
    if (s.len == 0)
        return false;
    /* However many digits a client sends, they are a number to Redis. */
    if (s.len >= sizeof(small) && !(text = malloc(s.len + 1)))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    errno = 0;
    double value = strtod(text, &stop);
    bool ok = parsed_whole(s, text, stop, value);
    if (ok)
        *out = value;
    if (text != small)
        free(text);
    return ok;
}

static int digits_of(uint64_t value)
{
    int n = 1;
    while (value >= 10000) {
        value /= 10000;
        n += 4;
    }
    return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

static int format_digits(char *out, uint64_t value)
{
    int len = digits_of(value);
    char *at = out + len;
    while (value >= 100) {
        at -= 2;
        memcpy(at, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(at - 2, digit_pairs + value * 2, 2);
    else
        at[-1] = (char)('0' + value);
    return len;
}

int number_format_uint64(char out[INT64_TEXT_MAX], uint64_t value)
{
    return format_digits(out, value);
}

int number_format_int64(char out[INT64_TEXT_MAX], int64_t value)
{
    if (value >= 0)
        return format_digits(out, (uint64_t)value);
    out[0] = '-';
    return 1 + format_digits(out + 1, 0 - (uint64_t)value);
}

static int put(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return (int)len;
}

int number_format_long_double(char out[LONG_DOUBLE_TEXT_MAX], long double value)
{
    if (isinf(value))
        return put(out, value > 0 ? "inf" : "-inf");
    if (isnan(value))
        return put(out, "nan");
    /* The longest, -LDBL_MAX, has 4933 digits before the point. */
    int len = snprintf(out, LONG_DOUBLE_TEXT_MAX, "%.17Lf", value);
    assert(len > 0 && len < LONG_DOUBLE_TEXT_MAX);
    if (memchr(out, '.', (size_t)len)) {
        while (out[len - 1] == '0')
            len--;
        if (out[len - 1] == '.')
            len--;
    }
    if (len == 2 && out[0] == '-' && out[1] == '0')
        return put(out, "0");
    return len;
}

/* Fewest digits that read back the same, by the C library: fifteen always survive the way through
 * a normal double and %g drops the zeros behind them, so trying less is for subnormals only.
 * digits: 17 bytes, without the point. Returns their count; *exponent is that of the first one. */
static int shortest_digits(double value, char *digits, int *exponent)
{
    char text[32];
    for (int precision = fpclassify(value) == FP_SUBNORMAL ? 0 : 14;; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, value);
        if (precision == 16 || strtod(text, NULL) == value)
            break;
    }
    const char *e = strchr(text, 'e');
    assert(e);
    *exponent = atoi(e + 1);
    int count = 0;
    for (const char *c = text; c < e; c++) {
        if (*c != '.')
            digits[count++] = *c;
    }
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

/* 7.2's choice between plain and exponential form, and its spelling of both. */
static int format_decimal(char *out, const char *digits, int count, int exponent)
{
    char *at = out;
    int zeros = exponent + 1 - count; /* to append; if negative, digits behind the point */
    if (zeros >= 0 && exponent < count + 7) {
        memcpy(at, digits, (size_t)count);
        memset(at + count, '0', (size_t)zeros);
        return count + zeros;
    }
    if (zeros < 0 && (zeros > -7 || abs(exponent) < 4)) {
        int whole = exponent + 1; /* digits before the point */
        if (whole > 0) {
            memcpy(at, digits, (size_t)whole);
            at[whole] = '.';
            memcpy(at + whole + 1, digits + whole, (size_t)(count - whole));
            return count + 1;
        }
        at += put(at, "0.");
        memset(at, '0', (size_t)-whole);
        memcpy(at - whole, digits, (size_t)count);
        return 2 - whole + count;
    }
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        memcpy(at, digits + 1, (size_t)count - 1);
        at += count - 1;
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    at += number_format_int64(at, abs(exponent));
    return (int)(at - out);
}

int number_format_double(char *out, double value)
{
    if (isnan(value))
        return put(out, "nan");
    if (isinf(value))
        return put(out, value > 0 ? "inf" : "-inf");
    if (value == 0)
        return put(out, signbit(value) ? "-0" : "0");
    /* Whole numbers, as most scores are, in the range where the cast is safe; all digits. */
    if (fabs(value) <= 0x1p62 && value == (double)(int64_t)value)
        return number_format_int64(out, (int64_t)value);
    char digits[17], *at = out;
    int exponent;
    if (value < 0) {
        *at++ = '-';
        value = -value;
    }
    int count = shortest_digits(value, digits, &exponent);
    at += format_decimal(at, digits, count, exponent);
    return (int)(at - out);
}
