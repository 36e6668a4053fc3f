#include "kv/store/segment.h"

#include <errno.h>

#include "kv/base/hash.h"
#include "kv/store/alloc.h"
#include "kv/store/entry_layout.h"

/* Steps of a fifth or so, and exactly the sizes of jemalloc's classes: nothing is lost at the end. */
static const uint8_t sizes[] = { 1,  2,  3,  4,  5,  6,  7,  8,  10, 12,
                                 14, 16, 20, 24, 28, 32, 40, 48, 56, 64 };

uint32_t segment_next_size(uint32_t buckets)
{
    for (size_t i = 0; i < sizeof(sizes); i++)
        if (sizes[i] > buckets)
            return sizes[i];
    return 0;
}

uint32_t segment_limit(uint32_t buckets)
{
    uint32_t entries = buckets * BUCKET_ENTRIES;
    return entries - entries / 16;
}

uint32_t segment_fit(uint32_t count)
{
    for (size_t i = 0; i < sizeof(sizes); i++) {
        uint32_t entries = sizes[i] * BUCKET_ENTRIES;
        if (count <= entries - entries / 8)
            return sizes[i];
    }
    return SEGMENT_BUCKETS_MAX;
}

static uint32_t reach(uint32_t buckets)
{
    return buckets <= SEGMENT_REACH ? buckets - 1 : SEGMENT_REACH;
}

bool segment_put(uint64_t word, struct entry *e, uint64_t hash, struct place *at)
{
    struct bucket *buckets = segment_buckets(word);
    uint32_t n = segment_bucket_count(word);
    uint32_t home = segment_home(word, hash), i = home;
    for (uint32_t step = 0; step <= reach(n); step++) {
        unsigned empty = bucket_empty(&buckets[i]);
        if (empty) {
            uint32_t index = (uint32_t)__builtin_ctz(empty);
            bucket_set(&buckets[i], index, bucket_tag(hash), e);
            *at = (struct place){ &buckets[i], index };
            for (uint32_t p = home; p != i; p = p + 1 == n ? 0 : p + 1)
                buckets[p].passed++;
            return true;
        }
        i = i + 1 == n ? 0 : i + 1;
    }
    return false;
}

void segment_clear(uint64_t word, uint64_t hash, struct place at)
{
    struct bucket *buckets = segment_buckets(word);
    uint32_t n = segment_bucket_count(word);
    uint32_t found = (uint32_t)(at.bucket - buckets);
    assert(found < n);
    for (uint32_t p = segment_home(word, hash); p != found; p = p + 1 == n ? 0 : p + 1) {
        assert(buckets[p].passed > 0);
        buckets[p].passed--;
    }
    at.bucket->tags[at.index] = BUCKET_EMPTY_TAG;
}

bool segment_find_entry(uint64_t word, const struct entry *e, uint64_t hash, struct place *at)
{
    struct bucket *buckets = segment_buckets(word);
    uint32_t n = segment_bucket_count(word);
    uint32_t i = segment_home(word, hash);
    for (uint32_t step = 0; step <= SEGMENT_REACH; step++) {
        struct bucket *b = &buckets[i];
        for (unsigned m = bucket_match(b, bucket_tag(hash)); m; m &= m - 1) {
            uint32_t index = (uint32_t)__builtin_ctz(m);
            if (bucket_get(b, index) == e) {
                *at = (struct place){ b, index };
                return true;
            }
        }
        if (!b->passed)
            return false;
        i = i + 1 == n ? 0 : i + 1;
    }
    return false;
}

static uint64_t entry_hash(const struct entry *e, uint64_t seed)
{
    return hash_bytes(entry_key(e), seed);
}

uint32_t segment_items(uint64_t word, uint64_t seed, struct segment_item *items)
{
    const struct bucket *buckets = segment_buckets(word);
    uint32_t count = 0;
    for (uint32_t i = 0; i < segment_bucket_count(word); i++) {
        for (unsigned m = bucket_used(&buckets[i]); m; m &= m - 1) {
            struct entry *e = bucket_get(&buckets[i], (unsigned)__builtin_ctz(m));
            __builtin_prefetch(e);
            items[count++].entry = e;
        }
    }
    assert(count == segment_count(word));
    for (uint32_t i = 0; i < count; i++)
        items[i].hash = entry_hash(items[i].entry, seed);
    return count;
}

void segment_free(uint64_t word)
{
    alloc_put_aligned(segment_buckets(word));
}

/* All items into so many buckets; false: some did not find room. */
static bool fill(uint64_t word, const struct segment_item *items, uint32_t count)
{
    struct place at;
    memset(segment_buckets(word), 0, segment_bucket_count(word) * sizeof(struct bucket));
    for (uint32_t i = 0; i < count; i++)
        if (!segment_put(word, items[i].entry, items[i].hash, &at))
            return false;
    return true;
}

int segment_build(const struct segment_item *items, uint32_t count, unsigned depth,
                  uint32_t min_buckets, uint64_t *word)
{
    assert(depth <= SEGMENT_DEPTH_MAX);
    uint32_t n = segment_fit(count);
    if (n < min_buckets)
        n = min_buckets;
    for (; n != 0; n = segment_next_size(n)) {
        struct bucket *buckets = alloc_get_aligned(BUCKET_BYTES, n * sizeof(*buckets));
        if (!buckets)
            return -ENOMEM;
        uint64_t w = (uint64_t)(uintptr_t)buckets | (n - 1) | (uint64_t)depth << 48;
        if (fill(w, items, count)) {
            *word = segment_with_count(w, count);
            return 0;
        }
        alloc_put_aligned(buckets);
    }
    return -ENOSPC;
}

uint32_t segment_visit_home(uint64_t word, uint32_t home, uint64_t seed, segment_visit fn,
                            void *arg)
{
    const struct bucket *buckets = segment_buckets(word);
    uint32_t n = segment_bucket_count(word);
    uint32_t visited = 0, i = home;
    for (uint32_t step = 0; step <= reach(n); step++) {
        for (unsigned m = bucket_used(&buckets[i]); m; m &= m - 1) {
            struct entry *e = bucket_get(&buckets[i], (unsigned)__builtin_ctz(m));
            if (segment_home(word, entry_hash(e, seed)) != home)
                continue;
            fn(arg, e);
            visited++;
        }
        if (!buckets[i].passed)
            break;
        i = i + 1 == n ? 0 : i + 1;
    }
    return visited;
}
