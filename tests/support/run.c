/* run: programs that run to their end, see proc_run in proc.h. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/bytes.h"
#include "tests/support/proc.h"

struct run {
    int in, out; /* our ends */
    const char *input;
    size_t input_len;
    struct bytes output;
};

static void run_write(struct run *r)
{
    ssize_t n = write(r->in, r->input, r->input_len);
    if (n > 0) {
        r->input += n;
        r->input_len -= (size_t)n;
    }
    if (r->input_len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close(r->in);
        r->in = -1;
    }
}

/* Feeds and collects until the program closes its output. False: the time is over. */
static bool run_pump(struct run *r, int limit_ms)
{
    int64_t limit = test_now_ns() + (int64_t)limit_ms * 1000000;
    for (;;) {
        struct pollfd pf[2] = { { .fd = r->out, .events = POLLIN },
                                { .fd = r->in, .events = POLLOUT } };
        int64_t left_ms = (limit - test_now_ns()) / 1000000;
        if (left_ms <= 0 || poll(pf, 2, (int)left_ms) <= 0)
            return false;
        if (r->in >= 0 && pf[1].revents)
            run_write(r);
        if (!pf[0].revents)
            continue;
        char chunk[65536];
        ssize_t n = read(r->out, chunk, sizeof(chunk));
        if (n > 0)
            bytes_add(&r->output, chunk, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return true;
    }
}

int proc_run(const char *const *argv, const char *input, size_t input_len, char **output,
             int limit_ms)
{
    int in[2], out[2];
    signal(SIGPIPE, SIG_IGN);
    cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_DFL); /* ignored here; that would survive exec */
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(out[1], 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    cr_assert(pid > 0);
    close(in[0]);
    close(out[1]);
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    struct run r = { .in = in[1], .out = out[0], .input = input, .input_len = input_len };
    bytes_add(&r.output, "", 0);
    if (input_len == 0) {
        close(r.in);
        r.in = -1;
    }
    bool ended = run_pump(&r, limit_ms);
    if (r.in >= 0)
        close(r.in);
    close(r.out);
    if (!ended)
        kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    cr_assert(ended, "%s did not end; its output:\n%s", argv[0], r.output.ptr);
    if (output)
        *output = r.output.ptr;
    else
        bytes_free(&r.output);
    return status;
}
