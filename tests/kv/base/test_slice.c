#include <criterion/criterion.h>

#include "kv/base/slice.h"

Test(slice, equality_is_of_bytes)
{
    cr_assert(slice_eq(SLICE("abc"), slice_str("abc")));
    cr_assert(slice_eq(slice_of(NULL, 0), SLICE("")));
    cr_assert(slice_eq(SLICE("a\0b"), slice_of("a\0b", 3)));
    cr_assert_not(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
    cr_assert_not(slice_eq(SLICE("abc"), SLICE("ab")));
}

Test(slice, option_words_have_no_case)
{
    cr_assert(slice_is(SLICE("withScores"), "WITHSCORES"));
    cr_assert(slice_is(SLICE("EX"), "ex"));
    cr_assert(slice_is(SLICE(""), ""));
    cr_assert_not(slice_is(SLICE("ex"), "exa"));
    cr_assert_not(slice_is(SLICE("exa"), "ex"));
    cr_assert_not(slice_is(SLICE(""), "ex"));
    cr_assert_not(slice_is(SLICE("ex\0"), "ex"));
    cr_assert_not(slice_is(SLICE("@"), "`"), "letters alone fold");
    cr_assert_not(slice_is(SLICE("["), "{"));
}
