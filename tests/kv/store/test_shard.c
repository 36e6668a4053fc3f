/* The shard against a naive model: a plain array of what each key ought to be, under random operations. TEST_SEED=n repeats
 * a run; the seed is part of every message. */
#include <criterion/criterion.h>
#include <time.h>

#include "kv/base/hash.h"
#include "kv/store/lookup.h"
#include "kv/store/shard_layout.h"
#include "kv/types/string.h"
#include "tests/support/rng.h"

enum { DBS = 3, KEYS = 700, HANDS = 4, BIG_BYTES = 40 * 1024, SEED = 77 };

struct model_key {
    bool exists;
    size_t len;
    char *value;
    int64_t at_ms;
};

struct model {
    struct model_key keys[DBS][KEYS];
    struct model_key hands[HANDS];
};

struct world {
    uint64_t seed;
    struct rng rng;
    struct shard *shard;
    struct entry *hands[HANDS];
    struct model model;
    int64_t now_ms;
    char name[KEYS][320];
    struct key key[KEYS];
};

static uint64_t test_seed(void)
{
    const char *given = getenv("TEST_SEED");
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return given ? strtoull(given, NULL, 10) : (uint64_t)ts.tv_nsec;
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    w->seed = test_seed();
    rng_init(&w->rng, w->seed);
    w->shard = shard_new(&(struct shard_options){ .databases = DBS, .hash_seed = SEED });
    shard_hold(w->shard, w);
    w->now_ms = 1700000000000;
    shard_set_now(w->shard, w->now_ms);
    for (int i = 0; i < KEYS; i++) {
        /* Some keys are longer than a header's byte can say, one is empty. */
        int n = snprintf(w->name[i], sizeof(w->name[i]), "key:%d:%0*d", i, i % 7 ? 3 : 300, i);
        w->key[i].name = slice_of(w->name[i], i ? (size_t)n : 0);
        w->key[i].hash = hash_bytes(w->key[i].name, SEED);
    }
    return w;
}

static void model_clear(struct model_key *k)
{
    free(k->value);
    *k = (struct model_key){ .at_ms = EXPIRE_NONE };
}

static struct model_key *model_at(struct world *w, int db, int i)
{
    struct model_key *k = &w->model.keys[db][i];
    if (k->exists && k->at_ms != EXPIRE_NONE && k->at_ms <= w->now_ms)
        model_clear(k);
    return k;
}

static void model_set(struct model_key *k, const char *value, size_t len, int64_t at_ms)
{
    char *copy = malloc(len + 1);
    if (len)
        memcpy(copy, value, len);
    free(k->value);
    *k = (struct model_key){ .exists = true, .len = len, .value = copy, .at_ms = at_ms };
}

static void world_free(struct world *w)
{
    for (int db = 0; db < DBS; db++)
        for (int i = 0; i < KEYS; i++)
            model_clear(&w->model.keys[db][i]);
    for (int i = 0; i < HANDS; i++) {
        if (w->hands[i])
            entry_discard(w->shard, w->hands[i]);
        model_clear(&w->model.hands[i]);
    }
    for (int db = 0; db < DBS; db++)
        shard_flush(w->shard, db);
    while (shard_free_some(w->shard, 100))
        ;
    shard_set_now(w->shard, INT64_MAX);
    cr_assert_eq(shard_expire_due(w->shard, 1000000), 0);
    cr_assert_eq(shard_stats(w->shard)->memory_bytes,
                 w->shard->wheel.chunk_count * WHEEL_CHUNK_BYTES, "seed %lu", w->seed);
    cr_assert_eq(shard_stats(w->shard)->lazyfree_pending, 0);
    shard_release(w->shard, w);
    shard_free(w->shard);
    free(w);
}

