#include "tests/support/inside.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kv/engine/worker.h"
#include "kv/server.h"

enum { ARGS_MAX = 32, WAIT_MS = 60000, ANSWER_BYTES = 4096 };

void inside_init(struct inside *in, int loops, const char *const *directives)
{
    char text[16], error[512] = "";
    memset(in, 0, sizeof(*in));
    snprintf(in->dir, sizeof(in->dir), "/tmp/evio-inside-XXXXXX");
    cr_assert_not_null(mkdtemp(in->dir));
    snprintf(in->path, sizeof(in->path), "%s/s", in->dir);
    snprintf(text, sizeof(text), "%d", loops);
    const char *argv[ARGS_MAX] = { "evio-kv",      "--port", "0",         "--loops",  text,
                                   "--unixsocket", in->path, "--logfile", "/dev/null" };
    int argc = 9;
    for (; directives && *directives; directives++) {
        cr_assert(argc < ARGS_MAX);
        argv[argc++] = *directives;
    }
    cr_assert_eq(config_init(&in->config), 0);
    int ret = config_load(&in->config, argc, (char **)(uintptr_t)argv, error, sizeof(error));
    cr_assert_eq(ret, 0, "%s", error);
    in->log = log_open(in->config.logfile, LOGLEVEL_NOTICE);
    cr_assert_not_null(in->log);
    in->server = server_new(&in->config, in->log, error, sizeof(error));
    cr_assert_not_null(in->server, "%s", error);
}

static void *run(void *arg)
{
    struct inside *in = arg;
    return (void *)(intptr_t)server_run(in->server);
}

void inside_start(struct inside *in, int loops, const char *const *directives)
{
    inside_init(in, loops, directives);
    in->runs = true;
    cr_assert_eq(pthread_create(&in->thread, NULL, run, in), 0);
}

void inside_join(struct inside *in)
{
    void *result = NULL;
    if (in->runs)
        cr_assert_eq(pthread_join(in->thread, &result), 0);
    cr_assert_null(result, "the server returned %d", (int)(intptr_t)result);
    server_free(in->server);
    log_close(in->log);
    config_deinit(&in->config);
    unlink(in->path);
    rmdir(in->dir);
}

void inside_stop(struct inside *in)
{
    if (in->runs)
        server_stop(in->server);
    inside_join(in);
}

struct errand {
    void (*fn)(struct worker *w, void *arg);
    void *arg;
    sem_t done;
};

static void run_errand(struct evio_loop *l, void *arg)
{
    struct errand *e = arg;
    e->fn(evio_loop_udata(l), e->arg);
    sem_post(&e->done);
}

void inside_each(struct inside *in, void (*fn)(struct worker *w, void *arg), void *arg)
{
    struct errand e = { .fn = fn, .arg = arg };
    sem_init(&e.done, 0, 0);
    for (int i = 0; i < in->server->worker_count; i++) {
        cr_assert_eq(evio_loop_post(in->server->workers[i]->loop, run_errand, &e), 0);
        while (sem_wait(&e.done) < 0)
            continue;
    }
    sem_destroy(&e.done);
}

int inside_client(const struct inside *in)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", in->path);
    /* It is bound and listens from server_new on. */
    cr_assert_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

static ssize_t receive(int fd, char *to, size_t room)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    cr_assert_eq(poll(&p, 1, WAIT_MS), 1, "no answer");
    return recv(fd, to, room, 0);
}

void inside_ask_at(int fd, const char *send_text, const char *want, const char *file, int line)
{
    char got[ANSWER_BYTES + 1];
    size_t len = 0, want_len = strlen(want);
    cr_assert(want_len <= ANSWER_BYTES);
    if (send_text)
        cr_assert_eq(send(fd, send_text, strlen(send_text), MSG_NOSIGNAL),
                     (ssize_t)strlen(send_text));
    while (len < want_len) {
        ssize_t n = receive(fd, got + len, want_len - len);
        if (n <= 0)
            break;
        len += (size_t)n;
        if (memcmp(got, want, len) != 0)
            break;
    }
    got[len] = '\0';
    cr_assert_str_eq(got, want, "%s:%d: got '%s' and not '%s'", file, line, got, want);
}

void inside_expect_end(int fd)
{
    char got[64];
    ssize_t n = receive(fd, got, sizeof(got));
    cr_assert(n <= 0, "got '%.*s' and no end", (int)n, got);
    close(fd);
}
