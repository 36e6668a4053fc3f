/* The CLIENT commands that work on other connections, or on the stream of replies. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

enum { CONNECTIONS = 9 };

struct room {
    struct proc *p;
    struct wire *w[CONNECTIONS];
    long long id[CONNECTIONS];
};

static void room_open(struct room *r, int loops)
{
    r->p = proc_start_loops(loops);
    for (int i = 0; i < CONNECTIONS; i++) {
        char line[64];
        r->w[i] = wire_open(r->p);
        r->id[i] = wire_integer(r->w[i], "CLIENT ID");
        snprintf(line, sizeof(line), "CLIENT SETNAME conn%d", i);
        wire_expect(r->w[i], line, "+OK");
    }
}

static void room_close(struct room *r)
{
    for (int i = 0; i < CONNECTIONS; i++)
        wire_close(r->w[i]);
    proc_stop(r->p);
}

static char *client_list(struct wire *w, const char *line)
{
    struct value *v = wire_call(w, line);
    cr_assert(v->text, "no text from %s", line);
    char *text = strdup(v->text);
    value_free(v);
    return text;
}

Test(clients, list_shows_every_connection)
{
    struct room r;
    room_open(&r, 4);
    for (int i = 1; i < CONNECTIONS; i++)
        cr_assert_gt(r.id[i], r.id[i - 1]);
    wire_expect(r.w[3], "SELECT 5", "+OK");
    char *list = client_list(r.w[0], "CLIENT LIST");
    for (int i = 0; i < CONNECTIONS; i++) {
        char part[64];
        snprintf(part, sizeof(part), "id=%lld addr=", r.id[i]);
        char *line = strstr(list, part);
        cr_assert(line, "%s is not in\n%s", part, list);
        snprintf(part, sizeof(part), " name=conn%d ", i);
        char *end = strchr(line, '\n'), *at = strstr(line, part);
        cr_assert(end && at && at < end, "%s is not in its line of\n%s", part, list);
        at = strstr(line, i == 3 ? " db=5 " : " db=0 ");
        cr_assert(at && at < end, "the database of %d is wrong in\n%s", i, list);
    }
    cr_assert(strstr(list, " cmd=client|list "));
    free(list);
    char line[64];
    snprintf(line, sizeof(line), "CLIENT LIST ID %lld %lld", r.id[2], r.id[4]);
    list = client_list(r.w[0], line);
    cr_assert(strstr(list, "name=conn2 ") && strstr(list, "name=conn4 ") &&
              !strstr(list, "name=conn3 "));
    free(list);
    list = client_list(r.w[5], "CLIENT INFO");
    cr_assert(strstr(list, "name=conn5 ") && strchr(list, '\n') == list + strlen(list) - 1);
    free(list);
    list = client_list(r.w[5], "CLIENT LIST TYPE pubsub");
    cr_assert_str_empty(list);
    free(list);
    room_close(&r);
}

Test(clients, kill_by_id_and_by_address)
{
    struct room r;
    room_open(&r, 4);
    for (int i = 1; i < 5; i++) {
        char line[64];
        snprintf(line, sizeof(line), "CLIENT KILL ID %lld", r.id[i]);
        wire_expect(r.w[0], line, ":1");
        wire_expect_end(r.w[i]);
        wire_expect(r.w[0], line, ":0");
    }
    wire_expect(r.w[0], "CLIENT KILL 1.2.3.4:1", "-ERR No such client");
    /* Itself: the reply still comes. */
    char line[64];
    snprintf(line, sizeof(line), "CLIENT KILL ID %lld SKIPME no", r.id[0]);
    wire_expect(r.w[0], line, ":1");
    wire_expect_end(r.w[0]);
    wire_expect(r.w[5], "CLIENT KILL TYPE normal", ":3");
    wire_expect(r.w[5], "PING", "+PONG");
    for (int i = 6; i < CONNECTIONS; i++)
        wire_expect_end(r.w[i]);
    room_close(&r);
}

