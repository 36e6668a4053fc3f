/* proc: see proc.h. */
#include "tests/support/proc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/bytes.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PROC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PROC_SANITIZED 1
#endif
#endif
#ifndef PROC_SANITIZED
#define PROC_SANITIZED 0
#endif

bool proc_testing_redis(void)
{
    const char *s = getenv("TEST_SERVER");
    return s && strcmp(s, "redis") == 0;
}

bool proc_have(const char *program)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        char file[512];
        snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, program);
        if (access(file, X_OK) == 0)
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

int test_scaled(int count)
{
    const char *s = getenv("TEST_SCALE");
    long percent = s ? atol(s) : PROC_SANITIZED ? 25 : 100;
    long scaled = (long)count * percent / 100;
    return scaled < 1 ? 1 : (int)scaled;
}

uint64_t test_seed(void)
{
    const char *s = getenv("TEST_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 10) : (uint64_t)test_now_ns() % 1000000007u;
    fprintf(stderr, "TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

int64_t test_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void proc_program_path(const char *name, char *out, size_t cap)
{
    const char *dir = getenv("EVIO_BIN_DIR");
    if (dir) {
        snprintf(out, cap, "%s/%s", dir, name);
        return;
    }
    /* build/<mode>/tests/integration/test_x: its programs are two folders up. */
    char self[512];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    for (int up = 0; up < 3 && len > 0; up++) {
        while (len > 0 && self[len - 1] != '/')
            len--;
        if (len > 0)
            len--;
    }
    snprintf(out, cap, "%.*s/%s", (int)(len > 0 ? len : 0), self, name);
    if (access(out, X_OK) != 0)
        snprintf(out, cap, "build/release/%s", name);
}

/* A port that was free a moment ago. */
static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sa);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 &&
              getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
    close(fd);
    return ntohs(sa.sin_port);
}

static int build_argv(const struct proc_spec *spec, struct proc *p, char text[][96],
                      const char **argv)
{
    int n = 0, t = 0;
    if (spec->config_file)
        argv[n++] = spec->config_file;
    snprintf(text[t], 96, "%d", p->port);
    argv[n++] = "--port";
    argv[n++] = text[t++];
    if (!spec->no_unix) {
        argv[n++] = "--unixsocket";
        argv[n++] = p->socket_path;
    }
    if (p->port && !spec->bind_default) {
        argv[n++] = "--bind";
        argv[n++] = "127.0.0.1";
    }
    argv[n++] = "--enable-debug-command";
    argv[n++] = "yes";
    if (p->reference) {
        argv[n++] = "--save";
        argv[n++] = "";
        argv[n++] = "--dir";
        argv[n++] = p->dir;
    } else if (spec->loops) {
        snprintf(text[t], 96, "%d", spec->loops);
        argv[n++] = "--loops";
        argv[n++] = text[t++];
    }
    for (int i = 0; spec->args && spec->args[i] && n < PROC_ARGS_MAX - 1; i++)
        argv[n++] = spec->args[i];
    argv[n] = NULL;
    return n;
}

static void child_exec(struct proc *p, const char *program, const char **args, int count)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int log = open(p->log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int null = open("/dev/null", O_RDONLY);
    if (log < 0 || null < 0)
        _exit(126);
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    setenv("TSAN_OPTIONS", "halt_on_error=0:second_deadlock_stack=1", 0);
    setenv("UBSAN_OPTIONS", "print_stacktrace=1", 0);
    const char *argv[PROC_ARGS_MAX + 2];
    argv[0] = program;
    memcpy(argv + 1, args, (size_t)(count + 1) * sizeof(*args));
    /* The test runner may have blocked or ignored signals; those survive exec. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    execvp(program, (char *const *)(uintptr_t)argv);
    fprintf(stderr, "cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

static bool try_connect(const struct proc *p)
{
    int fd;
    if (p->port) {
        struct sockaddr_in sa = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)p->port) };
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
            close(fd);
            return false;
        }
    } else {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", p->socket_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
            close(fd);
            return false;
        }
    }
    close(fd);
    return true;
}

/* False: it ended before it served. */
static bool wait_ready(struct proc *p)
{
    int64_t limit = test_now_ns() + (int64_t)PROC_WAIT_MS * 1000000;
    while (!try_connect(p)) {
        struct pollfd pf = { .fd = p->pidfd, .events = POLLIN };
        if (poll(&pf, 1, 2) > 0)
            return false;
        if (test_now_ns() > limit)
            return false;
    }
    return true;
}

static bool launch(struct proc *p, const struct proc_spec *spec)
{
    char program[512] = "redis-server";
    if (!p->reference) {
        proc_program_path("evio-kv", program, sizeof(program));
        cr_assert(access(program, X_OK) == 0, "%s is not built", program);
    }
    p->port = spec->tcp ? free_port() : 0;
    char text[2][96];
    const char *args[PROC_ARGS_MAX];
    int count = build_argv(spec, p, text, args);
    p->pid = fork();
    if (p->pid == 0)
        child_exec(p, program, args, count);
    cr_assert(p->pid > 0);
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    cr_assert(p->pidfd >= 0);
    p->stopped = false;
    return wait_ready(p);
}

struct proc *proc_start(const struct proc_spec *spec)
{
    struct proc *p = calloc(1, sizeof(*p));
    cr_assert(p);
    signal(SIGPIPE, SIG_IGN);
    p->reference = spec->reference || proc_testing_redis();
    snprintf(p->dir, sizeof(p->dir), "/tmp/evio-test-XXXXXX");
    cr_assert(mkdtemp(p->dir));
    snprintf(p->socket_path, sizeof(p->socket_path), "%s/s", p->dir);
    snprintf(p->log_path, sizeof(p->log_path), "%s/log", p->dir);
    /* Another process may have taken the free port meanwhile. */
    for (int attempt = 0; attempt < 3; attempt++) {
        if (launch(p, spec))
            return p;
        proc_wait(p);
        if (!spec->tcp)
            break;
    }
    char *tail = proc_log_tail(p, 4000);
    cr_assert_fail("the server did not start:\n%s", tail);
    free(tail);
    return p;
}

struct proc *proc_start_loops(int loops)
{
    struct proc_spec spec = { .loops = loops };
    return proc_start(&spec);
}

int proc_wait(struct proc *p)
{
    struct pollfd pf = { .fd = p->pidfd, .events = POLLIN };
    int status = 0;
    if (!p->stopped && poll(&pf, 1, PROC_WAIT_MS) <= 0) {
        char *tail = proc_log_tail(p, 4000);
        kill(p->pid, SIGKILL);
        waitpid(p->pid, &status, 0);
        p->stopped = true;
        close(p->pidfd);
        cr_assert_fail("the server did not end:\n%s", tail);
        free(tail);
    }
    if (!p->stopped) {
        waitpid(p->pid, &status, 0);
        p->stopped = true;
        close(p->pidfd);
    }
    return status;
}

char *proc_log_tail(const struct proc *p, size_t max)
{
    struct bytes b = { 0 };
    bytes_add(&b, "", 0);
    FILE *f = fopen(p->log_path, "r");
    char chunk[4096];
    size_t n;
    while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        bytes_add(&b, chunk, n);
    if (f)
        fclose(f);
    if (b.len > max)
        bytes_shift(&b, b.len - max);
    return b.ptr;
}

void proc_check_log(const struct proc *p)
{
    static const char *const marks[] = {
        "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
        "runtime error:",          "Assertion `",          "stack smashing"
    };
    char *log = proc_log_tail(p, (size_t)16 << 20);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char *at = strstr(log, marks[i]);
        cr_assert(!at, "the server reported:\n%.6000s", at);
    }
    free(log);
}

void proc_stop(struct proc *p)
{
    kill(p->pid, SIGTERM);
    int status = proc_wait(p);
    proc_check_log(p);
    char *tail = proc_log_tail(p, 4000);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "exit status 0x%x\n%s", status, tail);
    free(tail);
    proc_free(p);
}

void proc_free(struct proc *p)
{
    if (!p->stopped) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        close(p->pidfd);
    }
    if (!getenv("TEST_KEEP")) {
        unlink(p->socket_path);
        unlink(p->log_path);
        rmdir(p->dir);
    }
    free(p);
}

size_t proc_rss_bytes(const struct proc *p)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)p->pid);
    FILE *f = fopen(path, "r");
    unsigned long total = 0, resident = 0;
    cr_assert(f && fscanf(f, "%lu %lu", &total, &resident) == 2);
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}
