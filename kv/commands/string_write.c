/* string_write: what gives keys new values, or takes them away on a condition. */
#include <limits.h>

#include "kv/base/number.h"
#include "kv/commands/string_commands.h"
#include "kv/commands/string_options.h"
#include "kv/engine/call.h"
#include "kv/server.h"
#include "kv/types/string.h"

enum {
    SET_OPTIONS =
        STRING_TIMES | STRING_CONDITIONS | STRING_BIT(STRING_GET) | STRING_BIT(STRING_KEEPTTL),
    MSETEX_OPTIONS =
        STRING_TIMES | STRING_BIT(STRING_NX) | STRING_BIT(STRING_XX) | STRING_BIT(STRING_KEEPTTL),
};

static void reply_stored(struct call *c, int ret)
{
    if (ret < 0)
        reply_no_memory(c->out);
    else
        reply_ok(c->out);
}

/* What is there now, as GET answers. False: it is no string, and that is the reply. */
static bool reply_old(struct call *c, const struct entry *e)
{
    char scratch[INT64_TEXT_MAX];
    if (e && entry_type(e) != VALUE_STRING) {
        reply_wrong_type(c->out);
        return false;
    }
    if (e)
        reply_bulk(c->out, string_view(e, scratch));
    else
        reply_null(c->out);
    return true;
}

static void set_with_options(struct call *c)
{
    struct string_options o;
    struct edit ed;
    int64_t at_ms;
    if (!string_options_parse(c, 3, SET_OPTIONS, &o) || !string_options_expiry(c, &o, &at_ms))
        return;
    call_edit(c, 1, &ed);
    enum string_condition condition = string_options_check(c, &o, ed.entry);
    if (condition == STRING_CONDITION_ERROR)
        return;
    bool get = string_given(&o, STRING_GET);
    if (get && !reply_old(c, ed.entry))
        return;
    if (condition == STRING_CONDITION_FAILS) {
        if (!get)
            reply_null(c->out);
        return;
    }
    int ret = string_store(c, &ed, c->argv[2], at_ms);
    if (!get)
        reply_stored(c, ret);
    else if (ret < 0)
        c->out->failed = true; /* too late for an error: the old value is in the reply already */
}

void string_cmd_set(struct call *c)
{
    struct edit ed;
    if (c->argc > 3) {
        set_with_options(c);
        return;
    }
    call_edit(c, 1, &ed);
    reply_stored(c, string_set(&ed, c->argv[2], EXPIRE_NONE));
}

void string_cmd_setnx(struct call *c)
{
    struct edit ed;
    call_edit(c, 1, &ed);
    if (ed.entry)
        reply_int(c->out, 0);
    else if (string_set(&ed, c->argv[2], EXPIRE_NONE) < 0)
        reply_no_memory(c->out);
    else
        reply_int(c->out, 1);
}

static void set_expiring(struct call *c, bool seconds)
{
    struct edit ed;
    int64_t at_ms;
    if (!string_expiry(c, c->argv[2], seconds, true, &at_ms))
        return;
    call_edit(c, 1, &ed);
    reply_stored(c, string_set(&ed, c->argv[3], at_ms));
}

void string_cmd_setex(struct call *c)
{
    set_expiring(c, true);
}

void string_cmd_psetex(struct call *c)
{
    set_expiring(c, false);
}

void string_cmd_getset(struct call *c)
{
    struct edit ed;
    call_edit(c, 1, &ed);
    if (reply_old(c, ed.entry) && string_set(&ed, c->argv[2], EXPIRE_NONE) < 0)
        c->out->failed = true; /* as in SET with GET */
}

