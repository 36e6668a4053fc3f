/* Connecting and talking: tcp and unix, RESP2 and RESP3, inline, pipelines, large values,
 * authentication. */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

static void talk_with_hiredis(redisContext *c)
{
    cr_assert(c && c->err == 0, "%s", c ? c->errstr : "no context");
    redisReply *r = redisCommand(c, "SET %s %b", "key", "a\0b", (size_t)3);
    cr_assert(r && r->type == REDIS_REPLY_STATUS);
    cr_assert_str_eq(r->str, "OK");
    freeReplyObject(r);
    r = redisCommand(c, "MGET key none");
    cr_assert(r && r->type == REDIS_REPLY_ARRAY && r->elements == 2);
    cr_assert_eq(r->element[0]->len, 3);
    cr_assert_arr_eq(r->element[0]->str, "a\0b", 3);
    cr_assert_eq(r->element[1]->type, REDIS_REPLY_NIL);
    freeReplyObject(r);
    for (int i = 0; i < 1000; i++)
        redisAppendCommand(c, "INCR n");
    for (int i = 1; i <= 1000; i++) {
        cr_assert_eq(redisGetReply(c, (void **)&r), REDIS_OK);
        cr_assert_eq(r->integer, i);
        freeReplyObject(r);
    }
    redisFree(c);
}

Test(connect, hiredis_unix)
{
    struct proc *p = proc_start_loops(2);
    talk_with_hiredis(redisConnectUnix(p->socket_path));
    proc_stop(p);
}

Test(connect, hiredis_tcp)
{
    struct proc_spec spec = { .tcp = true, .no_unix = true, .loops = 2 };
    struct proc *p = proc_start(&spec);
    talk_with_hiredis(redisConnect("127.0.0.1", p->port));
    proc_stop(p);
}

Test(connect, hello_changes_the_protocol)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    wire_expect(w, "GET none", "nil");
    wire_expect(w, "HELLO", "[\"server\", \"redis\", \"version\", *");
    struct value *v = wire_call(w, "HELLO 3 SETNAME me");
    cr_assert_eq(v->type, '%');
    cr_assert(value_text_is(value_get(v, "server"), "redis"));
    cr_assert_eq(value_get(v, "proto")->integer, 3);
    cr_assert_gt(value_get(v, "id")->integer, 0);
    cr_assert(value_text_is(value_get(v, "mode"), "standalone"));
    cr_assert(value_text_is(value_get(v, "role"), "master"));
    cr_assert(value_get(v, "modules") && value_get(v, "modules")->count == 0);
    value_free(v);
    wire_expect(w, "GET none", "null");
    wire_expect(w, "CLIENT GETNAME", "\"me\"");
    wire_expect(w, "CONFIG GET databases", "{\"databases\": \"16\"}");
    wire_expect(w, "HELLO 4", "-NOPROTO unsupported protocol version");
    wire_expect(w, "HELLO 2", "[*");
    wire_expect(w, "CLIENT GETNAME", "\"me\"");
    wire_expect(w, "GET none", "nil");
    wire_expect(w, "HELLO 3", "{*");
    wire_expect(w, "SELECT 3", "+OK");
    wire_expect(w, "RESET", "+RESET");
    wire_expect(w, "GET none", "nil");
    wire_expect(w, "CLIENT GETNAME", "nil");
    wire_close(w);
    proc_stop(p);
}

Test(connect, quit_answers_then_closes)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    wire_send_line(w, "SET k v");
    wire_send_line(w, "QUIT");
    wire_send_line(w, "SET k w");
    wire_expect_reply(w, "+OK");
    wire_expect_reply(w, "+OK");
    wire_expect_end(w);
    wire_close(w);
    w = wire_open(p);
    wire_expect(w, "GET k", "\"v\"");
    wire_close(w);
    proc_stop(p);
}

Test(connect, a_half_closed_peer_gets_its_replies)
{
    struct proc *p = proc_start_loops(4);
    struct wire *w = wire_open(p);
    for (int i = 0; i < 500; i++)
        wire_send_line(w, "INCR n");
    wire_end(w);
    for (int i = 1; i <= 500; i++) {
        struct value *v = wire_read(w);
        cr_assert_eq(v->integer, i);
        value_free(v);
    }
    wire_expect_end(w);
    wire_close(w);
    proc_stop(p);
}

