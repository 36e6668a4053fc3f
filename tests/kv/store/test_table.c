/* The table alone: growth, shrinking, scanning while it changes, memory, random choice. TEST_SEED=n repeats a run. */
#include <criterion/criterion.h>
#include <time.h>

#include "kv/base/hash.h"
#include "kv/store/entry_layout.h"
#include "kv/store/lookup.h"
#include "kv/store/table.h"
#include "tests/support/rng.h"

enum { SEED = 99, KEYS = 30000 };

struct world {
    uint64_t seed;
    struct rng rng;
    struct table table;
    struct entry *entries[KEYS];
    bool in[KEYS];
};

static uint64_t hash_of(const struct entry *e)
{
    return hash_bytes(entry_key(e), SEED);
}

static struct world *world_new(void)
{
    const char *given = getenv("TEST_SEED");
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    struct world *w = calloc(1, sizeof(*w));
    w->seed = given ? strtoull(given, NULL, 10) : (uint64_t)ts.tv_nsec;
    rng_init(&w->rng, w->seed);
    table_init(&w->table, SEED);
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        int n = snprintf(key, sizeof(key), "%d", i);
        w->entries[i] = entry_new((struct entry_shape){ .key_len = (size_t)n }, key);
    }
    return w;
}

static void world_free(struct world *w)
{
    table_deinit(&w->table);
    for (int i = 0; i < KEYS; i++)
        entry_free_shell(w->entries[i]);
    free(w);
}

static void put(struct world *w, int i)
{
    struct place at;
    if (w->in[i])
        return;
    cr_assert_eq(table_insert(&w->table, w->entries[i], hash_of(w->entries[i]), &at), 0);
    cr_assert_eq(bucket_get(at.bucket, at.index), w->entries[i]);
    w->in[i] = true;
}

static void take(struct world *w, int i)
{
    struct place at;
    if (!w->in[i])
        return;
    uint64_t hash = hash_of(w->entries[i]);
    cr_assert_eq(table_find(&w->table, entry_key(w->entries[i]), hash, &at), w->entries[i]);
    table_remove(&w->table, hash, at);
    w->in[i] = false;
}

static void check(struct world *w)
{
    struct place at;
    table_check(&w->table);
    for (int i = 0; i < KEYS; i++) {
        struct entry *e = w->entries[i];
        struct entry *found = table_find(&w->table, entry_key(e), hash_of(e), &at);
        cr_assert_eq(found, w->in[i] ? e : NULL, "seed %lu: key %d", w->seed, i);
        cr_assert_eq(table_find_entry(&w->table, e, hash_of(e), &at), w->in[i]);
    }
}

Test(table, finds_what_is_in_through_growth_and_shrinking)
{
    struct world *w = world_new();
    cr_assert_null(table_random(&w->table, 1));
    for (int round = 0; round < 8; round++) {
        unsigned percent = round % 2 ? 20 : 80;
        for (int i = 0; i < 40000; i++) {
            int k = (int)rng_below(&w->rng, KEYS);
            if (rng_chance(&w->rng, percent))
                put(w, k);
            else
                take(w, k);
        }
        check(w);
    }
    for (int i = 0; i < KEYS; i++)
        take(w, i);
    check(w);
    cr_assert_eq(w->table.bytes, 0, "an empty table holds no memory");
    world_free(w);
}

Test(table, is_filled_well)
{
    struct world *w = world_new();
    double load_sum = 0;
    int samples = 0;
    for (int i = 0; i < KEYS; i++) {
        put(w, i);
        if (i < 1000)
            continue;
        size_t dir_bytes = sizeof(uint64_t) << w->table.depth;
        double entries = (double)(w->table.bytes - dir_bytes) / BUCKET_BYTES * BUCKET_ENTRIES;
        load_sum += (double)w->table.count / entries;
        samples++;
    }
    cr_assert_gt(load_sum / samples, 0.8);
    for (int i = 0; i < KEYS; i++)
        if (i % 20)
            take(w, i);
    cr_assert_lt(w->table.bytes / w->table.count, 64, "a thinned table gives memory back");
    world_free(w);
}

/* The scan's promise: what is in from the first call to the last is seen, whatever else comes and goes. */
struct seen {
    struct world *w;
    bool key[KEYS];
    size_t visits;
};

static void see(void *arg, struct entry *e)
{
    struct seen *seen = arg;
    int i = atoi(entry_key(e).ptr);
    seen->key[i] = true;
    seen->visits++;
    cr_assert(seen->w->in[i]);
}

