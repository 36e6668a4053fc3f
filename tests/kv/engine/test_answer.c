/* answer: replies in the order of the requests, from wherever they come, and what becomes of the session after them. */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kv/engine/worker.h"
#include "tests/support/inside.h"

/* A reply of each place: done when parsed, hop, hold, parts; muted ones between them. */
static const char mixed[] =
    "PING\r\nMSET a 1 b 2 c 3 d 4\r\nMGET d c b a\r\nNOSUCH\r\nRENAME a b\r\n"
    "CLIENT REPLY SKIP\r\nGET b\r\nGET b\r\nDEL a b c d\r\nECHO x\r\n";
static const char mixed_reply[] =
    "+PONG\r\n+OK\r\n*4\r\n$1\r\n4\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n"
    "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"
    "+OK\r\n$1\r\n1\r\n:3\r\n$1\r\nx\r\n";

Test(answer, in_the_order_of_the_requests)
{
    static const int loops[] = { 1, 2, 5 };
    for (int i = 0; i < 3; i++) {
        struct inside in;
        inside_start(&in, loops[i], NULL);
        for (int k = 0; k < loops[i]; k++) {
            int fd = inside_client(&in);
            inside_ask(fd, mixed, mixed_reply);
            close(fd);
        }
        inside_stop(&in);
    }
}

Test(answer, a_call_is_answered_in_the_protocol_of_its_time)
{
    struct inside in;
    inside_start(&in, 2, NULL);
    int fd = inside_client(&in);
    inside_ask(fd, "GET n\r\nCLIENT REPLY SKIP\r\nHELLO 3\r\nGET n\r\nRESET\r\nGET n\r\n",
               "$-1\r\n_\r\n+RESET\r\n$-1\r\n");
    close(fd);
    inside_stop(&in);
}

Test(answer, nothing_behind_a_close_is_run)
{
    struct inside in;
    inside_start(&in, 2, NULL);
    int fd = inside_client(&in);
    inside_ask(fd, "SET a 1\r\nSET b 1\r\nQUIT\r\nSET a 2\r\n", "+OK\r\n+OK\r\n+OK\r\n");
    inside_expect_end(fd);
    fd = inside_client(&in);
    inside_ask(fd, "MGET a b\r\n*1\r\n!\r\nSET a 3\r\n",
               "*2\r\n$1\r\n1\r\n$1\r\n1\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    inside_expect_end(fd);
    cr_assert_eq(SERVER_SUM(in.server, protocol_errors), 1);
    inside_stop(&in);
}
