/* A client that asks and never reads costs the server a bounded amount of memory and nobody else
 * a delay. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

enum { VALUE_BYTES = 100000 };

static void store_value(struct wire *w, const char *key)
{
    struct args a = { 0 };
    char *text = malloc(VALUE_BYTES);
    cr_assert(text);
    memset(text, 'v', VALUE_BYTES);
    args_push_str(&a, "SET");
    args_push_str(&a, key);
    args_push(&a, text, VALUE_BYTES);
    wire_send_args(w, &a);
    wire_expect_reply(w, "+OK");
    args_free(&a);
    free(text);
}

static void never_reads(int loops)
{
    if (proc_testing_redis())
        cr_skip_test("redis-server queues it all");
    struct proc *p = proc_start_loops(loops);
    struct wire *w = wire_open(p), *other = wire_open(p);
    store_value(other, "a");
    store_value(other, "b");
    store_value(other, "c");
    size_t before = proc_rss_bytes(p);
    /* 100 GB of replies, if somebody queued them. */
    static const char request[] =
        "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";
    size_t len = sizeof(request) - 1, at = 0;
    long sent = 0;
    int stalls = 0;
    while (stalls < 20) {
        ssize_t n = send(w->fd, request + at, len - at, MSG_NOSIGNAL);
        if (n > 0) {
            at = (at + (size_t)n) % len;
            sent += at == 0;
            stalls = 0;
            cr_assert_lt(sent, 250000, "the server takes requests without end");
            continue;
        }
        cr_assert_eq(errno, EAGAIN);
        struct pollfd pf = { .fd = w->fd, .events = POLLOUT };
        if (poll(&pf, 1, 10) == 0) {
            stalls++;
            wire_expect(other, "STRLEN a", ":100000");
        }
    }
    size_t grown = proc_rss_bytes(p) - before;
    cr_assert_lt(grown, (size_t)256 << 20, "the server grew by %zu MB", grown >> 20);
    for (int i = 0; i < 100; i++) {
        wire_expect(other, "MGET none none2", "[nil, nil]");
        wire_expect(other, "SET x y", "+OK");
    }
    /* Whoever reads at last gets every reply. */
    for (long i = 0; i < sent; i++) {
        struct value *get = wire_read(w), *mget = wire_read(w);
        cr_assert_eq(get->text_len, VALUE_BYTES);
        cr_assert_eq(mget->count, 3);
        cr_assert_eq(mget->item[2]->text_len, VALUE_BYTES);
        value_free(get);
        value_free(mget);
    }
    if (at > 0)
        wire_send(w, request + at, len - at);
    else
        wire_send_line(w, "GET a");
    struct value *last = wire_read(w);
    value_free(last);
    wire_close(w);
    wire_close(other);
    proc_stop(p);
}

Test(backpressure, never_reads_1)
{
    never_reads(1);
}

Test(backpressure, never_reads_4)
{
    never_reads(4);
}

/* The same client goes away without having read: what was queued for it is given back, nothing
 * is left running. */
Test(backpressure, goes_without_reading)
{
    struct proc *p = proc_start_loops(2);
    struct wire *other = wire_open(p);
    store_value(other, "a");
    for (int i = 0; i < 20; i++) {
        struct wire *w = wire_open(p);
        struct bytes b = { 0 };
        for (int j = 0; j < 1000; j++)
            bytes_add_str(&b, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
        send(w->fd, b.ptr, b.len, MSG_NOSIGNAL);
        bytes_free(&b);
        wire_expect(other, "STRLEN a", ":100000");
        wire_close(w);
    }
    wire_expect(other, "STRLEN a", ":100000");
    wire_close(other);
    proc_stop(p);
}
