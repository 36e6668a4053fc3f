/* server: puts the parts together: addresses from the configuration, one worker a loop, and the loops' events. */
#include "kv/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "kv/base/slice.h"
#include "kv/engine/engine.h"
#include "kv/engine/engine_internal.h"
#include "kv/engine/gate.h"
#include "kv/engine/worker.h"
#include "kv/session/events.h"
#include "kv/store/shard.h"

enum {
    ADDRS_MAX = 32,
    ADDR_BYTES = 300,
    INHERITED_MAX = 32,
};

struct addr_list {
    char text[ADDRS_MAX][ADDR_BYTES];
    const char *ptr[ADDRS_MAX];
    bool optional[ADDRS_MAX]; /* "-" before it: may be missing on this machine */
    int count;
};

int64_t server_unix_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- workers ---- */

static void worker_free(struct worker *w)
{
    if (!w)
        return;
    engine_stop(w);
    shard_free(w->shard);
    free(w->cmd_stats);
    free(w);
}

static struct worker *worker_new(struct server *s, int index)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    struct shard_options options = { .databases = (int)s->config->databases,
                                     .hash_seed = s->hash_seed };
    w->server = s;
    w->index = index;
    w->shard = shard_new(&options);
    w->cmd_stats = calloc((size_t)cmd_table_id_count(s->commands), sizeof(*w->cmd_stats));
    if (!w->shard || !w->cmd_stats || engine_start(w) < 0) {
        worker_free(w);
        return NULL;
    }
    return w;
}

static int workers_new(struct server *s)
{
    s->worker_count = evio_server_num_loops(s->evio);
    s->workers = calloc((size_t)s->worker_count, sizeof(*s->workers));
    if (!s->workers)
        return -ENOMEM;
    for (int i = 0; i < s->worker_count; i++) {
        if (!(s->workers[i] = worker_new(s, i)))
            return -ENOMEM;
    }
    for (int i = 0; i < s->worker_count; i++) {
        for (int k = 0; k < s->worker_count; k++) {
            s->workers[i]->engine->shards[k] = s->workers[k]->shard;
            s->workers[i]->engine->lanes[k] = &s->workers[k]->engine->lane;
        }
        s->workers[i]->loop = evio_server_loop(s->evio, i);
        evio_loop_set_udata(s->workers[i]->loop, s->workers[i]);
    }
    return 0;
}

static int loop_started(struct evio_loop *l)
{
    struct worker *w = evio_loop_udata(l);
    if (w->server->worker_count == 1)
        shard_hold(w->shard, w);
    background_init(w);
    return 0;
}

static void prewrite(struct evio_loop *l)
{
    engine_turn(evio_loop_udata(l));
}

/* ---- addresses ---- */

static int add_addr(struct addr_list *l, const char *scheme, const char *host, size_t host_len,
                    int port, const char *query)
{
    if (l->count == ADDRS_MAX)
        return -E2BIG;
    bool v6 = memchr(host, ':', host_len) && host[0] != '[';
    int n = snprintf(l->text[l->count], ADDR_BYTES, "%s://%s%.*s%s:%d%s", scheme, v6 ? "[" : "",
                     (int)host_len, host, v6 ? "]" : "", port, query);
    if (n < 0 || n >= ADDR_BYTES)
        return -ENAMETOOLONG;
    l->ptr[l->count] = l->text[l->count];
    l->count++;
    return 0;
}

static int add_bind(struct addr_list *l, struct slice host, int port, const char *query)
{
    bool optional = host.len > 1 && host.ptr[0] == '-';
    if (optional)
        host = slice_of(host.ptr + 1, host.len - 1);
    const char *scheme = "tcp";
    if (slice_eq(host, SLICE("*"))) {
        host = SLICE("0.0.0.0");
        scheme = "tcp4";
    } else if (slice_eq(host, SLICE("::*"))) {
        host = SLICE("::");
        scheme = "tcp6";
    }
    int ret = add_addr(l, scheme, host.ptr, host.len, port, query);
    if (ret == 0)
        l->optional[l->count - 1] = optional;
    return ret;
}

