/* evio-kv as a program: its command line, its configuration file, and how it ends. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

static int run_program(char **output, const char *a, const char *b, const char *c)
{
    char path[512];
    proc_program_path("evio-kv", path, sizeof(path));
    const char *argv[] = { path, a, b, c, NULL };
    int status = proc_run(argv, NULL, 0, output, PROC_WAIT_MS);
    cr_assert(WIFEXITED(status), "status 0x%x", status);
    return WEXITSTATUS(status);
}

Test(program, version_and_help)
{
    char *out = NULL;
    cr_assert_eq(run_program(&out, "--version", NULL, NULL), 0);
    cr_assert(strstr(out, "evio-kv"), "%s", out);
    free(out);
    cr_assert_eq(run_program(&out, "--help", NULL, NULL), 0);
    static const char *const directives[] = {
        "port",    "bind",          "protected-mode", "unixsocket",  "unixsocketperm",
        "loops",   "balance",       "reuseport",      "databases",   "maxclients",
        "timeout", "tcp-keepalive", "tcp-backlog",    "requirepass", "loglevel",
        "logfile", "daemonize",     "pidfile",
    };
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
        cr_assert(strstr(out, directives[i]), "--help says nothing of %s", directives[i]);
    free(out);
}

Test(program, a_bad_directive_is_named)
{
    static const char *const bad[][3] = {
        { "--nosuch", "1", "nosuch" },
        { "--port", "abc", "port" },
        { "--port", "70000", "port" },
        { "--loops", "-7", "loops" },
        { "--databases", "0", "databases" },
        { "--balance", "nearest", "balance" },
        { "--protected-mode", "maybe", "protected-mode" },
        { "--loglevel", "loud", "loglevel" },
        { "/nonexistent/file.conf", NULL, "/nonexistent/file.conf" },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *out = NULL;
        cr_assert_neq(run_program(&out, bad[i][0], bad[i][1], NULL), 0, "%s", bad[i][0]);
        cr_assert(strstr(out, bad[i][2]), "%s %s gave: %s", bad[i][0], bad[i][1], out);
        free(out);
    }
}

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

Test(program, configuration_file_then_command_line)
{
    char path[] = "/tmp/evio-conf-XXXXXX";
    write_file(
        path,
        "# comment\n\n  timeout 7\nmaxclients 55\nrequirepass \"a b\\x41\"\ntcp-keepalive 77\n");
    static const char *const args[] = { "--timeout", "8", NULL };
    struct proc_spec spec = { .loops = 2, .config_file = path, .args = args };
    struct proc *p = proc_start(&spec);
    struct wire *w = wire_open(p);
    wire_expect(w, "PING", "-NOAUTH Authentication required.");
    wire_expect(w, "AUTH \"a bA\"", "+OK");
    wire_expect(w, "CONFIG GET timeout", "[\"timeout\", \"8\"]");
    wire_expect(w, "CONFIG GET maxclients", "[\"maxclients\", \"55\"]");
    wire_expect(w, "CONFIG GET tcp-keepalive", "[\"tcp-keepalive\", \"77\"]");
    wire_expect(w, "CONFIG SET timeout 9 maxclients 44", "+OK");
    wire_expect(w, "CONFIG GET timeout", "[\"timeout\", \"9\"]");
    wire_expect(w, "CONFIG SET timeout 10 maxclients abc", "-ERR CONFIG SET failed*");
    wire_expect(w, "CONFIG GET timeout", "[\"timeout\", \"9\"]");
    wire_expect(w, "CONFIG SET requirepass \"\"", "+OK");
    struct wire *free_one = wire_open(p);
    wire_expect(free_one, "PING", "+PONG");
    wire_close(free_one);
    wire_close(w);
    proc_stop(p);
    unlink(path);
}

Test(program, a_bad_line_of_the_file_is_named)
{
    char path[] = "/tmp/evio-conf-XXXXXX", *out = NULL;
    write_file(path, "timeout 7\n\nwonder full\n");
    cr_assert_neq(run_program(&out, path, NULL, NULL), 0);
    cr_assert(strstr(out, "wonder") && strstr(out, "3"), "%s", out);
    free(out);
    unlink(path);
}

Test(program, socket_permission_pidfile_logfile)
{
    char pidfile[] = "/tmp/evio-pid-XXXXXX", logfile[] = "/tmp/evio-log-XXXXXX";
    write_file(pidfile, "");
    write_file(logfile, "");
    unlink(pidfile);
    const char *const args[] = { "--unixsocketperm", "700",   "--pidfile", pidfile,
                                 "--logfile",        logfile, NULL };
    struct proc_spec spec = { .loops = 1, .args = args };
    struct proc *p = proc_start(&spec);
    /* Listening comes first; whoever was served finds the rest done. */
    struct wire *w = wire_open(p);
    wire_expect(w, "PING", "+PONG");
    wire_close(w);
    struct stat st;
    cr_assert(stat(p->socket_path, &st) == 0);
    cr_assert_eq(st.st_mode & 0777, 0700, "mode %o", st.st_mode & 0777);
    FILE *f = fopen(pidfile, "r");
    int pid = 0;
    cr_assert(f && fscanf(f, "%d", &pid) == 1);
    cr_assert_eq(pid, p->pid);
    fclose(f);
    char socket_path[96];
    memcpy(socket_path, p->socket_path, sizeof(socket_path));
    proc_stop(p);
    cr_assert(stat(logfile, &st) == 0);
    cr_assert_gt(st.st_size, 0);
    cr_assert_neq(access(pidfile, F_OK), 0, "the pid file is left");
    cr_assert_neq(access(socket_path, F_OK), 0, "the socket is left");
    unlink(logfile);
}