static void check_key(struct world *w, int db, int i)
{
    struct model_key *k = model_at(w, db, i);
    struct entry *e = shard_peek(w->shard, db, &w->key[i]);
    cr_assert_eq(e != NULL, k->exists, "seed %lu: key %d of %d", w->seed, i, db);
    if (!e)
        return;
    char scratch[INT64_TEXT_MAX];
    struct slice v = string_view(e, scratch);
    cr_assert(slice_eq(v, slice_of(k->value, k->len)), "seed %lu: value of %d, %zu %zu", w->seed, i,
              v.len, k->len);
    cr_assert(slice_eq(entry_key(e), w->key[i].name));
    cr_assert_eq(entry_expire_at_ms(e), k->at_ms, "seed %lu: expiry of %d", w->seed, i);
    cr_assert_eq(entry_type(e), VALUE_STRING);
}

struct seen {
    struct world *w;
    int db;
    unsigned count[KEYS];
};

static int key_index(struct slice name)
{
    return name.len ? atoi(name.ptr + 4) : 0;
}

static void see(void *arg, struct entry *e)
{
    struct seen *seen = arg;
    seen->count[key_index(entry_key(e))]++;
}

static size_t entries_bytes(struct world *w, int db)
{
    size_t bytes = 0;
    for (int i = 0; i < KEYS; i++) {
        struct place at;
        struct entry *e = table_find(&w->shard->dbs[db].table, w->key[i].name, w->key[i].hash, &at);
        bytes += e ? entry_bytes(e) : 0;
    }
    return bytes;
}

static void check_all(struct world *w)
{
    size_t bytes = wheel_bytes(&w->shard->wheel), in_wheel = 0;
    for (int db = 0; db < DBS; db++) {
        uint64_t count = 0, expires = 0;
        for (int i = 0; i < KEYS; i++) {
            check_key(w, db, i);
            count += w->model.keys[db][i].exists;
            expires += w->model.keys[db][i].exists && w->model.keys[db][i].at_ms != EXPIRE_NONE;
        }
        cr_assert_eq(shard_count(w->shard, db), count, "seed %lu", w->seed);
        cr_assert_eq(shard_expires_count(w->shard, db), expires, "seed %lu", w->seed);
        struct seen seen = { .w = w, .db = db };
        uint64_t cursor = 0;
        do
            cursor = shard_scan(w->shard, db, cursor, 10, see, &seen);
        while (cursor);
        for (int i = 0; i < KEYS; i++)
            cr_assert_eq(seen.count[i], w->model.keys[db][i].exists, "seed %lu: scan", w->seed);
        table_check(&w->shard->dbs[db].table);
        bytes += w->shard->dbs[db].table.bytes + entries_bytes(w, db);
        in_wheel += expires;
    }
    if (!w->shard->flushed && !w->shard->blobs) {
        cr_assert_eq(shard_stats(w->shard)->memory_bytes, bytes, "seed %lu: accounts", w->seed);
        cr_assert_eq(w->shard->wheel.count, in_wheel, "seed %lu: wheel", w->seed);
    }
}

/* ---- the operations ---- */

static int64_t random_expiry(struct world *w)
{
    switch (rng_below(&w->rng, 6)) {
    case 0:
        return w->now_ms + (int64_t)rng_below(&w->rng, 300);
    case 1:
        return w->now_ms + (int64_t)rng_below(&w->rng, 100000);
    case 2:
        return w->now_ms + (int64_t)rng_below(&w->rng, 1ull << 48);
    case 3:
        return EXPIRE_KEEP;
    default:
        return EXPIRE_NONE;
    }
}

static size_t random_value(struct world *w, char *value)
{
    if (rng_chance(&w->rng, 25))
        return (size_t)number_format_int64(value,
                                           (int64_t)rng_next(&w->rng) >> rng_below(&w->rng, 64));
    size_t len = rng_below(&w->rng, rng_chance(&w->rng, 5) ? BIG_BYTES : 100);
    for (size_t i = 0; i < len; i++)
        value[i] = (char)('a' + (i * 7 + len) % 26);
    return len;
}

static void do_set(struct world *w, int db, int i)
{
    static char value[BIG_BYTES];
    struct edit ed;
    struct model_key *k = model_at(w, db, i);
    size_t len = random_value(w, value);
    int64_t at_ms = random_expiry(w);
    shard_edit(w->shard, db, &w->key[i], &ed);
    cr_assert_eq(ed.entry != NULL, k->exists);
    cr_assert_eq(string_set(&ed, slice_of(value, len), at_ms), 0);
    if (at_ms == EXPIRE_KEEP)
        at_ms = k->exists ? k->at_ms : EXPIRE_NONE;
    model_set(k, value, len, at_ms);
}

