/* session: its life, its texts and its waits, looked at inside a running server. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "kv/engine/worker.h"
#include "kv/session/session.h"
#include "tests/support/inside.h"

static void count_sessions(struct worker *w, void *arg)
{
    const struct session *before = NULL;
    for (const struct session *s = w->sessions; s; s = s->next) {
        cr_assert_eq(s->prev, before);
        before = s;
        ++*(int *)arg;
    }
    cr_assert_eq(w->sessions_tail, before);
}

static int sessions(struct inside *in)
{
    int count = 0;
    inside_each(in, count_sessions, &count);
    return count;
}

Test(session, texts_are_copies_and_the_empty_one_is_none)
{
    char word[] = "abc", *field = NULL;
    cr_assert_eq(session_set_text(&field, slice_str(word)), 0);
    word[0] = 'x';
    cr_assert_str_eq(field, "abc");
    cr_assert_eq(session_set_text(&field, slice_of(word, 1)), 0);
    cr_assert_str_eq(field, "x");
    cr_assert_eq(session_set_text(&field, slice_of("", 0)), 0);
    cr_assert_null(field);
}

Test(session, the_list_of_a_worker_holds_while_clients_come_and_go)
{
    struct inside in;
    int fd[5];
    inside_start(&in, 2, NULL);
    for (int i = 0; i < 5; i++) {
        fd[i] = inside_client(&in);
        inside_ask(fd[i], "PING\r\n", "+PONG\r\n");
    }
    cr_assert_eq(sessions(&in), 5);
    static const int gone[] = { 2, 0, 4 }; /* the middle, an end and the other */
    for (int i = 0; i < 3; i++) {
        inside_ask(fd[gone[i]], "QUIT\r\n", "+OK\r\n");
        inside_expect_end(fd[gone[i]]);
    }
    while (sessions(&in) > 2)
        usleep(1000);
    cr_assert_eq(in.server->connected_clients, 2);
    inside_ask(fd[1], "PING\r\n", "+PONG\r\n");
    inside_ask(fd[3], "PING\r\n", "+PONG\r\n");
    inside_stop(&in);
    inside_expect_end(fd[1]);
    inside_expect_end(fd[3]);
}

Test(session, reset_makes_it_new)
{
    struct inside in;
    inside_start(&in, 1, NULL);
    int fd = inside_client(&in);
    inside_ask(fd, "SELECT 3\r\nSET k v\r\nCLIENT SETNAME me\r\nCLIENT NO-TOUCH on\r\n",
               "+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
    inside_ask(fd, "RESET\r\nGET k\r\nCLIENT GETNAME\r\n", "+RESET\r\n$-1\r\n$-1\r\n");
    inside_ask(fd, "CLIENT REPLY OFF\r\nPING\r\nRESET\r\nPING\r\n", "+RESET\r\n+PONG\r\n");
    close(fd);
    inside_stop(&in);
}

Test(session, nothing_is_run_while_it_is_blocked)
{
    struct inside in;
    inside_start(&in, 2, NULL);
    int fd = inside_client(&in), other = inside_client(&in);
    inside_ask(fd, "SET k 1\r\nWAIT 1 20\r\nINCR k\r\nWAIT 0 0\r\n", "+OK\r\n:0\r\n:2\r\n:0\r\n");
    cr_assert_eq(SERVER_SUM(in.server, blocked_clients), 0);
    /* For ever: only the client's end ends it. */
    inside_ask(fd, "PING\r\nWAIT 1 0\r\nINCR k\r\n", "+PONG\r\n");
    while (SERVER_SUM(in.server, blocked_clients) != 1)
        usleep(1000);
    close(fd);
    while (SERVER_SUM(in.server, blocked_clients) != 0)
        usleep(1000);
    inside_ask(other, "GET k\r\n", "$1\r\n2\r\n");
    close(other);
    inside_stop(&in);
}
