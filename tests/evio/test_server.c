/* Servers: addresses, balance, accepting when descriptors run out, starting and stopping. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/evio/rig.h"

enum { LOOPS_MAX = 4, MEGABYTE = 1024 * 1024 };

struct state {
    struct rig rig;
    struct gauge opened, closed, done, started, stopped;
    _Atomic int on_loop[LOOPS_MAX];
    _Atomic int reason;
    _Atomic bool late_refused;
    struct evio_conn *conn;
    int fail_loop, ticks;
};

static struct state *state_of(const struct evio_conn *c)
{
    return (struct state *)rig_of(c);
}

static struct state *state_new(void)
{
    struct state *s = calloc(1, sizeof(*s));
    cr_assert(s);
    s->opened = s->closed = s->done = s->started = s->stopped = (struct gauge)GAUGE_INIT;
    return s;
}

static enum evio_action count_opened(struct evio_conn *c)
{
    struct state *s = state_of(c);
    atomic_fetch_add(&s->on_loop[evio_loop_index(evio_conn_loop(c))], 1);
    gauge_add(&s->opened, 1);
    return EVIO_NONE;
}

static void count_closed(struct evio_conn *c, int reason)
{
    struct state *s = state_of(c);
    atomic_fetch_sub(&s->on_loop[evio_loop_index(evio_conn_loop(c))], 1);
    atomic_store(&s->reason, reason);
    gauge_add(&s->closed, 1);
}

static const struct evio_events counting = { .opened = count_opened,
                                             .data = rig_echo,
                                             .closed = count_closed };

/* ---- balance ---- */

enum { MANY = 1000 };

static void connect_many(struct state *s, int *fds, int count)
{
    for (int i = 0; i < count; i++)
        fds[i] = rig_client(&s->rig);
}

Test(server, balance_is_what_its_name_says_over_a_thousand_connections)
{
    int *fds = malloc(MANY * sizeof(*fds));
    allow_descriptors(3 * MANY);
    const enum evio_balance kinds[] = { EVIO_BALANCE_ROUND_ROBIN, EVIO_BALANCE_RANDOM,
                                        EVIO_BALANCE_LEAST_CONNECTIONS };
    for (int loops = 2; loops <= LOOPS_MAX; loops *= 2) {
        for (int k = 0; k < 3; k++) {
            struct state *s = state_new();
            rig_start_tcp(&s->rig, counting,
                          (struct evio_options){ .num_loops = loops, .balance = kinds[k] });
            connect_many(s, fds, MANY);
            gauge_wait(&s->opened, MANY);
            for (int i = 0; i < loops; i++) {
                int got = atomic_load(&s->on_loop[i]), fair = MANY / loops;
                if (kinds[k] == EVIO_BALANCE_RANDOM) /* eight standard deviations */
                    cr_assert(got > fair - 130 && got < fair + 130, "%d of %d", got, fair);
                else
                    cr_assert_eq(got, fair, "balance %d, loop %d: %d", kinds[k], i, got);
            }
            for (int i = 0; i < MANY; i++)
                close(fds[i]);
            rig_stop(&s->rig);
            free(s);
        }
    }
    free(fds);
}

Test(server, least_connections_fills_up_what_has_emptied)
{
    enum { LOOPS = 4, EACH = 25 };
    int fds[LOOPS * EACH];
    struct state *s = state_new();
    rig_start_tcp(
        &s->rig, counting,
        (struct evio_options){ .num_loops = LOOPS, .balance = EVIO_BALANCE_LEAST_CONNECTIONS });
    connect_many(s, fds, LOOPS * EACH);
    gauge_wait(&s->opened, LOOPS * EACH);
    for (int i = 0; i < LOOPS * EACH; i += 3) /* unevenly */
        close(fds[i]);
    int gone = (LOOPS * EACH + 2) / 3;
    gauge_wait(&s->closed, gone);
    while (rig_stats(&s->rig).connections != (uint64_t)(LOOPS * EACH - gone))
        continue;
    for (int i = 0; i < LOOPS * EACH; i += 3)
        fds[i] = rig_client(&s->rig);
    gauge_wait(&s->opened, LOOPS * EACH + gone);
    for (int i = 0; i < LOOPS; i++)
        cr_assert_eq(atomic_load(&s->on_loop[i]), EACH, "loop %d", i);
    for (int i = 0; i < LOOPS * EACH; i++)
        close(fds[i]);
    rig_stop(&s->rig);
    free(s);
}

