/* The life of connections: half-close, closing in every event, detaching, idle deadlines, wakes. */
#include <fcntl.h>

#include "tests/evio/rig.h"

struct state {
    struct rig rig;
    struct gauge opened, closed, data, detached;
    _Atomic int reason;
    int detached_fd;
    char left[64];
    struct evio_conn *conn;
    struct evio_timer timer;
    char close_in; /* the event in which to close */
    bool abort;
};

static struct state *state_of(const struct evio_conn *c)
{
    return (struct state *)rig_of(c);
}

static struct state *state_new(void)
{
    struct state *s = calloc(1, sizeof(*s));
    cr_assert(s);
    s->opened = s->closed = s->data = s->detached = (struct gauge)GAUGE_INIT;
    return s;
}

static enum evio_action count_opened(struct evio_conn *c)
{
    gauge_add(&state_of(c)->opened, 1);
    return EVIO_NONE;
}

static void count_closed(struct evio_conn *c, int reason)
{
    atomic_store(&state_of(c)->reason, reason);
    gauge_add(&state_of(c)->closed, 1);
}

/* ---- ends ---- */

Test(conn, opened_and_closed_come_once_each_with_the_reason)
{
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        rig_start_tcp(&s->rig,
                      (struct evio_events){
                          .opened = count_opened, .data = rig_echo, .closed = count_closed },
                      (struct evio_options){ .num_loops = rig_loops(i) });
        int fd = rig_client(&s->rig);
        exchange(fd, "x", "x");
        close(fd);
        gauge_wait(&s->closed, 1);
        cr_assert_eq(atomic_load(&s->reason), 0);
        fd = rig_client(&s->rig);
        exchange(fd, "x", "x");
        close_hard(fd);
        gauge_wait(&s->closed, 2);
        cr_assert_eq(atomic_load(&s->reason), -ECONNRESET);
        fd = rig_client(&s->rig);
        gauge_wait(&s->opened, 3);
        rig_stop(&s->rig); /* closes what is open */
        cr_assert_eq(gauge_get(&s->closed), 3);
        cr_assert_eq(atomic_load(&s->reason), 0);
        expect_end(fd);
        close(fd);
        free(s);
    }
}

static enum evio_action reply_at_eof(struct evio_conn *c)
{
    struct evio_slice in = evio_conn_input(c);
    if (!evio_conn_eof(c))
        return EVIO_NONE;
    for (int i = 0; i < 1000; i++)
        evio_conn_write(c, in.ptr, in.len);
    evio_conn_consume(c, in.len);
    return EVIO_NONE; /* the library closes when all is written */
}

Test(conn, a_peer_that_shut_its_side_still_gets_its_replies)
{
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        rig_start_tcp(&s->rig, (struct evio_events){ .data = reply_at_eof, .closed = count_closed },
                      (struct evio_options){ .num_loops = rig_loops(i) });
        int fd = rig_client(&s->rig);
        char text[1000], got[1000];
        memset(text, 'h', sizeof(text));
        send_all(fd, text, sizeof(text));
        shutdown(fd, SHUT_WR);
        for (int k = 0; k < 1000; k++) {
            read_all(fd, got, sizeof(got));
            cr_assert(memcmp(got, text, sizeof(got)) == 0);
        }
        expect_end(fd);
        gauge_wait(&s->closed, 1);
        close(fd);
        rig_stop(&s->rig);
        free(s);
    }
}

static enum evio_action pause_at_eof(struct evio_conn *c)
{
    struct state *s = state_of(c);
    evio_conn_consume(c, evio_conn_input(c).len);
    if (evio_conn_eof(c)) {
        evio_conn_pause_read(c);
        s->conn = c;
        gauge_add(&s->data, 1);
    }
    return EVIO_NONE;
}

static void answer_and_resume(struct evio_loop *l, void *arg)
{
    (void)l;
    struct state *s = arg;
    evio_conn_write(s->conn, "late", 4);
    evio_conn_resume_read(s->conn);
}

/* Work for it is under way elsewhere: a paused connection is not closed under it. */
Test(conn, a_paused_connection_outlives_the_end_of_its_input)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = pause_at_eof, .closed = count_closed },
                  (struct evio_options){ 0 });
    int fd = rig_client(&s->rig), other = rig_client(&s->rig);
    send_all(fd, "x", 1);
    shutdown(fd, SHUT_WR);
    gauge_wait(&s->data, 1);
    close(other);
    gauge_wait(&s->data, 2); /* the other's end: turns have passed */
    cr_assert_eq(gauge_get(&s->closed), 0);
    close(fd);
    evio_server_stop(s->rig.server, 0); /* both are paused: a graceful stop would wait for them */
    rig_stop(&s->rig);
    free(s);
}

