/* string_read: what returns a string, or part of it, or something computed from it. */
#include <stdio.h>

#include "kv/base/hash.h"
#include "kv/base/number.h"
#include "kv/commands/string_commands.h"
#include "kv/commands/string_options.h"
#include "kv/engine/call.h"
#include "kv/types/string.h"

/* The value, or null where there is none. NULL: the reply is written. */
static struct entry *find_or_null(struct call *c)
{
    bool ok;
    struct entry *e = call_find_string(c, 1, &ok);
    if (!e && ok)
        reply_null(c->out);
    return e;
}

static void reply_value(struct call *c, const struct entry *e)
{
    char scratch[INT64_TEXT_MAX];
    reply_bulk(c->out, string_view(e, scratch));
}

void string_cmd_get(struct call *c)
{
    struct entry *e = find_or_null(c);
    if (e)
        reply_value(c, e);
}

void string_cmd_mget(struct call *c)
{
    reply_array(c->out, c->argc - 1);
    for (int i = 1; i < c->argc; i++) {
        struct entry *e = call_find(c, i);
        if (e && entry_type(e) == VALUE_STRING)
            reply_value(c, e);
        else
            reply_null(c->out);
    }
}

void string_cmd_strlen(struct call *c)
{
    bool ok;
    struct entry *e = call_find_string(c, 1, &ok);
    if (ok)
        reply_int(c->out, e ? (int64_t)string_len(e) : 0);
}

void string_cmd_getdel(struct call *c)
{
    struct entry *e = find_or_null(c);
    struct edit ed;
    if (!e)
        return;
    reply_value(c, e);
    call_edit(c, 1, &ed);
    edit_delete(&ed);
}

void string_cmd_getex(struct call *c)
{
    struct string_options o;
    struct edit ed;
    int64_t at_ms;
    if (!string_options_parse(c, 2, STRING_TIMES | STRING_BIT(STRING_PERSIST), &o))
        return;
    struct entry *e = find_or_null(c);
    if (!e || !string_options_expiry(c, &o, &at_ms))
        return;
    reply_value(c, e);
    if (!o.given || (at_ms == EXPIRE_NONE && entry_expire_at_ms(e) == EXPIRE_NONE))
        return;
    call_edit(c, 1, &ed);
    if (at_ms != EXPIRE_NONE && at_ms <= call_now_ms(c))
        edit_delete(&ed);
    else if (edit_set_expiry(&ed, at_ms) < 0)
        c->out->failed = true; /* too late for an error: the value is in the reply already */
}

void string_cmd_getrange(struct call *c)
{
    int64_t start, end;
    bool ok;
    if (!call_int64(c, 2, &start) || !call_int64(c, 3, &end))
        return;
    struct entry *e = call_find_string(c, 1, &ok);
    if (!ok)
        return;
    int64_t len = e ? (int64_t)string_len(e) : 0;
    bool crossed = start < 0 && end < 0 && start > end;
    if (start < 0)
        start = start + len < 0 ? 0 : start + len;
    if (end < 0)
        end = end + len < 0 ? 0 : end + len;
    if (end >= len)
        end = len - 1;
    if (crossed || start > end || !e) {
        reply_bulk(c->out, SLICE(""));
        return;
    }
    char scratch[INT64_TEXT_MAX];
    struct slice s = string_view(e, scratch);
    reply_bulk(c->out, slice_of(s.ptr + start, (size_t)(end - start + 1)));
}

void string_cmd_digest(struct call *c)
{
    char scratch[INT64_TEXT_MAX];
    struct entry *e = find_or_null(c);
    if (e)
        reply_bulk_fmt(c->out, "%016llx", (unsigned long long)hash_digest(string_view(e, scratch)));
}
