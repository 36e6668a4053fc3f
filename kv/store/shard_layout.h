/* The shard's fields, and what the files of store/ call of each other. For store/ alone. */
#ifndef KV_STORE_SHARD_LAYOUT_H
#define KV_STORE_SHARD_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>

#include "kv/store/entry_layout.h"
#include "kv/store/shard.h"
#include "kv/store/table.h"
#include "kv/store/wheel.h"

enum {
    /* From here on a value is freed in slices. */
    LAZY_BLOB_BYTES = 1024 * 1024,
    SHARD_IDS_MAX = 1 << 16,
    SHARD_DB_NONE = -1
};

struct db {
    struct table table;
    uint16_t id; /* what the table's entries carry in the wheel; SWAPDB moves it with them */
    unsigned __int128 expiry_sum_ms; /* of all expiry times */
    _Atomic uint64_t count;          /* as in the table, for other threads */
    _Atomic uint64_t expires_count;
};

/* A table that was flushed, being taken apart. */
struct flushed {
    struct flushed *next;
    struct table table;
    struct table_sweep sweep;
    uint16_t id;
};

/* A large block that is being freed, written into the block itself. */
struct lazy_blob {
    struct lazy_blob *next;
    size_t bytes; /* as it was allocated */
    size_t rest;  /* of which so many still hold memory, from the start */
};

struct shard {
    const void *holder;
    int64_t now_ms;
    uint32_t clock_s;
    int db_count;
    uint64_t moves; /* counts what makes places in tables invalid */
    struct db *dbs;

    struct flushed *flushed;
    struct lazy_blob *blobs;
    int32_t *db_of_id; /* SHARD_DB_NONE: flushed, or not in use */
    uint32_t id_count, id_capacity;
    uint16_t *free_ids;
    uint32_t free_id_count;

    struct shard_options options;
    struct shard_stats stats;
    struct wheel wheel;
};

/* Only the holder writes, so there is nothing to lock. */
static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline uint64_t stat_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline struct db *shard_db(struct shard *s, int db)
{
    assert(s->holder);
    assert((unsigned)db < (unsigned)s->db_count);
    return &s->dbs[db];
}

/* Both keep the accounts and the counts. The entry's expiry, if it has one, comes with it. */
int shard_insert_(struct shard *s, int db, struct entry *e, uint64_t hash, struct place *at);
void shard_remove_(struct shard *s, int db, struct entry *e, uint64_t hash, struct place at);
/* Arms e, which is in database db or about to be, or changes the time. 0 or -ENOMEM: nothing changed. */
int shard_arm_(struct shard *s, int db, struct entry *e, int64_t at_ms);
/* Takes e's expiry out of the wheel and out of the sums. Its time stays written in it. */
void shard_disarm_(struct shard *s, int db, struct entry *e);
/* Frees an entry that is in no table and no wheel; what is big is freed later. Its bytes leave the accounts. */
void shard_free_entry_(struct shard *s, struct entry *e);
/* As shard_free_entry_() for a value's block. */
void shard_free_blob_(struct shard *s, char *ptr, size_t bytes);

/* An id for a table. -1: out of ids or memory. */
int shard_id_new_(struct shard *s, int db);
void shard_id_free_(struct shard *s, uint16_t id);
/* Everything at once, for the end. */
void shard_lazyfree_all_(struct shard *s);

#endif
