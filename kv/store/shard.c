#include "kv/store/shard.h"

#include <errno.h>

#include "kv/base/hash.h"
#include "kv/store/lookup.h"
#include "kv/store/shard_layout.h"

struct shard *shard_new(const struct shard_options *o)
{
    assert(o->databases > 0 && o->databases < SHARD_IDS_MAX / 2);
    struct shard *s = alloc_get(sizeof(*s));
    if (!s)
        return NULL;
    *s = (struct shard){ .options = *o, .db_count = o->databases };
    wheel_init(&s->wheel, 0);
    s->dbs = alloc_get((size_t)o->databases * sizeof(*s->dbs));
    if (!s->dbs)
        goto fail;
    for (int i = 0; i < o->databases; i++) {
        s->dbs[i] = (struct db){ .id = 0 };
        table_init(&s->dbs[i].table, o->hash_seed);
    }
    for (int i = 0; i < o->databases; i++) {
        int id = shard_id_new_(s, i);
        if (id < 0)
            goto fail;
        s->dbs[i].id = (uint16_t)id;
    }
    return s;
fail:
    shard_free(s);
    return NULL;
}

void shard_free(struct shard *s)
{
    if (!s)
        return;
    if (s->dbs) {
        const void *holder = s->holder;
        s->holder = s;
        for (int i = 0; i < s->db_count; i++)
            shard_flush(s, i);
        shard_lazyfree_all_(s);
        s->holder = holder;
        alloc_put(s->dbs, (size_t)s->db_count * sizeof(*s->dbs));
    }
    assert(s->wheel.count == 0);
    wheel_deinit(&s->wheel);
    alloc_put(s->db_of_id, s->id_capacity * sizeof(*s->db_of_id));
    alloc_put(s->free_ids, s->id_capacity * sizeof(*s->free_ids));
    alloc_put(s, sizeof(*s));
}

struct shard_stats *shard_stats(struct shard *s)
{
    return &s->stats;
}

void shard_set_now(struct shard *s, int64_t now_ms)
{
    assert(s->holder);
    if (now_ms <= s->now_ms)
        return;
    s->now_ms = now_ms;
    wheel_set_now(&s->wheel, now_ms);
    s->clock_s = (uint32_t)((uint64_t)(now_ms / 1000) & ENTRY_CLOCK_MASK);
}

int64_t shard_now(const struct shard *s)
{
    return s->now_ms;
}

void shard_hold(struct shard *s, const void *holder)
{
    assert(holder);
    assert(!s->holder);
    s->holder = holder;
}

void shard_release(struct shard *s, const void *holder)
{
    assert(s->holder == holder);
    s->holder = NULL;
}

/* ---- finding ---- */

/* A key that is due is freed here, and not found. */
static struct entry *lookup(struct shard *s, int db, const struct key *k, struct place *at)
{
    struct entry *e = table_find(&shard_db(s, db)->table, k->name, k->hash, at);
    if (e && entry_is_due(e, s->now_ms)) {
        shard_remove_(s, db, e, k->hash, *at);
        shard_free_entry_(s, e);
        stat_add(&s->stats.expired, 1);
        return NULL;
    }
    return e;
}

struct entry *shard_find(struct shard *s, int db, const struct key *k)
{
    struct place at;
    struct entry *e = lookup(s, db, k, &at);
    if (!e) {
        stat_add(&s->stats.misses, 1);
        return NULL;
    }
    stat_add(&s->stats.hits, 1);
    entry_touch(e, s->clock_s);
    return e;
}

struct entry *shard_peek(struct shard *s, int db, const struct key *k)
{
    struct place at;
    return lookup(s, db, k, &at);
}

void shard_edit(struct shard *s, int db, const struct key *k, struct edit *ed)
{
    struct place at = { NULL, 0 };
    struct entry *e = lookup(s, db, k, &at);
    if (e)
        entry_touch(e, s->clock_s);
    *ed = (struct edit){
        .shard = s,
        .key = *k,
        .db = db,
        .entry = e,
        .bucket_ = at.bucket,
        .index_ = at.index,
        .moves_ = s->moves,
    };
}

void shard_prefetch_bucket(const struct shard *s, int db, uint64_t hash)
{
    assert((unsigned)db < (unsigned)s->db_count);
    table_prefetch_bucket(&s->dbs[db].table, hash);
}

void shard_prefetch_entry(const struct shard *s, int db, uint64_t hash)
{
    assert((unsigned)db < (unsigned)s->db_count);
    table_prefetch_entry(&s->dbs[db].table, hash);
}

/* ---- the accounts ---- */

int shard_insert_(struct shard *s, int db, struct entry *e, uint64_t hash, struct place *at)
{
    struct db *d = shard_db(s, db);
    size_t bytes = d->table.bytes;
    int ret = table_insert(&d->table, e, hash, at);
    stat_add(&s->stats.memory_bytes, d->table.bytes - bytes);
    s->moves++;
    if (ret)
        return ret;
    stat_add(&d->count, 1);
    return 0;
}

void shard_remove_(struct shard *s, int db, struct entry *e, uint64_t hash, struct place at)
{
    struct db *d = shard_db(s, db);
    size_t bytes = d->table.bytes;
    shard_disarm_(s, db, e);
    table_remove(&d->table, hash, at);
    stat_add(&s->stats.memory_bytes, d->table.bytes - bytes);
    stat_add(&d->count, (uint64_t)-1);
    s->moves++;
}

