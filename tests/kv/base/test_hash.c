#include <criterion/criterion.h>

#include "kv/base/hash.h"

Test(hash, tags)
{
    static const struct {
        const char *key, *tag;
    } cases[] = {
        { "", "" },         { "plain", "plain" }, { "a{tag}b", "tag" }, { "{tag}", "tag" },
        { "a{}b", "a{}b" }, { "a{tag", "a{tag" }, { "a}{tag}", "tag" }, { "a{{tag}}", "{tag" },
        { "{a}{b}", "a" },  { "{", "{" },         { "}", "}" },         { "a{}{b}", "a{}{b}" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert(slice_eq(hash_tag(slice_str(cases[i].key)), slice_str(cases[i].tag)), "%s",
                  cases[i].key);
    cr_assert_eq(hash_tag(slice_of(NULL, 0)).len, 0);
}

Test(hash, the_seed_matters_and_nothing_else)
{
    struct slice s = SLICE("some key");
    cr_assert_eq(hash_bytes(s, 1), hash_bytes(SLICE("some key"), 1));
    cr_assert_neq(hash_bytes(s, 1), hash_bytes(s, 2));
    cr_assert_neq(hash_bytes(s, 1), hash_bytes(SLICE("some kez"), 1));
    cr_assert_eq(hash_digest(s), hash_bytes(s, 0));
    /* The published value of XXH3's 64 bits for nothing at all. */
    cr_assert_eq(hash_digest(slice_of("", 0)), 0x2d06800538d394c2ull);
}
