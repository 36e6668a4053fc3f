/* client: CLIENT and its subcommands. Those about the caller run at once on its loop; LIST and
 * KILL have a part on every loop, for the sessions there. */
#include <stdatomic.h>
#include <stdio.h>

#include "kv/base/number.h"
#include "kv/commands/client_list.h"
#include "kv/commands/client_names.h"
#include "kv/engine/call.h"
#include "kv/engine/worker.h"
#include "kv/server.h"
#include "kv/session/session.h"

/* ---- about the caller ---- */

static void cmd_client_id(struct call *c)
{
    reply_int(c->out, (int64_t)c->session->id);
}

static void cmd_client_getname(struct call *c)
{
    if (c->session->name)
        reply_bulk_str(c->out, c->session->name);
    else
        reply_null(c->out);
}

static void set_text(struct call *c, char **field, struct slice text)
{
    if (session_set_text(field, text) < 0)
        reply_no_memory(c->out);
    else
        reply_ok(c->out);
}

static void cmd_client_setname(struct call *c)
{
    if (client_name_ok(c, c->argv[2]))
        set_text(c, &c->session->name, c->argv[2]);
}

static void cmd_client_setinfo(struct call *c)
{
    struct slice field = c->argv[2];
    char **text;
    if (slice_is(field, "lib-name")) {
        text = &c->session->lib_name;
    } else if (slice_is(field, "lib-ver")) {
        text = &c->session->lib_ver;
    } else {
        reply_errorf(c->out, "ERR Unrecognized option '%.*s'", client_shown(field), field.ptr);
        return;
    }
    if (!client_text_ok(c->argv[3])) {
        reply_errorf(c->out, "ERR %.*s cannot contain spaces, newlines or special characters.",
                     client_shown(field), field.ptr);
        return;
    }
    set_text(c, text, c->argv[3]);
}

static void reply_text(struct call *c, const char *text, size_t len)
{
    reply_verbatim(c->out, "txt", slice_of(text, len));
}

static void cmd_client_info(struct call *c)
{
    char line[CLIENT_LINE_BYTES];
    reply_text(c, line, client_line(c->session, line, sizeof(line)));
}

/* The engine sees the mode change and drops the reply of OFF and SKIP itself. */
static void cmd_client_reply(struct call *c)
{
    struct session *s = c->session;
    struct slice mode = c->argv[2];
    if (slice_is(mode, "on")) {
        s->reply_mode = SESSION_REPLY_ON_NOW;
    } else if (slice_is(mode, "off")) {
        s->reply_mode = SESSION_REPLY_OFF;
    } else if (slice_is(mode, "skip")) {
        if (s->reply_mode != SESSION_REPLY_OFF)
            s->reply_mode = SESSION_REPLY_SKIP_NEXT;
    } else {
        reply_syntax_error(c->out);
        return;
    }
    reply_ok(c->out);
}

static void set_flag(struct call *c, bool *flag)
{
    bool on = slice_is(c->argv[2], "on");
    if (!on && !slice_is(c->argv[2], "off")) {
        reply_syntax_error(c->out);
        return;
    }
    *flag = on;
    reply_ok(c->out);
}

static void cmd_client_no_evict(struct call *c)
{
    set_flag(c, &c->session->no_evict);
}

static void cmd_client_no_touch(struct call *c)
{
    set_flag(c, &c->session->no_touch);
}

/* ---- about all ---- */

