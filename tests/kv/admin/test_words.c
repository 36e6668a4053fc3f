#include <criterion/criterion.h>
#include <stdio.h>

#include "kv/admin/words.h"

enum { WORDS_MAX = 8 };

static int split(const char *text, char *line, struct slice *words)
{
    snprintf(line, 128, "%s", text);
    return words_split(line, words, WORDS_MAX);
}

static void check(const char *text, int count, const char *const *expected)
{
    char line[128];
    struct slice words[WORDS_MAX];
    cr_assert_eq(split(text, line, words), count, "%s", text);
    for (int i = 0; i < count; i++)
        cr_assert(slice_eq(words[i], slice_str(expected[i])), "%s: '%.*s'", text, (int)words[i].len,
                  words[i].ptr);
}
#define CHECK(text, count, ...) check((text), (count), (const char *const[]){ __VA_ARGS__ })

Test(words, blanks_part_words)
{
    CHECK("", 0, NULL);
    CHECK(" \t\r\n", 0, NULL);
    CHECK("port 6379\n", 2, "port", "6379");
    CHECK("  bind a\tb c", 4, "bind", "a", "b", "c");
}

Test(words, quotes_keep_blanks_and_escapes)
{
    CHECK("a \"\" b", 3, "a", "", "b");
    CHECK("x \"a b\\n\\x41\\\"\\\\\"", 2, "x", "a b\nA\"\\");
    CHECK("x 'a \\n \\' \"b'", 2, "x", "a \\n ' \"b");
    CHECK("x \"\\xZZ\"", 2, "x", "xZZ");
    CHECK("pre\"fix\" y", 2, "prefix", "y");
}

Test(words, zero_bytes_may_be_written)
{
    char line[128];
    struct slice words[WORDS_MAX];
    cr_assert_eq(split("x \"a\\x00b\"", line, words), 2);
    cr_assert(slice_eq(words[1], slice_of("a\0b", 3)));
}

Test(words, open_quotes_are_errors)
{
    char line[128];
    struct slice words[WORDS_MAX];
    static const char *const bad[] = { "\"", "'", "x \"a", "x 'a", "\"a\"b", "'a'b", "\"a\\\"" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(split(bad[i], line, words), -1, "%s", bad[i]);
}

Test(words, more_words_than_room_are_counted)
{
    CHECK("1 2 3 4 5 6 7 8", 8, "1", "2", "3", "4", "5", "6", "7", "8");
    char line[128];
    struct slice words[WORDS_MAX];
    cr_assert_eq(split("1 2 3 4 5 6 7 8 9 10", line, words), 10);
}
