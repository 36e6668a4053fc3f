/* evio-kv: the program. Configuration, the surroundings (log, directory, limits, signals,
 * background), and a server run to its end. Exit code 0 after an orderly stop, 1 if it could not
 * start or was made to stop at once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kv/admin/config.h"
#include "kv/admin/limits.h"
#include "kv/admin/log.h"
#include "kv/server.h"

enum { ERROR_BYTES = 1024 };

struct program {
    struct config config;
    struct log *log;
    struct server *server;
    pthread_t signals;
    sigset_t stop_signals;
    atomic_bool over;   /* the server has stopped: the signal thread ends */
    int ready_fd;       /* of a daemon: to the process that was started; -1: none */
    char pidfile[4096]; /* written, to be removed; "": none */
};

static void print_version(void)
{
    printf("evio-kv v=%s redis=%s bits=%d pid=%d\n", EVIO_KV_VERSION, REDIS_VERSION_CLAIMED,
           (int)(sizeof(void *) * 8), (int)getpid());
}

static void print_help(void)
{
    printf("Usage: evio-kv [config-file] [--directive value ...]\n"
           "       evio-kv -            (the configuration comes from standard input)\n"
           "       evio-kv -h | --help\n"
           "       evio-kv -v | --version\n"
           "\n"
           "Examples:\n"
           "       evio-kv\n"
           "       evio-kv --port 6380 --loops -1\n"
           "       evio-kv /etc/evio-kv.conf --loglevel verbose\n"
           "\n"
           "Directives, with their defaults:\n");
    config_print_help(stdout);
}

static bool is_word(const char *arg, const char *a, const char *b)
{
    return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

/* ---- surroundings ---- */

static int say(const char *text)
{
    fprintf(stderr, "evio-kv: %s\n", text);
    return -1;
}

static int say_errno(const char *what, const char *name)
{
    fprintf(stderr, "evio-kv: cannot %s '%s': %s\n", what, name, strerror(errno));
    return -1;
}

/* The process that was started waits for the verdict of the one that serves, so that its exit
 * code tells. */
static void daemonize(struct program *p)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        say_errno("make", "a pipe");
        exit(1);
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        say_errno("start", "a background process");
        exit(1);
    }
    if (pid > 0) {
        char verdict = 0;
        close(pipe_fds[1]);
        _exit(read(pipe_fds[0], &verdict, 1) == 1 ? 0 : 1);
    }
    close(pipe_fds[0]);
    p->ready_fd = pipe_fds[1];
    setsid();
}

static void daemon_ready(struct program *p)
{
    if (p->ready_fd < 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    if (write(p->ready_fd, "r", 1) < 0)
        log_write(p->log, LOGLEVEL_DEBUG, "nobody waits for the daemon");
    close(p->ready_fd);
    p->ready_fd = -1;
}

static int enter_dir(struct program *p)
{
    const char *dir = p->config.dir;
    return chdir(dir) < 0 ? say_errno("change to the directory", dir) : 0;
}

static int open_log(struct program *p)
{
    const char *path = p->config.logfile;
    p->log = log_open(path, (int)p->config.loglevel);
    return p->log ? 0 : say_errno("open the log file", path);
}

static int write_pidfile(struct program *p)
{
    const char *path = p->config.pidfile;
    if (!*path)
        return 0;
    FILE *f = fopen(path, "we");
    if (!f)
        return say_errno("write the pid file", path);
    fprintf(f, "%d\n", (int)getpid());
    if (fclose(f) != 0)
        return say_errno("write the pid file", path);
    snprintf(p->pidfile, sizeof(p->pidfile), "%s", path);
    return 0;
}

static void fit_maxclients(struct program *p)
{
    int64_t want = p->config.maxclients;
    int64_t most = limits_raise_open_files(want);
    if (most >= want)
        return;
    p->config.maxclients = most > 1 ? most : 1;
    log_write(p->log, LOGLEVEL_WARNING,
              "maxclients lowered to %" PRId64 ": %" PRId64 " needs %" PRId64
              " open files, which the system does not allow (see ulimit -n)",
              p->config.maxclients, want, want + LIMITS_RESERVED_FILES);
}

/* ---- signals ---- */

/* A thread waits for them, so no code of ours runs inside a signal handler. */
static void *watch_signals(void *arg)
{
    struct program *p = arg;
    int signal_number, count = 0;
    while (sigwait(&p->stop_signals, &signal_number) == 0 && !p->over) {
        const char *name = signal_number == SIGINT ? "SIGINT" : "SIGTERM";
        if (++count > 1) {
            log_write(p->log, LOGLEVEL_WARNING, "Received %s again, exiting now", name);
            _exit(1);
        }
        log_write(p->log, LOGLEVEL_NOTICE, "stopping reason=%s", name);
        server_stop(p->server);
    }
    return NULL;
}

/* Before any thread exists: all of them inherit the mask. */
static void block_signals(struct program *p)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&p->stop_signals);
    sigaddset(&p->stop_signals, SIGTERM);
    sigaddset(&p->stop_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &p->stop_signals, NULL);
}

