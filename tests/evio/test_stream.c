/* Input and output of connections: order, completeness, pausing, water marks, slow readers. */
#include "evio/conn.h"
#include "tests/evio/rig.h"

enum { MEGABYTE = 1024 * 1024, SLOW_BYTES = 100 * MEGABYTE };

struct state {
    struct rig rig;
    struct gauge events, released, high, low;
    struct evio_conn *conn;
    char *into;
    _Atomic size_t input_max;
    _Atomic int data_count;
};

static char pattern_byte(size_t at)
{
    return (char)(at * 2654435761u >> 13);
}

static struct state *state_of(const struct evio_conn *c)
{
    return (struct state *)rig_of(c);
}

static struct state *state_new(void)
{
    struct state *s = calloc(1, sizeof(*s));
    cr_assert(s);
    s->events = s->released = s->high = s->low = (struct gauge)GAUGE_INIT;
    return s;
}

/* ---- echo ---- */

Test(stream, echoes_every_byte_in_order_over_tcp_and_unix)
{
    enum { CLIENTS = 20, ROUNDS = 30 };
    char dir[] = "/tmp/evio-test-XXXXXX", path[64];
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "unix://%s/s", dir);
    const char *addrs[] = { "tcp://127.0.0.1:0", path };
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        rig_start(&s->rig, (struct evio_events){ .data = rig_echo },
                  (struct evio_options){ .num_loops = rig_loops(i) }, addrs, 2);
        int fds[CLIENTS];
        for (int k = 0; k < CLIENTS; k++)
            fds[k] = client_at(&s->rig.sa[k % 2], s->rig.sa_len[k % 2]);
        char out[3000], in[3000];
        for (int round = 0; round < ROUNDS; round++) {
            size_t len = 1 + (size_t)(round * 101) % sizeof(out);
            for (int k = 0; k < CLIENTS; k++) {
                memset(out, 'a' + (round + k) % 26, len);
                send_all(fds[k], out, len);
            }
            for (int k = 0; k < CLIENTS; k++) {
                memset(out, 'a' + (round + k) % 26, len);
                read_all(fds[k], in, len);
                cr_assert(memcmp(in, out, len) == 0, "client %d, round %d", k, round);
            }
        }
        for (int k = 0; k < CLIENTS; k++)
            close(fds[k]);
        rig_stop(&s->rig);
        free(s);
    }
    rmdir(dir);
}

/* ---- the slow reader ---- */

static void count_release(void *arg)
{
    gauge_add(&((struct state *)arg)->released, 1);
}

/* 'G': the long pattern, by copying and by reference in turns. Else: echo. */
static enum evio_action send_pattern(struct evio_conn *c)
{
    struct state *s = state_of(c);
    struct evio_slice in = evio_conn_input(c);
    if (in.len != 1 || in.ptr[0] != 'G')
        return rig_echo(c);
    evio_conn_consume(c, 1);
    for (size_t at = 0; at < SLOW_BYTES; at += MEGABYTE) {
        char *part = s->into + at;
        int err = at / MEGABYTE % 2 ? evio_conn_write_ref(c, part, MEGABYTE, count_release, s)
                                    : evio_conn_write(c, part, MEGABYTE);
        cr_assert(err == 0);
    }
    return EVIO_NONE;
}

Test(stream, a_slow_reader_of_100_megabytes_gets_each_byte_once_and_delays_nobody, .timeout = 120)
{
    for (int i = 0; i < 3; i++) {
        struct state *s = state_new();
        s->into = malloc(SLOW_BYTES);
        for (size_t at = 0; at < SLOW_BYTES; at++)
            s->into[at] = pattern_byte(at);
        rig_start_tcp(&s->rig, (struct evio_events){ .data = send_pattern },
                      (struct evio_options){ .num_loops = rig_loops(i) });
        int slow = rig_client(&s->rig), other = rig_client(&s->rig);
        exchange(other, "ping", "ping");
        send_all(slow, "G", 1);
        char byte;
        cr_assert(recv(slow, &byte, 1, MSG_PEEK) == 1);

        /* Nobody reads: the loop turns for the pings alone. A turn for each, one that a chunk of
         * the first megabytes may still take, and no more. */
        for (int k = 0; k < 50; k++)
            exchange(other, "warm", "warm");
        uint64_t turns = rig_stats(&s->rig).turns;
        for (int k = 0; k < 200; k++)
            exchange(other, "ping", "ping");
        turns = rig_stats(&s->rig).turns - turns;
        cr_assert(turns < 200 * 3, "%lu turns for 200 pings beside a blocked reader", turns);

        char *got = malloc(MEGABYTE);
        for (size_t at = 0; at < SLOW_BYTES; at += MEGABYTE) {
            read_all(slow, got, MEGABYTE);
            cr_assert(memcmp(got, s->into + at, MEGABYTE) == 0, "after %zu bytes", at);
            exchange(other, "ping", "ping");
        }
        shutdown(slow, SHUT_WR);
        expect_end(slow); /* not a byte more */
        gauge_wait(&s->released, SLOW_BYTES / MEGABYTE / 2);
        close(slow);
        close(other);
        rig_stop(&s->rig);
        cr_assert_eq(gauge_get(&s->released), SLOW_BYTES / MEGABYTE / 2);
        free(got);
        free(s->into);
        free(s);
    }
}