static void cmd_client_pause(struct call *c)
{
    bool writes_only = false;
    int64_t timeout_ms, until_ms;
    if (c->argc > 4) {
        reply_error(c->out, "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try "
                            "CLIENT HELP.");
        return;
    }
    if (c->argc == 4) {
        writes_only = slice_is(c->argv[3], "write");
        if (!writes_only && !slice_is(c->argv[3], "all")) {
            reply_error(c->out, "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
    }
    if (!number_parse_int64(c->argv[2], &timeout_ms)) {
        reply_error(c->out, "ERR timeout is not an integer or out of range");
        return;
    }
    if (timeout_ms < 0) {
        reply_error(c->out, "ERR timeout is negative");
        return;
    }
    if (__builtin_add_overflow(server_unix_ms(), timeout_ms, &until_ms)) {
        reply_error(c->out, "ERR timeout is out of range");
        return;
    }
    server_pause(c->server, until_ms, writes_only);
    reply_ok(c->out);
}

static void cmd_client_unpause(struct call *c)
{
    server_unpause(c->server);
    reply_ok(c->out);
}

/* ---- LIST ---- */

struct line_list {
    struct call *call;
    char *text;
    size_t len, room;
    bool failed;
};

static void add_line(struct line_list *l, const struct session *s)
{
    if (l->room - l->len < CLIENT_LINE_BYTES) {
        size_t room = l->room ? l->room * 2 : 8 * CLIENT_LINE_BYTES;
        char *text = arena_alloc(l->call->scratch, room);
        if (!text) {
            l->failed = true;
            return;
        }
        if (l->len)
            memcpy(text, l->text, l->len);
        l->text = text;
        l->room = room;
    }
    l->len += client_line(s, l->text + l->len, CLIENT_LINE_BYTES);
}

static bool asked_id(struct call *c, uint64_t id)
{
    for (int i = 3; i < c->argc; i++) {
        int64_t n;
        if (number_parse_int64(c->argv[i], &n) && n > 0 && (uint64_t)n == id)
            return true;
    }
    return false;
}

static bool list_parse(struct call *c, struct client_filter *f, bool *by_id)
{
    *by_id = false;
    if (c->argc == 2)
        return true;
    if (c->argc == 4 && slice_is(c->argv[2], "type"))
        return client_type_parse(c, c->argv[3], &f->type);
    if (c->argc > 3 && slice_is(c->argv[2], "id")) {
        for (int i = 3; i < c->argc; i++) {
            int64_t id;
            if (!number_parse_int64(c->argv[i], &id)) {
                reply_error(c->out, "ERR Invalid client ID");
                return false;
            }
        }
        return *by_id = true;
    }
    reply_syntax_error(c->out);
    return false;
}

static void cmd_client_list(struct call *c)
{
    struct client_filter f = { 0 };
    struct line_list l = { .call = c };
    bool by_id;
    if (!list_parse(c, &f, &by_id))
        return;
    for (const struct session *s = c->worker->sessions; s && !l.failed; s = s->next) {
        if (s->conn && (!by_id || asked_id(c, s->id)) && client_matches(c, s, &f))
            add_line(&l, s);
    }
    if (l.failed)
        reply_no_memory(c->out);
    else
        reply_text(c, l.text ? l.text : "", l.len);
}

/* ---- KILL ---- */

static bool kill_user(struct call *c, struct slice user, struct client_filter *f)
{
    (void)f; /* everybody is the default user */
    if (slice_eq(user, SLICE("default")))
        return true;
    reply_errorf(c->out, "ERR No such user '%.*s'", client_shown(user), user.ptr);
    return false;
}

static bool kill_id(struct call *c, struct slice text, struct client_filter *f)
{
    int64_t id;
    if (number_parse_int64(text, &id) && id >= 1) {
        f->id = (uint64_t)id;
        return true;
    }
    reply_error(c->out, "ERR client-id should be greater than 0");
    return false;
}

static bool kill_max_age(struct call *c, struct slice text, struct client_filter *f)
{
    if (!number_parse_int64(text, &f->max_age_s)) {
        reply_error(c->out, "ERR maxage is not an integer or out of range");
        return false;
    }
    if (f->max_age_s <= 0) {
        reply_error(c->out, "ERR maxage should be greater than 0");
        return false;
    }
    if (f->max_age_s > INT64_MAX / 1000)
        f->nobody = true;
    return true;
}

static bool kill_option(struct call *c, struct slice name, struct slice value,
                        struct client_filter *f)
{
    if (slice_is(name, "id"))
        return kill_id(c, value, f);
    if (slice_is(name, "type"))
        return client_type_parse(c, value, &f->type);
    if (slice_is(name, "user"))
        return kill_user(c, value, f);
    if (slice_is(name, "maxage"))
        return kill_max_age(c, value, f);
    if (slice_is(name, "addr")) {
        f->addr = value;
        return true;
    }
    if (slice_is(name, "laddr")) {
        f->laddr = value;
        return true;
    }
    if (slice_is(name, "skipme")) {
        f->skip_me = slice_is(value, "yes");
        if (f->skip_me || slice_is(value, "no"))
            return true;
    }
    reply_syntax_error(c->out);
    return false;
}

static bool kill_parse(struct call *c, struct client_filter *f)
{
    *f = (struct client_filter){ .skip_me = true };
    if (c->argc == 3) {
        f->addr = c->argv[2];
        f->skip_me = false;
        return true;
    }
    for (int i = 2; i < c->argc; i += 2) {
        if (i + 1 == c->argc) {
            reply_syntax_error(c->out);
            return false;
        }
        if (!kill_option(c, c->argv[i], c->argv[i + 1], f))
            return false;
    }
    return true;
}

/* The old form, an address alone, answers OK or an error in place of a count. */
static void kill_merged(struct call *c, int64_t killed)
{
    if (c->argc > 3)
        reply_int(c->out, killed);
    else if (killed)
        reply_ok(c->out);
    else
        reply_error(c->out, "ERR No such client");
}

static void cmd_client_kill(struct call *c)
{
    struct client_filter f;
    struct session *next;
    int64_t killed = 0;
    if (!kill_parse(c, &f))
        return;
    for (struct session *s = c->worker->sessions; s; s = next) {
        next = s->next;
        if (!s->conn || s->closing || !client_matches(c, s, &f))
            continue;
        killed++;
        if (s->id == c->client_id)
            session_close_after_reply(s); /* its own reply is still due */
        else
            session_kill(s);
    }
    /* With one loop there are no parts to merge. */
    if (c->server->worker_count == 1)
        kill_merged(c, killed);
    else
        reply_int(c->out, killed);
}

static void cmd_client_help(struct call *c)
{
    static const char *const lines[] = {
        "GETNAME",
        "    Tell the name of this connection.",
        "ID",
        "    Tell the id of this connection.",
        "INFO",
        "    Tell all about this connection, as a line of LIST.",
        "KILL <ip:port>",
        "    Close the connection from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close the connections to which all of these apply:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      it comes from there",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      it was made to there",
        "    * ID <client-id>",
        "    * MAXAGE <seconds>",
        "      it is at least that old",
        "    * SKIPME (YES|NO)",
        "      leave out this connection (default: yes)",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "    * USER <username>",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [...]]",
        "    Tell about the connections, a line each.",
        "NO-EVICT (ON|OFF)",
        "    Whether this connection is kept when memory for clients runs out.",
        "NO-TOUCH (ON|OFF)",
        "    Whether reading keys on this connection leaves their idle times alone.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Let commands, or only those that write, wait for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether commands of this connection are answered.",
        "SETINFO (LIB-NAME|LIB-VER) <text>",
        "    Tell the server which library uses this connection.",
        "SETNAME <name>",
        "    Name this connection.",
        "UNPAUSE",
        "    End a pause.",
        NULL,
    };
    reply_help(c->out, "CLIENT", lines);
}

enum {
    SELF = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    OTHERS = SELF | CMD_ADMIN,
};

static const struct cmd_spec client_subs[] = {
    { .name = "getname",
      .arity = 2,
      .flags = SELF,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_getname,
      .since = "2.6.9",
      .complexity = "O(1)",
      .summary = "Tell the name of this connection." },
    { .name = "help",
      .arity = 2,
      .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_help,
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Tell what the subcommands do." },
    { .name = "id",
      .arity = 2,
      .flags = SELF,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_id,
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Tell the id of this connection." },
    { .name = "info",
      .arity = 2,
      .flags = SELF,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_info,
      .since = "6.2.0",
      .complexity = "O(1)",
      .summary = "Tell all about this connection.",
      .tips = "nondeterministic_output" },
    { .name = "kill",
      .arity = -3,
      .flags = OTHERS,
      .group = GROUP_CONNECTION,
      .route = ROUTE_LOOPS,
      .merge = MERGE_SUM,
      .handler = cmd_client_kill,
      .merged = kill_merged,
      .since = "2.4.0",
      .complexity = "O(N) with N connections",
      .summary = "Close connections.",
      .args = "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] "
              "| [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no] | "
              "[MAXAGE maxage]>...>",
      .history = "2.8.12: Added the options that choose by other things than the address.\n"
                 "6.2.0: Added the `LADDR` option.\n"
                 "7.4.0: Added the `MAXAGE` option." },
    { .name = "list",
      .arity = -2,
      .flags = OTHERS,
      .group = GROUP_CONNECTION,
      .route = ROUTE_LOOPS,
      .merge = MERGE_TEXT,
      .handler = cmd_client_list,
      .since = "2.4.0",
      .complexity = "O(N) with N connections",
      .summary = "Tell about the connections, a line each.",
      .args = "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
      .tips = "nondeterministic_output",
      .history = "5.0.0: Added the `TYPE` filter.\n6.2.0: Added the `ID` filter." },
    { .name = "no-evict",
      .arity = 3,
      .flags = OTHERS,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_no_evict,
      .since = "7.0.0",
      .complexity = "O(1)",
      .summary = "Choose whether this connection may be closed to save memory.",
      .args = "<ON | OFF>" },
    { .name = "no-touch",
      .arity = 3,
      .flags = SELF,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_no_touch,
      .since = "7.2.0",
      .complexity = "O(1)",
      .summary = "Choose whether reading keys on this connection renews their idle times.",
      .args = "<ON | OFF>" },
    { .name = "pause",
      .arity = -3,
      .flags = OTHERS,
      .group = GROUP_CONNECTION,
      .route = ROUTE_LOCAL,
      .handler = cmd_client_pause,
      .since = "2.9.50",
      .complexity = "O(1)",
      .summary = "Let the commands of all clients wait for some time.",
      .args = "timeout [WRITE | ALL]",
      .history = "6.2.0: Added `WRITE` and `ALL`." },
    { .name = "reply",
      .arity = 3,
      .flags = SELF,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_reply,
      .since = "3.2.0",
      .complexity = "O(1)",
      .summary = "Choose whether commands of this connection are answered.",
      .args = "<ON | OFF | SKIP>" },
    { .name = "setinfo",
      .arity = 4,
      .flags = SELF,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_setinfo,
      .since = "7.2.0",
      .complexity = "O(1)",
      .summary = "Tell the server which library uses this connection.",
      .args = "<LIB-NAME libname | LIB-VER libver>",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { .name = "setname",
      .arity = 3,
      .flags = SELF,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_client_setname,
      .since = "2.6.9",
      .complexity = "O(1)",
      .summary = "Name this connection.",
      .args = "connection-name" },
    { .name = "unpause",
      .arity = 2,
      .flags = OTHERS,
      .group = GROUP_CONNECTION,
      .route = ROUTE_LOCAL,
      .handler = cmd_client_unpause,
      .since = "6.2.0",
      .complexity = "O(N) with N waiting clients",
      .summary = "End a pause." },
    { .name = NULL },
};

static const struct cmd_spec client_specs[] = {
    { .name = "client",
      .arity = -2,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .subs = client_subs,
      .since = "2.4.0",
      .complexity = "Depends on the subcommand.",
      .summary = "Look at client connections and change them." },
    { .name = NULL },
};

const struct cmd_spec *client_command_specs(void)
{
    return client_specs;
}