Test(conn, a_paused_connection_is_closed_after_its_resume)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = pause_at_eof, .closed = count_closed },
                  (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    send_all(fd, "x", 1);
    shutdown(fd, SHUT_WR);
    gauge_wait(&s->data, 1);
    evio_loop_post(evio_server_loop(s->rig.server, 0), answer_and_resume, s);
    expect_reply(fd, "late");
    expect_end(fd);
    gauge_wait(&s->closed, 1);
    close(fd);
    rig_stop(&s->rig);
    free(s);
}

/* ---- closing in any event ---- */

static void close_now(struct state *s, struct evio_conn *c)
{
    if (s->abort)
        evio_conn_abort(c, -EPROTO);
    else
        evio_conn_close(c);
    evio_conn_close(c); /* again: nothing */
    evio_conn_write(c, "dropped", 7);
    cr_assert(evio_conn_closing(c));
}

static enum evio_action closing_opened(struct evio_conn *c)
{
    struct state *s = state_of(c);
    evio_conn_write(c, "bye", 3);
    if (s->close_in == 'o')
        close_now(s, c);
    return s->close_in == 'O' ? EVIO_CLOSE : EVIO_NONE;
}

static void on_timer(struct evio_loop *l, struct evio_timer *t)
{
    (void)l;
    struct state *s = t->arg;
    close_now(s, s->conn);
}

static void on_task(struct evio_loop *l, void *arg)
{
    (void)l;
    struct state *s = arg;
    close_now(s, s->conn);
}

static enum evio_action closing_data(struct evio_conn *c)
{
    struct state *s = state_of(c);
    s->conn = c;
    evio_loop_set_udata(evio_conn_loop(c), c);
    if (s->close_in == 'd')
        close_now(s, c);
    if (s->close_in == 't') {
        s->timer.fn = on_timer;
        s->timer.arg = s;
        evio_timer_start(evio_conn_loop(c), &s->timer, 0);
    }
    if (s->close_in == 'k')
        evio_loop_post(evio_conn_loop(c), on_task, s);
    if (s->close_in == 'h') {
        char *big = calloc(1, 32 << 20);
        evio_conn_write(c, big, 32 << 20);
        free(big);
    }
    return s->close_in == 'D' ? EVIO_CLOSE : EVIO_NONE;
}

static void closing_prewrite(struct evio_loop *l)
{
    struct state *s = (struct state *)rig_of_loop(l);
    struct evio_conn *c = evio_loop_udata(l); /* every loop comes here; one has a connection */
    if (s->close_in == 'p' && c)
        close_now(s, c);
    evio_loop_set_udata(l, NULL);
}

static void closing_high_water(struct evio_conn *c)
{
    struct state *s = state_of(c);
    s->abort = true; /* nobody reads what is pending */
    close_now(s, c);
}

static void closing_closed(struct evio_conn *c, int reason)
{
    struct state *s = state_of(c);
    evio_conn_close(c);
    evio_conn_abort(c, -EPROTO);
    evio_conn_write(c, "x", 1);
    evio_conn_wake(c);
    evio_conn_resume_read(c);
    evio_conn_consume(c, evio_conn_input(c).len);
    count_closed(c, reason);
    (void)s;
}

Test(conn, may_be_closed_or_aborted_inside_any_event)
{
    const struct evio_events events = { .opened = closing_opened,
                                        .data = closing_data,
                                        .prewrite = closing_prewrite,
                                        .high_water = closing_high_water,
                                        .closed = closing_closed };
    const char *where = "oOdDtkph";
    for (int i = 0; i < 3; i++) {
        for (const char *at = where; *at; at++) {
            for (int abort = 0; abort < 2; abort++) {
                struct state *s = state_new();
                s->close_in = *at;
                s->abort = abort;
                rig_start_tcp(&s->rig, events,
                              (struct evio_options){ .num_loops = rig_loops(i),
                                                     .high_water_bytes = 16 << 20 });
                int fd = rig_client(&s->rig);
                send(fd, "input", 5, MSG_NOSIGNAL);
                gauge_wait(&s->closed, 1);
                bool cut = *at == 'h' || (abort && *at != 'O' && *at != 'D');
                cr_assert_eq(atomic_load(&s->reason), cut ? -EPROTO : 0, "%c %d", *at, abort);
                if (!cut) {
                    expect_reply(fd, "bye");
                    expect_end(fd);
                }
                close(fd);
                rig_stop(&s->rig);
                cr_assert_eq(gauge_get(&s->closed), 1);
                free(s);
            }
        }
    }
}

/* Each data() aborts the other of two connections, which may have data in the same turn; closed()
 * writes to the survivor. */