/* ---- kinds of output ---- */

static enum evio_action write_all_ways(struct evio_conn *c)
{
    struct state *s = state_of(c);
    evio_conn_consume(c, evio_conn_input(c).len);
    struct iovec iov[3] = { { "two ", 4 }, { NULL, 0 }, { "three ", 6 } };
    size_t room;
    cr_assert(evio_conn_write(c, "one ", 4) == 0);
    cr_assert(evio_conn_writev(c, iov, 3) == 0);
    cr_assert(evio_conn_write_ref(c, "four ", 5, count_release, s) == 0);
    cr_assert(evio_conn_write_ref(c, "", 0, count_release, s) == 0);
    char *at = evio_conn_reserve(c, 100, &room);
    cr_assert(at && room >= 100);
    memcpy(at, "five ", 5);
    evio_conn_commit(c, 5);
    at = evio_conn_reserve(c, MEGABYTE, &room);
    cr_assert(at && room >= MEGABYTE);
    memcpy(at, "six ", 4);
    evio_conn_commit(c, 4);
    cr_assert(evio_conn_reserve(c, 10, &room));
    evio_conn_commit(c, 0);
    cr_assert(evio_conn_write(c, "seven.", 6) == 0);
    cr_assert_eq(evio_conn_pending_bytes(c), strlen("one two three four five six seven."));
    return EVIO_CLOSE;
}

Test(stream, all_ways_of_writing_keep_their_order_and_go_out_in_one_call)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = write_all_ways },
                  (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    exchange(fd, "x", "one two three four five six seven.");
    expect_end(fd);
    cr_assert_eq(rig_stats(&s->rig).writes, 1);
    gauge_wait(&s->released, 2);
    close(fd);
    rig_stop(&s->rig);
    cr_assert_eq(gauge_get(&s->released), 2);
    free(s);
}

static enum evio_action queue_refs_and_abort(struct evio_conn *c)
{
    struct state *s = state_of(c);
    for (int i = 0; i < 10; i++)
        evio_conn_write_ref(c, "lost", 4, count_release, s);
    evio_conn_abort(c, -EPROTO);
    evio_conn_write_ref(c, "dropped", 7, count_release, s); /* released at once */
    return EVIO_NONE;
}

static void note_reason(struct evio_conn *c, int reason)
{
    gauge_add(&state_of(c)->events, reason);
}

Test(stream, references_are_released_once_when_the_connection_dies_first)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig,
                  (struct evio_events){ .data = queue_refs_and_abort, .closed = note_reason },
                  (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    char byte;
    send_all(fd, "x", 1);
    cr_assert(recv(fd, &byte, 1, 0) < 0 && errno == ECONNRESET, "an abort is a reset");
    gauge_wait(&s->released, 11);
    close(fd);
    rig_stop(&s->rig);
    cr_assert_eq(gauge_get(&s->released), 11);
    cr_assert_eq(gauge_get(&s->events), -EPROTO);
    free(s);
}

/* ---- input ---- */

/* Consumes nothing until a line is whole. */
static enum evio_action whole_line(struct evio_conn *c)
{
    struct state *s = state_of(c);
    struct evio_slice in = evio_conn_input(c);
    if (in.len > atomic_load(&s->input_max))
        atomic_store(&s->input_max, in.len);
    if (!memchr(in.ptr, '\n', in.len))
        return EVIO_NONE;
    for (size_t at = 0; at + 1 < in.len; at++)
        cr_assert(in.ptr[at] == (char)(pattern_byte(at) | 0x40), "byte %zu", at);
    evio_conn_consume(c, in.len);
    evio_conn_write(c, "whole", 5);
    return EVIO_NONE;
}

