/* Going through a table: scan, random, check. A cursor is a position in the order of the hashes' upper 48 bits. All that lies
 * below was visited; growing, splitting and merging never change that order, so they cannot hide an entry from a scan. */
#include <assert.h>

#include "kv/base/hash.h"
#include "kv/store/entry_layout.h"
#include "kv/store/table.h"

enum {
    EMPTY_BUCKETS_PER_ENTRY = 10, /* a scan passes by so many before it takes a break */
    RANDOM_TRIES_MAX = 128
};

static const uint64_t POSITION_END = 1ull << SEGMENT_POSITION_BITS;

static uint64_t slot_of_position(const struct table *t, uint64_t position)
{
    return position >> (SEGMENT_POSITION_BITS - t->depth);
}

uint64_t table_scan(const struct table *t, uint64_t cursor, size_t count, segment_visit fn,
                    void *arg)
{
    uint64_t position = cursor & (POSITION_END - 1);
    size_t visited = 0, buckets = 0;
    if (!t->dir || t->count == 0)
        return 0;
    do {
        uint64_t word = t->dir[slot_of_position(t, position)];
        uint64_t span = segment_span(word);
        uint64_t begin = position & ~(span - 1);
        uint32_t n = segment_bucket_count(word);
        uint32_t home = segment_home(word, position << 16);
        visited += segment_visit_home(word, home, t->seed, fn, arg);
        buckets++;
        /* The first position whose home is the next bucket, rounded up as the home is rounded down. */
        position = begin + ((home + 1) * span + n - 1) / n;
    } while (position < POSITION_END && visited < count &&
             buckets < count * EMPTY_BUCKETS_PER_ENTRY + 1);
    return position < POSITION_END ? position : 0;
}

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static struct entry *first_from(const struct table *t, uint64_t slot)
{
    for (uint64_t i = 0; i < 1ull << t->depth; i++) {
        uint64_t word = t->dir[(slot + i) & ((1ull << t->depth) - 1)];
        for (uint32_t b = 0; b < segment_bucket_count(word); b++) {
            unsigned used = bucket_used(&segment_buckets(word)[b]);
            if (used)
                return bucket_get(&segment_buckets(word)[b], (unsigned)__builtin_ctz(used));
        }
    }
    return NULL;
}

struct entry *table_random(const struct table *t, uint64_t random)
{
    if (!t->dir || t->count == 0)
        return NULL;
    /* Draw one place of all that the segments would have at their greatest size, until there is an entry in it: so the
     * size of a segment does not matter. A lone segment may be small, and then its size is the measure. */
    uint32_t buckets_max = t->depth ? SEGMENT_BUCKETS_MAX : segment_bucket_count(t->dir[0]);
    uint64_t slot = 0;
    for (int i = 0; i < RANDOM_TRIES_MAX; i++) {
        random = mix(random);
        slot = t->depth ? random >> (64 - t->depth) : 0;
        uint64_t word = t->dir[slot];
        uint64_t aliases = 1ull << (t->depth - segment_depth(word));
        if (slot & (aliases - 1))
            continue;
        uint32_t place = (uint32_t)((random & 0xffffff) * (buckets_max * BUCKET_ENTRIES) >> 24);
        uint32_t bucket = place / BUCKET_ENTRIES, index = place % BUCKET_ENTRIES;
        if (bucket >= segment_bucket_count(word))
            continue;
        const struct bucket *b = &segment_buckets(word)[bucket];
        if (b->tags[index] != BUCKET_EMPTY_TAG)
            return bucket_get(b, index);
    }
    return first_from(t, slot);
}

static uint32_t check_segment(const struct table *t, uint64_t word, uint64_t prefix)
{
    const struct bucket *buckets = segment_buckets(word);
    uint32_t n = segment_bucket_count(word), count = 0;
    uint32_t passed[SEGMENT_BUCKETS_MAX] = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        for (unsigned m = bucket_used(&buckets[i]); m; m &= m - 1) {
            unsigned index = (unsigned)__builtin_ctz(m);
            uint64_t hash = hash_bytes(entry_key(bucket_get(&buckets[i], index)), t->seed);
            assert(buckets[i].tags[index] == bucket_tag(hash));
            assert(hash >> 1 >> (63 - segment_depth(word)) == prefix);
            uint32_t steps = 0;
            for (uint32_t p = segment_home(word, hash); p != i; p = p + 1 == n ? 0 : p + 1) {
                passed[p]++;
                steps++;
            }
            assert(steps <= SEGMENT_REACH);
            count++;
        }
    }
    for (uint32_t i = 0; i < n; i++)
        assert(buckets[i].passed == passed[i]);
    return count;
}

void table_check(const struct table *t)
{
    if (!t->dir) {
        assert(t->count == 0);
        assert(t->bytes == 0);
        return;
    }
    uint64_t count = 0, deepest = 0;
    size_t bytes = alloc_class(sizeof(uint64_t) << t->depth);
    for (uint64_t i = 0; i < 1ull << t->depth;) {
        uint64_t word = t->dir[i];
        unsigned depth = segment_depth(word);
        uint64_t aliases = 1ull << (t->depth - depth);
        assert((i & (aliases - 1)) == 0);
        for (uint64_t k = 1; k < aliases; k++)
            assert(segment_with_count(t->dir[i + k], 0) == segment_with_count(word, 0));
        uint32_t here = check_segment(t, word, i >> (t->depth - depth));
        assert(here == segment_count(word));
        count += here;
        deepest += depth == t->depth;
        bytes += segment_bucket_count(word) * sizeof(struct bucket);
        i += aliases;
    }
    assert(count == t->count);
    assert(deepest == t->deepest_count);
    assert(bytes == t->bytes);
}