Test(server, with_reuseport_every_loop_accepts)
{
    enum { LOOPS = 2, CLIENTS = 200 };
    const char *addr = "tcp://127.0.0.1:0?reuseport=true";
    int fds[CLIENTS];
    struct state *s = state_new();
    rig_start(&s->rig, counting, (struct evio_options){ .num_loops = LOOPS }, &addr, 1);
    cr_assert_eq(s->rig.addr_count, 1);
    connect_many(s, fds, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        exchange(fds[i], "x", "x");
    for (int i = 0; i < LOOPS; i++)
        cr_assert(atomic_load(&s->on_loop[i]) > 0);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    rig_stop(&s->rig);
    free(s);
}

/* ---- addresses ---- */

static int port_of(const struct sockaddr_storage *sa)
{
    return sa->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)sa)->sin_port)
                                    : ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
}

Test(server, binds_several_addresses_and_tells_the_real_ports)
{
    const char *addrs[] = { "tcp4://127.0.0.1:0", "tcp://localhost:0", "tcp://:0",
                            "udp4://127.0.0.1:0" };
    struct state *s = state_new();
    rig_start(&s->rig, counting, (struct evio_options){ .num_loops = 2 }, addrs, 4);
    cr_assert_eq(s->rig.num_loops, 2);
    cr_assert(s->rig.addr_count >= 4);
    int seen[4] = { 0 }, ports[4] = { 0 };
    for (int i = 0; i < s->rig.addr_count; i++) {
        int index = s->rig.index[i], port = port_of(&s->rig.sa[i]);
        char tail[16];
        snprintf(tail, sizeof(tail), ":%d", port);
        cr_assert(port > 0 && index >= 0 && index < 4);
        cr_assert(!seen[index]++ || port == ports[index], "one port for all of an address");
        ports[index] = port;
        size_t len = strlen(s->rig.text[i]), tail_len = strlen(tail);
        cr_assert_str_eq(s->rig.text[i] + len - tail_len, tail);
        if (index == 3)
            continue;
        int fd = client_at(&s->rig.sa[i], s->rig.sa_len[i]);
        exchange(fd, "x", "x");
        close(fd);
    }
    for (int i = 0; i < 4; i++)
        cr_assert(seen[i], "address %d", i);
    rig_stop(&s->rig);
    free(s);
}

static int try_new(const char *const *addrs, int count, int *failed)
{
    struct evio_server *server;
    *failed = -2;
    int ret = evio_server_new(&server, NULL, NULL, addrs, count, failed);
    evio_server_free(server);
    return ret;
}

Test(server, a_wrong_address_is_named_and_nothing_stays_bound)
{
    const char *wrong[] = { "",
                            "127.0.0.1:80",
                            "http://127.0.0.1:80",
                            "tcp://127.0.0.1",
                            "tcp://127.0.0.1:",
                            "tcp://127.0.0.1:65536",
                            "tcp://127.0.0.1:http",
                            "tcp://::1:80",
                            "tcp://127.0.0.1:80?reuse=true",
                            "tcp://127.0.0.1:80?reuseport=maybe",
                            "unix://" };
    int failed;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_assert_eq(try_new(&wrong[i], 1, &failed), -EINVAL, "%s", wrong[i]);
        cr_assert_eq(failed, 0);
    }
    struct state *s = state_new();
    rig_start_tcp(&s->rig, counting, (struct evio_options){ 0 });
    char dir[] = "/tmp/evio-test-XXXXXX", path[64];
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "unix://%s/s", dir);
    const char *taken[] = { path, s->rig.text[0] };
    cr_assert_eq(try_new(taken, 2, &failed), -EADDRINUSE);
    cr_assert_eq(failed, 1);
    cr_assert_eq(access(path + strlen("unix://"), F_OK), -1, "the first was unbound again");
    rig_stop(&s->rig);
    const char *nowhere = "tcp://no-such-host.invalid:1";
    cr_assert(try_new(&nowhere, 1, &failed) < 0);
    rmdir(dir);
    free(s);
}