Test(connect, inline_commands)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    static const char requests[] = "PING\r\n"
                                   "\r\n"
                                   "set k \"a b\\x41\\n\"\n"
                                   "  get   k  \r\n"
                                   "echo 'it''s'\r\n"
                                   "echo 'it\\'s'\r\n"
                                   "*1\r\n$4\r\nPING\r\n"
                                   "mget k none\r\n";
    wire_send(w, requests, sizeof(requests) - 1);
    wire_expect_reply(w, "+PONG");
    wire_expect_reply(w, "+OK");
    wire_expect_reply(w, "\"a bA\\n\"");
    wire_expect_reply(w, "-ERR Protocol error: unbalanced quotes in request");
    wire_expect_end(w);
    wire_close(w);
    w = wire_open(p);
    wire_send(w, requests + 51, sizeof(requests) - 1 - 51);
    wire_close(w);
    w = wire_open(p);
    static const char more[] = "echo 'it\\'s'\r\n*1\r\n$4\r\nPING\r\nmget k none\r\n";
    wire_send(w, more, sizeof(more) - 1);
    wire_expect_reply(w, "\"it's\"");
    wire_expect_reply(w, "+PONG");
    wire_expect_reply(w, "[\"a bA\\n\", nil]");
    wire_close(w);
    proc_stop(p);
}

/* 100,000 commands in one go: replies come while requests still go out, in their order. */
static void long_pipeline(int loops)
{
    struct proc *p = proc_start_loops(loops);
    struct wire *w = wire_open(p);
    int count = test_scaled(100000);
    struct bytes b = { 0 };
    for (int i = 0; i < count; i++)
        bytes_printf(
            &b,
            "*3\r\n$3\r\nSET\r\n$5\r\nk%04d\r\n$6\r\n%06d\r\n*2\r\n$3\r\nGET\r\n$5\r\nk%04d\r\n",
            i % 1000, i, i % 1000);
    wire_send(w, b.ptr, b.len);
    for (int i = 0; i < count; i++) {
        char want[16];
        snprintf(want, sizeof(want), "%06d", i);
        struct value *ok = wire_read(w), *got = wire_read(w);
        cr_assert(value_text_is(ok, "OK") && value_text_is(got, want), "at %d: %s", i, got->text);
        value_free(ok);
        value_free(got);
    }
    bytes_free(&b);
    wire_close(w);
    proc_stop(p);
}

Test(connect, long_pipeline_1)
{
    long_pipeline(1);
}

Test(connect, long_pipeline_4)
{
    long_pipeline(4);
}

Test(connect, a_value_of_64_megabytes)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    size_t len = 64u << 20;
    char *big = malloc(len + 2), head[64];
    cr_assert(big);
    for (size_t i = 0; i < len; i++)
        big[i] = (char)(i * 2654435761u >> 13);
    memcpy(big + len, "\r\n", 2);
    snprintf(head, sizeof(head), "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%zu\r\n", len);
    wire_send(w, head, strlen(head));
    wire_send(w, big, len + 2);
    wire_expect_reply(w, "+OK");
    wire_expect(w, "STRLEN big", ":67108864");
    struct value *v = wire_call(w, "GET big");
    cr_assert_eq(v->text_len, len);
    cr_assert(memcmp(v->text, big, len) == 0);
    value_free(v);
    wire_expect(w, "GETRANGE big 0 3", "\"*");
    wire_expect(w, "COPY big big2", ":1");
    wire_expect(w, "RENAME big2 big3", "+OK");
    wire_expect(w, "STRLEN big3", ":67108864");
    wire_expect(w, "DEL big big3", ":2");
    wire_expect(w, "SET k v", "+OK");
    free(big);
    wire_close(w);
    proc_stop(p);
}