/* ---- life ---- */

static int start_server(struct program *p)
{
    char error[ERROR_BYTES] = "";
    p->server = server_new(&p->config, p->log, error, sizeof(error));
    if (p->server)
        return 0;
    if (strstr(error, strerror(EADDRINUSE)))
        fprintf(stderr,
                "evio-kv: %s\nAnother program listens there: stop it, or choose another address "
                "with --port, --bind or --unixsocket.\n",
                error);
    else
        say(error);
    if (*p->config.logfile)
        log_write(p->log, LOGLEVEL_WARNING, "not started: %s", error);
    return -1;
}

static int serve(struct program *p)
{
    if (pthread_create(&p->signals, NULL, watch_signals, p) != 0)
        return say("cannot start a thread");
    int ret = server_run(p->server);
    p->over = true;
    pthread_kill(p->signals, SIGTERM);
    pthread_join(p->signals, NULL);
    if (ret < 0)
        log_write(p->log, LOGLEVEL_WARNING, "stopped: %s", strerror(-ret));
    else
        log_write(p->log, LOGLEVEL_WARNING, "stopped");
    return ret;
}

static int start(struct program *p)
{
    if (enter_dir(p) < 0)
        return -1;
    if (p->config.daemonize)
        daemonize(p);
    if (open_log(p) < 0)
        return -1;
    block_signals(p);
    fit_maxclients(p);
    if (start_server(p) < 0 || write_pidfile(p) < 0)
        return -1;
    const char *file = config_file(&p->config);
    log_write(p->log, LOGLEVEL_NOTICE,
              "evio-kv version=%s bits=%d pid=%d port=%" PRId64 " loops=%d config=%s",
              EVIO_KV_VERSION, (int)(sizeof(void *) * 8), (int)getpid(), p->config.port,
              p->server->worker_count, *file ? file : "none");
    daemon_ready(p);
    return serve(p);
}

int main(int argc, char **argv)
{
    struct program p = { .ready_fd = -1 };
    char error[ERROR_BYTES];
    if (argc == 2 && is_word(argv[1], "-v", "--version")) {
        print_version();
        return 0;
    }
    if (argc == 2 && is_word(argv[1], "-h", "--help")) {
        print_help();
        return 0;
    }
    if (config_init(&p.config) < 0) {
        say("out of memory");
        return 1;
    }
    int ret = config_load(&p.config, argc, argv, error, sizeof(error));
    if (ret < 0)
        say(error);
    else
        ret = start(&p);
    server_free(p.server);
    if (*p.pidfile)
        unlink(p.pidfile);
    log_close(p.log);
    config_deinit(&p.config);
    return ret < 0 ? 1 : 0;
}