static void do_resize(struct world *w, int db, int i)
{
    struct edit ed;
    struct model_key *k = model_at(w, db, i);
    size_t len = rng_below(&w->rng, rng_chance(&w->rng, 10) ? BIG_BYTES : 200);
    shard_edit(w->shard, db, &w->key[i], &ed);
    char *p = string_resize(&ed, len);
    cr_assert_not_null(p);
    size_t old_len = k->exists ? k->len : 0;
    char *value = calloc(1, len + 1);
    if (k->exists)
        memcpy(value, k->value, len < old_len ? len : old_len);
    if (len > old_len) {
        p[len - 1] = 'z';
        value[len - 1] = 'z';
    }
    model_set(k, value, len, k->exists ? k->at_ms : EXPIRE_NONE);
    cr_assert_eq(strcmp(entry_encoding_name(ed.entry), "raw"), 0);
    free(value);
}

static void do_delete(struct world *w, int db, int i)
{
    struct edit ed;
    struct model_key *k = model_at(w, db, i);
    shard_edit(w->shard, db, &w->key[i], &ed);
    cr_assert_eq(ed.entry != NULL, k->exists);
    if (ed.entry)
        edit_delete(&ed);
    cr_assert_null(ed.entry);
    model_clear(k);
}

static void do_expiry(struct world *w, int db, int i)
{
    struct edit ed;
    struct model_key *k = model_at(w, db, i);
    shard_edit(w->shard, db, &w->key[i], &ed);
    if (!ed.entry)
        return;
    int64_t at_ms = rng_chance(&w->rng, 5) ? w->now_ms - 5 : random_expiry(w);
    cr_assert_eq(edit_set_expiry(&ed, at_ms), 0);
    if (at_ms != EXPIRE_KEEP)
        k->at_ms = at_ms;
}

static void do_take(struct world *w, int db, int i)
{
    struct edit ed;
    struct model_key *k = model_at(w, db, i);
    int h = (int)rng_below(&w->rng, HANDS);
    shard_edit(w->shard, db, &w->key[i], &ed);
    if (w->hands[h]) {
        cr_assert_eq(edit_put(&ed, w->hands[h]), 0);
        w->hands[h] = NULL;
        free(k->value);
        *k = w->model.hands[h];
        w->model.hands[h] = (struct model_key){ 0 };
    } else if (ed.entry) {
        w->hands[h] = edit_take(&ed);
        w->model.hands[h] = *k;
        *k = (struct model_key){ .at_ms = EXPIRE_NONE };
    }
}

/* Two edits at once, as RENAME and COPY do. */
static void do_rename_or_copy(struct world *w, int db, int i)
{
    int to_db = (int)rng_below(&w->rng, DBS), to = (int)rng_below(&w->rng, KEYS);
    struct model_key *k = model_at(w, db, i), *dst = model_at(w, to_db, to);
    if (k == dst)
        return;
    struct edit from_ed, to_ed;
    shard_edit(w->shard, db, &w->key[i], &from_ed);
    shard_edit(w->shard, to_db, &w->key[to], &to_ed);
    if (!from_ed.entry)
        return;
    if (rng_chance(&w->rng, 50)) {
        cr_assert_eq(edit_copy(&to_ed, from_ed.entry), 0);
        model_set(dst, k->value, k->len, k->at_ms);
    } else {
        cr_assert_eq(edit_put(&to_ed, edit_take(&from_ed)), 0);
        model_set(dst, k->value, k->len, k->at_ms);
        model_clear(k);
    }
}