int shard_arm_(struct shard *s, int db, struct entry *e, int64_t at_ms)
{
    assert(e->flags & ENTRY_EXPIRY);
    struct db *d = shard_db(s, db);
    struct wheel_node *node = entry_node(e);
    bool was_in = wheel_node_is_in(node);
    int64_t before_ms = node->at_ms;
    size_t bytes = wheel_bytes(&s->wheel);
    if (!was_in)
        wheel_node_set_owner(node, d->id);
    if (wheel_set(&s->wheel, node, WHEEL_KEY, at_ms))
        return -ENOMEM;
    stat_add(&s->stats.memory_bytes, wheel_bytes(&s->wheel) - bytes);
    if (was_in)
        d->expiry_sum_ms -= (unsigned __int128)before_ms;
    else
        stat_add(&d->expires_count, 1);
    d->expiry_sum_ms += (unsigned __int128)at_ms;
    return 0;
}

void shard_disarm_(struct shard *s, int db, struct entry *e)
{
    if (!(e->flags & ENTRY_EXPIRY) || !wheel_node_is_in(entry_node(e)))
        return;
    struct db *d = shard_db(s, db);
    size_t bytes = wheel_bytes(&s->wheel);
    assert(wheel_node_owner(entry_node(e)) == d->id);
    wheel_remove(&s->wheel, entry_node(e));
    stat_add(&s->stats.memory_bytes, wheel_bytes(&s->wheel) - bytes);
    d->expiry_sum_ms -= (unsigned __int128)entry_node(e)->at_ms;
    stat_add(&d->expires_count, (uint64_t)-1);
}

void shard_free_entry_(struct shard *s, struct entry *e)
{
    stat_add(&s->stats.memory_bytes, -(uint64_t)entry_shell_bytes(e));
    if (e->flags & ENTRY_BLOB) {
        struct blob b = entry_blob(e);
        shard_free_blob_(s, b.ptr, b.cap);
    }
    entry_free_shell(e);
}

/* ---- whole databases ---- */

uint64_t shard_count(const struct shard *s, int db)
{
    assert((unsigned)db < (unsigned)s->db_count);
    return stat_get(&s->dbs[db].count);
}

uint64_t shard_expires_count(const struct shard *s, int db)
{
    assert((unsigned)db < (unsigned)s->db_count);
    return stat_get(&s->dbs[db].expires_count);
}

int64_t shard_avg_ttl_ms(const struct shard *s, int db)
{
    assert(s->holder);
    assert((unsigned)db < (unsigned)s->db_count);
    const struct db *d = &s->dbs[db];
    uint64_t n = stat_get(&d->expires_count);
    if (n == 0)
        return 0;
    int64_t ttl_ms = (int64_t)((__int128)d->expiry_sum_ms / (__int128)n) - s->now_ms;
    return ttl_ms > 0 ? ttl_ms : 0;
}

void shard_swap(struct shard *s, int db1, int db2)
{
    struct db *a = shard_db(s, db1), *b = shard_db(s, db2);
    if (a == b)
        return;
    struct table table = a->table;
    a->table = b->table;
    b->table = table;
    uint16_t id = a->id;
    a->id = b->id;
    b->id = id;
    unsigned __int128 sum_ms = a->expiry_sum_ms;
    a->expiry_sum_ms = b->expiry_sum_ms;
    b->expiry_sum_ms = sum_ms;
    uint64_t count = stat_get(&a->count), expires_count = stat_get(&a->expires_count);
    atomic_store_explicit(&a->count, stat_get(&b->count), memory_order_relaxed);
    atomic_store_explicit(&b->count, count, memory_order_relaxed);
    atomic_store_explicit(&a->expires_count, stat_get(&b->expires_count), memory_order_relaxed);
    atomic_store_explicit(&b->expires_count, expires_count, memory_order_relaxed);
    s->db_of_id[a->id] = db1;
    s->db_of_id[b->id] = db2;
    s->moves++;
}

struct entry *shard_random(struct shard *s, int db, uint64_t random)
{
    for (;;) {
        struct entry *e = table_random(&shard_db(s, db)->table, random);
        if (!e || !entry_is_due(e, s->now_ms))
            return e;
        /* Each turn frees a key that is due, so there is an end. */
        struct place at;
        uint64_t hash = hash_bytes(entry_key(e), s->options.hash_seed);
        bool found = table_find_entry(&s->dbs[db].table, e, hash, &at);
        assert(found);
        shard_remove_(s, db, e, hash, at);
        shard_free_entry_(s, e);
        stat_add(&s->stats.expired, 1);
        random = random * 0x5851f42d4c957f2dull + 1;
    }
}

struct scan {
    shard_visit fn;
    void *arg;
    int64_t now_ms;
};

static void scan_visit(void *arg, struct entry *e)
{
    struct scan *scan = arg;
    if (!entry_is_due(e, scan->now_ms))
        scan->fn(scan->arg, e);
}

uint64_t shard_scan(struct shard *s, int db, uint64_t cursor, size_t count, shard_visit fn,
                    void *arg)
{
    struct scan scan = { fn, arg, s->now_ms };
    return table_scan(&shard_db(s, db)->table, cursor, count, scan_visit, &scan);
}
