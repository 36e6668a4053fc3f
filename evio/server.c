/* A server from its making to its end, see server.h. The start is a meeting of all loops under the
 * server's lock; from there on loops meet only through tasks and a few atomics. */
#include "evio/server.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "evio/conn.h"

enum {
    LOOPS_MAX = 1024,
    BACKLOG_DEFAULT = 511,
    READ_BYTES_DEFAULT = 64 * 1024,
    STOP_DEADLINE_DEFAULT_MS = 5000,
};

static void set_defaults(struct evio_server *s)
{
    struct evio_options *o = &s->options;
    s->num_loops = o->num_loops < 0 ? evio_cpu_count() : o->num_loops;
    if (s->num_loops < 1)
        s->num_loops = 1;
    if (s->num_loops > LOOPS_MAX)
        s->num_loops = LOOPS_MAX;
    if (o->backlog <= 0)
        o->backlog = BACKLOG_DEFAULT;
    if (o->read_bytes == 0)
        o->read_bytes = READ_BYTES_DEFAULT;
    if (o->low_water_bytes == 0)
        o->low_water_bytes = o->high_water_bytes / 4;
    if (o->stop_deadline_ms <= 0)
        o->stop_deadline_ms = STOP_DEADLINE_DEFAULT_MS;
    const char *name = o->thread_name ? o->thread_name : "evio";
    snprintf(s->thread_name, sizeof(s->thread_name), "%s", name);
    o->thread_name = s->thread_name;
    o->inherited_fds = NULL; /* the caller's: used only while binding */
}

static int make_loops(struct evio_server *s)
{
    s->loops = calloc((size_t)s->num_loops, sizeof(*s->loops));
    if (!s->loops)
        return -ENOMEM;
    for (int i = 0; i < s->num_loops; i++) {
        struct evio_loop *l = aligned_alloc(EVIO_CACHE_LINE_BYTES, sizeof(*l));
        if (!l)
            return -ENOMEM;
        memset(l, 0, sizeof(*l));
        s->loops[i] = l;
        int ret = evio_loop_init(l, s, i);
        if (ret)
            return ret;
    }
    return 0;
}

int evio_server_new(struct evio_server **out, const struct evio_events *events,
                    const struct evio_options *options, const char *const *addrs, int addr_count,
                    int *failed_addr)
{
    int failed = -1, ret = -ENOMEM;
    *out = NULL;
    struct evio_server *s = calloc(1, sizeof(*s));
    if (!s)
        goto out;
    s->events = events ? *events : (struct evio_events){ 0 };
    s->options = options ? *options : (struct evio_options){ 0 };
    struct evio_options asked = s->options;
    set_defaults(s);
    asked.backlog = s->options.backlog;
    s->random_state = (uint64_t)evio_clock_us() | 1;
    atomic_init(&s->stop_due_us, INT64_MAX);
    atomic_init(&s->busy_loops, s->num_loops);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    ret = make_loops(s);
    if (ret == 0)
        ret = evio_bound_open(&s->bound, &asked, s->num_loops, addrs, addr_count, &failed);
    if (ret)
        evio_server_free(s);
    else
        *out = s;
out:
    if (failed_addr)
        *failed_addr = failed;
    return ret;
}

