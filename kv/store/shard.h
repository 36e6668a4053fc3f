/* shard: one part of the keyspace, with a table for each database. It knows no connection, no reply and no other thread:
 * whoever holds it calls, and nobody else (shard_hold and shard_release say who, and asserts keep to it).
 *
 * There is one entry point for reading (shard_find, shard_peek) and one for writing (shard_edit). Every change of a key goes
 * through an edit and ends in edit_changed(): there, and nowhere else, will hang what must know of changes (WATCH,
 * notifications, tracking, journal, snapshots).
 *
 * Time: Unix milliseconds, set by the holder (shard_set_now), never going back. A key whose time has come does not
 * exist for any of these functions; finding one frees it. */
#ifndef KV_STORE_SHARD_H
#define KV_STORE_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/slice.h"
#include "kv/store/entry.h"

struct shard;

struct key {
    struct slice name;
    uint64_t hash; /* hash_bytes(name, the server's seed) */
};

struct shard_options {
    int databases;
    uint64_t hash_seed;
};

/* What a shard counts. Written by the holder; single fields may be read by any thread (relaxed). */
struct shard_stats {
    _Atomic uint64_t hits, misses, expired;
    _Atomic uint64_t expired_late_count; /* removed in the background, and how late they were */
    _Atomic uint64_t expire_lag_us_sum;
    _Atomic uint64_t expire_lag_ms_max;  /* since the last RESETSTAT */
    _Atomic uint64_t expire_lag_ms_last; /* of the most recent removal */
    _Atomic uint64_t memory_bytes;       /* entries and tables, as the allocator counts */
    _Atomic uint64_t lazyfree_pending;   /* entries waiting in shard_free_some() */
    _Atomic uint64_t lazyfreed;
};

struct shard *shard_new(const struct shard_options *o); /* NULL: out of memory */
void shard_free(struct shard *s);
struct shard_stats *shard_stats(struct shard *s);
void shard_set_now(struct shard *s, int64_t now_ms);
int64_t shard_now(const struct shard *s);
/* The holder's name is any address; taking over asserts that it was let go. */
void shard_hold(struct shard *s, const void *holder);
void shard_release(struct shard *s, const void *holder);

/* ---- reading ---- */
/* Counts a hit or miss and renews the idle time. NULL: no such key. */
struct entry *shard_find(struct shard *s, int db, const struct key *k);
/* Neither counts nor renews. */
struct entry *shard_peek(struct shard *s, int db, const struct key *k);
/* Two passes before a batch: first the bucket's cache line, then, the line being there, the entry's. */
void shard_prefetch_bucket(const struct shard *s, int db, uint64_t hash);
void shard_prefetch_entry(const struct shard *s, int db, uint64_t hash);

/* ---- writing ---- */
struct edit {
    struct shard *shard;
    struct key key;
    int db;
    struct entry *entry; /* what is there now, NULL: nothing */
    void *
        bucket_; /* private to store/, as the rest: where it is, as long as moves_ says that nothing has moved */
    uint32_t index_;
    uint64_t moves_;
};

/* Finds the key to change it. Until the edit is last used no other call may change the same shard, except other edits of
 * other keys when this one has been used up. Changes nothing by itself; renews the idle time. */
void shard_edit(struct shard *s, int db, const struct key *k, struct edit *ed);
/* 0 or -ENOMEM: nothing changed. at_ms may lie in the past: the key is then due at once. EXPIRE_NONE takes it off. */
int edit_set_expiry(struct edit *ed, int64_t at_ms);
void edit_delete(struct edit *ed); /* ed->entry may be huge: what it holds is freed in slices */
/* Takes the entry out, without freeing it. The caller owns it until edit_put() or entry_discard(). */
struct entry *edit_take(struct edit *ed);
/* Puts a taken entry in, under ed's key, with the expiry it has, in place of what is there. -ENOMEM: nothing changed and the
 * entry is still the caller's. */
int edit_put(struct edit *ed, struct entry *e);
/* A deep copy of src (of any shard held) under ed's key, in place of what is there, with src's expiry. */
int edit_copy(struct edit *ed, const struct entry *src);
void entry_discard(struct shard *s, struct entry *e);

/* ---- whole databases ---- */
uint64_t shard_count(const struct shard *s, int db); /* any thread, relaxed: keys, due or not */
uint64_t shard_expires_count(const struct shard *s, int db); /* any thread, relaxed */
int64_t shard_avg_ttl_ms(const struct shard *s, int db);     /* estimate, for INFO */
/* Empties a database at once; the entries are freed by shard_free_some(). */
void shard_flush(struct shard *s, int db);
void shard_swap(struct shard *s, int db1, int db2);
/* A random key, NULL if there is none. `random` is any 64 random bits. */
struct entry *shard_random(struct shard *s, int db, uint64_t random);
/* Visits every entry that lives through a full round of calls at least once, from cursor 0 until it returns 0, also
 * while the table grows and shrinks. Each call visits about `count` entries. The cursor has 48 bits. fn changes nothing. */
typedef void (*shard_visit)(void *arg, struct entry *e);
uint64_t shard_scan(struct shard *s, int db, uint64_t cursor, size_t count, shard_visit fn,
                    void *arg);

/* ---- in the background, in slices ---- */
/* Removes keys that are due, oldest first, at most `limit`; returns how many. Work in proportion to the due ones. Part of
 * the limit may go into sorting keys that are due soon, so fewer than `limit` does not mean that none is left: that is so
 * when shard_next_expiry_ms() is in the future. */
size_t shard_expire_due(struct shard *s, size_t limit);
/* When the next key may be due; INT64_MAX: never. */
int64_t shard_next_expiry_ms(const struct shard *s);
/* Frees up to `limit` entries of flushed databases, or parts of deleted big values that take as long; true: there is more. */
bool shard_free_some(struct shard *s, size_t limit);

#endif