static void scan_while_changing(struct world *w, int stay, int target)
{
    struct seen *seen = calloc(1, sizeof(*seen));
    seen->w = w;
    bool *stays = calloc(KEYS, sizeof(*stays));
    for (int i = 0; i < stay; i++) {
        int k = (int)rng_below(&w->rng, KEYS);
        put(w, k);
        stays[k] = true;
    }
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&w->table, cursor, 1 + rng_below(&w->rng, 30), see, seen);
        cr_assert_lt(cursor, 1ull << 48);
        for (int i = 0; i < 100; i++) {
            int k = (int)rng_below(&w->rng, KEYS);
            if ((int)w->table.count < target)
                put(w, k);
            else if (!stays[k])
                take(w, k);
        }
    } while (cursor);
    for (int i = 0; i < KEYS; i++)
        cr_assert(!stays[i] || seen->key[i], "seed %lu: key %d was not seen", w->seed, i);
    free(stays);
    free(seen);
}

Test(table, a_scan_sees_all_that_stays)
{
    struct world *w = world_new();
    for (int round = 0; round < 20; round++) {
        int stay = 1 + (int)rng_below(&w->rng, round % 3 ? 300 : 3000);
        scan_while_changing(w, stay, round % 2 ? KEYS * 9 / 10 : stay);
        table_check(&w->table);
    }
    world_free(w);
}

Test(table, a_scan_of_a_table_at_rest_sees_each_once)
{
    struct world *w = world_new();
    struct seen *seen = calloc(1, sizeof(*seen));
    seen->w = w;
    for (int i = 0; i < KEYS; i++)
        put(w, i);
    uint64_t cursor = 0;
    size_t calls = 0;
    do {
        size_t before = seen->visits;
        cursor = table_scan(&w->table, cursor, 10, see, seen);
        cr_assert_lt(seen->visits - before, 10 + 4 * BUCKET_ENTRIES, "a call visits about count");
        calls++;
    } while (cursor);
    cr_assert_eq(seen->visits, KEYS);
    cr_assert_lt(calls, KEYS / 10 + 1);
    /* Any cursor a client may send is taken. */
    for (int i = 0; i < 1000; i++)
        table_scan(&w->table, rng_next(&w->rng), 1, see, seen);
    free(seen);
    world_free(w);
}

/* Every entry is drawn about as often as any other: the sum of squares of 20 draws per entry, which is normal around
 * KEYS * 20 * 21 with a deviation well below a tenth of a percent. */
Test(table, random_entries_are_even)
{
    struct world *w = world_new();
    enum { SOME = 2000, DRAWS = 20 };
    for (int i = 0; i < SOME; i++)
        put(w, i);
    unsigned *drawn = calloc(SOME, sizeof(*drawn));
    for (int i = 0; i < SOME * DRAWS; i++)
        drawn[atoi(entry_key(table_random(&w->table, rng_next(&w->rng))).ptr)]++;
    double squares = 0;
    for (int i = 0; i < SOME; i++)
        squares += (double)drawn[i] * drawn[i];
    double chi = squares / DRAWS - SOME * DRAWS;
    /* Mean SOME, standard deviation sqrt(2 * SOME) = 63: this is eight of them. */
    cr_assert_lt(chi, SOME + 8 * 64.0, "seed %lu: %f", w->seed, chi);
    for (int i = 1; i < SOME; i++)
        take(w, i);
    cr_assert_eq(table_random(&w->table, 5), w->entries[0], "the one that is left is found");
    free(drawn);
    world_free(w);
}

Test(table, a_sweep_takes_everything)
{
    struct world *w = world_new();
    for (int i = 0; i < KEYS; i++)
        put(w, i);
    struct table_sweep at = { 0, 0 };
    size_t count = 0;
    struct entry *e;
    while ((e = table_sweep(&w->table, &at))) {
        int i = atoi(entry_key(e).ptr);
        cr_assert(w->in[i]);
        w->in[i] = false;
        count++;
    }
    cr_assert_eq(count, KEYS);
    table_check(&w->table);
    world_free(w);
}

#ifdef EVIO_DEBUG
Test(table, without_memory_nothing_changes)
{
    struct world *w = world_new();
    struct place at;
    int failures = 0;
    for (int i = 0; i < KEYS; i++) {
        uint64_t hash = hash_of(w->entries[i]);
        for (uint64_t nth = 1;; nth++) {
            uint64_t count = w->table.count;
            alloc_fail_nth(nth);
            int ret = table_insert(&w->table, w->entries[i], hash, &at);
            bool failed = alloc_has_failed();
            alloc_fail_nth(0);
            if (ret == 0)
                w->in[i] = true;
            else
                cr_assert(failed);
            if (failed && i % 50 == 0)
                table_check(&w->table);
            if (ret == 0)
                break;
            cr_assert_eq(w->table.count, count);
            failures++;
        }
    }
    cr_assert_gt(failures, 50);
    check(w);
    /* A removal never fails, it just does not shrink. */
    for (int i = 0; i < KEYS; i++) {
        alloc_fail_nth(1);
        take(w, i);
        alloc_fail_nth(0);
        if (i % 1000 == 0)
            check(w);
    }
    cr_assert_eq(w->table.bytes, 0);
    world_free(w);
}
#endif