Test(stream, unconsumed_input_grows_and_is_presented_again)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = whole_line }, (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    char *line = malloc(3 * MEGABYTE);
    for (size_t at = 0; at < 3 * MEGABYTE; at++)
        line[at] = (char)(pattern_byte(at) | 0x40);
    line[3 * MEGABYTE - 1] = '\n';
    for (int round = 0; round < 3; round++) {
        send_all(fd, line, 3 * MEGABYTE);
        expect_reply(fd, "whole");
        cr_assert_eq(atomic_load(&s->input_max), 3 * MEGABYTE);
    }
    close(fd);
    rig_stop(&s->rig);
    free(line);
    free(s);
}

/* Takes odd parts: what is left must come again, in front of what follows. */
static enum evio_action take_parts(struct evio_conn *c)
{
    struct evio_slice in = evio_conn_input(c);
    size_t part = in.len > 7 ? in.len - in.len % 7 : 0;
    if (evio_conn_eof(c))
        part = in.len;
    evio_conn_write(c, in.ptr, part);
    evio_conn_consume(c, part);
    return EVIO_NONE;
}

Test(stream, partly_consumed_input_loses_nothing)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = take_parts },
                  (struct evio_options){ .read_bytes = 20000 });
    int fd = rig_client(&s->rig);
    enum { TOTAL = 300000, PART = 5003 };
    char *out = malloc(TOTAL), *in = malloc(TOTAL);
    for (size_t at = 0; at < TOTAL; at++)
        out[at] = pattern_byte(at);
    for (size_t at = 0; at < TOTAL; at += PART)
        send_all(fd, out + at, at + PART < TOTAL ? PART : TOTAL - at);
    shutdown(fd, SHUT_WR);
    read_all(fd, in, TOTAL);
    cr_assert(memcmp(in, out, TOTAL) == 0);
    expect_end(fd);
    close(fd);
    rig_stop(&s->rig);
    free(out);
    free(in);
    free(s);
}

/* The first byte asks for the rest to go straight to s->into. */
static enum evio_action read_straight(struct evio_conn *c)
{
    struct state *s = state_of(c);
    atomic_fetch_add(&s->data_count, 1);
    struct evio_slice in = evio_conn_input(c);
    if (evio_conn_read_into_got(c) == MEGABYTE) {
        cr_assert_eq(in.len, 0);
        evio_conn_read_into(c, NULL, 0);
        evio_conn_write(c, "got", 3);
        return EVIO_NONE;
    }
    cr_assert(in.len == 0 || in.len == 1);
    cr_assert_eq(evio_conn_read_into(c, s->into, MEGABYTE), in.len ? -EINVAL : 0);
    evio_conn_consume(c, in.len);
    cr_assert_eq(evio_conn_read_into(c, s->into, MEGABYTE), 0);
    evio_conn_write(c, "go", 2);
    return EVIO_NONE;
}

Test(stream, reads_straight_into_memory_of_the_application)
{
    struct state *s = state_new();
    s->into = calloc(1, MEGABYTE);
    rig_start_tcp(&s->rig, (struct evio_events){ .data = read_straight },
                  (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    char *out = malloc(MEGABYTE);
    for (size_t at = 0; at < MEGABYTE; at++)
        out[at] = pattern_byte(at);
    exchange(fd, "x", "go");
    send_all(fd, out, MEGABYTE);
    expect_reply(fd, "got");
    cr_assert(memcmp(out, s->into, MEGABYTE) == 0);
    cr_assert_eq(atomic_load(&s->data_count), 2);
    close(fd);
    rig_stop(&s->rig);
    free(out);
    free(s->into);
    free(s);
}

static enum evio_action keep_conn(struct evio_conn *c)
{
    state_of(c)->conn = c;
    return rig_echo(c);
}

static void expect_no_buffers(struct evio_loop *l, void *arg)
{
    (void)l;
    struct state *s = arg;
    cr_assert(!s->conn->in && !s->conn->out.head && !s->conn->extra);
    gauge_add(&s->events, 1);
}

Test(stream, an_idle_connection_holds_no_buffer)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = keep_conn }, (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    exchange(fd, "x", "x");
    evio_loop_post(evio_server_loop(s->rig.server, 0), expect_no_buffers, s);
    gauge_wait(&s->events, 1);
    close(fd);
    rig_stop(&s->rig);
    free(s);
}

/* ---- pausing ---- */

static enum evio_action pause_after_p(struct evio_conn *c)
{
    struct state *s = state_of(c);
    struct evio_slice in = evio_conn_input(c);
    if (in.len && in.ptr[0] == 'p') {
        s->conn = c;
        evio_conn_pause_read(c);
    }
    gauge_add(&s->events, 1);
    return rig_echo(c);
}

static void resume(struct evio_loop *l, void *arg)
{
    (void)l;
    evio_conn_resume_read(((struct state *)arg)->conn);
}

Test(stream, nothing_is_read_while_paused_and_all_of_it_after)
{
    for (int unix_socket = 0; unix_socket < 2; unix_socket++) {
        struct state *s = state_new();
        char dir[] = "/tmp/evio-test-XXXXXX", path[64];
        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof(path), "unix://%s/s", dir);
        const char *addr = unix_socket ? path : "tcp://127.0.0.1:0";
        rig_start(&s->rig, (struct evio_events){ .data = pause_after_p },
                  (struct evio_options){ 0 }, &addr, 1);
        int fd = rig_client(&s->rig), other = rig_client(&s->rig);
        exchange(fd, "p", "p");
        send_all(fd, "later", 5);
        for (int k = 0; k < 10; k++) /* turns in which it would have been read */
            exchange(other, "x", "x");
        cr_assert_eq(gauge_get(&s->events), 11);
        cr_assert_eq(evio_loop_post(evio_server_loop(s->rig.server, 0), resume, s), 0);
        expect_reply(fd, "later");
        cr_assert_eq(gauge_get(&s->events), 12);
        close(fd);
        close(other);
        rig_stop(&s->rig);
        rmdir(dir);
        free(s);
    }
}

