/* The timing wheel against an array of times. TEST_SEED=n repeats a run. */
#include <criterion/criterion.h>
#include <time.h>

#include "kv/store/alloc.h"
#include "kv/store/wheel.h"
#include "tests/support/rng.h"

enum { NODES = 5000 };

struct world {
    uint64_t seed;
    struct rng rng;
    struct wheel wheel;
    struct wheel_node *nodes;
    bool in[NODES];
    int64_t now_ms;
};

static struct world *world_new(void)
{
    const char *given = getenv("TEST_SEED");
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    struct world *w = calloc(1, sizeof(*w));
    w->seed = given ? strtoull(given, NULL, 10) : (uint64_t)ts.tv_nsec;
    rng_init(&w->rng, w->seed);
    w->now_ms = 1700000000000 + (int64_t)rng_below(&w->rng, 1 << 20);
    wheel_init(&w->wheel, w->now_ms);
    w->nodes = calloc(NODES, sizeof(*w->nodes));
    for (int i = 0; i < NODES; i++)
        wheel_node_set_owner(&w->nodes[i], (uint16_t)(i * 13));
    return w;
}

static void world_free(struct world *w)
{
    wheel_deinit(&w->wheel);
    free(w->nodes);
    free(w);
}

static int64_t random_time(struct world *w)
{
    int64_t ahead = (int64_t)(rng_next(&w->rng) >> (1 + rng_below(&w->rng, 62)));
    return rng_chance(&w->rng, 10)         ? w->now_ms - (int64_t)rng_below(&w->rng, 1000)
           : ahead > INT64_MAX - w->now_ms ? INT64_MAX
                                           : w->now_ms + ahead;
}

static int64_t earliest(const struct world *w)
{
    int64_t at_ms = INT64_MAX;
    for (int i = 0; i < NODES; i++)
        if (w->in[i] && w->nodes[i].at_ms < at_ms)
            at_ms = w->nodes[i].at_ms;
    return at_ms;
}

static void check(const struct world *w)
{
    size_t count = 0;
    for (int i = 0; i < NODES; i++) {
        cr_assert_eq(wheel_node_is_in(&w->nodes[i]), w->in[i], "seed %lu", w->seed);
        cr_assert_eq(wheel_node_owner(&w->nodes[i]), (uint16_t)(i * 13));
        count += w->in[i];
    }
    cr_assert_eq(w->wheel.count, count, "seed %lu", w->seed);
    int64_t at_ms = earliest(w);
    if (at_ms == INT64_MAX)
        return;
    cr_assert_leq(wheel_next_ms(&w->wheel), at_ms > w->now_ms ? at_ms : w->now_ms, "seed %lu",
                  w->seed);
}

/* Takes all that is due with small budgets; what came out must be due, what is left must not be. */
static void take_all_due(struct world *w)
{
    while (wheel_next_ms(&w->wheel) <= w->now_ms) {
        size_t budget = 1 + rng_below(&w->rng, 20), before = budget;
        enum wheel_kind kind;
        struct wheel_node *n;
        size_t taken = 0;
        while ((n = wheel_take_due(&w->wheel, w->now_ms, &budget, &kind))) {
            int i = (int)(n - w->nodes);
            cr_assert(w->in[i], "seed %lu", w->seed);
            cr_assert_eq((int)kind, i % WHEEL_KIND_COUNT);
            cr_assert_leq(n->at_ms, w->now_ms, "seed %lu", w->seed);
            w->in[i] = false;
            taken++;
        }
        cr_assert_leq(taken, before);
    }
    cr_assert_gt(earliest(w), w->now_ms, "seed %lu", w->seed);
}

Test(wheel, behaves_as_the_model_under_random_operations)
{
    struct world *w = world_new();
    for (int step = 0; step < 200000; step++) {
        int i = (int)rng_below(&w->rng, NODES);
        uint64_t dice = rng_below(&w->rng, 100);
        if (dice < 60) {
            int64_t at_ms = random_time(w);
            cr_assert_eq(
                wheel_set(&w->wheel, &w->nodes[i], (enum wheel_kind)(i % WHEEL_KIND_COUNT), at_ms),
                0);
            cr_assert_eq(w->nodes[i].at_ms, at_ms);
            w->in[i] = true;
        } else if (dice < 85) {
            wheel_remove(&w->wheel, &w->nodes[i]);
            w->in[i] = false;
        } else if (dice < 90) {
            /* Some time passes, and only a part of what is due is taken. */
            w->now_ms += (int64_t)(rng_next(&w->rng) >> (42 + rng_below(&w->rng, 22)));
            size_t budget = rng_below(&w->rng, 50);
            enum wheel_kind kind;
            struct wheel_node *n;
            while ((n = wheel_take_due(&w->wheel, w->now_ms, &budget, &kind))) {
                cr_assert_leq(n->at_ms, w->now_ms);
                w->in[n - w->nodes] = false;
            }
        }
        if (step % 500 == 0) {
            if (rng_chance(&w->rng, 50))
                take_all_due(w);
            check(w);
        }
    }
    take_all_due(w);
    check(w);
    world_free(w);
}

