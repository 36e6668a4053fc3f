/* proc: a server process under test: evio-kv, or redis-server as the reference. It listens on a
 * unix socket in a directory of its own, and on a free TCP port if asked. It dies with the test.
 * What goes wrong here fails the test. Environment: EVIO_BIN_DIR (where evio-kv is; default:
 * beside the test's own build folder), TEST_SERVER=redis (run redis-server wherever evio-kv is
 * meant: are the expectations Redis's?), TEST_SCALE (percent of the operations), TEST_KEEP=1
 * (keep the directory with the log), TEST_SEED. */
#ifndef TESTS_SUPPORT_PROC_H
#define TESTS_SUPPORT_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PROC_ARGS_MAX = 48,
    PROC_WAIT_MS =
        60000, /* no single answer takes longer, also not under a sanitizer on a busy machine */
};

struct proc_spec {
    bool reference; /* redis-server */
    bool tcp;
    bool no_unix;
    bool bind_default;       /* not to 127.0.0.1 alone */
    const char *config_file; /* NULL: none */
    int loops;               /* 0: not given */
    const char *const *args; /* more of them, NULL at the end; may be NULL */
};

struct proc {
    pid_t pid;
    int pidfd;
    int port; /* 0: no TCP */
    bool reference;
    bool stopped;
    char dir[64];
    char socket_path[96];
    char log_path[96];
};

/* Returns when the server takes connections. */
struct proc *proc_start(const struct proc_spec *spec);
/* evio-kv with so many loops, a unix socket and nothing else. */
struct proc *proc_start_loops(int loops);
/* SIGTERM; fails unless it exits with 0 and its output shows no report of a sanitizer. Frees p. */
void proc_stop(struct proc *p);
/* Waits for the exit; the status as of waitpid. The caller still calls proc_free. */
int proc_wait(struct proc *p);
/* No signal, no check of the exit code; kills what still runs. */
void proc_free(struct proc *p);
/* The end of what the server wrote, to be freed. */
char *proc_log_tail(const struct proc *p, size_t max);
/* Fails the test if the output holds a report of a sanitizer, or of a failed assertion. */
void proc_check_log(const struct proc *p);
/* Resident memory. */
size_t proc_rss_bytes(const struct proc *p);

/* Runs a program to its end with stdin from `input` (may be NULL). Its output, stdout and
 * stderr, comes in *output (to be freed). The exit status as of waitpid; fails the test after
 * limit_ms. */
int proc_run(const char *const *argv, const char *input, size_t input_len, char **output,
             int limit_ms);
/* The path of a program of ours; static storage of the caller. */
void proc_program_path(const char *name, char *out, size_t cap);

bool proc_testing_redis(void);       /* TEST_SERVER=redis */
bool proc_have(const char *program); /* in PATH */
int test_scaled(int count); /* count * TEST_SCALE / 100, at least 1; fewer under sanitizers */
uint64_t test_seed(void);   /* TEST_SEED, else from the clock; printed */
int64_t test_now_ns(void);  /* monotonic */

#endif
