/* The string type: encodings, growth over the limits, and what happens without memory. */
#include <criterion/criterion.h>

#include "kv/base/hash.h"
#include "kv/store/shard_layout.h"
#include "kv/types/string.h"

enum { SEED = 5 };

struct fixture {
    struct shard *shard;
    struct key key;
    struct edit ed;
};

static struct fixture setup_named(struct slice name)
{
    struct fixture f;
    f.shard = shard_new(&(struct shard_options){ .databases = 2, .hash_seed = SEED });
    shard_hold(f.shard, "test");
    shard_set_now(f.shard, 1000);
    f.key = (struct key){ name, hash_bytes(name, SEED) };
    shard_edit(f.shard, 0, &f.key, &f.ed);
    return f;
}

static struct fixture setup(void)
{
    return setup_named(SLICE("the-key"));
}

static void teardown(struct fixture *f)
{
    shard_free(f->shard);
}

static struct slice view(struct fixture *f, char scratch[INT64_TEXT_MAX])
{
    return string_view(shard_peek(f->shard, 0, &f->key), scratch);
}

static void expect(struct fixture *f, struct slice value, const char *encoding)
{
    char scratch[INT64_TEXT_MAX];
    const struct entry *e = shard_peek(f->shard, 0, &f->key);
    cr_assert_not_null(e);
    cr_assert_eq(f->ed.entry, e);
    cr_assert(slice_eq(view(f, scratch), value), "%.*s", (int)value.len, value.ptr);
    cr_assert_eq(string_len(e), value.len);
    cr_assert_str_eq(entry_encoding_name(e), encoding, "%.*s", (int)value.len, value.ptr);
}

Test(string, encodings_of_values_written_whole)
{
    static const struct {
        const char *text, *encoding;
    } cases[] = {
        { "", "embstr" },
        { "0", "int" },
        { "-1", "int" },
        { "9223372036854775807", "int" },
        { "-9223372036854775808", "int" },
        { "9223372036854775808", "embstr" },
        { "-9223372036854775809", "embstr" },
        { "007", "embstr" },
        { "+7", "embstr" },
        { "-0", "embstr" },
        { " 7", "embstr" },
        { "7 ", "embstr" },
        { "1.5", "embstr" },
        { "1e3", "embstr" },
        { "12345678901234567890123", "embstr" },
        { "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqr", "embstr" },   /* 44 */
        { "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrs", "raw" },     /* 45 */
        { "12345678901234567890123456789012345678901234567890", "raw" } /* long, not a number */
    };
    struct fixture f = setup();
    /* Each after each other: every change of form is tried. */
    size_t n = sizeof(cases) / sizeof(cases[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            cr_assert_eq(string_set(&f.ed, slice_str(cases[i].text), EXPIRE_NONE), 0);
            expect(&f, slice_str(cases[i].text), cases[i].encoding);
            cr_assert_eq(string_set(&f.ed, slice_str(cases[j].text), EXPIRE_NONE), 0);
            expect(&f, slice_str(cases[j].text), cases[j].encoding);
        }
    }
    teardown(&f);
}

Test(string, integers)
{
    struct fixture f = setup();
    int64_t v;
    cr_assert_eq(string_set_int64(&f.ed, INT64_MIN, EXPIRE_NONE), 0);
    expect(&f, SLICE("-9223372036854775808"), "int");
    cr_assert(string_int64(f.ed.entry, &v));
    cr_assert_eq(v, INT64_MIN);
    cr_assert_eq(string_set(&f.ed, SLICE("12a"), EXPIRE_NONE), 0);
    cr_assert_not(string_int64(f.ed.entry, &v));
    /* A number that was put together in place is raw, and a number. */
    cr_assert_eq(string_set(&f.ed, SLICE("12"), EXPIRE_NONE), 0);
    char *p = string_resize(&f.ed, 3);
    p[2] = '3';
    expect(&f, SLICE("123"), "raw");
    cr_assert(string_int64(f.ed.entry, &v));
    cr_assert_eq(v, 123);
    teardown(&f);
}

Test(string, resize_is_raw_even_when_short)
{
    struct fixture f = setup();
    char *p = string_resize(&f.ed, 0);
    cr_assert_not_null(p);
    expect(&f, SLICE(""), "raw");
    p = string_resize(&f.ed, 5);
    expect(&f, slice_of("\0\0\0\0\0", 5), "raw");
    memcpy(p, "hello", 5);
    p = string_resize(&f.ed, 8);
    expect(&f, slice_of("hello\0\0\0", 8), "raw");
    p = string_resize(&f.ed, 2);
    expect(&f, SLICE("he"), "raw");
    p = string_resize(&f.ed, 4);
    expect(&f, slice_of("he\0\0", 4), "raw");
    cr_assert_eq(string_set(&f.ed, SLICE("hello"), EXPIRE_NONE), 0);
    expect(&f, SLICE("hello"), "embstr");
    teardown(&f);
}