Test(server, unix_sockets_are_replaced_when_stale_refused_when_live_and_removed_at_the_end)
{
    char dir[] = "/tmp/evio-test-XXXXXX", path[64];
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "unix://%s/s", dir);
    const char *addr = path, *file = path + strlen("unix://");
    int failed;

    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", file);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(stale, (struct sockaddr *)&un, sizeof(un)), 0);
    close(stale);

    struct state *s = state_new();
    rig_start(&s->rig, counting, (struct evio_options){ .unix_mode = 0620 }, &addr, 1);
    cr_assert_str_eq(s->rig.text[0], path);
    struct stat st;
    cr_assert_eq(stat(file, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0620);
    int fd = rig_client(&s->rig);
    exchange(fd, "x", "x");
    cr_assert_eq(try_new(&addr, 1, &failed), -EADDRINUSE);
    exchange(fd, "x", "x"); /* it was not harmed */
    close(fd);
    rig_stop(&s->rig);
    cr_assert_eq(access(file, F_OK), -1);

    int plain = open(file, O_CREAT | O_WRONLY, 0600); /* not a socket: nobody's to remove */
    close(plain);
    cr_assert_eq(try_new(&addr, 1, &failed), -EADDRINUSE);
    cr_assert_eq(unlink(file), 0);
    rmdir(dir);
    free(s);
}

Test(server, takes_listeners_of_its_parent)
{
    struct state *s = state_new();
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(fd, 5) == 0);
    rig_start(&s->rig, counting,
              (struct evio_options){ .inherited_fds = &fd, .inherited_count = 1, .num_loops = 2 },
              NULL, 0);
    int client = rig_client(&s->rig);
    exchange(client, "x", "x");
    close(client);
    rig_stop(&s->rig);
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    struct evio_options o = { .inherited_fds = &plain, .inherited_count = 1 };
    struct evio_server *server;
    cr_assert_eq(evio_server_new(&server, NULL, &o, NULL, 0, NULL), -EINVAL, "no listener");
    cr_assert_eq(close(plain), 0, "it stayed the caller's");
    free(s);
}

/* ---- descriptors run out ---- */

Test(server, without_descriptors_it_neither_spins_nor_loses_its_listener, .timeout = 90)
{
    enum { CLIENTS = 12, FREE = 5 };
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        int fds[CLIENTS];
        rig_start_tcp(&s->rig, counting, (struct evio_options){ .num_loops = rig_loops(i) });
        for (int k = 0; k < CLIENTS; k++)
            fds[k] = socket(AF_INET, SOCK_STREAM, 0);
        int top = dup(0);
        struct rlimit old, lim;
        getrlimit(RLIMIT_NOFILE, &old);
        close(top);
        lim = old;
        lim.rlim_cur = (rlim_t)top + FREE;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &lim), 0);
        for (int k = 0; k < CLIENTS; k++)
            cr_assert_eq(connect(fds[k], (struct sockaddr *)&s->rig.sa[0], s->rig.sa_len[0]), 0);
        gauge_wait(&s->opened, FREE);
        exchange(fds[0], "ping", "ping");
        uint64_t turns = rig_stats(&s->rig).turns;
        poll(NULL, 0, 200); /* that nothing happens cannot be waited for otherwise */
        turns = rig_stats(&s->rig).turns - turns;
        cr_assert(turns < 50, "%lu turns, where a few a second are enough to try again", turns);
        exchange(fds[0], "ping", "ping");
        cr_assert_eq(gauge_get(&s->opened), FREE);
        for (int k = 0; k < CLIENTS - FREE; k++) { /* each end lets another in */
            exchange(fds[k], "x", "x");
            shutdown(fds[k], SHUT_RDWR);
            gauge_wait(&s->closed, k + 1);
            gauge_wait(&s->opened, FREE + k + 1);
        }
        setrlimit(RLIMIT_NOFILE, &old);
        exchange(fds[CLIENTS - 1], "x", "x");
        for (int k = 0; k < CLIENTS; k++)
            close(fds[k]);
        rig_stop(&s->rig);
        free(s);
    }
}

/* ---- starting ---- */

static int start_or_fail(struct evio_loop *l)
{
    struct state *s = (struct state *)rig_of_loop(l);
    gauge_add(&s->started, 1);
    evio_loop_set_udata(l, s);
    return evio_loop_index(l) == s->fail_loop ? -EPERM : 0;
}

static void count_stopped(struct evio_loop *l)
{
    struct state *s = evio_loop_udata(l);
    gauge_add(&s->stopped, 1);
}

