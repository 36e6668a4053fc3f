/* What Redis takes and prints: cases were put to redis-server 7.0 (doubles: 7.2's shorter form). */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kv/base/number.h"

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(number, integers_have_one_spelling)
{
    static const char *const bad[] = { "",
                                       "-",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "01",
                                       "-0",
                                       "-01",
                                       "00",
                                       "1x",
                                       "0x1",
                                       "1.0",
                                       "--1",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "18446744073709551616",
                                       "100000000000000000000",
                                       "99999999999999999999999" };
    int64_t value = 42;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(number_parse_int64(slice_str(bad[i]), &value), "'%s' was taken", bad[i]);
    cr_assert_not(number_parse_int64(SLICE("1\0"), &value));
    cr_assert_eq(value, 42, "untouched by a refusal");
    cr_assert(number_parse_int64(SLICE("9223372036854775807"), &value) && value == INT64_MAX);
    cr_assert(number_parse_int64(SLICE("-9223372036854775808"), &value) && value == INT64_MIN);
    cr_assert(number_parse_int64(SLICE("0"), &value) && value == 0);

    uint64_t u = 42;
    cr_assert(number_parse_uint64(SLICE("18446744073709551615"), &u) && u == UINT64_MAX);
    cr_assert_not(number_parse_uint64(SLICE("18446744073709551616"), &u));
    cr_assert_not(number_parse_uint64(SLICE("18446744073709551620"), &u));
    cr_assert_not(number_parse_uint64(SLICE("1844674407370955161x"), &u));
    cr_assert_not(number_parse_uint64(SLICE("-1"), &u));
    cr_assert_not(number_parse_uint64(SLICE("01"), &u));
    cr_assert_eq(u, UINT64_MAX);
}

Test(number, integers_go_there_and_back)
{
    uint64_t state = 88172645463325252;
    for (int i = 0; i < 200000; i++) {
        uint64_t value = random_next(&state) >> (random_next(&state) % 64);
        char text[INT64_TEXT_MAX], expect[32];
        uint64_t unsigned_back;
        int len = number_format_uint64(text, value);
        snprintf(expect, sizeof(expect), "%" PRIu64, value);
        cr_assert_eq((size_t)len, strlen(expect));
        cr_assert_arr_eq(text, expect, (size_t)len);
        cr_assert(number_parse_uint64(slice_of(text, (size_t)len), &unsigned_back));
        cr_assert_eq(unsigned_back, value);

        int64_t back;
        len = number_format_int64(text, (int64_t)value);
        snprintf(expect, sizeof(expect), "%" PRId64, (int64_t)value);
        cr_assert_eq((size_t)len, strlen(expect));
        cr_assert_arr_eq(text, expect, (size_t)len);
        cr_assert(number_parse_int64(slice_of(text, (size_t)len), &back));
        cr_assert_eq(back, (int64_t)value);
    }
    /* Where the count of digits changes. */
    for (uint64_t power = 1, i = 0; i < 20; i++, power *= 10) {
        char text[INT64_TEXT_MAX], expect[32];
        for (uint64_t value = power - 1; value <= power; value++) {
            int len = number_format_uint64(text, value);
            snprintf(expect, sizeof(expect), "%" PRIu64, value);
            cr_assert(slice_eq(slice_of(text, (size_t)len), slice_str(expect)), "%s", expect);
        }
    }
}

Test(number, floats_as_the_c_library_reads_them)
{
    static const char *const bad[] = { "",    " 1", "1 ",    "x",      "1x", "nan",    "-nan",
                                       "--1", "1e", "1e400", "-1e400", "0x", "1e-400", "." };
    double d = 42;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(number_parse_double(slice_str(bad[i]), &d), "'%s' was taken", bad[i]);
    cr_assert_not(number_parse_double(SLICE("1\0"), &d));
    cr_assert_eq(d, 42, "untouched by a refusal");
    cr_assert(number_parse_double(SLICE("0x10"), &d) && d == 16);
    cr_assert(number_parse_double(SLICE("+1.5e3"), &d) && d == 1500);
    cr_assert(number_parse_double(SLICE("-inf"), &d) && d == -INFINITY);
    cr_assert(number_parse_double(SLICE("Infinity"), &d) && d == INFINITY);
    cr_assert(number_parse_double(SLICE("5e-324"), &d) && d == 5e-324);
    /* Only the slice's bytes are read. */
    cr_assert(number_parse_double(slice_of("1234", 2), &d) && d == 12);

    static char zeros[7000];
    memset(zeros, '0', sizeof(zeros));
    zeros[6999] = '7';
    cr_assert(number_parse_double(slice_of(zeros, sizeof(zeros)), &d) && d == 7);

    long double ld = 42;
    static const char *const bad_ld[] = { "", " 1", "1 ", "nan", "1e5000", "1e-5000", "x" };
    for (size_t i = 0; i < sizeof(bad_ld) / sizeof(bad_ld[0]); i++)
        cr_assert_not(number_parse_long_double(slice_str(bad_ld[i]), &ld), "'%s'", bad_ld[i]);
    cr_assert_not(number_parse_long_double(slice_of(zeros, LONG_DOUBLE_TEXT_MAX), &ld));
    cr_assert(ld == 42);
    cr_assert(number_parse_long_double(slice_of(zeros, LONG_DOUBLE_TEXT_MAX - 1), &ld));
    cr_assert(ld == 0);
    cr_assert(number_parse_long_double(SLICE("1e400"), &ld) && ld == 1e400L);
}

