/* Loops: posting, waking, time, statistics, and rest. */
#include "tests/evio/rig.h"

enum { ROUNDS = 20000, THREADS = 4 };

struct state {
    struct rig rig;
    struct gauge done;
    _Atomic long asked, seen;
    long last[THREADS];
    _Atomic bool out_of_order;
};

struct note {
    struct state *state;
    int thread;
    long number;
};

static struct state *state_new(void)
{
    struct state *s = calloc(1, sizeof(*s));
    cr_assert(s);
    s->done = (struct gauge)GAUGE_INIT;
    return s;
}

static void check_order(struct evio_loop *l, void *arg)
{
    (void)l;
    struct note *n = arg;
    if (n->number != n->state->last[n->thread] + 1)
        atomic_store(&n->state->out_of_order, true);
    n->state->last[n->thread] = n->number;
    gauge_add(&n->state->done, 1);
    free(n);
}

struct poster {
    struct state *state;
    int thread;
};

static void *post_in_order(void *arg)
{
    struct poster *p = arg;
    for (long i = 1; i <= 2000; i++) {
        struct note *n = malloc(sizeof(*n));
        *n = (struct note){ p->state, p->thread, i };
        int last = evio_server_num_loops(p->state->rig.server) - 1;
        cr_assert_eq(evio_loop_post(evio_server_loop(p->state->rig.server, last), check_order, n),
                     0);
    }
    return NULL;
}

Test(loop, posted_functions_run_in_the_order_of_each_thread)
{
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        struct poster posters[THREADS];
        pthread_t threads[THREADS];
        rig_start(&s->rig, (struct evio_events){ 0 },
                  (struct evio_options){ .num_loops = rig_loops(i) }, NULL, 0);
        for (int k = 0; k < THREADS; k++) {
            posters[k] = (struct poster){ s, k };
            pthread_create(&threads[k], NULL, post_in_order, &posters[k]);
        }
        for (int k = 0; k < THREADS; k++)
            pthread_join(threads[k], NULL);
        gauge_wait(&s->done, THREADS * 2000);
        cr_assert(!atomic_load(&s->out_of_order));
        rig_stop(&s->rig);
        free(s);
    }
}

/* The wake is the only message: a lost one would hang the test, one that does not publish what was
 * written before would be seen by it (and by ThreadSanitizer, for `plain`). */
static void answer_in_prewrite(struct evio_loop *l)
{
    struct state *s = (struct state *)rig_of_loop(l);
    if (evio_loop_index(l) != evio_server_num_loops(s->rig.server) - 1)
        return;
    long asked = atomic_load_explicit(&s->asked, memory_order_relaxed);
    atomic_store_explicit(&s->seen, asked, memory_order_relaxed);
}

Test(loop, a_prewrite_sees_what_was_written_before_the_wake, .timeout = 60)
{
    for (int i = 0; i < 3; i++) {
        for (int64_t spin_us = 0; spin_us <= 50; spin_us += 50) {
            struct state *s = state_new();
            rig_start(&s->rig, (struct evio_events){ .prewrite = answer_in_prewrite },
                      (struct evio_options){ .num_loops = rig_loops(i), .spin_us = spin_us }, NULL,
                      0);
            struct evio_loop *l = evio_server_loop(s->rig.server, rig_loops(i) - 1);
            for (long k = 1; k <= ROUNDS; k++) {
                atomic_store_explicit(&s->asked, k, memory_order_relaxed);
                evio_loop_wake(l);
                while (atomic_load_explicit(&s->seen, memory_order_relaxed) != k)
                    continue;
            }
            rig_stop(&s->rig);
            free(s);
        }
    }
}

static void note_time(struct evio_loop *l, void *arg)
{
    struct state *s = arg;
    int64_t before = evio_loop_now_us(l);
    cr_assert_eq(evio_loop_now_ms(l), before / 1000);
    evio_loop_update_time(l);
    cr_assert(evio_loop_now_us(l) >= before);
    evio_loop_set_udata(l, s);
    cr_assert(evio_loop_udata(l) == s);
    cr_assert_eq(evio_server_loop(evio_loop_server(l), evio_loop_index(l)), l);
    gauge_add(&s->done, 1);
}

Test(loop, knows_time_and_place)
{
    struct state *s = state_new();
    rig_start(&s->rig, (struct evio_events){ 0 }, (struct evio_options){ .num_loops = 4 }, NULL, 0);
    for (int i = 0; i < 4; i++)
        evio_loop_post(evio_server_loop(s->rig.server, i), note_time, s);
    gauge_wait(&s->done, 4);
    rig_stop(&s->rig);
    free(s);
}

Test(loop, counts_what_it_did)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = rig_echo }, (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    for (int i = 0; i < 10; i++)
        exchange(fd, "12345", "12345");
    evio_loop_post(evio_server_loop(s->rig.server, 0), note_time, s);
    gauge_wait(&s->done, 1);
    struct evio_loop_stats st;
    evio_loop_stats(evio_server_loop(s->rig.server, 0), &st);
    cr_assert_eq(st.accepted, 1);
    cr_assert_eq(st.connections, 1);
    cr_assert_eq(st.read_bytes, 50);
    cr_assert_eq(st.written_bytes, 50);
    cr_assert(st.reads >= 10 && st.writes == 10);
    cr_assert(st.turns >= 10 && st.wakes >= 1);
    close(fd);
    rig_stop(&s->rig);
    free(s);
}

/* Time has to pass here: that nothing happens cannot be waited for otherwise. */
Test(loop, an_idle_server_takes_no_turns)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = rig_echo },
                  (struct evio_options){ .num_loops = 4 });
    int fd = rig_client(&s->rig);
    exchange(fd, "x", "x");
    poll(NULL, 0, 50);
    uint64_t turns = rig_stats(&s->rig).turns;
    poll(NULL, 0, 200);
    cr_assert_eq(rig_stats(&s->rig).turns, turns);
    close(fd);
    rig_stop(&s->rig);
    free(s);
}
