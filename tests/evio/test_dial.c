/* Dialing out: to our own server, by number, name and path; and all the ways it fails. */
#include "tests/evio/rig.h"

struct state {
    struct rig rig;
    struct gauge dialed, replied, failed;
    _Atomic int reason;
    char addr[256];
    int64_t timeout_ms;
    int result;
};

static bool is_dialed(const struct evio_conn *c)
{
    return evio_conn_addr_index(c) == -1;
}

static enum evio_action opened(struct evio_conn *c)
{
    struct state *s = (struct state *)rig_of(c);
    if (!is_dialed(c))
        return EVIO_NONE;
    cr_assert(evio_conn_context(c) == s);
    gauge_add(&s->dialed, 1);
    evio_conn_write(c, "hello", 5);
    return EVIO_NONE;
}

static enum evio_action data(struct evio_conn *c)
{
    struct state *s = (struct state *)rig_of(c);
    if (!is_dialed(c))
        return rig_echo(c);
    struct evio_slice in = evio_conn_input(c);
    if (in.len < 5)
        return EVIO_NONE;
    cr_assert(memcmp(in.ptr, "hello", 5) == 0);
    gauge_add(&s->replied, 1);
    return EVIO_CLOSE;
}

static void closed(struct evio_conn *c, int reason)
{
    struct state *s = (struct state *)rig_of(c);
    if (!is_dialed(c))
        return;
    atomic_store(&s->reason, reason);
    gauge_add(&s->failed, 1);
}

static void dial(struct evio_loop *l, void *arg)
{
    struct state *s = arg;
    s->result = evio_dial(l, s->addr, s->timeout_ms, s);
    if (s->result)
        gauge_add(&s->failed, 1);
}

static struct state *state_start(int loops, const char *const *addrs, int count)
{
    struct state *s = calloc(1, sizeof(*s));
    s->dialed = s->replied = s->failed = (struct gauge)GAUGE_INIT;
    rig_start(&s->rig, (struct evio_events){ .opened = opened, .data = data, .closed = closed },
              (struct evio_options){ .num_loops = loops }, addrs, count);
    return s;
}

static void dial_and_wait(struct state *s, const char *addr, long failed)
{
    snprintf(s->addr, sizeof(s->addr), "%s", addr);
    int last = evio_server_num_loops(s->rig.server) - 1;
    cr_assert_eq(evio_loop_post(evio_server_loop(s->rig.server, last), dial, s), 0);
    gauge_wait(&s->failed, failed);
}

Test(dial, reaches_tcp_unix_and_named_hosts)
{
    char dir[] = "/tmp/evio-test-XXXXXX", path[64], named[64];
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "unix://%s/s", dir);
    const char *addrs[] = { "tcp://127.0.0.1:0", path };
    for (int i = 0; i < 3; i++) {
        struct state *s = state_start(rig_loops(i), addrs, 2);
        snprintf(named, sizeof(named), "tcp4://localhost%s", strrchr(s->rig.text[0], ':'));
        s->timeout_ms = 30000;
        dial_and_wait(s, s->rig.text[0], 1);
        dial_and_wait(s, path, 2);
        dial_and_wait(s, named, 3);
        cr_assert_eq(gauge_get(&s->dialed), 3);
        cr_assert_eq(gauge_get(&s->replied), 3);
        cr_assert_eq(atomic_load(&s->reason), 0);
        rig_stop(&s->rig);
        free(s);
    }
    rmdir(dir);
}

Test(dial, failures_are_returned_or_reported_once)
{
    struct state *s = state_start(2, NULL, 0);
    dial_and_wait(s, "udp://127.0.0.1:1", 1);
    cr_assert_eq(s->result, -EPROTONOSUPPORT);
    dial_and_wait(s, "nonsense", 2);
    cr_assert_eq(s->result, -EINVAL);
    dial_and_wait(s, "unix:///nonexistent/evio", 3);
    cr_assert_eq(s->result, -ENOENT);

    /* A port that was free a moment ago. */
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    char text[80];
    snprintf(text, sizeof(text), "tcp://127.0.0.1:%u", ntohs(in.sin_port));
    dial_and_wait(s, text, 4); /* bound, but nobody listens */
    cr_assert_eq(s->result ? s->result : atomic_load(&s->reason), -ECONNREFUSED);

    dial_and_wait(s, "tcp://no-such-host.invalid:1", 5);
    cr_assert_eq(s->result, 0);
    cr_assert(atomic_load(&s->reason) < 0);
    cr_assert_eq(gauge_get(&s->dialed), 0);
    rig_stop(&s->rig);
    cr_assert_eq(gauge_get(&s->failed), 5);
    close(fd);
    free(s);
}

/* A listener whose backlog is full answers nobody. */
static int deaf_listener(struct sockaddr_in *in, int *fillers, int count)
{
    socklen_t len = sizeof(*in);
    *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(fd, (struct sockaddr *)in, len) == 0 && listen(fd, 0) == 0);
    getsockname(fd, (struct sockaddr *)in, &len);
    for (int i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)in, len);
    }
    return fd;
}

Test(dial, gives_up_after_its_timeout_and_when_the_server_stops)
{
    enum { FILLERS = 8 };
    struct sockaddr_in in;
    int fillers[FILLERS], fd = deaf_listener(&in, fillers, FILLERS);
    char text[80];
    snprintf(text, sizeof(text), "tcp://127.0.0.1:%u", ntohs(in.sin_port));
    struct state *s = state_start(1, NULL, 0);
    s->timeout_ms = 30;
    dial_and_wait(s, text, 1);
    cr_assert_eq(atomic_load(&s->reason), -ETIMEDOUT);
    s->timeout_ms = 0;
    dial_and_wait(s, text, 0);
    rig_stop(&s->rig);
    cr_assert_eq(gauge_get(&s->failed), 2);
    cr_assert_eq(atomic_load(&s->reason), -ESHUTDOWN);
    cr_assert_eq(gauge_get(&s->dialed), 0);
    for (int i = 0; i < FILLERS; i++)
        close(fillers[i]);
    close(fd);
    free(s);
}
