/* server_commands: CONFIG INFO LOLWUT ROLE SHUTDOWN TIME WAIT WAITAOF. */
#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "kv/admin/config.h"
#include "kv/admin/info.h"
#include "kv/base/number.h"
#include "kv/commands/client_names.h"
#include "kv/commands/lolwut.h"
#include "kv/engine/call.h"
#include "kv/engine/worker.h"
#include "kv/server.h"
#include "kv/session/session.h"

/* ---- CONFIG ---- */

static void cmd_config_get(struct call *c)
{
    config_reply_get(c->server->config, c->out, c->argv + 2, c->argc - 2);
}

/* On each loop: its clients get the new idle limit. */
static void apply_timeout(struct evio_loop *l, void *arg)
{
    struct worker *w = arg;
    (void)l;
    for (struct session *s = w->sessions; s; s = s->next) {
        if (s->conn)
            evio_conn_set_idle_ms(s->conn, w->server->config->timeout * 1000);
    }
}

static void config_changed(void *arg, const char *name)
{
    struct server *s = arg;
    log_write(s->log, LOGLEVEL_VERBOSE, "config changed name=%s", name);
    if (strcmp(name, "loglevel") == 0)
        log_set_level(s->log, (int)s->config->loglevel);
    if (strcmp(name, "timeout") != 0)
        return;
    for (int i = 0; i < s->worker_count; i++) {
        if (evio_loop_post(s->workers[i]->loop, apply_timeout, s->workers[i]) < 0)
            log_write(s->log, LOGLEVEL_WARNING, "timeout not applied to clients loop=%d", i);
    }
}

static void cmd_config_set(struct call *c)
{
    if (c->argc % 2) {
        reply_syntax_error(c->out);
        return;
    }
    config_reply_set(c->server->config, c->out, c->argv + 2, (c->argc - 2) / 2, config_changed,
                     c->server);
}

static void cmd_config_resetstat(struct call *c)
{
    server_reset_stats(c->server);
    reply_ok(c->out);
}

static void cmd_config_help(struct call *c)
{
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    Show the directives whose names match, with their values.",
        "RESETSTAT",
        "    Set INFO's counters to zero.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Change directives: all of them or, if one cannot be, none.",
        NULL,
    };
    reply_help(c->out, "CONFIG", lines);
}

/* ---- INFO, TIME, ROLE ---- */

static void cmd_info(struct call *c)
{
    info_reply(c, c->argv + 1, c->argc - 1);
}

static void cmd_time(struct call *c)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    reply_array(c->out, 2);
    reply_bulk_int(c->out, now.tv_sec);
    reply_bulk_int(c->out, now.tv_nsec / 1000);
}

static void cmd_role(struct call *c)
{
    reply_array(c->out, 3);
    reply_bulk_str(c->out, "master");
    reply_int(c->out, 0);
    reply_array(c->out, 0);
}

/* ---- SHUTDOWN ---- */

struct shutdown {
    bool save, no_save, now, force, abort;
};

static bool shutdown_parse(struct call *c, struct shutdown *s)
{
    *s = (struct shutdown){ 0 };
    for (int i = 1; i < c->argc; i++) {
        if (slice_is(c->argv[i], "nosave"))
            s->no_save = true;
        else if (slice_is(c->argv[i], "save"))
            s->save = true;
        else if (slice_is(c->argv[i], "now"))
            s->now = true;
        else if (slice_is(c->argv[i], "force"))
            s->force = true;
        else if (slice_is(c->argv[i], "abort"))
            s->abort = true;
        else
            return false;
    }
    return !(s->save && s->no_save) && !(s->abort && c->argc > 2);
}

