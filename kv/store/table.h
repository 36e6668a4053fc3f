/* table: the keys of one database in one shard. A directory, indexed by the upper bits of the hash, of segments, of which several
 * neighbouring slots may hold the same one (extendible hashing). A segment grows a little at a time and splits when it has
 * reached its greatest size, so no insert pays for more than one segment. Segments shrink and merge in the same steps.
 *
 * The table owns its buckets, not the entries. Only the thread that holds the shard calls. For store/ alone. */
#ifndef KV_STORE_TABLE_H
#define KV_STORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kv/store/segment.h"

struct table {
    uint64_t *
        dir; /* words of segments; a segment's count is right in its first slot only. NULL: nothing was put in */
    unsigned depth; /* 2^depth slots */
    uint64_t seed;
    uint64_t count;         /* entries */
    uint64_t deepest_count; /* segments that have one slot only */
    size_t bytes;           /* directory and buckets, as the allocator counts */
};

static inline uint64_t table_slot(const struct table *t, uint64_t hash)
{
    return hash >> 1 >> (63 - t->depth);
}

void table_init(struct table *t, uint64_t seed);
/* Frees what the table owns. */
void table_deinit(struct table *t);

/* To find a key: lookup.h. Where this very entry is. False: not in this table. */
bool table_find_entry(const struct table *t, const struct entry *e, uint64_t hash,
                      struct place *at);
/* Its key must not be in yet. 0 or -ENOMEM: nothing changed. Other places are no longer valid. */
int table_insert(struct table *t, struct entry *e, uint64_t hash, struct place *at);
/* Puts e where an entry of the same key is. */
void table_replace(struct place at, struct entry *e, uint64_t hash);
/* Never fails. Other places are no longer valid. */
void table_remove(struct table *t, uint64_t hash, struct place at);

/* See shard_scan(). */
uint64_t table_scan(const struct table *t, uint64_t cursor, size_t count, segment_visit fn,
                    void *arg);
/* A random entry, NULL if the table is empty. Each is as likely as any other, all but exactly. */
struct entry *table_random(const struct table *t, uint64_t random);

/* Takes out any entry, going through the table from its beginning; *position starts at 0. For a table that is being taken
 * apart: segments that were passed are freed. NULL: there is nothing left and all memory has been freed. */
struct table_sweep {
    uint64_t slot;
    uint32_t bucket;
};
struct entry *table_sweep(struct table *t, struct table_sweep *at);

/* Walks everything and asserts what must hold. For tests and debugging. */
void table_check(const struct table *t);

#endif
