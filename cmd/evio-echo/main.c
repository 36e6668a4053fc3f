/* evio-echo: sends back what it receives, over TCP, UDP and unix sockets. */
#include "cmd/front/front.h"
#include "evio/evio.h"

static enum evio_action on_data(struct evio_conn *c)
{
    struct evio_slice in = evio_conn_input(c);
    if (evio_conn_write(c, in.ptr, in.len))
        return EVIO_CLOSE;
    evio_conn_consume(c, in.len);
    return EVIO_NONE;
}

static const char help[] =
    "Usage: evio-echo [options]\n"
    "Sends back what it receives.\n"
    "\n"
    "  --port N        TCP port on every interface (default 5000; 0: any free one; -1: none)\n"
    "  --udp N         a UDP port too\n"
    "  --unix PATH     a unix socket too\n"
    "  --loops N       event loops; -1: one for each CPU this process may use (default 1)\n"
    "  --balance NAME  round-robin (default), random or least-connections\n"
    "  --reuseport     every loop has a listener of its own\n"
    "  --help          this text\n";

int main(int argc, char **argv)
{
    struct front f = { .name = "evio-echo",
                       .help = help,
                       .takes_udp = true,
                       .port = "5000",
                       .options = { .high_water_bytes = 1024 * 1024, .thread_name = "echo" } };
    const struct evio_events events = { .data = on_data };
    return front_run(&f, &events, argc, argv);
}