Test(server, loops_start_and_stop_on_their_threads_and_may_refuse)
{
    enum { LOOPS = 4 };
    for (int fail = -1; fail < LOOPS; fail++) {
        struct state *s = state_new();
        s->fail_loop = fail;
        s->rig.serving = (struct gauge)GAUGE_INIT;
        struct evio_events events = { .loop_started = start_or_fail,
                                      .loop_stopped = count_stopped,
                                      .serving = rig_serving };
        struct evio_options options = { .num_loops = LOOPS, .udata = s, .pin_loops = fail == -1 };
        cr_assert_eq(evio_server_new(&s->rig.server, &events, &options, NULL, 0, NULL), 0);
        if (fail < 0)
            evio_server_stop(s->rig.server, 0); /* before it runs: at once */
        cr_assert_eq(evio_server_run(s->rig.server), fail < 0 ? 0 : -EPERM);
        cr_assert_eq(gauge_get(&s->started), LOOPS);
        cr_assert_eq(gauge_get(&s->stopped), fail < 0 ? LOOPS : LOOPS - 1);
        cr_assert_eq(gauge_get(&s->rig.serving), fail < 0);
        evio_server_free(s->rig.server);
        free(s);
    }
}

static enum evio_action tick(struct evio_server *server, int64_t *delay_ms)
{
    struct state *s = evio_server_udata(server);
    *delay_ms = 1;
    return ++s->ticks == 5 ? EVIO_SHUTDOWN : EVIO_NONE;
}

Test(server, tick_sets_its_next_delay_and_may_shut_down)
{
    struct state *s = state_new();
    struct evio_events events = { .tick = tick };
    struct evio_options options = { .udata = s, .num_loops = 2 };
    cr_assert_eq(evio_serve(&events, &options, NULL, 0), 0);
    cr_assert_eq(s->ticks, 5);
    free(s);
}

static enum evio_action shutdown_at_once(struct evio_server *s, const struct evio_serving *info)
{
    (void)s;
    (void)info;
    return EVIO_SHUTDOWN;
}

Test(server, serving_may_shut_down)
{
    struct evio_events events = { .serving = shutdown_at_once };
    const char *addr = "tcp://127.0.0.1:0";
    cr_assert_eq(evio_serve(&events, NULL, &addr, 1), 0);
}

/* ---- stopping ---- */

static void count_task(struct evio_loop *l, void *arg)
{
    (void)l;
    gauge_add(arg, 1);
}

static void *post_until_refused(void *arg)
{
    struct state *s = arg;
    int loops = evio_server_num_loops(s->rig.server);
    long accepted = 0;
    for (int i = 0;; i++) {
        int ret = evio_loop_post(evio_server_loop(s->rig.server, i % loops), count_task, &s->done);
        if (ret == 0) {
            accepted++;
            continue;
        }
        cr_assert_eq(ret, -ESHUTDOWN);
        return (void *)accepted;
    }
}

Test(server, what_was_posted_before_the_shutdown_runs)
{
    enum { THREADS = 3 };
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        pthread_t threads[THREADS];
        rig_start_tcp(&s->rig, counting, (struct evio_options){ .num_loops = rig_loops(i) });
        for (int k = 0; k < THREADS; k++)
            pthread_create(&threads[k], NULL, post_until_refused, s);
        gauge_wait(&s->done, 1000);
        evio_server_stop(s->rig.server, 1000);
        long accepted = 0;
        for (int k = 0; k < THREADS; k++) {
            void *count;
            pthread_join(threads[k], &count);
            accepted += (long)count;
        }
        rig_join(&s->rig);
        cr_assert_eq(gauge_get(&s->done), accepted);
        free(s);
    }
}

static enum evio_action write_much(struct evio_conn *c)
{
    struct evio_slice in = evio_conn_input(c);
    if (in.len == 0)
        return EVIO_NONE;
    size_t len = (size_t)in.ptr[0] * MEGABYTE;
    evio_conn_consume(c, in.len);
    char *data = calloc(1, len);
    evio_conn_write(c, data, len);
    free(data);
    gauge_add(&state_of(c)->done, 1);
    return in.len == 2 ? EVIO_SHUTDOWN : EVIO_NONE;
}