static void expect_double(double value, const char *expect)
{
    char out[128];
    int len = number_format_double(out, value);
    cr_assert(slice_eq(slice_of(out, (size_t)len), slice_str(expect)), "%.17g: '%.*s', not '%s'",
              value, len, out, expect);
}

Test(number, doubles_in_the_shortest_form)
{
    expect_double(0, "0");
    expect_double(-0.0, "-0");
    expect_double(0.1, "0.1");
    expect_double(-0.1, "-0.1");
    expect_double(3, "3");
    expect_double(-1234567, "-1234567");
    expect_double(3.141592653589793, "3.141592653589793");
    expect_double(1e17, "100000000000000000");
    expect_double(1152921504606846976.0, "1152921504606846976");
    expect_double(1e19, "1e+19");
    expect_double(1e20, "1e+20");
    expect_double(1.5e300, "1.5e+300");
    expect_double(-1.5e300, "-1.5e+300");
    expect_double(0.00001, "0.00001");
    expect_double(0.00015, "0.00015");
    expect_double(0.000001, "0.000001");
    expect_double(1e-7, "1e-7");
    expect_double(1.5e-7, "1.5e-7");
    expect_double(1234.5, "1234.5");
    expect_double(123456.789, "123456.789");
    expect_double(1234.123456789, "1234.123456789");
    expect_double(12345.123456789, "1.2345123456789e+4");
    expect_double(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_double(5e-324, "5e-324");
    expect_double(2.2250738585072014e-308, "2.2250738585072014e-308");
    expect_double(INFINITY, "inf");
    expect_double(-INFINITY, "-inf");
    expect_double(NAN, "nan");
}

Test(number, doubles_read_back_the_same)
{
    uint64_t state = 88172645463325252;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = random_next(&state);
        double value, back;
        memcpy(&value, &bits, sizeof(value));
        if (i % 2)
            value = (double)(int64_t)(bits >> 20) / 1000;
        if (isnan(value))
            continue;
        char out[128], plain[128];
        int len = number_format_double(out, value);
        cr_assert(len > 0 && len <= 32);
        cr_assert(number_parse_double(slice_of(out, (size_t)len), &back));
        cr_assert_eq(back, value, "%.17g became %.*s", value, len, out);
        /* Never more digits than the plain way to be safe. */
        int safe = snprintf(plain, sizeof(plain), "%.17g", value);
        cr_assert(len <= safe + 7, "%s, %.*s", plain, len, out);
    }
}

static void expect_long_double(long double value, const char *expect)
{
    static char out[LONG_DOUBLE_TEXT_MAX];
    int len = number_format_long_double(out, value);
    cr_assert(slice_eq(slice_of(out, (size_t)len), slice_str(expect)), "'%.*s', not '%s'", len, out,
              expect);
}

Test(number, long_doubles_without_exponent)
{
    expect_long_double(0, "0");
    expect_long_double(-0.0L, "0");
    expect_long_double(10.6L, "10.6");
    expect_long_double(5.0e3L, "5000");
    expect_long_double(-3, "-3");
    expect_long_double(1e20L, "100000000000000000000");
    expect_long_double(1e-7L, "0.0000001");
    expect_long_double(1e-20L, "0");
    expect_long_double(-1e-30L, "0");
    expect_long_double(INFINITY, "inf");
    expect_long_double(-INFINITY, "-inf");
    static char out[LONG_DOUBLE_TEXT_MAX];
    cr_assert_eq(number_format_long_double(out, -1.18973149535723176502e+4932L), 4934);
}