static int config_addrs(const struct config *c, struct addr_list *l)
{
    const char *query = c->reuseport ? "?reuseport=true" : "";
    const char *p = c->bind;
    int ret = 0;
    while (c->port && *p && ret == 0) {
        size_t n = strcspn(p, " ");
        if (n)
            ret = add_bind(l, slice_of(p, n), (int)c->port, query);
        p += n + (p[n] == ' ');
    }
    if (ret == 0 && *c->unixsocket) {
        if (l->count == ADDRS_MAX)
            return -E2BIG;
        int n = snprintf(l->text[l->count], ADDR_BYTES, "unix://%s", c->unixsocket);
        if (n < 0 || n >= ADDR_BYTES)
            return -ENAMETOOLONG;
        l->ptr[l->count] = l->text[l->count];
        l->optional[l->count++] = false;
    }
    return ret;
}

static void drop_addr(struct addr_list *l, int index)
{
    l->count--;
    for (int i = index; i < l->count; i++) {
        l->ptr[i] = l->ptr[i + 1];
        l->optional[i] = l->optional[i + 1];
    }
}

static enum evio_action serving(struct evio_server *e, const struct evio_serving *info)
{
    struct server *s = evio_server_udata(e);
    for (int i = 0; i < info->addr_count; i++) {
        const struct evio_addr *a = &info->addrs[i];
        const char *port = strrchr(a->text, ':');
        if (strncmp(a->text, "tcp", 3) == 0 && port && !s->tcp_port)
            s->tcp_port = atoi(port + 1);
        log_write(s->log, LOGLEVEL_NOTICE, "listening address=%s", a->text);
    }
    log_write(s->log, LOGLEVEL_NOTICE, "Ready to accept connections loops=%d", info->num_loops);
    return EVIO_NONE;
}

/* ---- life ---- */

static int bind_all(struct server *s, char *error, size_t error_bytes)
{
    struct addr_list *l = calloc(1, sizeof(*l));
    int inherited[INHERITED_MAX], failed = -1;
    int ret = l ? config_addrs(s->config, l) : -ENOMEM;
    struct evio_events events = { .serving = serving,
                                  .loop_started = loop_started,
                                  .prewrite = prewrite };
    struct evio_options options = {
        .num_loops = (int)s->config->loops,
        .balance = (enum evio_balance)s->config->balance,
        .pin_loops = s->config->pin_loops,
        .backlog = (int)s->config->tcp_backlog,
        .high_water_bytes = (size_t)s->config->client_output_high_water,
        .stop_deadline_ms = SERVER_STOP_DEADLINE_MS,
        .unix_mode = (int)s->config->unixsocketperm,
        .thread_name = "evio-kv",
        .inherited_fds = inherited,
        .udata = s,
    };
    session_events(&events);
    int given = evio_listen_fds(inherited, INHERITED_MAX);
    if (given > 0) {
        options.inherited_count = given;
        l->count = 0;
    }
    while (ret == 0) {
        if (l->count == 0 && options.inherited_count == 0) {
            snprintf(error, error_bytes,
                     "no address to listen on: set port and bind, or unixsocket");
            break;
        }
        int err = evio_server_new(&s->evio, &events, &options, l->ptr, l->count, &failed);
        if (err == 0)
            break;
        if (failed >= 0 && failed < l->count && l->optional[failed]) {
            drop_addr(l, failed);
            continue;
        }
        snprintf(error, error_bytes, "cannot listen on %s: %s",
                 failed >= 0 && failed < l->count ? l->ptr[failed] : "any address", strerror(-err));
        break;
    }
    if (ret < 0)
        snprintf(error, error_bytes, "cannot listen: %s", strerror(-ret));
    free(l);
    return s->evio ? 0 : -EADDRNOTAVAIL;
}

