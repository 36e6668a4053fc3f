/* Keys that fall due, databases that are flushed, values that are freed in slices, and what is left when memory ends. */
#include <criterion/criterion.h>
#include <signal.h>

#include "kv/base/hash.h"
#include "kv/store/shard_layout.h"
#include "kv/types/string.h"

enum { SEED = 3, NOW_MS = 1000000 };

static struct shard *open_shard(void)
{
    struct shard *s = shard_new(&(struct shard_options){ .databases = 4, .hash_seed = SEED });
    shard_hold(s, "test");
    shard_set_now(s, NOW_MS);
    return s;
}

static struct key key_of(char buf[32], int i)
{
    struct slice name = slice_of(buf, (size_t)snprintf(buf, 32, "key:%d", i));
    return (struct key){ name, hash_bytes(name, SEED) };
}

static void set(struct shard *s, int db, int i, const char *value, int64_t at_ms)
{
    char buf[32];
    struct key k = key_of(buf, i);
    struct edit ed;
    shard_edit(s, db, &k, &ed);
    cr_assert_eq(string_set(&ed, slice_str(value), at_ms), 0);
}

static struct entry *find(struct shard *s, int db, int i)
{
    char buf[32];
    struct key k = key_of(buf, i);
    return shard_find(s, db, &k);
}

static struct edit edit(struct shard *s, int db, struct key *k)
{
    struct edit ed;
    shard_edit(s, db, k, &ed);
    return ed;
}

Test(expire, many_keys_of_one_millisecond_go_in_slices)
{
    enum { DUE = 100000, FAR = 50000, SLICE_KEYS = 1000 };
    struct shard *s = open_shard();
    for (int i = 0; i < FAR; i++)
        set(s, 0, i, "far", NOW_MS + 10000000 + i * 10);
    for (int i = 0; i < DUE; i++)
        set(s, 1, i, "due", NOW_MS + 5000);
    cr_assert_eq(shard_expires_count(s, 1), DUE);
    cr_assert_eq(shard_avg_ttl_ms(s, 1), 5000);

    shard_set_now(s, NOW_MS + 4999);
    while (shard_next_expiry_ms(s) <= NOW_MS + 4999)
        cr_assert_eq(shard_expire_due(s, SLICE_KEYS), 0);
    cr_assert_not_null(find(s, 1, 7));

    shard_set_now(s, NOW_MS + 5003);
    cr_assert_null(find(s, 1, 7), "exact on access");
    size_t removed = 0, calls = 0;
    while (shard_next_expiry_ms(s) <= NOW_MS + 5003) {
        size_t n = shard_expire_due(s, SLICE_KEYS);
        cr_assert_leq(n, SLICE_KEYS);
        removed += n;
        calls++;
    }
    cr_assert_eq(removed, DUE - 1);
    cr_assert_lt(calls, 3 * DUE / SLICE_KEYS, "work in proportion to what is due");
    cr_assert_eq(shard_count(s, 1), 0);
    cr_assert_eq(shard_expires_count(s, 1), 0);
    cr_assert_eq(shard_count(s, 0), FAR);

    struct shard_stats *st = shard_stats(s);
    cr_assert_eq(st->expired, DUE);
    cr_assert_eq(st->expired_late_count, DUE - 1);
    cr_assert_eq(st->expire_lag_ms_max, 3);
    cr_assert_eq(st->expire_lag_ms_last, 3);
    cr_assert_eq(st->expire_lag_us_sum, 3000ull * (DUE - 1));
    cr_assert_eq(st->hits, 1);
    cr_assert_eq(st->misses, 1);
    shard_free(s);
}

Test(expire, the_next_time_is_never_late)
{
    struct shard *s = open_shard();
    cr_assert_eq(shard_next_expiry_ms(s), INT64_MAX);
    int64_t at_ms = NOW_MS;
    for (int i = 0; i < 2000; i++) {
        at_ms += 1 + i * 37 % 1000;
        set(s, i % 4, i, "v", at_ms);
    }
    uint64_t left = 2000;
    while (left) {
        int64_t next_ms = shard_next_expiry_ms(s);
        shard_set_now(s, next_ms);
        left -= shard_expire_due(s, 100);
    }
    cr_assert_eq(shard_stats(s)->expire_lag_ms_max, 0);
    cr_assert_eq(shard_next_expiry_ms(s), INT64_MAX);
    shard_free(s);
}

Test(expire, far_keys_cost_nothing_when_time_begins)
{
    int64_t now_ms = 1700000000000;
    struct shard *s = open_shard();
    shard_set_now(s, now_ms);
    for (int i = 0; i < 1000; i++)
        set(s, 0, i, "v", now_ms + 100000 + i);
    cr_assert_eq(shard_expire_due(s, 1), 0);
    cr_assert_gt(shard_next_expiry_ms(s), now_ms);
    shard_free(s);
}