/* Pairs from argv[first] on. 0 or -ENOMEM: those before the failure are set. */
static int set_pairs(struct call *c, int first, int end, int64_t at_ms)
{
    for (int i = first; i < end; i += 2) {
        struct edit ed;
        call_edit(c, i, &ed);
        int ret = string_store(c, &ed, c->argv[i + 1], at_ms);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int count_existing(struct call *c, int first, int end)
{
    int n = 0;
    for (int i = first; i < end; i += 2)
        n += call_peek(c, i) != NULL;
    return n;
}

void string_cmd_mset(struct call *c)
{
    if (c->argc % 2 == 0)
        reply_wrong_arity(c->out, c->cmd->full_name);
    else
        reply_stored(c, set_pairs(c, 1, c->argc, EXPIRE_NONE));
}

static void set_pairs_or_none(struct call *c, int first, int end, int64_t at_ms, bool wanted)
{
    if (!wanted)
        reply_int(c->out, 0);
    else if (set_pairs(c, first, end, at_ms) < 0)
        reply_no_memory(c->out);
    else
        reply_int(c->out, 1);
}

void string_cmd_msetnx(struct call *c)
{
    if (c->argc % 2 == 0)
        reply_wrong_arity(c->out, c->cmd->full_name);
    else
        set_pairs_or_none(c, 1, c->argc, EXPIRE_NONE, !count_existing(c, 1, c->argc));
}

void string_cmd_msetex(struct call *c)
{
    struct string_options o;
    int64_t count, at_ms;
    if (!number_parse_int64(c->argv[1], &count) || count <= 0 || count > INT_MAX) {
        reply_error(c->out, "ERR invalid numkeys value");
        return;
    }
    if (count > (c->argc - 2) / 2) {
        reply_error(c->out, "ERR wrong number of key-value pairs");
        return;
    }
    int end = 2 + 2 * (int)count;
    if (!string_options_parse(c, end, MSETEX_OPTIONS, &o) || !string_options_expiry(c, &o, &at_ms))
        return;
    bool wanted = true;
    if (string_given(&o, STRING_NX))
        wanted = count_existing(c, 2, end) == 0;
    else if (string_given(&o, STRING_XX))
        wanted = count_existing(c, 2, end) == count;
    set_pairs_or_none(c, 2, end, at_ms, wanted);
}

/* False: the error is written. A string of offset + len bytes would be longer than any that can be
 * sent. */
static bool fits(struct call *c, size_t offset, size_t len)
{
    int64_t max = c->server->config->proto_max_bulk_len;
    size_t total;
    if (!__builtin_add_overflow(offset, len, &total) && total <= (size_t)max)
        return true;
    reply_error(c->out, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

void string_cmd_append(struct call *c)
{
    struct slice more = c->argv[2];
    struct edit ed;
    call_edit(c, 1, &ed);
    if (!ed.entry) {
        if (string_set(&ed, more, EXPIRE_NONE) < 0)
            reply_no_memory(c->out);
        else
            reply_int(c->out, (int64_t)more.len);
        return;
    }
    if (entry_type(ed.entry) != VALUE_STRING) {
        reply_wrong_type(c->out);
        return;
    }
    size_t len = string_len(ed.entry);
    if (!fits(c, len, more.len))
        return;
    char *bytes = string_resize(&ed, len + more.len);
    if (!bytes) {
        reply_no_memory(c->out);
        return;
    }
    if (more.len)
        memcpy(bytes + len, more.ptr, more.len);
    reply_int(c->out, (int64_t)(len + more.len));
}

void string_cmd_setrange(struct call *c)
{
    struct slice part = c->argv[3];
    struct edit ed;
    int64_t offset;
    if (!call_int64(c, 2, &offset))
        return;
    if (offset < 0) {
        reply_error(c->out, "ERR offset is out of range");
        return;
    }
    call_edit(c, 1, &ed);
    if (ed.entry && entry_type(ed.entry) != VALUE_STRING) {
        reply_wrong_type(c->out);
        return;
    }
    size_t len = ed.entry ? string_len(ed.entry) : 0;
    if (part.len == 0) {
        reply_int(c->out, (int64_t)len);
        return;
    }
    if (!fits(c, (size_t)offset, part.len))
        return;
    if (len < (size_t)offset + part.len)
        len = (size_t)offset + part.len;
    char *bytes = string_resize(&ed, len);
    if (!bytes) {
        reply_no_memory(c->out);
        return;
    }
    memcpy(bytes + offset, part.ptr, part.len);
    reply_int(c->out, (int64_t)len);
}

static void delete_if(struct call *c, const struct string_options *o)
{
    struct edit ed;
    call_edit(c, 1, &ed);
    if (!ed.entry) {
        reply_int(c->out, 0);
        return;
    }
    enum string_condition condition = string_options_check(c, o, ed.entry);
    if (condition == STRING_CONDITION_ERROR)
        return;
    if (condition == STRING_CONDITION_HOLDS)
        edit_delete(&ed);
    reply_int(c->out, condition == STRING_CONDITION_HOLDS);
}

void string_cmd_delex(struct call *c)
{
    static const struct {
        const char *word;
        enum string_option option;
    } conditions[] = {
        { "ifeq", STRING_IFEQ },
        { "ifne", STRING_IFNE },
        { "ifdeq", STRING_IFDEQ },
        { "ifdne", STRING_IFDNE },
    };
    struct string_options o = { .given = 0 };
    if (c->argc != 2 && c->argc != 4) {
        reply_wrong_arity(c->out, c->cmd->full_name);
        return;
    }
    for (size_t i = 0; c->argc == 4 && i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        if (slice_is(c->argv[2], conditions[i].word)) {
            o.given = STRING_BIT(conditions[i].option);
            o.values[conditions[i].option] = c->argv[3];
        }
    }
    if (c->argc == 4 && !o.given)
        reply_error(c->out, "ERR Invalid condition. It is one of IFEQ, IFNE, IFDEQ and IFDNE");
    else
        delete_if(c, &o);
}

void string_cmd_delifeq(struct call *c)
{
    struct string_options o = { .given = STRING_BIT(STRING_IFEQ) };
    o.values[STRING_IFEQ] = c->argv[2];
    delete_if(c, &o);
}