Test(wheel, gives_things_in_the_order_of_time)
{
    struct world *w = world_new();
    for (int i = 0; i < NODES; i++)
        cr_assert_eq(wheel_set(&w->wheel, &w->nodes[i], WHEEL_KEY,
                               w->now_ms + (int64_t)rng_below(&w->rng, 100000)),
                     0);
    int64_t last_ms = 0;
    int taken = 0;
    enum wheel_kind kind;
    /* As a server does: sleep until the next time that it names. */
    while (w->wheel.count) {
        int64_t next_ms = wheel_next_ms(&w->wheel);
        if (next_ms > w->now_ms)
            w->now_ms = next_ms;
        size_t budget = 100;
        struct wheel_node *n;
        while ((n = wheel_take_due(&w->wheel, w->now_ms, &budget, &kind))) {
            cr_assert_geq(n->at_ms, last_ms);
            cr_assert_eq(n->at_ms, w->now_ms, "never late");
            last_ms = n->at_ms;
            taken++;
        }
    }
    cr_assert_eq(taken, NODES);
    world_free(w);
}

Test(wheel, work_is_bounded_also_while_moving_down)
{
    struct world *w = world_new();
    int64_t block_ms = (w->now_ms | 0xffff) + 1;
    /* All in one slot of a high level; none is due when its turn comes. */
    for (int i = 0; i < NODES; i++)
        cr_assert_eq(wheel_set(&w->wheel, &w->nodes[i], WHEEL_KEY, block_ms + 300 + i), 0);
    w->now_ms = block_ms;
    int calls = 0;
    enum wheel_kind kind;
    while (wheel_next_ms(&w->wheel) <= w->now_ms) {
        size_t budget = 100;
        cr_assert_null(wheel_take_due(&w->wheel, w->now_ms, &budget, &kind));
        calls++;
    }
    cr_assert_geq(calls, NODES / 100);
    cr_assert_eq(w->wheel.count, NODES);
    w->now_ms = block_ms + 300 + NODES;
    size_t budget = 4 * NODES, taken = 0;
    while (wheel_take_due(&w->wheel, w->now_ms, &budget, &kind))
        taken++;
    cr_assert_eq(taken, NODES);
    cr_assert_eq(wheel_next_ms(&w->wheel), INT64_MAX);
    world_free(w);
}

Test(wheel, a_node_may_move_in_memory)
{
    struct world *w = world_new();
    struct wheel_node copy;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(wheel_set(&w->wheel, &w->nodes[i], WHEEL_KEY, w->now_ms + 5), 0);
    copy = w->nodes[50];
    wheel_moved(&copy);
    memset(&w->nodes[50], 0, sizeof(w->nodes[50]));
    size_t budget = 1000, copies = 0, taken = 0;
    enum wheel_kind kind;
    struct wheel_node *n;
    while ((n = wheel_take_due(&w->wheel, w->now_ms + 5, &budget, &kind))) {
        copies += n == &copy;
        cr_assert_neq(n, &w->nodes[50]);
        taken++;
    }
    cr_assert_eq(copies, 1);
    cr_assert_eq(taken, 100);
    world_free(w);
}

Test(wheel, keeps_no_memory_of_what_has_gone)
{
    struct world *w = world_new();
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < NODES; i++)
            cr_assert_eq(wheel_set(&w->wheel, &w->nodes[i], WHEEL_KEY, random_time(w)), 0);
    for (int i = 0; i < NODES; i++)
        wheel_remove(&w->wheel, &w->nodes[i]);
    cr_assert_leq(wheel_bytes(&w->wheel), WHEEL_SPARE_MAX * WHEEL_CHUNK_BYTES);
    world_free(w);
}

#ifdef EVIO_DEBUG
Test(wheel, without_memory_nothing_changes)
{
    struct world *w = world_new();
    alloc_fail_nth(1);
    cr_assert_neq(wheel_set(&w->wheel, &w->nodes[0], WHEEL_KEY, w->now_ms + 5), 0);
    cr_assert(alloc_has_failed());
    cr_assert_not(wheel_node_is_in(&w->nodes[0]));
    cr_assert_eq(wheel_next_ms(&w->wheel), INT64_MAX);
    cr_assert_eq(wheel_set(&w->wheel, &w->nodes[0], WHEEL_KEY, w->now_ms + 5), 0);
    alloc_fail_nth(1);
    cr_assert_neq(wheel_set(&w->wheel, &w->nodes[0], WHEEL_KEY, w->now_ms + 100000), 0);
    cr_assert_eq(w->nodes[0].at_ms, w->now_ms + 5);

    /* Moving down stops, and goes on later. */
    int64_t at_ms = (w->now_ms | 0xffff) + 50;
    cr_assert_eq(wheel_set(&w->wheel, &w->nodes[0], WHEEL_KEY, at_ms), 0);
    w->wheel.spare_count = 0;
    struct wheel_chunk *spare = w->wheel.spare;
    w->wheel.spare = NULL;
    size_t budget = 10;
    enum wheel_kind kind;
    alloc_fail_nth(1);
    cr_assert_null(wheel_take_due(&w->wheel, at_ms - 10, &budget, &kind));
    cr_assert(alloc_has_failed());
    cr_assert_eq(w->wheel.count, 1);
    cr_assert_leq(wheel_next_ms(&w->wheel), at_ms - 10);
    cr_assert_null(wheel_take_due(&w->wheel, at_ms - 10, &budget, &kind));
    cr_assert_eq(wheel_next_ms(&w->wheel), at_ms);
    cr_assert_eq(wheel_take_due(&w->wheel, at_ms, &budget, &kind), &w->nodes[0]);
    alloc_put_aligned(spare);
    world_free(w);
}
#endif