static void do_flush_or_swap(struct world *w, int db)
{
    int other = (int)rng_below(&w->rng, DBS);
    if (rng_chance(&w->rng, 70)) {
        shard_swap(w->shard, db, other);
        struct model_key keys[KEYS];
        memcpy(keys, w->model.keys[db], sizeof(keys));
        memcpy(w->model.keys[db], w->model.keys[other], sizeof(keys));
        memcpy(w->model.keys[other], keys, sizeof(keys));
    } else {
        shard_flush(w->shard, db);
        cr_assert_eq(shard_count(w->shard, db), 0);
        cr_assert_eq(shard_expires_count(w->shard, db), 0);
        for (int i = 0; i < KEYS; i++)
            model_clear(&w->model.keys[db][i]);
    }
}

static void do_time(struct world *w)
{
    w->now_ms += (int64_t)rng_below(&w->rng, 1ull << rng_below(&w->rng, 20));
    shard_set_now(w->shard, w->now_ms);
    if (rng_chance(&w->rng, 50))
        shard_expire_due(w->shard, rng_below(&w->rng, 100));
    else
        while (shard_next_expiry_ms(w->shard) <= w->now_ms)
            shard_expire_due(w->shard, 7);
}

static void do_random(struct world *w, int db)
{
    struct entry *e = shard_random(w->shard, db, rng_next(&w->rng));
    if (e) {
        int i = key_index(entry_key(e));
        cr_assert(model_at(w, db, i)->exists, "seed %lu: random", w->seed);
        return;
    }
    for (int i = 0; i < KEYS; i++)
        cr_assert_not(model_at(w, db, i)->exists, "seed %lu: random", w->seed);
}

static void step(struct world *w, int keys)
{
    int db = (int)rng_below(&w->rng, DBS), i = (int)rng_below(&w->rng, (uint64_t)keys);
    uint64_t dice = rng_below(&w->rng, 1000);
    if (dice < 400)
        do_set(w, db, i);
    else if (dice < 450)
        do_resize(w, db, i);
    else if (dice < 620)
        do_delete(w, db, i);
    else if (dice < 750)
        do_expiry(w, db, i);
    else if (dice < 800)
        do_take(w, db, i);
    else if (dice < 860)
        do_rename_or_copy(w, db, i);
    else if (dice < 940)
        check_key(w, db, i);
    else if (dice < 960)
        do_random(w, db);
    else if (dice < 985)
        do_time(w);
    else if (dice < 997)
        shard_free_some(w->shard, rng_below(&w->rng, 50));
    else
        do_flush_or_swap(w, db);
}

Test(shard, behaves_as_the_model_under_random_operations)
{
    struct world *w = world_new();
    for (int i = 0; i < 60000; i++) {
        /* Few keys for a while, then many: the tables grow and shrink. */
        step(w, i / 5000 % 2 ? KEYS : 20);
        if (i % 1000 == 0)
            check_all(w);
    }
    while (shard_free_some(w->shard, 1000))
        ;
    check_all(w);
    world_free(w);
}

Test(shard, an_edit_outlives_what_other_edits_move)
{
    struct world *w = world_new();
    struct edit ed, other;
    for (int i = 0; i < KEYS; i++) {
        shard_edit(w->shard, 0, &w->key[i], &ed);
        cr_assert_eq(string_set(&ed, slice_of(w->name[i], 5), EXPIRE_NONE), 0);
    }
    shard_edit(w->shard, 0, &w->key[1], &ed);
    for (int i = 2; i < KEYS; i++) {
        shard_edit(w->shard, 0, &w->key[i], &other);
        edit_delete(&other);
    }
    cr_assert_eq(
        string_set(&ed, SLICE("a longer value, so that the entry is replaced"), EXPIRE_NONE), 0);
    cr_assert_eq(shard_peek(w->shard, 0, &w->key[1]), ed.entry);
    shard_edit(w->shard, 0, &w->key[1], &ed);
    for (int i = 2; i < KEYS; i++) {
        shard_edit(w->shard, 0, &w->key[i], &other);
        cr_assert_eq(string_set(&other, SLICE("v"), EXPIRE_NONE), 0);
    }
    edit_delete(&ed);
    cr_assert_null(shard_peek(w->shard, 0, &w->key[1]));
    table_check(&w->shard->dbs[0].table);
    world_free(w);
}
