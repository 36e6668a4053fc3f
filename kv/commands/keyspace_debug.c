/* keyspace_debug: DEBUG, for tests and for looking inside. Refused unless enable-debug-command
 * allows it. */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "kv/base/number.h"
#include "kv/commands/generic_commands.h"
#include "kv/commands/keyspace_commands.h"
#include "kv/engine/call.h"
#include "kv/server.h"
#include "kv/types/string.h"

enum { NUMBER_TEXT_MAX = 64, SLEEP_MAX_S = 3600 };

/* The number that the text begins with, 0 if with none: so Redis reads these arguments. */
static double leading_number(struct slice s)
{
    char text[NUMBER_TEXT_MAX];
    size_t len = s.len < sizeof(text) - 1 ? s.len : sizeof(text) - 1;
    memcpy(text, s.ptr, len);
    text[len] = '\0';
    return strtod(text, NULL);
}

/* Holding all shards: nothing else of the server runs meanwhile, which is the point. */
static void debug_sleep(struct call *c)
{
    double seconds = leading_number(c->argv[2]);
    if (!(seconds > 0))
        seconds = 0;
    if (seconds > SLEEP_MAX_S)
        seconds = SLEEP_MAX_S;
    struct timespec t = { .tv_sec = (time_t)seconds,
                          .tv_nsec = (long)((seconds - floor(seconds)) * 1e9) };
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
    reply_ok(c->out);
}

static void debug_set_active_expire(struct call *c)
{
    bool on = (int)leading_number(c->argv[2]) != 0;
    atomic_store_explicit(&c->server->active_expire, on, memory_order_relaxed);
    reply_ok(c->out);
}

/* As many bytes as the value would have in an RDB file: a length and the text, or a small
 * integer. */
static size_t serialized_bytes(const struct entry *e)
{
    int64_t n;
    size_t len = string_len(e);
    if (string_int64(e, &n) && n >= INT32_MIN && n <= INT32_MAX)
        return n >= INT8_MIN && n <= INT8_MAX ? 2 : n >= INT16_MIN && n <= INT16_MAX ? 3 : 5;
    return len + (len < 64 ? 1 : len < 16384 ? 2 : 5);
}

static void debug_object(struct call *c)
{
    const struct entry *e = call_peek(c, 2);
    if (!e) {
        reply_error(c->out, "ERR no such key");
        return;
    }
    int64_t idle_s = entry_idle_s(e, call_now_ms(c));
    size_t serialized = entry_type(e) == VALUE_STRING ? serialized_bytes(e) : entry_bytes(e);
    char text[256];
    snprintf(text, sizeof(text),
             "Value at:%p refcount:%d encoding:%s serializedlength:%zu lru:%lld "
             "lru_seconds_idle:%lld",
             (const void *)e, generic_refcount(e), entry_encoding_name(e), serialized,
             (long long)((call_now_ms(c) / 1000 - idle_s) & 0xffffff), (long long)idle_s);
    reply_status(c->out, text);
}

static void debug_help(struct call *c)
{
    static const char *const lines[] = {
        "OBJECT <key>",
        "    Show low level info about `key` and associated value.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Setting it to 0 disables expiring keys in background when they are not",
        "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
        "    default.",
        "SLEEP <seconds>",
        "    Stop the server for <seconds>. Decimals allowed.",
        NULL,
    };
    reply_help(c->out, "DEBUG", lines);
}

void keyspace_cmd_debug(struct call *c)
{
    static const struct {
        const char *name;
        int argc;
        void (*handler)(struct call *c);
    } subs[] = {
        { "help", 2, debug_help },
        { "object", 3, debug_object },
        { "set-active-expire", 3, debug_set_active_expire },
        { "sleep", 3, debug_sleep },
    };
    int64_t allowed = c->server->config->enable_debug_command;
    if (allowed != LOCAL_YES && !(allowed == LOCAL_LOCAL && c->local_peer)) {
        reply_error(c->out,
                    "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                    "\"local\", you can run it from a local connection, otherwise you need to set "
                    "this option in the configuration file, and then restart the server.");
        return;
    }
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
        if (c->argc == subs[i].argc && slice_is(c->argv[1], subs[i].name)) {
            subs[i].handler(c);
            return;
        }
    }
    struct slice sub = c->argv[1];
    reply_errorf(c->out,
                 "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG HELP.",
                 (int)(sub.len < 128 ? sub.len : 128), sub.ptr);
}
