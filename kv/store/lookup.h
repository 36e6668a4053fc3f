/* lookup: finding a key in a table, the one path that every command takes: in a header, so that it costs no calls. In a
 * batch each step is taken for all keys before the next one, and memory is waited for once: the bucket's line, then the
 * entry's, then the comparison. For store/ alone; on the thread that holds the shard. */
#ifndef KV_STORE_LOOKUP_H
#define KV_STORE_LOOKUP_H

#include "kv/store/entry_layout.h"
#include "kv/store/table.h"

static inline void table_prefetch_bucket(const struct table *t, uint64_t hash);
static inline void table_prefetch_entry(const struct table *t, uint64_t hash);
/* NULL: not there, *at unchanged. */
static inline struct entry *table_find(const struct table *t, struct slice key, uint64_t hash,
                                       struct place *at);

static inline void lookup_prefetch(const void *line)
{
    __builtin_prefetch(line);
    /* Without it gcc takes a function that does nothing but prefetch for one that does nothing, and leaves out the call. */
    __asm__ volatile("" : : "r"(line));
}

static inline void table_prefetch_bucket(const struct table *t, uint64_t hash)
{
    if (!t->dir)
        return;
    uint64_t word = t->dir[table_slot(t, hash)];
    lookup_prefetch(&segment_buckets(word)[segment_home(word, hash)]);
}

static inline void table_prefetch_entry(const struct table *t, uint64_t hash)
{
    if (!t->dir)
        return;
    uint64_t word = t->dir[table_slot(t, hash)];
    const struct bucket *buckets = segment_buckets(word);
    uint32_t n = segment_bucket_count(word), i = segment_home(word, hash);
    uint8_t tag = bucket_tag(hash);
    /* Few entries are not at home, but to wait for those costs more than to look. */
    for (uint32_t step = 0; step <= SEGMENT_REACH; step++) {
        unsigned m = bucket_match(&buckets[i], tag);
        if (m) {
            const char *e = (const char *)bucket_get(&buckets[i], (unsigned)__builtin_ctz(m));
            lookup_prefetch(e);
            lookup_prefetch(e + BUCKET_BYTES);
            return;
        }
        if (!buckets[i].passed)
            return;
        i = i + 1 == n ? 0 : i + 1;
    }
}

static inline bool lookup_bytes_equal(const char *a, const char *b, size_t len)
{
    /* Most keys are this long, and a call costs as much as the comparison. */
    if (len >= 8 && len <= 16) {
        uint64_t a0, b0, a1, b1;
        memcpy(&a0, a, 8);
        memcpy(&b0, b, 8);
        memcpy(&a1, a + len - 8, 8);
        memcpy(&b1, b + len - 8, 8);
        return ((a0 ^ b0) | (a1 ^ b1)) == 0;
    }
    return len == 0 || memcmp(a, b, len) == 0;
}

static inline bool lookup_matches(const struct entry *e, struct slice key)
{
    if (key.len <= ENTRY_SHORT_KEY_MAX)
        return e->key_len == key.len && !(e->flags & ENTRY_LONG_KEY) &&
               lookup_bytes_equal((const char *)(e + 1), key.ptr, key.len);
    return entry_key_len(e) == key.len && memcmp(entry_key_ptr(e), key.ptr, key.len) == 0;
}

static inline struct entry *table_find(const struct table *t, struct slice key, uint64_t hash,
                                       struct place *at)
{
    if (!t->dir)
        return NULL;
    uint64_t word = t->dir[table_slot(t, hash)];
    struct bucket *buckets = segment_buckets(word);
    uint32_t n = segment_bucket_count(word), i = segment_home(word, hash);
    uint8_t tag = bucket_tag(hash);
    /* The bound matters only where every bucket was passed by. */
    for (uint32_t step = 0; step <= SEGMENT_REACH; step++) {
        struct bucket *b = &buckets[i];
        for (unsigned m = bucket_match(b, tag); m; m &= m - 1) {
            uint32_t index = (uint32_t)__builtin_ctz(m);
            struct entry *e = bucket_get(b, index);
            if (lookup_matches(e, key)) {
                *at = (struct place){ b, index };
                return e;
            }
        }
        if (!b->passed)
            return NULL;
        i = i + 1 == n ? 0 : i + 1;
    }
    return NULL;
}

#endif