static void cmd_shutdown(struct call *c)
{
    struct shutdown s;
    if (!shutdown_parse(c, &s)) {
        reply_syntax_error(c->out);
        return;
    }
    if (s.abort) {
        reply_error(c->out, "ERR No shutdown in progress.");
        return;
    }
    if (s.save && !s.force) {
        log_write(c->server->log, LOGLEVEL_WARNING,
                  "SHUTDOWN SAVE refused: nothing can be saved; use NOSAVE or FORCE");
        reply_error(c->out, "ERR Errors trying to SHUTDOWN. Check logs.");
        return;
    }
    log_write(c->server->log, LOGLEVEL_WARNING, "stopping reason=SHUTDOWN");
    /* The end of the connection is the answer. */
    session_close_after_reply(c->session);
    server_stop(c->server);
}

/* ---- WAIT ---- */

static bool parse_timeout(struct call *c, int arg, int64_t *timeout_ms)
{
    if (!number_parse_int64(c->argv[arg], timeout_ms)) {
        reply_error(c->out, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (*timeout_ms < 0) {
        reply_error(c->out, "ERR timeout is negative");
        return false;
    }
    /* The loop counts in microseconds; a thousand years are for ever. */
    if (*timeout_ms > 1000LL * 365 * 86400 * 1000)
        *timeout_ms = 0;
    return true;
}

static void wait_over(struct session *s, struct reply *out)
{
    (void)s;
    reply_int(out, 0);
}

/* There are no replicas yet, so more than none never come. */
static void cmd_wait(struct call *c)
{
    int64_t replicas, timeout_ms;
    if (!call_int64(c, 1, &replicas) || !parse_timeout(c, 2, &timeout_ms))
        return;
    if (replicas <= 0)
        reply_int(c->out, 0);
    else
        session_block(c->session, timeout_ms, wait_over);
}

static void wait_aof_over(struct session *s, struct reply *out)
{
    (void)s;
    reply_array(out, 2);
    reply_int(out, 0);
    reply_int(out, 0);
}

static void cmd_wait_aof(struct call *c)
{
    int64_t local, replicas, timeout_ms;
    if (!call_int64(c, 1, &local))
        return;
    if (local < 0 || local > 1) {
        reply_error(c->out, "ERR value is out of range, value must between 0 and 1");
        return;
    }
    if (!call_int64(c, 2, &replicas))
        return;
    if (replicas < 0) {
        reply_error(c->out, "ERR value is out of range, must be positive");
        return;
    }
    if (!parse_timeout(c, 3, &timeout_ms))
        return;
    if (local)
        reply_error(c->out, "ERR WAITAOF cannot be used when numlocal is set but appendonly is "
                            "disabled.");
    else if (replicas == 0)
        wait_aof_over(c->session, c->out);
    else
        session_block(c->session, timeout_ms, wait_aof_over);
}

/* ---- LOLWUT ---- */

static void cmd_lolwut(struct call *c)
{
    char text[LOLWUT_BYTES];
    int64_t version = LOLWUT_VERSION;
    if (c->argc > 2 && slice_is(c->argv[1], "version") && !call_int64(c, 2, &version))
        return;
    size_t n = version == LOLWUT_VERSION ? lolwut_draw(call_random(c), text) : 0;
    n += (size_t)snprintf(text + n, sizeof(text) - n, "Redis ver. %s\n", REDIS_VERSION_CLAIMED);
    assert(n < sizeof(text));
    reply_verbatim(c->out, "txt", slice_of(text, n));
}

/* ---- the table ---- */

enum { CONFIG_FLAGS = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE };

static const struct cmd_spec config_subs[] = {
    { .name = "get",
      .arity = -3,
      .flags = CONFIG_FLAGS,
      .group = GROUP_SERVER,
      .route = ROUTE_LOCAL,
      .handler = cmd_config_get,
      .since = "2.0.0",
      .complexity = "O(N) with N directives",
      .summary = "Show directives and their values.",
      .args = "parameter [parameter ...]",
      .history = "7.0.0: Several patterns may be given." },
    { .name = "help",
      .arity = 2,
      .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER,
      .route = ROUTE_SESSION,
      .handler = cmd_config_help,
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Tell what the subcommands do." },
    { .name = "resetstat",
      .arity = 2,
      .flags = CONFIG_FLAGS,
      .group = GROUP_SERVER,
      .route = ROUTE_LOCAL,
      .handler = cmd_config_resetstat,
      .since = "2.0.0",
      .complexity = "O(N) with N commands and loops",
      .summary = "Set INFO's counters to zero.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { .name = "set",
      .arity = -4,
      .flags = CONFIG_FLAGS,
      .group = GROUP_SERVER,
      .route = ROUTE_LOCAL,
      .handler = cmd_config_set,
      .since = "2.0.0",
      .complexity = "O(N) with N given directives",
      .summary = "Change directives while the server runs.",
      .args = "parameter value [parameter value ...]",
      .tips = "request_policy:all_nodes response_policy:all_succeeded",
      .history = "7.0.0: Several directives may be given." },
    { .name = NULL },
};

static const struct cmd_spec server_specs[] = {
    { .name = "config",
      .arity = -2,
      .group = GROUP_SERVER,
      .route = ROUTE_SESSION,
      .subs = config_subs,
      .since = "2.0.0",
      .complexity = "Depends on the subcommand.",
      .summary = "Look at the configuration and change it." },
    { .name = "info",
      .arity = -1,
      .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_DANGEROUS,
      .group = GROUP_SERVER,
      .route = ROUTE_HOLD_ALL,
      .handler = cmd_info,
      .since = "1.0.0",
      .complexity = "O(N) with N commands, databases and loops",
      .summary = "Tell about the server: what it is, what it holds and what it has done.",
      .args = "[section [section ...]]",
      .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
      .history = "7.0.0: Several sections may be given." },
    { .name = "lolwut",
      .arity = -1,
      .flags = CMD_READ | CMD_FAST,
      .group = GROUP_SERVER,
      .route = ROUTE_SESSION,
      .handler = cmd_lolwut,
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Draw something, and tell the version.",
      .args = "[VERSION version]" },
    { .name = "role",
      .arity = 1,
      .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST,
      .acl = ACL_ADMIN | ACL_DANGEROUS,
      .group = GROUP_SERVER,
      .route = ROUTE_SESSION,
      .handler = cmd_role,
      .since = "2.8.12",
      .complexity = "O(1)",
      .summary = "Tell the server's part in replication." },
    { .name = "shutdown",
      .arity = -1,
      .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY,
      .group = GROUP_SERVER,
      .route = ROUTE_LOCAL,
      .handler = cmd_shutdown,
      .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Finish what runs, and end the server.",
      .args = "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
      .history = "7.0.0: Added the `NOW`, `FORCE` and `ABORT` modifiers." },
    { .name = "time",
      .arity = 1,
      .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .group = GROUP_SERVER,
      .route = ROUTE_SESSION,
      .handler = cmd_time,
      .since = "2.6.0",
      .complexity = "O(1)",
      .summary = "Tell the server's time: seconds since 1970, and microseconds.",
      .tips = "nondeterministic_output" },
    { .name = "wait",
      .arity = 3,
      .flags = CMD_NOSCRIPT,
      .acl = ACL_CONNECTION,
      .group = GROUP_GENERIC,
      .route = ROUTE_LOCAL,
      .handler = cmd_wait,
      .since = "3.0.0",
      .complexity = "O(1)",
      .summary = "Wait until so many replicas have the writes of this connection.",
      .args = "numreplicas timeout",
      .tips = "request_policy:all_shards response_policy:agg_min" },
    { .name = "waitaof",
      .arity = 4,
      .flags = CMD_NOSCRIPT,
      .acl = ACL_CONNECTION,
      .group = GROUP_GENERIC,
      .route = ROUTE_LOCAL,
      .handler = cmd_wait_aof,
      .since = "7.2.0",
      .complexity = "O(1)",
      .summary = "Wait until the writes of this connection are in append-only files, here and on "
                 "so many replicas.",
      .args = "numlocal numreplicas timeout",
      .tips = "request_policy:all_shards response_policy:agg_min" },
    { .name = NULL },
};

const struct cmd_spec *server_command_specs(void)
{
    return server_specs;
}
