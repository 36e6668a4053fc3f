/* Verdicts of redis-server 7.0 (KEYS, and CONFIG GET for those without case). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kv/base/glob.h"

static void expect(const char *pattern, const char *text, bool nocase, bool verdict)
{
    cr_expect_eq(glob_match(slice_str(pattern), slice_str(text), nocase), verdict,
                 "pattern '%s', text '%s'", pattern, text);
}

static void yes(const char *pattern, const char *text)
{
    expect(pattern, text, false, true);
}

static void no(const char *pattern, const char *text)
{
    expect(pattern, text, false, false);
}

Test(glob, stars_and_single_bytes)
{
    yes("*", "anything");
    yes("a*", "a");
    yes("a**", "a");
    yes("*a", "bbba");
    yes("h?llo", "hello");
    no("h?llo", "hllo");
    no("h?llo", "heello");
    yes("h*llo", "hllo");
    yes("h*l*o", "heeello");
    no("h*l*ox", "heeello");
    yes("*b*b*c", "abbbc");
    yes("user:*:name", "user:10:x:name");
    no("", "a");
    no("a", "");
    yes("", "");
}

Test(glob, an_empty_text_matches_a_lone_star_only)
{
    yes("*", "");
    no("**", "");
    no("?", "");
    no("[^a]", "");
}

Test(glob, classes)
{
    yes("h[ae]llo", "hallo");
    no("h[ae]llo", "hillo");
    yes("h[^e]llo", "hallo");
    no("h[^e]llo", "hello");
    yes("h[a-c]llo", "hbllo");
    yes("h[c-a]llo", "hbllo");
    no("h[a-c]llo", "hdllo");
    yes("[\\]]", "]");
    yes("[\\^a]", "^");
    no("[]a]", "a");
    yes("[^]x", "qx");
    yes("[*]", "*");
    no("[*]", "a");
    yes("*[0-9]", "abc7");
}

Test(glob, classes_without_an_end)
{
    yes("[abc", "b");
    no("[abc", "d");
    yes("[^", "x");
    no("[", "[");
    yes("[a-", "-");
    yes("[a\\", "\\");
    no("[abc", "bb");
    /* The bracket is the range's end, so there is no end to the class. */
    yes("[a-]", "]");
    yes("[a-]", "^");
}

Test(glob, escapes)
{
    yes("a\\*c", "a*c");
    no("a\\*c", "abc");
    yes("\\?", "?");
    no("\\?", "x");
    yes("a\\", "a\\");
    yes("\\\\", "\\");
    yes("\\a", "a");
}

Test(glob, without_case)
{
    expect("MAXc*", "maxclients", true, true);
    expect("MAXc*", "maxclients", false, false);
    expect("[A-C]x", "bX", true, true);
    expect("[^A-C]x", "bX", true, false);
    expect("[M]axc*", "maxclients", true, true);
    /* Not within a class behind a backslash. */
    expect("[\\M]axc*", "maxclients", true, false);
    expect("[\\m]axc*", "maxclients", true, true);
    expect("\\M*", "maxclients", true, true);
}

Test(glob, bytes_are_signed)
{
    yes("[a-\xff]", "A");
    yes("[a-\xff]", "\xff");
    no("[a-\xff]", "b");
    cr_expect(glob_match(SLICE("a\0*"), SLICE("a\0b"), false));
    cr_expect_not(glob_match(SLICE("a\0b"), SLICE("a"), false));
}

/* By plain backtracking these take longer than anyone would wait. */
Test(glob, many_stars_stay_cheap, .timeout = 30)
{
    enum { TEXT_BYTES = 20000 };
    char *text = malloc(TEXT_BYTES), pattern[401];
    memset(text, 'a', TEXT_BYTES);
    for (int i = 0; i < 400; i += 2)
        memcpy(pattern + i, "a*", 2);
    pattern[400] = 'b';
    cr_assert_not(glob_match(slice_of(pattern, 401), slice_of(text, TEXT_BYTES), false));
    cr_assert(glob_match(slice_of(pattern, 400), slice_of(text, TEXT_BYTES), false));
    free(text);
}
