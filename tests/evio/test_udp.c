/* Datagrams: each is one event, answers go to its sender. */
#include "tests/evio/rig.h"

struct state {
    struct rig rig;
    struct gauge data, others;
};

static enum evio_action answer(struct evio_conn *c)
{
    struct state *s = (struct state *)rig_of(c);
    struct evio_slice in = evio_conn_input(c);
    char from[80];
    socklen_t len;
    const struct sockaddr *sa = evio_conn_remote_addr(c, &len);
    evio_addr_format(sa, len, from, sizeof(from));
    cr_assert(evio_conn_is_udp(c));
    gauge_add(&s->data, 1);
    evio_conn_write(c, from, strlen(from));
    evio_conn_write(c, " ", 1);
    evio_conn_write_ref(c, in.ptr, in.len, NULL, NULL);
    return in.len && in.ptr[0] == 'S' ? EVIO_SHUTDOWN : EVIO_NONE; /* nothing consumed: all is */
}

static enum evio_action other(struct evio_conn *c)
{
    gauge_add(&((struct state *)rig_of(c))->others, 1);
    return EVIO_NONE;
}

static void other_closed(struct evio_conn *c, int reason)
{
    (void)reason;
    other(c);
}

static int udp_client(const struct rig *r, int at)
{
    struct timeval patience = { PATIENCE_S, 0 };
    int fd = socket(r->sa[at].ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    cr_assert(connect(fd, (const struct sockaddr *)&r->sa[at], r->sa_len[at]) == 0);
    return fd;
}

static void expect_datagram(int fd, const char *text, size_t len)
{
    char want[70000], got[70000], me[80];
    struct sockaddr_storage sa;
    socklen_t sa_len = sizeof(sa);
    getsockname(fd, (struct sockaddr *)&sa, &sa_len);
    evio_addr_format((struct sockaddr *)&sa, sa_len, me, sizeof(me));
    int n = snprintf(want, sizeof(want), "%s ", me);
    memcpy(want + n, text, len);
    ssize_t r = recv(fd, got, sizeof(got), 0);
    cr_assert_eq(r, (ssize_t)(len + (size_t)n));
    cr_assert(memcmp(got, want, (size_t)r) == 0);
}

Test(udp, each_datagram_is_one_event_and_its_answer_goes_to_its_sender)
{
    const char *addrs[] = { "udp4://127.0.0.1:0", "udp://localhost:0?reuseport=true" };
    const struct evio_events events = { .data = answer, .opened = other, .closed = other_closed };
    enum { EACH = 50 };
    for (int i = 0; i < 3; i++) {
        struct state *s = calloc(1, sizeof(*s));
        s->data = s->others = (struct gauge)GAUGE_INIT;
        rig_start(&s->rig, events, (struct evio_options){ .num_loops = rig_loops(i) }, addrs, 2);
        int a = udp_client(&s->rig, 0), b = udp_client(&s->rig, s->rig.addr_count - 1);
        for (int k = 0; k < EACH; k++) {
            send(a, "first", 5, 0);
            send(a, "2nd", 3, 0);
            send(b, "from b", 6, 0);
            expect_datagram(a, "first", 5);
            expect_datagram(a, "2nd", 3);
            expect_datagram(b, "from b", 6);
        }
        send(a, "", 0, 0); /* an empty datagram is one too */
        expect_datagram(a, "", 0);
        char big[60000];
        memset(big, 'b', sizeof(big));
        send(a, big, sizeof(big), 0);
        expect_datagram(a, big, sizeof(big));
        cr_assert_eq(gauge_get(&s->data), 3 * EACH + 2);
        send(a, "Stop", 4, 0);
        expect_datagram(a, "Stop", 4);
        rig_join(&s->rig);
        cr_assert_eq(s->rig.result, 0);
        cr_assert_eq(gauge_get(&s->others), 0);
        close(a);
        close(b);
        free(s);
    }
}
