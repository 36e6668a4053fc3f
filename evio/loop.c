/* The turn of a loop, and what other threads may ask of it.
 *
 * Waking: `state` says whether the loop sleeps. Whoever has something for the loop writes it to
 * memory and then exchanges WOKEN into the state: the exchange publishes what was written, and only
 * if it finds SLEEPING is there a system call to make. Before it sleeps the loop exchanges RUNNING
 * for SLEEPING, which fails if anybody has come since the turn began. */
#include "evio/loop.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "evio/conn.h"
#include "evio/dial.h"
#include "evio/server.h"
#include "evio/udp.h"

struct posted {
    struct evio_task task;
    void (*fn)(struct evio_loop *l, void *arg);
    void *arg;
};

int64_t evio_clock_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int evio_loop_init(struct evio_loop *l, struct evio_server *s, int index)
{
    l->server = s;
    l->events = &s->events;
    l->options = &s->options;
    l->index = index;
    l->now_us = evio_clock_us();
    atomic_init(&l->state, EVIO_LOOP_RUNNING);
    size_t header = sizeof(struct evio_inbuf), big = s->options.read_bytes;
    evio_pool_init(&l->in_pool, header + EVIO_IN_BLOCK_BYTES, EVIO_POOL_FREE_MAX);
    evio_pool_init(&l->in_big_pool, header + big, EVIO_POOL_BIG_FREE_MAX);
    evio_pool_init(&l->out_pool, EVIO_CHUNK_BLOCK_BYTES, EVIO_POOL_FREE_MAX);
    l->backend.ops = evio_backend_epoll();
    l->backend.buffer = evio_conn_recv_buffer;
    return l->backend.ops->open(&l->backend);
}

void evio_loop_deinit(struct evio_loop *l)
{
    assert(!l->conns);
    while (l->listeners) {
        struct evio_listener *n = l->listeners;
        l->listeners = n->next;
        free(n);
    }
    for (struct evio_task *t = evio_tasks_close(&l->tasks); t;) {
        struct evio_task *next = t->next;
        free(t); /* the server never ran: only posted functions can be here */
        t = next;
    }
    evio_timers_deinit(&l->timers);
    evio_pool_deinit(&l->in_pool);
    evio_pool_deinit(&l->in_big_pool);
    evio_pool_deinit(&l->out_pool);
    free(l->datagram);
    if (l->backend.state)
        l->backend.ops->close(&l->backend);
}

/* ---- asked by other threads ---- */

void evio_loop_wake(struct evio_loop *l)
{
    if (atomic_exchange(&l->state, EVIO_LOOP_WOKEN) == EVIO_LOOP_SLEEPING)
        l->backend.ops->wake(&l->backend);
}

int evio_loop_push(struct evio_loop *l, struct evio_task *t)
{
    if (!evio_tasks_push(&l->tasks, t))
        return -ESHUTDOWN;
    evio_loop_wake(l);
    return 0;
}

static void run_posted(struct evio_loop *l, struct evio_task *t)
{
    struct posted p = *(struct posted *)t;
    free(t);
    p.fn(l, p.arg);
}

int evio_loop_post(struct evio_loop *l, void (*fn)(struct evio_loop *l, void *arg), void *arg)
{
    struct posted *p = malloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    *p = (struct posted){ .task.run = run_posted, .fn = fn, .arg = arg };
    int ret = evio_loop_push(l, &p->task);
    if (ret)
        free(p);
    return ret;
}

/* ---- the stages ---- */

static void complete(struct evio_completion *done)
{
    struct evio_conn *c = (struct evio_conn *)done->handle;
    switch (done->op) {
    case EVIO_OP_ACCEPT:
        evio_listen_accepted((struct evio_listener *)done->handle, done->res);
        break;
    case EVIO_OP_RECV:
        evio_conn_receive(c, done->res);
        break;
    case EVIO_OP_SEND:
        c->flags &= ~(uint32_t)EVIO_C_BLOCKED;
        evio_conn_to_write(c);
        break;
    case EVIO_OP_CONNECT:
        evio_dial_connected(c, done->res);
        break;
    case EVIO_OP_ERROR:
        evio_conn_fail(c, (int)done->res);
        break;
    case EVIO_OP_READABLE:
        break;
    }
}

