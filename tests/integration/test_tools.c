/* The tools people have: redis-cli in its modes, redis-benchmark, both as Debian ships them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

enum { WORDS_MAX = 24, TOOL_LIMIT_MS = 120000 };

/* Runs `line` (words parted by one blank) with the server's socket; its output, to be freed. The
 * tool must end with 0. */
static char *run_tool(const struct proc *p, const char *program, const char *line,
                      const char *input, size_t input_len)
{
    struct args a = { 0 };
    const char *argv[WORDS_MAX] = { program, "-s", p->socket_path };
    args_split(&a, line);
    for (int i = 0; i < a.count; i++)
        argv[3 + i] = a.word[i].ptr;
    argv[3 + a.count] = NULL;
    char *out = NULL;
    int status = proc_run(argv, input, input_len, &out, TOOL_LIMIT_MS);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s %s: status 0x%x: %s", program,
              line, status, out);
    args_free(&a);
    return out;
}

static void expect_output(const struct proc *p, const char *line, const char *input,
                          const char *part)
{
    char *out = run_tool(p, "redis-cli", line, input, input ? strlen(input) : 0);
    cr_assert(strstr(out, part), "redis-cli %s: \"%s\" is not in: %s", line, part, out);
    free(out);
}

static struct proc *start_for(const char *tool, int loops)
{
    if (!proc_have(tool))
        cr_skip_test("%s is not installed", tool);
    return proc_start_loops(loops);
}

Test(tools, cli_commands)
{
    struct proc *p = start_for("redis-cli", 2);
    expect_output(p, "SET k v", NULL, "OK");
    expect_output(p, "GET k", NULL, "v");
    expect_output(p, "-3 --no-raw GET none", NULL, "(nil)");
    expect_output(p, "-n 3 SET k other", NULL, "OK");
    expect_output(p, "--csv MGET k none", NULL, "\"v\",NULL");
    expect_output(p, "-x SET fromstdin", "some text", "OK");
    expect_output(p, "GET fromstdin", NULL, "some text");
    expect_output(p, "-r 5 INCR n", NULL, "5");
    expect_output(p, "INFO", NULL, "redis_version:7.");
    expect_output(p, "--json -3 CONFIG GET databases", NULL, "{\"databases\":\"16\"}");
    expect_output(p, "LOLWUT", NULL, "ver");
    expect_output(p, "COMMAND DOCS get", NULL, "summary");
    /* As typed at the prompt: one a line. */
    expect_output(p, "", "SET a 1\nINCR a\nSELECT 2\nGET a\nnosuch\n", "unknown command 'nosuch'");
    proc_stop(p);
}

Test(tools, cli_scan)
{
    enum { KEYS = 1000 };
    struct proc *p = start_for("redis-cli", 4);
    struct wire *w = wire_open(p);
    for (int i = 0; i < KEYS; i++) {
        char line[64];
        snprintf(line, sizeof(line), "SET key:%04d %d", i, i);
        wire_send_line(w, line);
    }
    for (int i = 0; i < KEYS; i++)
        wire_expect_reply(w, "+OK");
    char *out = run_tool(p, "redis-cli", "--scan", NULL, 0);
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key:%04d\n", i);
        cr_assert(strstr(out, key), "%s is not in the scan", key);
    }
    free(out);
    out = run_tool(p, "redis-cli", "--scan --pattern key:000?", NULL, 0);
    cr_assert(strstr(out, "key:0007\n") && !strstr(out, "key:0010"), "%s", out);
    free(out);
    wire_expect(w, "SET bigone 0123456789012345678901234567890123456789", "+OK");
    out = run_tool(p, "redis-cli", "--bigkeys", NULL, 0);
    cr_assert(strstr(out, "Sampled 1001 keys") && strstr(out, "\"bigone\"' has 40 bytes"), "%s",
              out);
    free(out);
    wire_close(w);
    proc_stop(p);
}

Test(tools, cli_pipe)
{
    struct proc *p = start_for("redis-cli", 4);
    struct bytes b = { 0 };
    int count = test_scaled(20000);
    char part[64];
    for (int i = 0; i < count; i++)
        bytes_printf(&b, "*3\r\n$3\r\nSET\r\n$7\r\nk%06d\r\n$2\r\nab\r\n", i);
    char *out = run_tool(p, "redis-cli", "--pipe", b.ptr, b.len);
    snprintf(part, sizeof(part), "errors: 0, replies: %d", count);
    cr_assert(strstr(out, part), "%s", out);
    free(out);
    bytes_free(&b);
    struct wire *w = wire_open(p);
    cr_assert_eq(wire_integer(w, "DBSIZE"), count);
    wire_close(w);
    proc_stop(p);
}

Test(tools, cli_stat_and_latency)
{
    struct proc *p = start_for("redis-cli", 2);
    /* --stat goes on for ever; it ends when nobody reads any more. */
    char shell[256], *out = NULL;
    snprintf(shell, sizeof(shell), "stdbuf -oL redis-cli -s %s --stat -i 0.05 | head -n 5",
             p->socket_path);
    const char *argv[] = { "sh", "-c", shell, NULL };
    proc_run(argv, NULL, 0, &out, TOOL_LIMIT_MS);
    cr_assert(strstr(out, "keys") && strstr(out, "clients"), "%s", out);
    free(out);
    out = run_tool(p, "redis-cli", "--latency --raw -i 1", NULL, 0);
    int min = -1, max = -1;
    cr_assert(sscanf(out, "%d %d", &min, &max) == 2 && min >= 0 && max >= min, "%s", out);
    free(out);
    proc_stop(p);
}

/* Of the default set what exists, to the end, without an error. */
static void benchmark(int loops, const char *options)
{
    static const char *const titles[] = {
        "PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"
    };
    struct proc *p = start_for("redis-benchmark", loops);
    char line[256];
    snprintf(line, sizeof(line), "-q -t ping_inline,ping_mbulk,set,get,incr,mset -n %d -r 1000 %s",
             test_scaled(20000), options);
    char *out = run_tool(p, "redis-benchmark", line, NULL, 0);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        char part[32];
        snprintf(part, sizeof(part), "%s", titles[i]);
        char *at = strstr(out, part);
        cr_assert(at && strstr(at, "requests per second"), "%s did not end: %s", part, out);
    }
    cr_assert(!strstr(out, "rror") && !strstr(out, "WARN"), "%s", out);
    free(out);
    struct wire *w = wire_open(p);
    cr_assert_gt(wire_integer(w, "DBSIZE"), 0);
    wire_close(w);
    proc_stop(p);
}

Test(tools, benchmark_1)
{
    benchmark(1, "-c 50");
}

Test(tools, benchmark_4)
{
    benchmark(4, "-c 50");
}

Test(tools, benchmark_pipelined)
{
    benchmark(2, "-c 20 -P 16 --threads 2");
}

Test(tools, benchmark_resp3_large)
{
    benchmark(2, "-c 10 -3 -d 5000 -P 8");
}