static char pattern(size_t i)
{
    return (char)(1 + i * 31 % 251);
}

static void expect_pattern(struct fixture *f, size_t written, size_t len)
{
    char scratch[INT64_TEXT_MAX];
    struct slice v = view(f, scratch);
    cr_assert_eq(v.len, len);
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(v.ptr[i], i < written ? pattern(i) : 0, "byte %zu of %zu", i, len);
}

Test(string, resize_across_the_limit_keeps_the_bytes)
{
    static const size_t lens[] = { 10,
                                   STRING_BLOB_BYTES - 1,
                                   STRING_BLOB_BYTES,
                                   3 * STRING_BLOB_BYTES,
                                   STRING_BLOB_BYTES + 1,
                                   5 * 1024 * 1024,
                                   STRING_BLOB_BYTES,
                                   100,
                                   0,
                                   STRING_BLOB_BYTES };
    struct fixture f = setup();
    cr_assert_eq(string_set(&f.ed, SLICE("x"), 5000), 0);
    size_t written = 0;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        char *p = string_resize(&f.ed, lens[i]);
        cr_assert_not_null(p);
        if (i == 0)
            p[0] = 0;
        expect_pattern(&f, written < lens[i] ? written : lens[i], lens[i]);
        for (size_t k = 0; k < lens[i]; k++)
            p[k] = pattern(k);
        written = lens[i];
        expect_pattern(&f, written, written);
        cr_assert_str_eq(entry_encoding_name(f.ed.entry), "raw");
        cr_assert_eq(entry_expire_at_ms(f.ed.entry), 5000, "the expiry stays");
    }
    teardown(&f);
}

Test(string, appending_bit_by_bit_copies_seldom)
{
    struct fixture f = setup();
    const char *last = NULL;
    int moves = 0;
    for (size_t len = 1; len < 3 * 1024 * 1024; len += 97) {
        char *p = string_resize(&f.ed, len);
        cr_assert_not_null(p);
        p[len - 1] = pattern(len);
        moves += p != last;
        last = p;
    }
    cr_assert_lt(moves, 1000, "32,000 appends");
    size_t len = string_len(f.ed.entry);
    cr_assert_leq(entry_bytes(f.ed.entry), 2 * len + 1024 * 1024);
    teardown(&f);
}

Test(string, expiry_of_a_set)
{
    struct fixture f = setup();
    cr_assert_eq(string_set(&f.ed, SLICE("v"), 5000), 0);
    cr_assert_eq(shard_expires_count(f.shard, 0), 1);
    cr_assert_eq(shard_next_expiry_ms(f.shard) <= 5000, true);
    cr_assert_eq(string_set(&f.ed, SLICE("w"), EXPIRE_KEEP), 0);
    cr_assert_eq(entry_expire_at_ms(f.ed.entry), 5000);
    cr_assert_eq(string_set_int64(&f.ed, 7, EXPIRE_KEEP), 0);
    cr_assert_eq(entry_expire_at_ms(f.ed.entry), 5000);
    cr_assert_eq(
        string_set(&f.ed, SLICE("a value of some length, so that it moves away"), EXPIRE_KEEP), 0);
    cr_assert_eq(entry_expire_at_ms(f.ed.entry), 5000);
    cr_assert_eq(shard_expires_count(f.shard, 0), 1);
    cr_assert_eq(string_set(&f.ed, SLICE("v"), EXPIRE_NONE), 0);
    cr_assert_eq(entry_expire_at_ms(f.ed.entry), EXPIRE_NONE);
    cr_assert_eq(shard_expires_count(f.shard, 0), 0);
    cr_assert_eq(shard_next_expiry_ms(f.shard), INT64_MAX);
    cr_assert_eq(string_set(&f.ed, SLICE("v"), 900), 0);
    cr_assert_null(shard_find(f.shard, 0, &f.key), "a time in the past is due at once");
    teardown(&f);
}