static void stage_read(struct evio_loop *l, int count)
{
    for (int i = 0; i < count; i++)
        complete(&l->completions[i]);
    for (int i = 0; i < count; i++) {
        struct evio_completion *done = &l->completions[i];
        if (done->op == EVIO_OP_RECV && done->res >= 0)
            evio_conn_received((struct evio_conn *)done->handle);
        else if (done->op == EVIO_OP_READABLE)
            evio_udp_ready((struct evio_conn *)done->handle);
    }
}

static void run_tasks(struct evio_loop *l, struct evio_task *t)
{
    while (t) {
        struct evio_task *next = t->next;
        t->run(l, t);
        t = next;
    }
}

static void stage_write(struct evio_loop *l)
{
    struct evio_conn *c = l->write.first;
    l->write = (struct evio_conn_list){ 0 };
    while (c) {
        struct evio_conn *next = c->next_write;
        c->flags &= ~(uint32_t)EVIO_C_IN_WRITE;
        if (c->flags & EVIO_C_UDP)
            evio_udp_flush(c);
        else
            evio_conn_flush(c);
        c = next;
    }
}

static void stage_finish(struct evio_loop *l)
{
    while (l->finish.first) {
        struct evio_conn *c = l->finish.first;
        l->finish.first = c->next_finish;
        if (!l->finish.first)
            l->finish.last = NULL;
        c->flags &= ~(uint32_t)EVIO_C_IN_FINISH;
        evio_conn_finish(c);
    }
}

static void stage_timers(struct evio_loop *l)
{
    struct evio_timer *t;
    while ((t = evio_timers_pop(&l->timers, l->now_us)))
        t->fn(l, t);
}

static void on_stop_deadline(struct evio_loop *l, struct evio_timer *t)
{
    (void)t;
    for (struct evio_conn *c = l->conns; c; c = c->next)
        evio_conn_abort(c, -ETIMEDOUT);
}

static void begin_stop(struct evio_loop *l)
{
    l->stopping = true;
    evio_timer_stop(&l->tick);
    evio_listen_stop(l);
    for (struct evio_conn *c = l->conns; c; c = c->next) {
        if (c->flags & EVIO_C_DIALING)
            evio_conn_fail(c, -ESHUTDOWN);
        else
            evio_conn_to_finish(c);
    }
}

/* In a turn that somebody asked for. */
static void look_at_server(struct evio_loop *l)
{
    struct evio_server *s = l->server;
    if (atomic_load(&s->stop_asked)) {
        if (!l->stopping)
            begin_stop(l);
        int64_t due_us = atomic_load(&s->stop_due_us);
        if (due_us != l->stop_due_us) {
            l->stop_due_us = due_us;
            l->stop_timer.fn = on_stop_deadline;
            if (evio_timer_start(l, &l->stop_timer, due_us - l->now_us))
                on_stop_deadline(l, &l->stop_timer);
        }
    } else if (!l->listening && atomic_load(&s->listening)) {
        l->listening = true;
        int err = evio_listen_start(l);
        if (err) {
            atomic_store(&s->run_error, err);
            evio_server_stop(s, 0);
        }
    } else if (atomic_load(&s->starved)) {
        evio_listen_retry(l);
    }
}

static int64_t sleep_us(const struct evio_loop *l, int64_t now_us)
{
    if (l->backend.first_ready || l->write.first || l->finish.first)
        return 0;
    int64_t due_us = evio_timers_next_us(&l->timers);
    if (due_us == INT64_MAX)
        return -1;
    return due_us > now_us ? due_us - now_us : 0;
}

static int poll_now(struct evio_loop *l)
{
    return l->backend.ops->wait(&l->backend, 0, l->completions, EVIO_TURN_COMPLETIONS_MAX);
}

/* Looks again and again for spin_us before it sleeps, if that was asked for. */
static int spin(struct evio_loop *l, int64_t now_us, int64_t *timeout_us)
{
    int64_t end_us = now_us + l->options->spin_us;
    if (*timeout_us > 0 && now_us + *timeout_us < end_us)
        end_us = now_us + *timeout_us;
    while (now_us < end_us) {
        int count = poll_now(l);
        bool woken = atomic_load_explicit(&l->state, memory_order_relaxed) != EVIO_LOOP_RUNNING;
        if (count > 0 || woken) {
            *timeout_us = 0;
            return count;
        }
        now_us = evio_clock_us();
    }
    if (*timeout_us > 0)
        *timeout_us = sleep_us(l, now_us);
    return 0;
}

