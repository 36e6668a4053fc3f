#include "cmd/front/front.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>

enum { ADDRS_MAX = 3, ADDR_BYTES = 160, STOP_MS = 2000, EXIT_USAGE = 2 };

struct addrs {
    char text[ADDRS_MAX][ADDR_BYTES];
    const char *list[ADDRS_MAX];
    int count;
};

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

static int usage(const struct front *f)
{
    fputs(f->help, stderr);
    return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int parse_flag(struct front *f, int flag)
{
    int balance;
    switch (flag) {
    case 'p':
        f->port = optarg;
        return -1;
    case 'u':
        f->udp_port = optarg;
        return f->takes_udp ? -1 : usage(f);
    case 'x':
        f->unix_path = optarg;
        return -1;
    case 't':
        f->text = optarg;
        return f->takes_text ? -1 : usage(f);
    case 'l':
        f->options.num_loops = atoi(optarg);
        return -1;
    case 'b':
        balance = parse_balance(optarg);
        if (balance < 0) {
            fprintf(stderr, "%s: unknown balance '%s'\n", f->name, optarg);
            return EXIT_USAGE;
        }
        f->options.balance = (enum evio_balance)balance;
        return -1;
    case 'r':
        f->reuseport = true;
        return -1;
    case 'h':
        fputs(f->help, stdout);
        return 0;
    default:
        return usage(f);
    }
}

static int parse_flags(struct front *f, int argc, char **argv)
{
    static const struct option flags[] = {
        { "port", required_argument, NULL, 'p' },
        { "udp", required_argument, NULL, 'u' },
        { "unix", required_argument, NULL, 'x' },
        { "text", required_argument, NULL, 't' },
        { "loops", required_argument, NULL, 'l' },
        { "balance", required_argument, NULL, 'b' },
        { "reuseport", no_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int flag;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        int status = parse_flag(f, flag);
        if (status >= 0)
            return status;
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument '%s'\n", f->name, argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

static void add_addr(struct addrs *a, const char *scheme, const char *where, bool reuseport)
{
    char *out = a->text[a->count];
    snprintf(out, ADDR_BYTES, "%s%s%s", scheme, where, reuseport ? "?reuseport=true" : "");
    a->list[a->count++] = out;
}

static void list_addrs(const struct front *f, struct addrs *a)
{
    a->count = 0;
    if (strcmp(f->port, "-1") != 0)
        add_addr(a, "tcp://:", f->port, f->reuseport);
    if (f->udp_port)
        add_addr(a, "udp://:", f->udp_port, f->reuseport);
    if (f->unix_path)
        add_addr(a, "unix://", f->unix_path, false);
}

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

/* The signals are blocked in all threads, and this one waits for them. */
static void *wait_for_signal(void *arg)
{
    sigset_t stop;
    int number;
    stop_signals(&stop);
    sigwait(&stop, &number);
    evio_server_stop(arg, STOP_MS);
    return NULL;
}

int front_run(struct front *f, const struct evio_events *given, int argc, char **argv)
{
    int status = parse_flags(f, argc, argv);
    if (status >= 0)
        return status;
    struct addrs a;
    struct evio_events events = *given;
    struct evio_server *s;
    int failed;
    list_addrs(f, &a);
    events.serving = on_serving;
    events.high_water = on_high_water;
    events.low_water = on_low_water;
    int err = evio_server_new(&s, &events, &f->options, a.list, a.count, &failed);
    if (err) {
        fprintf(stderr, "%s: %s: %s\n", f->name, failed < 0 ? "start" : a.list[failed],
                strerror(-err));
        return 1;
    }
    sigset_t stop;
    pthread_t waiter;
    stop_signals(&stop);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    err = pthread_create(&waiter, NULL, wait_for_signal, s);
    if (err == 0) {
        err = evio_server_run(s);
        pthread_cancel(waiter);
        pthread_join(waiter, NULL);
    }
    evio_server_free(s);
    return err ? 1 : 0;
}
