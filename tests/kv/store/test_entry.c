/* What an entry costs, and the layout at the edges of its fields. */
#include <criterion/criterion.h>

#include "kv/store/entry_layout.h"

static size_t shape_class(size_t key_len, size_t value_bytes, bool has_expiry)
{
    struct entry_shape s = { key_len, value_bytes, has_expiry };
    return alloc_class(entry_shape_bytes(s));
}

Test(entry, small_entries_fit_small_classes)
{
    cr_assert_eq(shape_class(16, 16, false), 48);
    cr_assert_eq(shape_class(16, 64, false), 96);
    cr_assert_eq(shape_class(16, sizeof(int64_t), false), 32);
    cr_assert_eq(shape_class(16, 16, true), 64);
}

Test(entry, keys_of_any_length)
{
    static const size_t lens[] = { 0, 1, 255, 256, 257, 70000, 512 * 1024 * 1024 };
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (int has_expiry = 0; has_expiry < 2; has_expiry++) {
            size_t len = lens[i];
            char *key = calloc(1, len + 1);
            if (len)
                key[len - 1] = 'k';
            struct entry *e = entry_new((struct entry_shape){ len, 3, has_expiry }, key);
            cr_assert_not_null(e);
            e->value_len = 3;
            memcpy(entry_value_ptr(e), "abc", 3);
            cr_assert(slice_eq(entry_key(e), slice_of(key, len)));
            cr_assert_eq(entry_value_ptr(e) - entry_key_ptr(e), (ptrdiff_t)len);
            cr_assert_geq(entry_bytes(e), len + 3 + sizeof(*e));
            cr_assert_eq(entry_expire_at_ms(e), EXPIRE_NONE);
            cr_assert_not(entry_is_due(e, INT64_MAX));
            entry_free_shell(e);
            free(key);
        }
    }
}

Test(entry, idle_time_goes_around_the_clock)
{
    struct entry *e = entry_new((struct entry_shape){ 1, 0, false }, "k");
    entry_touch(e, 1000);
    cr_assert_eq(entry_idle_s(e, 1000 * 1000), 0);
    cr_assert_eq(entry_idle_s(e, 1010 * 1000 + 999), 10);
    entry_touch(e, ENTRY_CLOCK_MASK - 1);
    cr_assert_eq(entry_idle_s(e, ((int64_t)ENTRY_CLOCK_MASK + 4) * 1000), 5);
    entry_free_shell(e);
}

Test(entry, names)
{
    struct entry *e = entry_new((struct entry_shape){ 1, 8, false }, "k");
    static const struct {
        enum encoding encoding;
        const char *name;
    } encodings[] = { { ENCODING_RAW, "raw" },
                      { ENCODING_INT, "int" },
                      { ENCODING_EMBSTR, "embstr" } };
    for (size_t i = 0; i < 3; i++) {
        e->encoding = encodings[i].encoding;
        cr_assert_str_eq(entry_encoding_name(e), encodings[i].name);
    }
    cr_assert_str_eq(entry_type_name(e), "string");
    e->type = VALUE_STREAM;
    cr_assert_str_eq(entry_type_name(e), "stream");
    e->type = VALUE_ZSET;
    cr_assert_str_eq(entry_type_name(e), "zset");
    e->type = VALUE_STRING;
    e->encoding = ENCODING_INT;
    entry_free_shell(e);
}