static int stage_wait(struct evio_loop *l, int64_t now_us)
{
    int64_t timeout_us = sleep_us(l, now_us);
    int count = 0;
    if (timeout_us != 0 && l->options->spin_us > 0) {
        count = spin(l, now_us, &timeout_us);
        if (count > 0)
            return count;
    }
    int running = EVIO_LOOP_RUNNING;
    if (timeout_us != 0 && !atomic_compare_exchange_strong(&l->state, &running, EVIO_LOOP_SLEEPING))
        timeout_us = 0;
    return l->backend.ops->wait(&l->backend, timeout_us, l->completions, EVIO_TURN_COMPLETIONS_MAX);
}

/* Returns the time at the end of the turn. */
static int64_t turn(struct evio_loop *l, int64_t now_us)
{
    bool woken = false;
    int count = stage_wait(l, now_us);
    if (atomic_load_explicit(&l->state, memory_order_relaxed) != EVIO_LOOP_RUNNING)
        woken = atomic_exchange(&l->state, EVIO_LOOP_RUNNING) == EVIO_LOOP_WOKEN;
    int64_t begin_us = l->now_us = evio_clock_us();

    stage_read(l, count);
    run_tasks(l, evio_tasks_take(&l->tasks));
    if (l->events->prewrite)
        l->events->prewrite(l);
    stage_write(l);
    if (woken)
        look_at_server(l);
    stage_finish(l);

    int64_t end_us = evio_clock_us();
    if (evio_timers_next_us(&l->timers) <= end_us) {
        l->now_us = end_us;
        stage_timers(l);
        stage_finish(l);
        end_us = evio_clock_us();
    }
    uint64_t busy_us = (uint64_t)(end_us - begin_us);
    evio_count(&l->stats.turns, 1);
    evio_count(&l->stats.wakes, woken);
    evio_count(&l->stats.busy_us, busy_us);
    if (busy_us > atomic_load_explicit(&l->stats.turn_us_max, memory_order_relaxed))
        atomic_store_explicit(&l->stats.turn_us_max, busy_us, memory_order_relaxed);
    return end_us;
}

/* Stopping, a loop goes on taking turns (for the tasks of others) until no loop has connections. */
static bool has_stopped(struct evio_loop *l)
{
    struct evio_server *s = l->server;
    if (l->conn_count == 0 && !l->drained) {
        l->drained = true;
        if (atomic_fetch_sub(&s->busy_loops, 1) == 1) {
            for (int i = 0; i < s->num_loops; i++)
                evio_loop_wake(s->loops[i]);
        }
    }
    return l->drained && atomic_load(&s->busy_loops) == 0;
}

void evio_loop_run(struct evio_loop *l)
{
    int64_t now_us = evio_clock_us();
    do
        now_us = turn(l, now_us);
    while (!l->stopping || !has_stopped(l));
    /* What these post is refused. */
    run_tasks(l, evio_tasks_close(&l->tasks));
    evio_timers_deinit(&l->timers);
    stage_finish(l);
    assert(!l->conns);
}

/* ---- what a user may read ---- */

struct evio_server *evio_loop_server(const struct evio_loop *l)
{
    return l->server;
}

int evio_loop_index(const struct evio_loop *l)
{
    return l->index;
}

void evio_loop_set_udata(struct evio_loop *l, void *udata)
{
    l->udata = udata;
}

void *evio_loop_udata(const struct evio_loop *l)
{
    return l->udata;
}

int64_t evio_loop_now_us(const struct evio_loop *l)
{
    return l->now_us;
}

int64_t evio_loop_now_ms(const struct evio_loop *l)
{
    return l->now_us / 1000;
}

void evio_loop_update_time(struct evio_loop *l)
{
    l->now_us = evio_clock_us();
}

void evio_loop_stats(const struct evio_loop *l, struct evio_loop_stats *out)
{
#define GET(name) atomic_load_explicit(&l->stats.name, memory_order_relaxed)
    *out = (struct evio_loop_stats){
        .closed = GET(closed), /* before accepted: it must not be ahead of it */
        .accepted = GET(accepted),
        .read_bytes = GET(read_bytes),
        .written_bytes = GET(written_bytes),
        .reads = GET(reads),
        .writes = GET(writes),
        .turns = GET(turns),
        .wakes = GET(wakes),
        .busy_us = GET(busy_us),
        .turn_us_max = GET(turn_us_max),
    };
#undef GET
    out->connections = out->accepted > out->closed ? out->accepted - out->closed : 0;
}