static enum evio_action abort_other(struct evio_conn *c)
{
    struct state *s = state_of(c);
    evio_conn_consume(c, evio_conn_input(c).len);
    evio_conn_write(c, "x", 1);
    if (s->conn && s->conn != c)
        evio_conn_abort(s->conn, -EPROTO);
    s->conn = c;
    return EVIO_CLOSE;
}

static void write_to_other(struct evio_conn *c, int reason)
{
    struct state *s = state_of(c);
    if (s->conn && s->conn != c)
        evio_conn_write(s->conn, "y", 1);
    if (s->conn == c)
        s->conn = NULL;
    count_closed(c, reason);
}

Test(conn, events_of_one_connection_may_end_others)
{
    enum { CLIENTS = 64 };
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = abort_other, .closed = write_to_other },
                  (struct evio_options){ 0 });
    for (int round = 0; round < 20; round++) {
        int fds[CLIENTS];
        for (int k = 0; k < CLIENTS; k++)
            fds[k] = rig_client(&s->rig);
        for (int k = 0; k < CLIENTS; k++)
            send(fds[k], "go", 2, MSG_NOSIGNAL);
        gauge_wait(&s->closed, CLIENTS * (round + 1));
        for (int k = 0; k < CLIENTS; k++)
            close(fds[k]);
    }
    rig_stop(&s->rig);
    cr_assert_eq(gauge_get(&s->closed), CLIENTS * 20);
    free(s);
}

/* ---- detaching ---- */

static enum evio_action detach_after_greeting(struct evio_conn *c)
{
    static const char text[] = "greeting";
    evio_conn_consume(c, 1);
    evio_conn_write(c, text, sizeof(text) - 1);
    return EVIO_DETACH;
}

static void take_socket(struct evio_conn *c, int fd)
{
    struct state *s = state_of(c);
    struct evio_slice in = evio_conn_input(c);
    cr_assert(in.len < sizeof(s->left));
    memcpy(s->left, in.ptr, in.len);
    s->detached_fd = fd;
    gauge_add(&s->detached, 1);
}

Test(conn, detach_hands_over_a_blocking_socket_after_the_output)
{
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        rig_start_tcp(&s->rig,
                      (struct evio_events){ .data = detach_after_greeting,
                                            .detached = take_socket,
                                            .closed = count_closed },
                      (struct evio_options){ .num_loops = rig_loops(i) });
        int fd = rig_client(&s->rig);
        exchange(fd, "dleft", "greeting");
        gauge_wait(&s->detached, 1);
        cr_assert_str_eq(s->left, "left");
        cr_assert_eq(fcntl(s->detached_fd, F_GETFL) & O_NONBLOCK, 0);
        send_all(fd, "ours", 4);
        expect_reply(s->detached_fd, "ours");
        rig_stop(&s->rig); /* not the server's any more */
        exchange(s->detached_fd, "still", "");
        expect_reply(fd, "still");
        cr_assert_eq(gauge_get(&s->closed), 0);
        close(s->detached_fd);
        close(fd);
        free(s);
    }
}

/* ---- idle deadlines ---- */

static enum evio_action set_idle(struct evio_conn *c)
{
    struct state *s = state_of(c);
    cr_assert_eq(evio_conn_set_idle_ms(c, 50), 0);
    gauge_add(&s->opened, 1);
    return EVIO_NONE;
}

Test(conn, an_idle_connection_is_closed_and_a_busy_one_is_not)
{
    struct state *s = state_new();
    rig_start_tcp(
        &s->rig,
        (struct evio_events){ .opened = set_idle, .data = rig_echo, .closed = count_closed },
        (struct evio_options){ 0 });
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int fd = rig_client(&s->rig);
    expect_end(fd);
    clock_gettime(CLOCK_MONOTONIC, &now);
    gauge_wait(&s->closed, 1);
    cr_assert_eq(atomic_load(&s->reason), -ETIMEDOUT);
    int64_t ms = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
    cr_assert(ms >= 50, "closed after %ld ms", (long)ms);
    close(fd);
    rig_stop(&s->rig);
    free(s);
}

static enum evio_action lift_idle(struct evio_conn *c)
{
    cr_assert_eq(evio_conn_set_idle_ms(c, 0), 0);
    state_of(c)->conn = c;
    return rig_echo(c);
}

Test(conn, an_idle_deadline_can_be_lifted)
{
    struct state *s = state_new();
    rig_start_tcp(
        &s->rig,
        (struct evio_events){ .opened = set_idle, .data = lift_idle, .closed = count_closed },
        (struct evio_options){ 0 });
    int fd = rig_client(&s->rig), idle = rig_client(&s->rig);
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1 && recv(fd, &(char){ 0 }, 1, 0) == 1) {
        expect_end(idle); /* a deadline has passed */
        gauge_wait(&s->closed, 1);
        exchange(fd, "still", "still");
    }
    close(fd);
    close(idle);
    rig_stop(&s->rig);
    free(s);
}