Test(connect, sizes_of_bulks_around_every_buffer)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    static const size_t sizes[] = { 0,     1,      15,     16,      63,      64,     1023,  1024,
                                    4095,  4096,   16383,  16384,   32767,   32768,  65535, 65536,
                                    65537, 131072, 262144, 1048576, 1048577, 3000000 };
    char *text = malloc(3000003), head[64];
    cr_assert(text);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t len = sizes[i];
        for (size_t j = 0; j < len; j++)
            text[j] = (char)('a' + (i + j) % 23);
        memcpy(text + len, "\r\n", 2);
        snprintf(head, sizeof(head), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", len);
        wire_send(w, head, strlen(head));
        wire_send(w, text, len + 2);
        wire_send_line(w, "GET k");
        wire_expect_reply(w, "+OK");
        struct value *v = wire_read(w);
        cr_assert_eq(v->text_len, len);
        cr_assert(memcmp(v->text, text, len) == 0, "size %zu", len);
        value_free(v);
    }
    free(text);
    wire_close(w);
    proc_stop(p);
}

static struct proc *start_with_password(void)
{
    static const char *const args[] = { "--requirepass", "secret", NULL };
    struct proc_spec spec = { .loops = 2, .args = args };
    return proc_start(&spec);
}

Test(connect, a_password_is_asked_for)
{
    struct proc *p = start_with_password();
    struct wire *w = wire_open(p);
    wire_expect(w, "GET k", "-NOAUTH Authentication required.");
    wire_expect(w, "PING", "-NOAUTH Authentication required.");
    wire_expect(w, "NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: ");
    wire_expect(w, "HELLO 3",
                "-NOAUTH HELLO must be called with the client already authenticated, *");
    wire_expect(w, "AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.");
    wire_expect(w, "AUTH default wrong",
                "-WRONGPASS invalid username-password pair or user is disabled.");
    wire_expect(w, "AUTH nobody secret",
                "-WRONGPASS invalid username-password pair or user is disabled.");
    wire_expect(w, "GET k", "-NOAUTH Authentication required.");
    wire_expect(w, "AUTH secret", "+OK");
    wire_expect(w, "GET k", "nil");
    wire_expect(w, "RESET", "+RESET");
    wire_expect(w, "GET k", "-NOAUTH Authentication required.");
    wire_expect(w, "AUTH default secret", "+OK");
    wire_expect(w, "PING", "+PONG");
    wire_close(w);
    w = wire_open(p);
    wire_expect(w, "HELLO 3 AUTH default wrong", "-WRONGPASS*");
    wire_expect(w, "HELLO 3 AUTH default secret SETNAME x", "{*");
    wire_expect(w, "GET k", "null");
    wire_close(w);
    w = wire_open(p);
    wire_expect(w, "QUIT", "+OK");
    wire_expect_end(w);
    wire_close(w);
    proc_free(p);
}

Test(connect, before_authentication_requests_are_small)
{
    struct proc *p = start_with_password();
    struct wire *w = wire_open(p);
    static const char many[] = "*11\r\n$3\r\nSET\r\n";
    wire_send(w, many, sizeof(many) - 1);
    wire_expect_reply(w, "-ERR Protocol error: unauthenticated multibulk length");
    wire_expect_end(w);
    wire_close(w);
    w = wire_open(p);
    static const char large[] = "*2\r\n$20000\r\n";
    wire_send(w, large, sizeof(large) - 1);
    wire_expect_reply(w, "-ERR Protocol error: unauthenticated bulk length");
    wire_expect_end(w);
    wire_close(w);
    proc_free(p);
}

Test(connect, over_maxclients)
{
    static const char *const args[] = { "--maxclients", "10", NULL };
    struct proc_spec spec = { .loops = 2, .args = args };
    struct proc *p = proc_start(&spec);
    struct wire *w[10];
    for (int i = 0; i < 10; i++) {
        w[i] = wire_open(p);
        /* The connection that only looked whether the server was up may still count. */
        wire_send_line(w[i], "PING");
        struct value *v = wire_read(w[i]);
        if (value_is_error(v)) {
            wire_close(w[i]);
            i--;
        }
        value_free(v);
    }
    struct wire *more = wire_open(p);
    wire_expect_reply(more, "-ERR max number of clients reached");
    wire_expect_end(more);
    wire_close(more);
    wire_expect(w[0], "PING", "+PONG");
    wire_close(w[9]);
    for (bool in = false; !in;) {
        more = wire_open(p);
        wire_send_line(more, "PING");
        struct value *v = wire_read(more);
        in = value_text_is(v, "PONG");
        value_free(v);
        wire_close(more);
    }
    for (int i = 0; i < 9; i++)
        wire_close(w[i]);
    proc_stop(p);
}
