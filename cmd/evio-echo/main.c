/* evio-echo: sends back what it receives, over TCP, UDP and unix sockets. */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>

#include "evio/evio.h"

enum { ADDRS_MAX = 8, ADDR_BYTES = 160, STOP_MS = 2000 };

struct echo {
    const char *port, *udp_port, *unix_path;
    bool reuseport;
    struct evio_options options;
    char text[ADDRS_MAX][ADDR_BYTES];
    const char *addrs[ADDRS_MAX];
    int addr_count;
};

static enum evio_action on_data(struct evio_conn *c)
{
    struct evio_slice in = evio_conn_input(c);
    if (evio_conn_write(c, in.ptr, in.len))
        return EVIO_CLOSE;
    evio_conn_consume(c, in.len);
    return EVIO_NONE;
}

/* A peer that sends without reading is not read from until it catches up. */
static void on_high_water(struct evio_conn *c)
{
    evio_conn_pause_read(c);
}

static void on_low_water(struct evio_conn *c)
{
    evio_conn_resume_read(c);
}

static enum evio_action on_serving(struct evio_server *s, const struct evio_serving *info)
{
    (void)s;
    for (int i = 0; i < info->addr_count; i++)
        printf("listening on %s, %d loop%s\n", info->addrs[i].text, info->num_loops,
               info->num_loops == 1 ? "" : "s");
    fflush(stdout);
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

static int parse_balance(const char *name)
{
    static const char *const names[] = {
        [EVIO_BALANCE_ROUND_ROBIN] = "round-robin",
        [EVIO_BALANCE_RANDOM] = "random",
        [EVIO_BALANCE_LEAST_CONNECTIONS] = "least-connections",
    };
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

/* 0: go on; else the exit status plus one. */
static int parse_flags(struct echo *e, int argc, char **argv)
{
    static const struct option flags[] = {
        { "port", required_argument, NULL, 'p' },    { "udp", required_argument, NULL, 'u' },
        { "unix", required_argument, NULL, 'x' },    { "loops", required_argument, NULL, 'l' },
        { "balance", required_argument, NULL, 'b' }, { "reuseport", no_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' },          { 0 },
    };
    int flag, balance;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        switch (flag) {
        case 'p':
            e->port = optarg;
            break;
        case 'u':
            e->udp_port = optarg;
            break;
        case 'x':
            e->unix_path = optarg;
            break;
        case 'l':
            e->options.num_loops = atoi(optarg);
            break;
        case 'b':
            balance = parse_balance(optarg);
            if (balance < 0) {
                fprintf(stderr, "evio-echo: unknown balance '%s'\n", optarg);
                return 3;
            }
            e->options.balance = (enum evio_balance)balance;
            break;
        case 'r':
            e->reuseport = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 1;
        default:
            fputs(help, stderr);
            return 3;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "evio-echo: unexpected argument '%s'\n", argv[optind]);
        return 3;
    }
    return 0;
}

static void add_addr(struct echo *e, const char *scheme, const char *where)
{
    char *out = e->text[e->addr_count];
    bool has_ports = strcmp(scheme, "unix://") != 0;
    snprintf(out, ADDR_BYTES, "%s%s%s", scheme, where,
             e->reuseport && has_ports ? "?reuseport=true" : "");
    e->addrs[e->addr_count++] = out;
}

static void list_addrs(struct echo *e)
{
    char where[16];
    if (strcmp(e->port, "-1") != 0) {
        snprintf(where, sizeof(where), ":%s", e->port);
        add_addr(e, "tcp://", where);
    }
    if (e->udp_port) {
        snprintf(where, sizeof(where), ":%s", e->udp_port);
        add_addr(e, "udp://", where);
    }
    if (e->unix_path)
        add_addr(e, "unix://", e->unix_path);
}

/* The signals are blocked in all threads, and this one waits for them. */
static void *wait_for_signal(void *arg)
{
    sigset_t stop;
    int number;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigwait(&stop, &number);
    evio_server_stop(arg, STOP_MS);
    return NULL;
}

int main(int argc, char **argv)
{
    struct echo e = { .port = "5000",
                      .options = { .high_water_bytes = 1024 * 1024, .thread_name = "echo" } };
    int status = parse_flags(&e, argc, argv);
    if (status)
        return status - 1;
    list_addrs(&e);

    const struct evio_events events = { .serving = on_serving,
                                        .data = on_data,
                                        .high_water = on_high_water,
                                        .low_water = on_low_water };
    struct evio_server *s;
    int failed, err = evio_server_new(&s, &events, &e.options, e.addrs, e.addr_count, &failed);
    if (err) {
        fprintf(stderr, "evio-echo: %s: %s\n", failed < 0 ? "start" : e.addrs[failed],
                strerror(-err));
        return 1;
    }
    sigset_t stop;
    pthread_t waiter;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (pthread_create(&waiter, NULL, wait_for_signal, s) == 0) {
        err = evio_server_run(s);
        pthread_cancel(waiter);
        pthread_join(waiter, NULL);
    }
    evio_server_free(s);
    return err ? 1 : 0;
}