Test(program, a_socket_in_use_is_an_error)
{
    if (proc_testing_redis())
        cr_skip_test("redis-server takes it over");
    struct proc *p = proc_start_loops(1);
    char path[512], *out = NULL;
    proc_program_path("evio-kv", path, sizeof(path));
    const char *argv[] = { path, "--port", "0", "--unixsocket", p->socket_path, NULL };
    int status = proc_run(argv, NULL, 0, &out, PROC_WAIT_MS);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    cr_assert(strstr(out, p->socket_path), "%s", out);
    free(out);
    struct wire *w = wire_open(p);
    wire_expect(w, "PING", "+PONG");
    wire_close(w);
    proc_stop(p);
}

/* Batches in flight at the end: what was sent in one write was read in one, so each batch is
 * answered whole or, if it came too late, not at all; the replies before the end have no gap. */
static void ends_in_order(int loops, int sig)
{
    enum { CONNECTIONS = 6, BATCH = 10 };
    struct proc *p = proc_start_loops(loops);
    struct wire *w[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
        w[i] = wire_open(p);
        wire_expect(w[i], "PING", "+PONG");
    }
    struct bytes batch = { 0 };
    for (int j = 0; j < BATCH; j++)
        bytes_add_str(&batch, j % 2 ? "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
                                    : "*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    for (int i = 0; i < CONNECTIONS; i++)
        wire_send(w[i], batch.ptr, batch.len);
    kill(p->pid, sig);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CONNECTIONS; i++)
            wire_send(w[i], batch.ptr, batch.len);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        long count = 0, last = 0;
        struct value *v;
        while ((v = wire_read_or_end(w[i])) != NULL) {
            cr_assert_eq(v->type, count % 2 ? ':' : '*');
            if (v->type == ':') {
                cr_assert_gt(v->integer, last);
                last = v->integer;
            }
            count++;
            value_free(v);
        }
        cr_assert_eq(count % BATCH, 0, "the last batch of connection %d got %ld replies", i,
                     count % BATCH);
        cr_assert_eq(w[i]->pos, w[i]->in.len, "half a reply at the end");
        wire_close(w[i]);
    }
    bytes_free(&batch);
    int status = proc_wait(p);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
    proc_check_log(p);
    proc_free(p);
}

Test(program, sigterm_1)
{
    for (int i = 0; i < 5; i++)
        ends_in_order(1, SIGTERM);
}

Test(program, sigterm_4)
{
    for (int i = 0; i < 5; i++)
        ends_in_order(4, SIGTERM);
}

Test(program, sigint_2)
{
    ends_in_order(2, SIGINT);
}

Test(program, shutdown_command)
{
    struct proc *p = proc_start_loops(4);
    struct wire *w = wire_open(p), *other = wire_open(p);
    wire_expect(w, "SHUTDOWN FOO", "-ERR syntax error");
    wire_send_line(w, "SHUTDOWN NOSAVE");
    wire_expect_end(w);
    wire_expect_end(other);
    int status = proc_wait(p);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
    proc_check_log(p);
    wire_close(w);
    wire_close(other);
    proc_free(p);
}

/* An address of this machine that is not loopback; false: it has none. */
static bool outside_address(struct in_addr *out)
{
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list) != 0)
        return false;
    for (struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK))
            continue;
        *out = ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
        found = true;
    }
    freeifaddrs(list);
    return found;
}

Test(program, protected_mode)
{
    struct in_addr address;
    if (!outside_address(&address))
        cr_skip_test("no address but loopback");
    struct proc_spec spec = { .tcp = true, .no_unix = true, .bind_default = true, .loops = 2 };
    struct proc *p = proc_start(&spec);
    struct wire *inside = wire_open_tcp(p), *w = wire_open_tcp(p);
    wire_expect(inside, "PING", "+PONG");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = { .sin_family = AF_INET,
                              .sin_addr = address,
                              .sin_port = htons((uint16_t)p->port) };
    cr_assert(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
    close(w->fd);
    w->fd = fd;
    wire_expect_reply(w, "-DENIED Redis is running in protected mode*");
    wire_expect_end(w);
    wire_expect(inside, "CONFIG SET protected-mode no", "+OK");
    wire_close(w);
    w = wire_open_tcp(p);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
    close(w->fd);
    w->fd = fd;
    wire_expect(w, "PING", "+PONG");
    wire_close(w);
    wire_close(inside);
    proc_stop(p);
}

/* A client that says nothing for `timeout` seconds is closed; one that talks is not. */
Test(program, idle_clients_are_closed)
{
    static const char *const args[] = { "--timeout", "1", NULL };
    struct proc_spec spec = { .loops = 2, .args = args };
    struct proc *p = proc_start(&spec);
    struct wire *idle = wire_open(p);
    wire_expect(idle, "PING", "+PONG");
    wire_expect_end(idle);
    wire_close(idle);
    proc_stop(p);
}