static void resume_in_prewrite(struct evio_loop *l)
{
    struct state *s = (struct state *)rig_of_loop(l);
    if (s->conn) {
        evio_conn_resume_read(s->conn);
        s->conn = NULL;
    }
}

/* As the engine does it: pause in data, resume in prewrite, bytes waiting in the socket. */
Test(stream, what_waits_is_read_right_after_a_resume_in_prewrite)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig,
                  (struct evio_events){ .data = pause_after_p, .prewrite = resume_in_prewrite },
                  (struct evio_options){ .read_bytes = 1024 });
    int fd = rig_client(&s->rig);
    enum { TOTAL = 100000 };
    char *out = malloc(TOTAL), *in = malloc(TOTAL);
    memset(out, 'p', TOTAL);
    send_all(fd, out, TOTAL);
    read_all(fd, in, TOTAL);
    cr_assert(memcmp(in, out, TOTAL) == 0);
    close(fd);
    rig_stop(&s->rig);
    free(out);
    free(in);
    free(s);
}

Test(stream, a_reset_is_noticed_while_paused)
{
    struct state *s = state_new();
    rig_start_tcp(&s->rig, (struct evio_events){ .data = pause_after_p, .closed = note_reason },
                  (struct evio_options){ 0 });
    int fd = rig_client(&s->rig);
    exchange(fd, "p", "p");
    gauge_add(&s->events, ECONNRESET + 1000 - 1);
    close_hard(fd);
    struct gauge *g = &s->events;
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&g->lock);
    while (g->value != 1000 && pthread_cond_timedwait(&g->changed, &g->lock, &end) == 0)
        continue;
    pthread_mutex_unlock(&g->lock);
    cr_assert_eq(gauge_get(g), 1000);
    rig_stop(&s->rig);
    free(s);
}

/* ---- water marks ---- */

static void rose(struct evio_conn *c)
{
    cr_assert(evio_conn_pending_bytes(c) > MEGABYTE);
    gauge_add(&state_of(c)->high, 1);
}

static void fell(struct evio_conn *c)
{
    cr_assert(evio_conn_pending_bytes(c) <= MEGABYTE / 2);
    gauge_add(&state_of(c)->low, 1);
}

Test(stream, water_marks_are_reported_once_each_way)
{
    struct state *s = state_new();
    s->into = calloc(1, SLOW_BYTES);
    rig_start_tcp(
        &s->rig,
        (struct evio_events){ .data = send_pattern, .high_water = rose, .low_water = fell },
        (struct evio_options){ .high_water_bytes = MEGABYTE, .low_water_bytes = MEGABYTE / 2 });
    int fd = rig_client(&s->rig);
    char *got = malloc(MEGABYTE);
    for (int round = 1; round <= 2; round++) {
        send_all(fd, "G", 1);
        gauge_wait(&s->high, round);
        cr_assert_eq(gauge_get(&s->low), round - 1);
        for (int k = 0; k < SLOW_BYTES / MEGABYTE; k++)
            read_all(fd, got, MEGABYTE);
        gauge_wait(&s->low, round);
        cr_assert_eq(gauge_get(&s->high), round);
    }
    close(fd);
    rig_stop(&s->rig);
    free(got);
    free(s->into);
    free(s);
}
