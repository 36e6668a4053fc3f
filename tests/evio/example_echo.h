/* The example of evio/README.md, word for word; test_programs.c checks that and runs it. */
#include "evio/evio.h"

static enum evio_action on_data(struct evio_conn *c)
{
    struct evio_slice in = evio_conn_input(c);
    if (evio_conn_write(c, in.ptr, in.len))
        return EVIO_CLOSE;
    evio_conn_consume(c, in.len);
    return EVIO_NONE;
}

static int serve_echo(void)
{
    const char *addrs[] = { "tcp://:5000", "udp://:5000", "unix:///tmp/echo.sock" };
    struct evio_events events = { .data = on_data };
    struct evio_options options = { .num_loops = -1 };
    return evio_serve(&events, &options, addrs, 3);
}
