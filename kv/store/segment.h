/* segment: a run of 1 to SEGMENT_BUCKETS_MAX buckets that hold the entries whose hash begins with certain `depth` bits. All
 * that is known of it stands in one word, which is what a table's directory holds:
 *
 *      63      54 53   48 47              6 5          0
 *      entries    depth   address           buckets - 1
 *
 * An entry's home bucket follows from the hash monotonically, so the order by hash is kept by any number of buckets. If the
 * home is full the entry lies in one of the next SEGMENT_REACH buckets, the first following the last.
 * Only the low 48 bits of an address are in use; only the upper 48 bits of a hash decide the place. For store/ alone. */
#ifndef KV_STORE_SEGMENT_H
#define KV_STORE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/slice.h"
#include "kv/store/bucket.h"

enum {
    SEGMENT_BUCKETS_MAX = 64,
    SEGMENT_ENTRIES_MAX = SEGMENT_BUCKETS_MAX * BUCKET_ENTRIES,
    SEGMENT_REACH = 7,
    SEGMENT_DEPTH_MAX = 36,
    SEGMENT_POSITION_BITS = 48
};

struct place {
    struct bucket *bucket;
    uint32_t index;
};

/* What a segment is made of, when it is built anew. */
struct segment_item {
    struct entry *entry;
    uint64_t hash;
};

static inline struct bucket *segment_buckets(uint64_t word)
{
    return (struct bucket *)(uintptr_t)(word & 0x0000ffffffffffc0ull);
}
static inline uint32_t segment_bucket_count(uint64_t word)
{
    return (uint32_t)(word & 63) + 1;
}
static inline unsigned segment_depth(uint64_t word)
{
    return (unsigned)(word >> 48 & 63);
}
static inline uint32_t segment_count(uint64_t word)
{
    return (uint32_t)(word >> 54);
}
static inline uint64_t segment_with_count(uint64_t word, uint32_t count)
{
    return (word << 10 >> 10) | (uint64_t)count << 54;
}
/* How many 1/2^48ths of all hashes it spans. */
static inline uint64_t segment_span(uint64_t word)
{
    return 1ull << (SEGMENT_POSITION_BITS - segment_depth(word));
}
static inline uint32_t segment_home(uint64_t word, uint64_t hash)
{
    uint64_t below = (hash & ~0xffffull) << segment_depth(word);
    return (uint32_t)((unsigned __int128)below * segment_bucket_count(word) >> 64);
}

/* A new segment of the items, in the fewest buckets that leave some room. -ENOMEM; -ENOSPC: they do not fit. */
int segment_build(const struct segment_item *items, uint32_t count, unsigned depth,
                  uint32_t min_buckets, uint64_t *word);
void segment_free(uint64_t word);
/* Lists the entries, their hashes computed anew; returns how many. */
uint32_t segment_items(uint64_t word, uint64_t seed, struct segment_item *items);
/* The next number of buckets, 0 if there is none. */
uint32_t segment_next_size(uint32_t buckets);
/* How many entries may be in so many buckets. */
uint32_t segment_limit(uint32_t buckets);
/* The bucket count that suits so many entries, SEGMENT_BUCKETS_MAX if none does. */
uint32_t segment_fit(uint32_t count);

/* False: no room in reach. The word's count is the caller's to change. */
bool segment_put(uint64_t word, struct entry *e, uint64_t hash, struct place *at);
void segment_clear(uint64_t word, uint64_t hash, struct place at);
/* Whether, and where, this very entry is in. */
bool segment_find_entry(uint64_t word, const struct entry *e, uint64_t hash, struct place *at);

/* Calls fn for every entry whose home is this bucket. */
typedef void (*segment_visit)(void *arg, struct entry *e);
uint32_t segment_visit_home(uint64_t word, uint32_t home, uint64_t seed, segment_visit fn,
                            void *arg);

#endif