Test(expire, flushed_keys_neither_count_nor_fire)
{
    enum { N = 5000 };
    struct shard *s = open_shard();
    for (int i = 0; i < N; i++)
        set(s, 2, i, "v", NOW_MS + 10 + i % 100);
    uint64_t bytes = shard_stats(s)->memory_bytes;
    shard_flush(s, 2);
    cr_assert_eq(shard_count(s, 2), 0);
    cr_assert_eq(shard_expires_count(s, 2), 0);
    cr_assert_eq(shard_avg_ttl_ms(s, 2), 0);
    cr_assert_eq(shard_stats(s)->lazyfree_pending, N);
    set(s, 2, 1, "new", NOW_MS + 50);
    shard_set_now(s, NOW_MS + 1000);
    size_t removed = 0;
    while (shard_next_expiry_ms(s) <= NOW_MS + 1000)
        removed += shard_expire_due(s, 100);
    cr_assert_eq(removed, 1);
    cr_assert_eq(shard_stats(s)->expired, 1);
    size_t calls = 1;
    while (shard_free_some(s, 100))
        calls++;
    cr_assert_eq(calls, N / 100, "the last slice takes the table with it");
    cr_assert_eq(shard_stats(s)->lazyfreed, N);
    cr_assert_eq(shard_stats(s)->lazyfree_pending, 0);
    cr_assert_lt(shard_stats(s)->memory_bytes, bytes / 10);
    shard_free(s);
}

Test(expire, swapped_databases_keep_their_expiries)
{
    struct shard *s = open_shard();
    set(s, 0, 1, "a", NOW_MS + 10);
    set(s, 1, 2, "b", NOW_MS + 20);
    set(s, 1, 3, "c", EXPIRE_NONE);
    shard_swap(s, 0, 1);
    cr_assert_eq(shard_count(s, 0), 2);
    cr_assert_eq(shard_expires_count(s, 0), 1);
    cr_assert_eq(shard_avg_ttl_ms(s, 0), 20);
    shard_set_now(s, NOW_MS + 15);
    cr_assert_eq(shard_expire_due(s, 100), 1);
    cr_assert_eq(shard_count(s, 1), 0);
    cr_assert_eq(shard_count(s, 0), 2);
    shard_set_now(s, NOW_MS + 25);
    cr_assert_eq(shard_expire_due(s, 100), 1);
    cr_assert_not_null(find(s, 0, 3));
    shard_free(s);
}

Test(expire, random_never_gives_what_is_due)
{
    struct shard *s = open_shard();
    for (int i = 0; i < 1000; i++)
        set(s, 0, i, "v", i == 500 ? EXPIRE_NONE : NOW_MS + 5);
    shard_set_now(s, NOW_MS + 5);
    char buf[32];
    cr_assert(slice_eq(entry_key(shard_random(s, 0, 12345)), key_of(buf, 500).name));
    cr_assert_null(shard_random(s, 1, 1));
    shard_free(s);
}

Test(expire, far_and_odd_times)
{
    struct shard *s = open_shard();
    static const int64_t times[] = { INT64_MAX, INT64_MAX - 1, 1ll << 48, (1ll << 62) + 5 };
    for (int i = 0; i < 4; i++) {
        set(s, 0, i, "v", times[i]);
        cr_assert_eq(entry_expire_at_ms(find(s, 0, i)), times[i]);
    }
    set(s, 0, 9, "v", 0);
    cr_assert_null(find(s, 0, 9));
    set(s, 0, 9, "v", -1000);
    cr_assert_null(find(s, 0, 9));
    shard_free(s);
}

Test(lazyfree, large_values_go_in_slices_whatever_removed_them)
{
    enum { BIG = 20 * 1024 * 1024 };
    struct shard *s = open_shard();
    char buf[32];
    struct key k = key_of(buf, 1);
    for (int how = 0; how < 4; how++) {
        struct edit ed = edit(s, 0, &k);
        memset(string_resize(&ed, BIG), 'x', BIG);
        if (how == 0)
            edit_delete(&ed);
        else if (how == 1)
            cr_assert_eq(string_set(&ed, SLICE("small"), EXPIRE_NONE), 0);
        else if (how == 2)
            entry_discard(s, edit_take(&ed));
        else
            cr_assert_eq(edit_set_expiry(&ed, NOW_MS - 1), 0);
        if (how == 3)
            cr_assert_eq(shard_expire_due(s, 10), 1);
        cr_assert_eq(shard_stats(s)->lazyfree_pending, 1);
        cr_assert_geq(shard_stats(s)->memory_bytes, BIG);
        size_t calls = 1;
        while (shard_free_some(s, 100))
            calls++;
        cr_assert_geq(calls, BIG / 1024 / 1024);
        cr_assert_lt(shard_stats(s)->memory_bytes, 100000);
        cr_assert_eq(shard_stats(s)->lazyfreed, how + 1);
    }
    shard_free(s);
}

