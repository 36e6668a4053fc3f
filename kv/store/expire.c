/* Removing what is due, in the background. On the thread that holds the shard. */
#include "kv/base/hash.h"
#include "kv/store/shard_layout.h"

static void count_lag(struct shard *s, int64_t at_ms)
{
    uint64_t lag_ms = s->now_ms > at_ms ? (uint64_t)s->now_ms - (uint64_t)at_ms : 0;
    struct shard_stats *st = &s->stats;
    stat_add(&st->expired, 1);
    stat_add(&st->expired_late_count, 1);
    stat_add(&st->expire_lag_us_sum, lag_ms * 1000);
    atomic_store_explicit(&st->expire_lag_ms_last, lag_ms, memory_order_relaxed);
    if (lag_ms > stat_get(&st->expire_lag_ms_max))
        atomic_store_explicit(&st->expire_lag_ms_max, lag_ms, memory_order_relaxed);
}

/* The wheel has let go of it already. */
static void remove_due(struct shard *s, int db, struct entry *e)
{
    struct db *d = shard_db(s, db);
    int64_t at_ms = entry_node(e)->at_ms;
    uint64_t hash = hash_bytes(entry_key(e), s->options.hash_seed);
    struct place at;
    bool found = table_find_entry(&d->table, e, hash, &at);
    assert(found);
    d->expiry_sum_ms -= (unsigned __int128)at_ms;
    stat_add(&d->expires_count, (uint64_t)-1);
    shard_remove_(s, db, e, hash, at);
    shard_free_entry_(s, e);
    count_lag(s, at_ms);
}

size_t shard_expire_due(struct shard *s, size_t limit)
{
    assert(s->holder);
    size_t removed = 0, budget = limit, bytes = wheel_bytes(&s->wheel);
    enum wheel_kind kind;
    struct wheel_node *node;
    while ((node = wheel_take_due(&s->wheel, s->now_ms, &budget, &kind))) {
        assert(kind == WHEEL_KEY);
        int db = s->db_of_id[wheel_node_owner(node)];
        /* Flushed: it is nobody's key any more, and only waits to be freed. */
        if (db == SHARD_DB_NONE)
            continue;
        remove_due(s, db, entry_of_node(node));
        removed++;
    }
    stat_add(&s->stats.memory_bytes, wheel_bytes(&s->wheel) - bytes);
    return removed;
}

int64_t shard_next_expiry_ms(const struct shard *s)
{
    assert(s->holder);
    return wheel_next_ms(&s->wheel);
}