/* ---- wakes and references ---- */

static enum evio_action keep_reference(struct evio_conn *c)
{
    struct state *s = state_of(c);
    s->conn = evio_conn_ref(c);
    gauge_add(&s->opened, 1);
    return EVIO_NONE;
}

static enum evio_action count_data(struct evio_conn *c)
{
    struct state *s = state_of(c);
    cr_assert_eq(evio_conn_input(c).len, 0);
    if (!evio_conn_eof(c))
        gauge_add(&s->data, 1);
    return EVIO_NONE;
}

static void *wake_often(void *arg)
{
    struct evio_conn *c = arg;
    for (int i = 0; i < 1000; i++) {
        evio_conn_ref(c);
        evio_conn_wake(c);
        evio_conn_unref(c);
    }
    return NULL;
}

Test(conn, a_wake_from_any_thread_fires_data_also_into_the_close)
{
    enum { THREADS = 4 };
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        rig_start_tcp(&s->rig,
                      (struct evio_events){
                          .opened = keep_reference, .data = count_data, .closed = count_closed },
                      (struct evio_options){ .num_loops = rig_loops(i) });
        int fd = rig_client(&s->rig);
        gauge_wait(&s->opened, 1);
        for (int k = 1; k <= 100; k++) {
            evio_conn_wake(s->conn);
            gauge_wait(&s->data, k);
        }
        pthread_t threads[THREADS];
        for (int k = 0; k < THREADS; k++)
            pthread_create(&threads[k], NULL, wake_often, s->conn);
        close(fd); /* while they wake */
        for (int k = 0; k < THREADS; k++)
            pthread_join(threads[k], NULL);
        gauge_wait(&s->closed, 1);
        long before = gauge_get(&s->data);
        evio_conn_wake(s->conn); /* closed: nothing */
        rig_stop(&s->rig);
        cr_assert_eq(gauge_get(&s->data), before);
        evio_conn_unref(s->conn);
        free(s);
    }
}

/* ---- what a connection tells of itself ---- */

static enum evio_action describe(struct evio_conn *c)
{
    char local[80], remote[80], line[200];
    socklen_t local_len, remote_len;
    const struct sockaddr *a = evio_conn_local_addr(c, &local_len);
    const struct sockaddr *b = evio_conn_remote_addr(c, &remote_len);
    evio_addr_format(a, local_len, local, sizeof(local));
    evio_addr_format(b, remote_len, remote, sizeof(remote));
    evio_conn_set_context(c, local);
    cr_assert(evio_conn_context(c) == local);
    cr_assert_eq(evio_conn_set_keepalive(c, 60, 10, 3), 0);
    cr_assert_eq(evio_conn_set_keepalive(c, 0, 0, 0), 0);
    cr_assert_eq(evio_conn_set_nodelay(c, false), 0);
    cr_assert_eq(evio_conn_set_nodelay(c, true), 0);
    cr_assert(!evio_conn_is_udp(c));
    cr_assert(evio_conn_fd(c) >= 0);
    int n = snprintf(line, sizeof(line), "%d %s %s;", evio_conn_addr_index(c), local, remote);
    evio_conn_write(c, line, (size_t)n);
    return EVIO_CLOSE;
}

Test(conn, knows_its_addresses)
{
    char dir[] = "/tmp/evio-test-XXXXXX", path[64], line[200], want[200];
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "unix://%s/s", dir);
    const char *addrs[] = { "tcp://127.0.0.1:0", path };
    struct state *s = state_new();
    rig_start(&s->rig, (struct evio_events){ .opened = describe }, (struct evio_options){ 0 },
              addrs, 2);
    int fd = rig_client(&s->rig);
    struct sockaddr_in me;
    socklen_t len = sizeof(me);
    getsockname(fd, (struct sockaddr *)&me, &len);
    snprintf(want, sizeof(want), "0 127.0.0.1:%u 127.0.0.1:%u;",
             ntohs(((struct sockaddr_in *)&s->rig.sa[0])->sin_port), ntohs(me.sin_port));
    expect_reply(fd, want);
    close(fd);
    fd = client_at(&s->rig.sa[1], s->rig.sa_len[1]);
    snprintf(line, sizeof(line), "1 %s/s:0 :0;", dir);
    expect_reply(fd, line);
    close(fd);
    rig_stop(&s->rig);
    rmdir(dir);
    free(s);
}
