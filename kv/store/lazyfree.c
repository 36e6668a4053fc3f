/* Freeing in slices: the tables of flushed databases, and values so large that giving them back takes long.
 * On the thread that holds the shard. */
#include <sys/mman.h>

#include "kv/store/shard_layout.h"

enum {
    /* So much of a large value is given back in one slice. */
    BLOB_SLICE_BYTES = 1024 * 1024,
    /* And takes about as long as so many entries. */
    BLOB_SLICE_ENTRIES = 250,
    PAGE_BYTES = 4096
};

/* ---- ids of tables ---- */

static bool ids_grow(struct shard *s)
{
    uint32_t capacity = s->id_capacity ? s->id_capacity * 2 : 32;
    int32_t *db_of_id = alloc_get(capacity * sizeof(*db_of_id));
    uint16_t *free_ids = alloc_get(capacity * sizeof(*free_ids));
    if (!db_of_id || !free_ids || capacity > SHARD_IDS_MAX) {
        alloc_put(db_of_id, capacity * sizeof(*db_of_id));
        alloc_put(free_ids, capacity * sizeof(*free_ids));
        return false;
    }
    if (s->id_count)
        memcpy(db_of_id, s->db_of_id, s->id_count * sizeof(*db_of_id));
    alloc_put(s->db_of_id, s->id_capacity * sizeof(*db_of_id));
    alloc_put(s->free_ids, s->id_capacity * sizeof(*free_ids));
    s->db_of_id = db_of_id;
    s->free_ids = free_ids; /* empty, or there was no need to grow */
    s->id_capacity = capacity;
    return true;
}

int shard_id_new_(struct shard *s, int db)
{
    uint32_t id;
    if (s->free_id_count) {
        id = s->free_ids[--s->free_id_count];
    } else {
        if (s->id_count == s->id_capacity && !ids_grow(s))
            return -1;
        id = s->id_count++;
    }
    s->db_of_id[id] = db;
    return (int)id;
}

void shard_id_free_(struct shard *s, uint16_t id)
{
    s->db_of_id[id] = SHARD_DB_NONE;
    s->free_ids[s->free_id_count++] = id;
}

/* ---- flushed databases ---- */

/* Frees one entry of a table that belongs to nobody. False: there is none left and the table is gone. */
static bool sweep_one(struct shard *s, struct table *t, struct table_sweep *at)
{
    size_t bytes = t->bytes, wheel = wheel_bytes(&s->wheel);
    struct entry *e = table_sweep(t, at);
    if (e) {
        if (e->flags & ENTRY_EXPIRY)
            wheel_remove(&s->wheel, entry_node(e));
        shard_free_entry_(s, e);
    }
    stat_add(&s->stats.memory_bytes, t->bytes - bytes);
    stat_add(&s->stats.memory_bytes, wheel_bytes(&s->wheel) - wheel);
    return e;
}

void shard_flush(struct shard *s, int db)
{
    struct db *d = shard_db(s, db);
    if (d->table.count == 0) {
        stat_add(&s->stats.memory_bytes, -(uint64_t)d->table.bytes);
        table_deinit(&d->table);
        return;
    }
    struct table table = d->table;
    table_init(&d->table, s->options.hash_seed);
    d->expiry_sum_ms = 0;
    atomic_store_explicit(&d->count, 0, memory_order_relaxed);
    atomic_store_explicit(&d->expires_count, 0, memory_order_relaxed);
    s->moves++;

    struct flushed *f = alloc_get(sizeof(*f));
    int id = f ? shard_id_new_(s, db) : -1;
    if (id < 0) {
        /* No memory even for the note that there is something to free: free it now. */
        alloc_put(f, sizeof(*f));
        struct table_sweep at = { 0, 0 };
        while (sweep_one(s, &table, &at))
            ;
        return;
    }
    *f = (struct flushed){ .next = s->flushed, .table = table, .id = d->id };
    s->flushed = f;
    s->db_of_id[d->id] = SHARD_DB_NONE;
    d->id = (uint16_t)id;
    stat_add(&s->stats.lazyfree_pending, table.count);
}

/* ---- large values ---- */

void shard_free_blob_(struct shard *s, char *ptr, size_t bytes)
{
    if (bytes < LAZY_BLOB_BYTES) {
        stat_add(&s->stats.memory_bytes, -(uint64_t)alloc_class(bytes));
        alloc_put(ptr, bytes);
        return;
    }
    struct lazy_blob *b = (struct lazy_blob *)ptr;
    *b = (struct lazy_blob){ .next = s->blobs, .bytes = bytes, .rest = bytes };
    s->blobs = b;
    stat_add(&s->stats.lazyfree_pending, 1);
}

/* Gives the last part back to the system; the first part, with the note in it, goes with the block itself. Without this
 * the allocator would give back all of it in one go, now or at a time of its own. */
static void blob_slice(struct shard *s)
{
    struct lazy_blob *b = s->blobs;
    if (b->rest > BLOB_SLICE_BYTES) {
        size_t from = b->rest - BLOB_SLICE_BYTES;
        uintptr_t page = ((uintptr_t)b + from + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
        uintptr_t end = ((uintptr_t)b + b->rest) & ~(uintptr_t)(PAGE_BYTES - 1);
        if (page < end)
            madvise((void *)page, end - page, MADV_DONTNEED);
        b->rest = from;
        return;
    }
    s->blobs = b->next;
    size_t bytes = b->bytes;
    stat_add(&s->stats.memory_bytes, -(uint64_t)alloc_class(bytes));
    stat_add(&s->stats.lazyfree_pending, (uint64_t)-1);
    stat_add(&s->stats.lazyfreed, 1);
    alloc_put(b, bytes);
}

static void flushed_free(struct shard *s, struct flushed *f)
{
    bool more = sweep_one(s, &f->table, &f->sweep);
    assert(!more);
    s->flushed = f->next;
    shard_id_free_(s, f->id);
    alloc_put(f, sizeof(*f));
}

bool shard_free_some(struct shard *s, size_t limit)
{
    assert(s->holder);
    while (limit > 0) {
        struct flushed *f = s->flushed;
        size_t cost = 1;
        if (s->blobs) {
            blob_slice(s);
            cost = BLOB_SLICE_ENTRIES;
        } else if (!f) {
            return false;
        } else {
            sweep_one(s, &f->table, &f->sweep);
            stat_add(&s->stats.lazyfree_pending, (uint64_t)-1);
            stat_add(&s->stats.lazyfreed, 1);
            /* With its last entry goes the table, so nothing is left when nothing is pending. */
            if (f->table.count == 0)
                flushed_free(s, f);
        }
        limit -= cost < limit ? cost : limit;
    }
    return s->blobs || s->flushed;
}

void shard_lazyfree_all_(struct shard *s)
{
    while (shard_free_some(s, SIZE_MAX))
        ;
}