Test(string, a_value_may_be_set_from_itself)
{
    struct fixture f = setup();
    char scratch[INT64_TEXT_MAX];
    char *p = string_resize(&f.ed, 3 * STRING_BLOB_BYTES);
    for (size_t i = 0; i < 3 * STRING_BLOB_BYTES; i++)
        p[i] = pattern(i);
    for (size_t len = 2 * STRING_BLOB_BYTES; len > 0; len /= 2) {
        struct slice v = view(&f, scratch);
        cr_assert_eq(string_set(&f.ed, slice_of(v.ptr, len), EXPIRE_NONE), 0);
        expect_pattern(&f, len, len);
    }
    teardown(&f);
}

Test(string, overwriting_with_the_same_size_moves_nothing)
{
    struct fixture f = setup();
    cr_assert_eq(string_set(&f.ed, SLICE("0123456789abcdeX"), EXPIRE_NONE), 0);
    const struct entry *e = f.ed.entry;
    cr_assert_eq(string_set(&f.ed, SLICE("X123456789abcdef"), EXPIRE_NONE), 0);
    cr_assert_eq(f.ed.entry, e);
    expect(&f, SLICE("X123456789abcdef"), "embstr");
    teardown(&f);
}

#ifdef EVIO_DEBUG
/* Tries the change with the first, second, ... allocation failing, until it goes through: each failure must leave the key as
 * it was, and the accounts too. */
struct change {
    size_t from_len, to_len;
    bool resize;
    int64_t from_at_ms, to_at_ms;
};

static int apply(struct fixture *f, const char *text, size_t len, bool resize, int64_t at_ms)
{
    if (resize)
        return string_resize(&f->ed, len) ? 0 : -1;
    return string_set(&f->ed, slice_of(text, len), at_ms);
}

static void try_change(struct change c)
{
    size_t max = 100 * 1024;
    char *text = malloc(max);
    memset(text, 'q', max);
    for (uint64_t nth = 1;; nth++) {
        struct fixture f = setup();
        uint64_t bytes = shard_stats(f.shard)->memory_bytes;
        if (c.from_len != SIZE_MAX) {
            cr_assert_eq(apply(&f, text, c.from_len, false, c.from_at_ms), 0);
            bytes = shard_stats(f.shard)->memory_bytes;
        }
        alloc_fail_nth(nth);
        int ret = apply(&f, text, c.to_len, c.resize, c.to_at_ms);
        bool failed = alloc_has_failed();
        alloc_fail_nth(0);
        cr_assert_eq(ret != 0, failed);
        if (failed && c.from_len == SIZE_MAX) {
            cr_assert_null(shard_peek(f.shard, 0, &f.key));
            cr_assert_eq(shard_count(f.shard, 0), 0);
            cr_assert_eq(shard_expires_count(f.shard, 0), 0);
        } else if (failed) {
            expect(&f, slice_of(text, c.from_len), entry_encoding_name(f.ed.entry));
            cr_assert_eq(entry_expire_at_ms(f.ed.entry), c.from_at_ms);
            cr_assert_eq(shard_stats(f.shard)->memory_bytes, bytes);
            cr_assert_eq(shard_expires_count(f.shard, 0), c.from_at_ms != EXPIRE_NONE);
        }
        teardown(&f);
        if (!failed) {
            cr_assert_gt(nth, 1, "something was allocated");
            break;
        }
    }
    free(text);
}

Test(string, without_memory_nothing_changes)
{
    try_change((struct change){ SIZE_MAX, 10, false, EXPIRE_NONE, EXPIRE_NONE });
    try_change((struct change){ SIZE_MAX, 10, false, EXPIRE_NONE, 5000 });
    try_change((struct change){ SIZE_MAX, 50000, false, EXPIRE_NONE, 5000 });
    try_change((struct change){ SIZE_MAX, 50000, true, EXPIRE_NONE, EXPIRE_NONE });
    try_change((struct change){ 10, 100, false, EXPIRE_NONE, EXPIRE_NONE });
    try_change((struct change){ 10, 10, false, EXPIRE_NONE, 5000 });
    try_change((struct change){ 10, 100, false, 100000, 5000 });
    try_change((struct change){ 10, 10, false, 100000, 5000 });
    try_change((struct change){ 10, 100, true, 5000, 5000 });
    try_change((struct change){ 10, 50000, true, 5000, 5000 });
    try_change((struct change){ 50000, 90000, true, 5000, 5000 });
    try_change((struct change){ 50000, 90000, false, EXPIRE_NONE, 5000 });
    try_change((struct change){ 50000, 100, true, EXPIRE_NONE, EXPIRE_NONE });
    try_change((struct change){ 50000, 100, false, EXPIRE_NONE, 5000 });
}
#endif
