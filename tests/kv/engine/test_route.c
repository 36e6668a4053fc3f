/* Which shard a key lies on. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "kv/engine/route.h"

enum { SEED = 4711, KEYS = 8000 };

static int shard_of(const char *key, int shards)
{
    struct slice s = slice_str(key);
    return route_shard(s, hash_bytes(s, SEED), SEED, shards);
}

Test(route, one_shard_has_all)
{
    cr_assert_eq(shard_of("a", 1), 0);
    cr_assert_eq(shard_of("", 1), 0);
}

Test(route, spreads_evenly)
{
    int count[8] = { 0 };
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key:%d", i);
        int shard = shard_of(key, 8);
        cr_assert(shard >= 0 && shard < 8);
        count[shard]++;
    }
    for (int i = 0; i < 8; i++)
        cr_assert(count[i] > KEYS / 8 * 8 / 10 && count[i] < KEYS / 8 * 12 / 10, "%d", count[i]);
}

Test(route, a_tag_decides)
{
    for (int i = 0; i < 100; i++) {
        char tag[32], one[64], other[64];
        snprintf(tag, sizeof(tag), "%d", i);
        snprintf(one, sizeof(one), "one{%d}", i);
        snprintf(other, sizeof(other), "{%d}other{x}", i);
        cr_assert_eq(shard_of(one, 7), shard_of(tag, 7));
        cr_assert_eq(shard_of(other, 7), shard_of(tag, 7));
    }
}
