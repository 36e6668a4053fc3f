/* The example of the README, and the programs: run as a user runs them. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/evio/example_echo.h"
#include "tests/evio/rig.h"

enum { TEXT_MAX = 16384 };

/* ---- the example ---- */

static void read_file(const char *path, char *out)
{
    FILE *f = fopen(path, "r");
    if (!f)
        cr_skip_test("%s is not to be seen from here", path);
    size_t n = fread(out, 1, TEXT_MAX - 1, f);
    out[n] = '\0';
    fclose(f);
}

Test(programs, the_readme_shows_the_example_that_is_compiled_here)
{
    char readme[TEXT_MAX], example[TEXT_MAX];
    read_file("evio/README.md", readme);
    read_file("tests/evio/example_echo.h", example);
    const char *code = strstr(example, "#include");
    cr_assert(code && strstr(readme, code));
    int lines = 0;
    for (const char *at = code; (at = strchr(at, '\n')); at++)
        lines++;
    cr_assert(lines <= 20, "%d lines", lines);
    int (*compiled)(void) = serve_echo;
    cr_assert(compiled != NULL);
}

Test(programs, the_example_echoes)
{
    struct rig r;
    rig_start_tcp(&r, (struct evio_events){ .data = on_data }, (struct evio_options){ 0 });
    int fd = rig_client(&r);
    exchange(fd, "hello", "hello");
    close(fd);
    rig_stop(&r);
}

/* ---- the programs ---- */

struct program {
    pid_t pid;
    int out;
};

static void path_of(const char *name, char *out, size_t out_bytes)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    cr_assert(n > 0);
    self[n] = '\0';
    for (int up = 0; up < 3; up++) { /* BUILD/tests/evio/test_programs */
        char *slash = strrchr(self, '/');
        cr_assert(slash);
        *slash = '\0';
    }
    snprintf(out, out_bytes, "%s/%s", self, name);
    if (access(out, X_OK))
        cr_skip_test("%s has not been built", out);
}

static struct program start(const char *name, char *const *flags)
{
    char path[600];
    int pipe_fds[2];
    path_of(name, path, sizeof(path));
    char *argv[12] = { path };
    for (int i = 0; flags[i]; i++)
        argv[i + 1] = flags[i];
    cr_assert_eq(pipe(pipe_fds), 0);
    struct program p = { .pid = fork(), .out = pipe_fds[0] };
    cr_assert(p.pid >= 0);
    if (p.pid == 0) {
        dup2(pipe_fds[1], 1);
        dup2(pipe_fds[1], 2);
        execv(path, argv);
        _exit(127);
    }
    close(pipe_fds[1]);
    return p;
}

/* Reads a line as "listening on tcp://0.0.0.0:40123, 2 loops". */
static void next_line(struct program *p, char *out, size_t out_bytes)
{
    size_t n = 0;
    while (n + 1 < out_bytes && read(p->out, out + n, 1) == 1 && out[n] != '\n')
        n++;
    out[n] = '\0';
}

static int next_port(struct program *p, const char *scheme)
{
    char line[256], want[64];
    snprintf(want, sizeof(want), "listening on %s", scheme);
    do {
        next_line(p, line, sizeof(line));
        cr_assert(line[0], "no line with %s", want);
    } while (strncmp(line, want, strlen(want)) != 0);
    return atoi(strrchr(line, ':') + 1);
}

static int end(struct program *p, int number)
{
    int status;
    if (number)
        kill(p->pid, number);
    cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
    close(p->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct sockaddr_in at_port(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

Test(programs, evio_echo_serves_tcp_udp_and_unix)
{
    char dir[] = "/tmp/evio-test-XXXXXX", path[64], got[8];
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    char *flags[] = { "--port", "0",       "--udp", "0",         "--unix",
                      path,     "--loops", "2",     "--balance", "least-connections",
                      NULL };
    struct program p = start("evio-echo", flags);
    struct sockaddr_in tcp = at_port(next_port(&p, "tcp://0.0.0.0")),
                       udp = at_port(next_port(&p, "udp://0.0.0.0"));
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    next_port(&p, "unix://");
    int fd = client_at(&tcp, sizeof(tcp)), local = client_at(&un, sizeof(un));
    exchange(fd, "over tcp", "over tcp");
    exchange(local, "over unix", "over unix");
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(connect(datagrams, (struct sockaddr *)&udp, sizeof(udp)), 0);
    send(datagrams, "udp", 3, 0);
    cr_assert_eq(recv(datagrams, got, sizeof(got), 0), 3);
    cr_assert_eq(end(&p, SIGTERM), 0);
    expect_end(fd);
    cr_assert_eq(access(path, F_OK), -1);
    close(fd);
    close(local);
    close(datagrams);
    rmdir(dir);
}

static const char page[] = "HTTP/1.1 200 OK\r\nServer: evio\r\nContent-Type: text/plain\r\n"
                           "Content-Length: 2\r\nConnection: keep-alive\r\n\r\nhi";

Test(programs, evio_http_keeps_alive_pipelines_and_skips_bodies)
{
    char *flags[] = { "--port", "0", "--text", "hi", "--loops", "2", "--reuseport", NULL };
    struct program p = start("evio-http", flags);
    struct sockaddr_in tcp = at_port(next_port(&p, "tcp://0.0.0.0"));
    int fd = client_at(&tcp, sizeof(tcp));
    exchange(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", page);
    exchange(fd,
             "GET / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5"
             "\r\n\r\nbo",
             page);
    expect_reply(fd, page);
    expect_reply(fd, page);
    exchange(fd, "dy!GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
             "HTTP/1.1 200 OK\r\nServer: evio\r\nContent-Type: text/plain\r\n"
             "Content-Length: 2\r\nConnection: close\r\n\r\nhi");
    expect_end(fd);
    close(fd);
    fd = client_at(&tcp, sizeof(tcp));
    exchange(fd, "nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
    close(fd);
    cr_assert_eq(end(&p, SIGINT), 0);
}

Test(programs, wrong_flags_are_refused_and_help_is_given)
{
    char line[256], *names[] = { "evio-echo", "evio-http" };
    for (int i = 0; i < 2; i++) {
        struct program p = start(names[i], (char *[]){ "--help", NULL });
        next_line(&p, line, sizeof(line));
        cr_assert(strstr(line, "Usage:"), "%s", line);
        cr_assert_eq(end(&p, 0), 0);
        p = start(names[i], (char *[]){ "--balance", "best", NULL });
        next_line(&p, line, sizeof(line));
        cr_assert(strstr(line, "best"), "%s", line);
        cr_assert_eq(end(&p, 0), 2);
        p = start(names[i], (char *[]){ "--port", "nonsense", NULL });
        cr_assert_eq(end(&p, 0), 1);
    }
}