Test(clients, kill_while_pipelining)
{
    struct room r;
    room_open(&r, 4);
    for (int round = 0; round < 50; round++) {
        struct wire *victim = wire_open(r.p);
        long long id = wire_integer(victim, "CLIENT ID");
        for (int i = 0; i < 200; i++)
            wire_send_line(victim, i % 3 ? "INCR n" : "MGET a b c d");
        char line[64];
        snprintf(line, sizeof(line), "CLIENT KILL ID %lld", id);
        wire_expect(r.w[round % CONNECTIONS], line, ":1");
        struct value *v;
        while ((v = wire_read_or_end(victim)) != NULL)
            value_free(v);
        wire_close(victim);
    }
    room_close(&r);
}

Test(clients, reply_off_on_skip)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    wire_send_line(w, "CLIENT REPLY SKIP");
    wire_send_line(w, "INCR n");
    wire_send_line(w, "INCR n");
    wire_expect_reply(w, ":2");
    wire_send_line(w, "CLIENT REPLY OFF");
    for (int i = 0; i < 10; i++)
        wire_send_line(w, i % 2 ? "MSET a 1 b 2 c 3" : "INCR n");
    wire_send_line(w, "NOSUCH");
    wire_send_line(w, "GET");
    wire_send_line(w, "CLIENT REPLY ON");
    wire_expect_reply(w, "+OK");
    wire_expect(w, "MGET n a b c", "[\"7\", \"1\", \"2\", \"3\"]");
    wire_expect(w, "CLIENT REPLY maybe", "-ERR syntax error");
    wire_close(w);
    proc_stop(p);
}

Test(clients, pause_holds_and_unpause_lets_go)
{
    struct room r;
    room_open(&r, 4);
    wire_expect(r.w[0], "SET k v", "+OK");
    wire_expect(r.w[0], "CLIENT PAUSE 100000 WRITE", "+OK");
    for (int i = 1; i < CONNECTIONS; i++)
        wire_send_line(r.w[i], i % 2 ? "GET k" : "INCR n");
    for (int i = 1; i < CONNECTIONS; i += 2)
        wire_expect_reply(r.w[i], "\"v\"");
    for (int i = 2; i < CONNECTIONS; i += 2)
        cr_assert(wire_is_quiet(r.w[i], 20));
    wire_expect(r.w[0], "CLIENT UNPAUSE", "+OK");
    long long sum = 0;
    for (int i = 2; i < CONNECTIONS; i += 2) {
        struct value *v = wire_read(r.w[i]);
        sum += v->integer;
        value_free(v);
    }
    cr_assert_eq(sum, 1 + 2 + 3 + 4);
    /* All commands, for a time that runs out. */
    int64_t start_ns = test_now_ns();
    wire_expect(r.w[0], "CLIENT PAUSE 50", "+OK");
    wire_expect(r.w[1], "INCR n", ":5");
    cr_assert_geq(test_now_ns() - start_ns, 49 * 1000000LL);
    room_close(&r);
}

Test(clients, setinfo_and_switches)
{
    if (proc_testing_redis())
        cr_skip_test("newer than redis-server 7.0");
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    wire_expect(w, "CLIENT SETINFO LIB-NAME mylib", "+OK");
    wire_expect(w, "CLIENT SETINFO lib-ver 1.2.3", "+OK");
    wire_expect(w, "CLIENT SETINFO lib-foo x", "-ERR Unrecognized option 'lib-foo'");
    wire_expect(w, "CLIENT SETINFO lib-name \"a b\"",
                "-ERR lib-name cannot contain spaces, newlines or special characters.");
    char *info = client_list(w, "CLIENT INFO");
    cr_assert(strstr(info, " lib-name=mylib lib-ver=1.2.3"), "%s", info);
    free(info);
    wire_expect(w, "CLIENT NO-TOUCH on", "+OK");
    wire_expect(w, "CLIENT NO-TOUCH maybe", "-ERR syntax error");
    wire_expect(w, "CLIENT NO-TOUCH off", "+OK");
    wire_expect(w, "CLIENT NO-EVICT on", "+OK");
    info = client_list(w, "CLIENT INFO");
    cr_assert(strstr(info, " flags=Ue "), "%s", info);
    free(info);
    wire_close(w);
    proc_stop(p);
}