void evio_server_free(struct evio_server *s)
{
    if (!s)
        return;
    evio_bound_close(&s->bound);
    for (int i = 0; s->loops && i < s->num_loops && s->loops[i]; i++) {
        evio_loop_deinit(s->loops[i]);
        free(s->loops[i]);
    }
    free(s->loops);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- running ---- */

/* Calls loop_started and waits until every loop has. True if all went well. */
static bool meet(struct evio_loop *l)
{
    struct evio_server *s = l->server;
    evio_loop_update_time(l);
    int err = s->events.loop_started ? s->events.loop_started(l) : 0;
    pthread_mutex_lock(&s->lock);
    if (err && !s->start_error)
        s->start_error = err;
    s->started_count++;
    pthread_cond_broadcast(&s->changed);
    while (s->started_count < s->num_loops)
        pthread_cond_wait(&s->changed, &s->lock);
    bool ok = !s->start_error;
    pthread_mutex_unlock(&s->lock);
    if (!ok && !err && s->events.loop_stopped)
        s->events.loop_stopped(l);
    return ok;
}

static void run_to_end(struct evio_loop *l)
{
    evio_loop_run(l);
    if (l->events->loop_stopped)
        l->events->loop_stopped(l);
}

static void pin(const struct evio_server *s, int index)
{
    cpu_set_t allowed, one;
    if (!s->options.pin_loops || sched_getaffinity(0, sizeof(allowed), &allowed))
        return;
    int nth = index % CPU_COUNT(&allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || nth-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        pthread_setaffinity_np(pthread_self(), sizeof(one), &one); /* a wish, not a need */
        return;
    }
}

static void *thread_main(void *arg)
{
    struct evio_loop *l = arg;
    char name[16];
    snprintf(name, sizeof(name), "%s-%d", l->server->thread_name, l->index % 1000);
    pthread_setname_np(pthread_self(), name);
    pin(l->server, l->index);
    if (meet(l))
        run_to_end(l);
    return NULL;
}

/* Signals are for the threads the caller knows of, but for those that a fault of ours raises. */
static int start_thread(pthread_t *thread, struct evio_loop *l)
{
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(thread, NULL, thread_main, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -err;
}

static void on_tick(struct evio_loop *l, struct evio_timer *t)
{
    struct evio_server *s = l->server;
    int64_t delay_ms = -1;
    if (s->events.tick(s, &delay_ms) == EVIO_SHUTDOWN)
        evio_server_stop(s, s->options.stop_deadline_ms);
    else if (delay_ms >= 0 && !l->stopping)
        evio_timer_start(l, t, delay_ms * 1000);
}

static void serve(struct evio_server *s, struct evio_addr *addrs)
{
    struct evio_loop *l = s->loops[0];
    for (int i = 0; i < s->bound.count; i++) {
        const struct evio_bound_addr *a = &s->bound.items[i];
        addrs[i] =
            (struct evio_addr){ a->index, a->text, (const struct sockaddr *)&a->sa, a->sa_len };
    }
    struct evio_serving info = { s->num_loops, s->bound.count, addrs };
    evio_loop_update_time(l);
    if (s->events.serving && s->events.serving(s, &info) == EVIO_SHUTDOWN)
        evio_server_stop(s, s->options.stop_deadline_ms);
    atomic_store(&s->listening, true);
    for (int i = 0; i < s->num_loops; i++)
        evio_loop_wake(s->loops[i]);
    if (s->events.tick) {
        l->tick.fn = on_tick;
        on_tick(l, &l->tick);
    }
    run_to_end(l);
}

int evio_server_run(struct evio_server *s)
{
    cpu_set_t affinity;
    int started = 0, err = 0;
    assert(s->started_count == 0); /* a server runs once */
    struct evio_addr *addrs = calloc((size_t)s->bound.count + 1, sizeof(*addrs));
    pthread_t *threads = calloc((size_t)s->num_loops, sizeof(*threads));
    if (!threads || !addrs) {
        free(threads);
        free(addrs);
        return -ENOMEM;
    }
    bool restore = s->options.pin_loops && !sched_getaffinity(0, sizeof(affinity), &affinity);
    for (int i = 1; i < s->num_loops && !err; i++) {
        err = start_thread(&threads[i], s->loops[i]);
        started += !err;
    }
    if (err) {
        pthread_mutex_lock(&s->lock);
        s->start_error = err;
        s->started_count += s->num_loops - 1 - started;
        pthread_mutex_unlock(&s->lock);
    }
    pin(s, 0);
    if (meet(s->loops[0]))
        serve(s, addrs);
    for (int i = 1; i <= started; i++)
        pthread_join(threads[i], NULL);
    if (restore)
        pthread_setaffinity_np(pthread_self(), sizeof(affinity), &affinity);
    free(threads);
    free(addrs);
    return s->start_error ? s->start_error : atomic_load(&s->run_error);
}

int evio_serve(const struct evio_events *events, const struct evio_options *options,
               const char *const *addrs, int addr_count)
{
    struct evio_server *s;
    int ret = evio_server_new(&s, events, options, addrs, addr_count, NULL);
    if (ret)
        return ret;
    ret = evio_server_run(s);
    evio_server_free(s);
    return ret;
}

void evio_server_stop(struct evio_server *s, int64_t deadline_ms)
{
    int64_t due_us = evio_clock_us() + (deadline_ms > 0 ? deadline_ms : 0) * 1000;
    int64_t now = atomic_load(&s->stop_due_us);
    while (due_us < now && !atomic_compare_exchange_weak(&s->stop_due_us, &now, due_us))
        continue;
    atomic_store(&s->stop_asked, true);
    for (int i = 0; i < s->num_loops; i++)
        evio_loop_wake(s->loops[i]);
}

void *evio_server_udata(const struct evio_server *s)
{
    return s->options.udata;
}

int evio_server_num_loops(const struct evio_server *s)
{
    return s->num_loops;
}

struct evio_loop *evio_server_loop(struct evio_server *s, int index)
{
    assert(index >= 0 && index < s->num_loops);
    return s->loops[index];
}

/* ---- balance ---- */

static uint64_t next_random(struct evio_server *s)
{
    uint64_t z = s->random_state += 0x9e3779b97f4a7c15U; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

struct evio_loop *evio_server_pick(struct evio_server *s)
{
    uint32_t index = 0, count = (uint32_t)s->num_loops;
    switch (s->options.balance) {
    case EVIO_BALANCE_ROUND_ROBIN:
        index = s->next_loop;
        s->next_loop = (s->next_loop + 1) % count;
        break;
    case EVIO_BALANCE_RANDOM:
        index = (uint32_t)(next_random(s) % count);
        break;
    case EVIO_BALANCE_LEAST_CONNECTIONS:
        for (uint32_t i = 1; i < count; i++) {
            if (atomic_load_explicit(&s->loops[i]->assigned, memory_order_relaxed) <
                atomic_load_explicit(&s->loops[index]->assigned, memory_order_relaxed))
                index = i;
        }
        break;
    }
    return s->loops[index];
}