Test(shard_hold, asserts_that_it_was_let_go, .signal = SIGABRT)
{
    struct shard *s = open_shard();
    shard_hold(s, s);
}

Test(shard_hold, asserts_that_somebody_holds_it, .signal = SIGABRT)
{
    struct shard *s = open_shard();
    shard_release(s, "test");
    find(s, 0, 1);
}

#ifdef EVIO_DEBUG
/* One change of a key that holds a large value, with each allocation failing in turn. */
enum how { SET_EXPIRY, REARM, PUT, PUT_RENAMED, PUT_OVER, COPY, HOW_COUNT };

static int change(struct edit *src, struct edit *dst, enum how how, struct entry **hand)
{
    switch (how) {
    case SET_EXPIRY:
    case REARM:
        return edit_set_expiry(src, NOW_MS + 777777);
    case PUT:
        return edit_put(src, *hand);
    case COPY:
        return edit_copy(dst, src->entry);
    default:
        return edit_put(dst, *hand);
    }
}

/* Returns whether an allocation failed. */
static bool try_change(enum how how, uint64_t nth)
{
    struct shard *s = open_shard();
    char a[32], b[32];
    struct key src_key = key_of(a, 1), dst_key = key_of(b, 22);
    struct edit src = edit(s, 0, &src_key);
    memset(string_resize(&src, 30000), 'x', 30000);
    if (how != SET_EXPIRY)
        cr_assert_eq(edit_set_expiry(&src, NOW_MS + 50), 0);
    if (how == PUT_OVER)
        set(s, 1, 22, "old", NOW_MS + 60);
    struct edit dst = edit(s, 1, &dst_key);
    bool takes = how == PUT || how == PUT_RENAMED || how == PUT_OVER;
    struct entry *hand = takes ? edit_take(&src) : NULL;
    uint64_t bytes = shard_stats(s)->memory_bytes;
    uint64_t counts = shard_count(s, 0) * 16 + shard_count(s, 1);
    uint64_t expires = shard_expires_count(s, 0) * 16 + shard_expires_count(s, 1);

    alloc_fail_nth(nth);
    int ret = change(&src, &dst, how, &hand);
    bool failed = alloc_has_failed();
    alloc_fail_nth(0);
    cr_assert_eq(ret != 0, failed, "%d %d", how, (int)nth);
    if (failed) {
        cr_assert_eq(shard_stats(s)->memory_bytes, bytes, "%d %d", how, (int)nth);
        cr_assert_eq(shard_count(s, 0) * 16 + shard_count(s, 1), counts);
        cr_assert_eq(shard_expires_count(s, 0) * 16 + shard_expires_count(s, 1), expires);
        cr_assert_eq(s->wheel.count, (expires & 15) + (expires >> 4));
        if (hand) {
            cr_assert_eq(entry_expire_at_ms(hand), NOW_MS + 50);
            cr_assert_eq(string_len(hand), 30000);
            entry_discard(s, hand);
        } else {
            cr_assert_eq(string_len(src.entry), 30000);
            cr_assert_eq(entry_expire_at_ms(src.entry),
                         how == SET_EXPIRY ? EXPIRE_NONE : NOW_MS + 50);
        }
    }
    shard_free(s);
    return failed;
}

Test(edit, without_memory_nothing_changes)
{
    for (int how = 0; how < HOW_COUNT; how++) {
        uint64_t nth = 1;
        while (try_change((enum how)how, nth))
            nth++;
        cr_assert_gt(nth, 1, "%d allocates something", how);
    }
}

Test(shard, a_shard_is_made_whole_or_not_at_all)
{
    for (uint64_t nth = 1;; nth++) {
        alloc_fail_nth(nth);
        struct shard *s = shard_new(&(struct shard_options){ .databases = 40, .hash_seed = 1 });
        bool failed = alloc_has_failed();
        alloc_fail_nth(0);
        cr_assert_eq(!s, failed);
        shard_free(s);
        if (!failed)
            break;
    }
}

Test(lazyfree, a_flush_needs_no_memory)
{
    struct shard *s = open_shard();
    for (uint64_t nth = 1; nth < 4; nth++) {
        for (int i = 0; i < 1000; i++)
            set(s, 0, i, "v", NOW_MS + i);
        alloc_fail_nth(nth);
        shard_flush(s, 0);
        alloc_fail_nth(0);
        cr_assert_eq(shard_count(s, 0), 0);
        while (shard_free_some(s, 1000))
            ;
        cr_assert_eq(s->wheel.count, 0);
    }
    shard_free(s);
}
#endif
