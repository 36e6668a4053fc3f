/* events: who is let in, and what the end of a connection means, from inside a running server. */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kv/engine/worker.h"
#include "tests/support/inside.h"

Test(events, one_client_too_many_is_told_so)
{
    struct inside in;
    const char *const two[] = { "--maxclients", "2", NULL };
    inside_start(&in, 2, two);
    int a = inside_client(&in), b = inside_client(&in);
    inside_ask(a, "PING\r\n", "+PONG\r\n");
    inside_ask(b, "PING\r\n", "+PONG\r\n");
    int c = inside_client(&in);
    inside_ask(c, NULL, "-ERR max number of clients reached\r\n");
    inside_expect_end(c);
    cr_assert_eq(in.server->rejected_connections, 1);
    cr_assert_eq(in.server->connected_clients, 2);
    close(a);
    while (in.server->connected_clients > 1)
        usleep(1000);
    c = inside_client(&in);
    inside_ask(c, "PING\r\n", "+PONG\r\n");
    close(b);
    close(c);
    inside_stop(&in);
}

Test(events, what_came_before_the_end_is_answered)
{
    struct inside in;
    inside_start(&in, 2, NULL);
    for (int i = 0; i < 4; i++) { /* both loops, so both shards are near and far */
        int fd = inside_client(&in);
        cr_assert_eq(send(fd, "SET a 1\r\nMGET a b\r\nGET", 22, 0), 22);
        cr_assert_eq(shutdown(fd, SHUT_WR), 0);
        inside_ask(fd, NULL, "+OK\r\n*2\r\n$1\r\n1\r\n$-1\r\n");
        inside_expect_end(fd); /* half a command is none */
    }
    inside_stop(&in);
}

Test(events, shutdown_answers_what_came_before_it)
{
    struct inside in;
    inside_start(&in, 2, NULL);
    int fd = inside_client(&in), other = inside_client(&in);
    inside_ask(other, "PING\r\n", "+PONG\r\n");
    inside_ask(fd, "SET a 1\r\nGET a\r\nSHUTDOWN NOSAVE\r\nGET a\r\n", "+OK\r\n$1\r\n1\r\n");
    inside_expect_end(fd);
    inside_expect_end(other);
    inside_join(&in);
}
