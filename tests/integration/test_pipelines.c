/* Long pipelines of large replies to clients that do not read: what the server has looked at and put off is run later as it was
 * sent, and it keeps a bounded part of it in memory. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

enum { VALUE_BYTES = 300 * 1000, GETS = 40 };

static void set_large(struct wire *w, size_t len)
{
    struct args a = { 0 };
    struct bytes value = { 0 };
    bytes_reserve(&value, len);
    memset(value.ptr, 'x', len);
    value.len = len;
    args_push_str(&a, "SET");
    args_push_str(&a, "large");
    args_push(&a, value.ptr, value.len);
    wire_send_args(w, &a);
    wire_expect_reply(w, "+OK");
    args_free(&a);
    bytes_free(&value);
}

static void add_line(struct bytes *out, const char *line)
{
    struct args a = { 0 };
    args_split(&a, line);
    args_encode(&a, out);
    args_free(&a);
}

/* In one piece, so that the server sees it at once. */
static void send_raw(const struct wire *w, const char *ptr, size_t len)
{
    cr_assert_eq(send(w->fd, ptr, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void expect_large(struct wire *w)
{
    struct value *v = wire_read(w);
    cr_assert_eq(v->type, '$');
    cr_assert_eq(v->text_len, VALUE_BYTES);
    value_free(v);
}

static void put_off(int loops)
{
    struct proc *p = proc_start_loops(loops);
    struct wire *w = wire_open(p);
    struct bytes out = { 0 };
    set_large(w, VALUE_BYTES);
    /* The end of what the server has is a part of a command of another kind. */
    for (int i = 0; i < GETS; i++)
        add_line(&out, "GET large");
    size_t whole = out.len;
    add_line(&out, "MGET none other");
    send_raw(w, out.ptr, whole + 17);
    expect_large(w);
    send_raw(w, out.ptr + whole + 17, out.len - whole - 17);
    for (int i = 1; i < GETS; i++)
        expect_large(w);
    wire_expect_reply(w, "[nil, nil]");
    /* What CLIENT REPLY has silenced stays silent. */
    out.len = 0;
    for (int i = 0; i < GETS; i++)
        add_line(&out, "GET large");
    add_line(&out, "CLIENT REPLY SKIP");
    add_line(&out, "SET n 1");
    add_line(&out, "INCR n");
    send_raw(w, out.ptr, out.len);
    for (int i = 0; i < GETS; i++)
        expect_large(w);
    wire_expect_reply(w, ":2");
    bytes_free(&out);
    wire_close(w);
    proc_stop(p);
}

Test(pipelines, put_off_on_one_loop)
{
    put_off(1);
}

Test(pipelines, put_off_on_three_loops)
{
    put_off(3);
}
