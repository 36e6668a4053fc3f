/* connection: AUTH ECHO HELLO PING QUIT RESET SELECT. They touch the caller's session and
 * nothing else, so they run at once on its loop. */
#include <limits.h>
#include <stdio.h>

#include "kv/base/number.h"
#include "kv/commands/client_names.h"
#include "kv/engine/call.h"
#include "kv/server.h"
#include "kv/session/session.h"

/* There is one user, "default". */
static const char default_user[] = "default";

static bool password_required(const struct call *c)
{
    return *c->server->config->requirepass;
}

/* Takes the same time wherever the two differ. */
static bool same_secret(struct slice given, const char *secret)
{
    size_t len = strlen(secret);
    unsigned char differ = given.len != len;
    for (size_t i = 0; i < given.len; i++)
        differ |= (unsigned char)(given.ptr[i] ^ (len ? secret[i % len] : 1));
    return !differ;
}

static bool log_in(struct call *c, struct slice user, struct slice password)
{
    const char *secret = c->server->config->requirepass;
    if (!slice_eq(user, slice_str(default_user)) || (*secret && !same_secret(password, secret))) {
        reply_error(c->out, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    c->session->authenticated = true;
    c->session->parser.unauthenticated = false;
    return true;
}

static void cmd_auth(struct call *c)
{
    struct slice user = slice_str(default_user);
    if (c->argc > 3) {
        reply_syntax_error(c->out);
        return;
    }
    if (c->argc == 2 && !password_required(c)) {
        reply_error(c->out, "ERR AUTH <password> called without any password configured for the "
                            "default user. Are you sure your configuration is correct?");
        return;
    }
    if (c->argc == 3)
        user = c->argv[1];
    if (log_in(c, user, c->argv[c->argc - 1]))
        reply_ok(c->out);
}

static void cmd_echo(struct call *c)
{
    reply_bulk(c->out, c->argv[1]);
}

/* ---- HELLO ---- */

struct hello {
    int64_t proto;
    bool auth, set_name;
    struct slice user, password, name;
};

/* False: the error is written. */
static bool hello_parse(struct call *c, struct hello *h)
{
    if (c->argc > 1) {
        if (!number_parse_int64(c->argv[1], &h->proto)) {
            reply_error(c->out, "ERR Protocol version is not an integer or out of range");
            return false;
        }
        if (h->proto < 2 || h->proto > 3) {
            reply_error(c->out, "NOPROTO unsupported protocol version");
            return false;
        }
    }
    for (int i = 2; i < c->argc; i++) {
        int more = c->argc - 1 - i;
        if (slice_is(c->argv[i], "AUTH") && more >= 2) {
            h->auth = true;
            h->user = c->argv[i + 1];
            h->password = c->argv[i + 2];
            i += 2;
        } else if (slice_is(c->argv[i], "SETNAME") && more >= 1) {
            h->set_name = true;
            h->name = c->argv[++i];
            if (!client_name_ok(c, h->name))
                return false;
        } else {
            reply_errorf(c->out, "ERR Syntax error in HELLO option '%.*s'",
                         client_shown(c->argv[i]), c->argv[i].ptr);
            return false;
        }
    }
    return true;
}

static void cmd_hello(struct call *c)
{
    struct session *s = c->session;
    struct hello h = { .proto = s->proto };
    if (!hello_parse(c, &h) || (h.auth && !log_in(c, h.user, h.password)))
        return;
    if (!s->authenticated) {
        reply_error(c->out, "NOAUTH HELLO must be called with the client already authenticated, "
                            "otherwise the HELLO <proto> AUTH <user> <pass> option can be used to "
                            "authenticate the client and select the RESP protocol version at the "
                            "same time");
        return;
    }
    if (h.set_name && session_set_text(&s->name, h.name) < 0) {
        reply_no_memory(c->out);
        return;
    }
    s->proto = c->out->proto = (uint8_t)h.proto;
    reply_map(c->out, 7);
    reply_bulk_str(c->out, "server");
    reply_bulk_str(c->out, "redis");
    reply_bulk_str(c->out, "version");
    reply_bulk_str(c->out, REDIS_VERSION_CLAIMED);
    reply_bulk_str(c->out, "proto");
    reply_int(c->out, h.proto);
    reply_bulk_str(c->out, "id");
    reply_int(c->out, (int64_t)s->id);
    reply_bulk_str(c->out, "mode");
    reply_bulk_str(c->out, "standalone");
    reply_bulk_str(c->out, "role");
    reply_bulk_str(c->out, "master");
    reply_bulk_str(c->out, "modules");
    reply_array(c->out, 0);
}

static void cmd_ping(struct call *c)
{
    if (c->argc > 2)
        reply_wrong_arity(c->out, "ping");
    else if (c->argc == 2)
        reply_bulk(c->out, c->argv[1]);
    else
        reply_status(c->out, "PONG");
}

static void cmd_quit(struct call *c)
{
    reply_ok(c->out);
    session_close_after_reply(c->session);
}

static void cmd_reset(struct call *c)
{
    session_reset(c->session, password_required(c));
    c->session->parser.unauthenticated = !c->session->authenticated;
    c->out->proto = c->session->proto;
    reply_status(c->out, "RESET");
}

static void cmd_select(struct call *c)
{
    int64_t db;
    if (!call_int64(c, 1, &db))
        return;
    if (db < INT_MIN || db > INT_MAX) {
        reply_errorf(c->out, "ERR value is out of range, value must between %d and %d", INT_MIN,
                     INT_MAX);
        return;
    }
    if (db < 0 || db >= c->server->config->databases) {
        reply_error(c->out, "ERR DB index is out of range");
        return;
    }
    c->session->db = (int)db;
    reply_ok(c->out);
}

static const struct cmd_spec connection_specs[] = {
    { .name = "auth",
      .arity = -2,
      .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_auth,
      .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Log this connection in with a password.",
      .args = "[username] password",
      .history = "6.0.0: A user name may be given before the password." },
    { .name = "echo",
      .arity = 2,
      .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_echo,
      .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Send the given message back.",
      .args = "message" },
    { .name = "hello",
      .arity = -1,
      .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_hello,
      .since = "6.0.0",
      .complexity = "O(1)",
      .summary = "Choose the protocol version, log in and name the connection, all in one.",
      .args = "[protover [AUTH username password] [SETNAME clientname]]",
      .history = "6.2.0: Without arguments it tells about the connection as it is." },
    { .name = "ping",
      .arity = -1,
      .flags = CMD_FAST,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_ping,
      .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Answer PONG, or the given message.",
      .args = "[message]",
      .tips = "request_policy:all_shards response_policy:all_succeeded" },
    { .name = "quit",
      .arity = -1,
      .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY |
               CMD_DEPRECATED,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_quit,
      .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Close this connection behind the replies that are due.",
      .deprecated_since = "7.2.0",
      .replaced_by = "just closing the connection" },
    { .name = "reset",
      .arity = 1,
      .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_reset,
      .since = "6.2.0",
      .complexity = "O(1)",
      .summary = "Bring this connection back to the state of a new one." },
    { .name = "select",
      .arity = 2,
      .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .group = GROUP_CONNECTION,
      .route = ROUTE_SESSION,
      .handler = cmd_select,
      .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Choose the database for the commands that follow.",
      .args = "index" },
    { .name = NULL },
};

const struct cmd_spec *connection_command_specs(void)
{
    return connection_specs;
}