Test(server, a_graceful_stop_writes_what_is_queued)
{
    const struct evio_events events = { .opened = count_opened,
                                        .data = write_much,
                                        .closed = count_closed };
    for (int i = 0; i < 3; i++) {
        for (int by_action = 0; by_action < 2; by_action++) {
            struct state *s = state_new();
            rig_start_tcp(
                &s->rig, events,
                (struct evio_options){ .num_loops = rig_loops(i), .stop_deadline_ms = 60000 });
            int fd = rig_client(&s->rig), other = rig_client(&s->rig);
            send_all(fd, "\x1e\x1e", by_action ? 2 : 1); /* 30 MB */
            gauge_wait(&s->done, 1);
            if (!by_action)
                evio_server_stop(s->rig.server, 60000);
            expect_end(other);
            char *got = malloc(30 * MEGABYTE);
            read_all(fd, got, 30 * MEGABYTE);
            expect_end(fd);
            rig_join(&s->rig);
            cr_assert_eq(s->rig.result, 0);
            cr_assert_eq(gauge_get(&s->closed), 2);
            cr_assert_eq(atomic_load(&s->reason), 0);
            close(fd);
            close(other);
            free(got);
            free(s);
        }
    }
}

Test(server, a_graceful_stop_cuts_what_is_left_at_its_deadline)
{
    const struct evio_events events = { .opened = count_opened,
                                        .data = write_much,
                                        .closed = count_closed };
    struct state *s = state_new();
    rig_start_tcp(&s->rig, events, (struct evio_options){ .num_loops = 2 });
    int fd = rig_client(&s->rig);
    send_all(fd, "\x40", 1);
    gauge_wait(&s->done, 1);
    evio_server_stop(s->rig.server, 1000000);
    evio_server_stop(s->rig.server, 20); /* the earlier one counts */
    rig_join(&s->rig);
    cr_assert_eq(atomic_load(&s->reason), -ETIMEDOUT);
    close(fd);
    free(s);
}

static enum evio_action pause_and_keep(struct evio_conn *c)
{
    struct state *s = state_of(c);
    evio_conn_consume(c, evio_conn_input(c).len);
    evio_conn_pause_read(c);
    s->conn = c;
    gauge_add(&s->done, 1);
    return EVIO_NONE;
}

static void finish_work(struct evio_loop *l, void *arg)
{
    (void)l;
    struct state *s = arg;
    evio_conn_write(s->conn, "finished", 8);
    evio_conn_resume_read(s->conn);
}

Test(server, a_graceful_stop_waits_for_paused_connections)
{
    const struct evio_events events = { .data = pause_and_keep, .closed = count_closed };
    struct state *s = state_new();
    rig_start_tcp(&s->rig, events, (struct evio_options){ .num_loops = 2 });
    int busy = rig_client(&s->rig), idle = rig_client(&s->rig);
    send_all(busy, "x", 1);
    gauge_wait(&s->done, 1);
    evio_server_stop(s->rig.server, 60000);
    expect_end(idle);
    struct evio_loop *l = evio_conn_loop(s->conn);
    for (int i = 1; i <= 200; i++) { /* the loop without connections works for the other */
        struct evio_loop *other = evio_server_loop(s->rig.server, !evio_loop_index(l));
        cr_assert_eq(evio_loop_post(other, count_task, &s->done), 0);
        gauge_wait(&s->done, 1 + i);
    }
    cr_assert_eq(evio_loop_post(l, finish_work, s), 0);
    expect_reply(busy, "finished");
    expect_end(busy);
    rig_join(&s->rig);
    cr_assert_eq(atomic_load(&s->reason), 0);
    close(busy);
    close(idle);
    free(s);
}

static struct evio_server *signalled; /* a handler has no other way */

static void on_signal(int number)
{
    (void)number;
    evio_server_stop(signalled, 5000);
}

static void raise_term(struct evio_loop *l, void *arg)
{
    (void)l;
    (void)arg;
    kill(getpid(), SIGTERM);
}

Test(server, may_be_stopped_by_a_signal_handler)
{
    struct state *s = state_new();
    struct evio_options options = { .num_loops = 4, .udata = s };
    cr_assert_eq(evio_server_new(&signalled, &counting, &options, NULL, 0, NULL), 0);
    struct sigaction sa = { .sa_handler = on_signal };
    sigaction(SIGTERM, &sa, NULL);
    evio_loop_post(evio_server_loop(signalled, 3), raise_term, NULL);
    cr_assert_eq(evio_server_run(signalled), 0);
    evio_server_free(signalled);
    signal(SIGTERM, SIG_DFL);
    free(s);
}