static void make_run_id(struct server *s)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[RUN_ID_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        memset(bytes, (int)getpid(), sizeof(bytes));
    if (getrandom(&s->hash_seed, sizeof(s->hash_seed), 0) != sizeof(s->hash_seed))
        s->hash_seed = (uint64_t)server_unix_ms() * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < RUN_ID_BYTES; i++)
        s->run_id[i] = hex[bytes[i] & 15];
}

struct server *server_new(struct config *config, struct log *log, char *error, size_t error_bytes)
{
    struct server *s = calloc(1, sizeof(*s));
    if (s)
        s->gate = malloc(sizeof(*s->gate));
    if (!s || !s->gate) {
        snprintf(error, error_bytes, "out of memory");
        free(s);
        return NULL;
    }
    gate_init(s->gate);
    s->config = config;
    s->log = log;
    s->started_ms = server_unix_ms();
    s->active_expire = true;
    s->next_client_id = 1;
    make_run_id(s);
    s->commands = cmd_table_new();
    if (bind_all(s, error, error_bytes) < 0) {
        server_free(s);
        return NULL;
    }
    if (!s->commands || workers_new(s) < 0) {
        snprintf(error, error_bytes, "out of memory");
        server_free(s);
        return NULL;
    }
    return s;
}

int server_run(struct server *s)
{
    return evio_server_run(s->evio);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    evio_server_free(s->evio);
    for (int i = 0; s->workers && i < s->worker_count; i++)
        worker_free(s->workers[i]);
    free(s->workers);
    cmd_table_free(s->commands);
    pthread_mutex_destroy(&s->gate->lock);
    free(s->gate);
    free(s);
}

static void wake_all(struct server *s)
{
    for (int i = 0; i < s->worker_count; i++)
        evio_loop_wake(s->workers[i]->loop);
}

void server_stop(struct server *s)
{
    atomic_store(&s->stopping, true);
    wake_all(s);
}

void server_pause(struct server *s, int64_t until_ms, bool writes_only)
{
    atomic_store(&s->pause_writes_only, writes_only);
    atomic_store(&s->pause_until_ms, until_ms);
}

void server_unpause(struct server *s)
{
    atomic_store(&s->pause_until_ms, 0);
    wake_all(s);
}

/* ---- counters ---- */

uint64_t server_sum(const struct server *s, size_t counter_offset)
{
    uint64_t sum = 0;
    for (int i = 0; i < s->worker_count; i++)
        sum += counter_get((const counter *)((const char *)&s->workers[i]->stats + counter_offset));
    return sum;
}

static void zero(counter *c)
{
    atomic_store_explicit(c, 0, memory_order_relaxed);
}

void server_reset_stats(struct server *s)
{
    for (int i = 0; i < s->worker_count; i++) {
        struct worker *w = s->workers[i];
        struct worker_stats *st = &w->stats;
        struct shard_stats *shard = shard_stats(w->shard);
        counter *counters[] = {
            &st->commands,
            &st->connections_received,
            &st->batches,
            &st->hops_sent,
            &st->hops_received,
            &st->holds,
            &st->error_replies,
            &st->protocol_errors,
            &st->output_stalls,
            &shard->hits,
            &shard->misses,
            &shard->expired,
            &shard->expired_late_count,
            &shard->expire_lag_us_sum,
            &shard->expire_lag_ms_max,
            &shard->lazyfreed,
        };
        for (size_t k = 0; k < sizeof(counters) / sizeof(counters[0]); k++)
            zero(counters[k]);
        for (int id = 0; id < cmd_table_id_count(s->commands); id++) {
            zero(&w->cmd_stats[id].calls);
            zero(&w->cmd_stats[id].usec);
            zero(&w->cmd_stats[id].rejected);
            zero(&w->cmd_stats[id].failed);
        }
    }
    atomic_store(&s->rejected_connections, 0);
}
