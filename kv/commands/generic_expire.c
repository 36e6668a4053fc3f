/* generic_expire: when keys expire. */
#include "kv/commands/generic_commands.h"
#include "kv/engine/call.h"

enum expire_condition { EXPIRE_NX = 1, EXPIRE_XX = 2, EXPIRE_GT = 4, EXPIRE_LT = 8 };
enum { NO_EXPIRY_REPLY = -1, NO_KEY_REPLY = -2 };

static bool parse_conditions(struct call *c, unsigned *conditions)
{
    *conditions = 0;
    for (int i = 3; i < c->argc; i++) {
        struct slice word = c->argv[i];
        if (slice_is(word, "nx")) {
            *conditions |= EXPIRE_NX;
        } else if (slice_is(word, "xx")) {
            *conditions |= EXPIRE_XX;
        } else if (slice_is(word, "gt")) {
            *conditions |= EXPIRE_GT;
        } else if (slice_is(word, "lt")) {
            *conditions |= EXPIRE_LT;
        } else {
            reply_errorf(c->out, "ERR Unsupported option %.*s", (int)word.len, word.ptr);
            return false;
        }
    }
    if ((*conditions & EXPIRE_NX) && (*conditions & ~(unsigned)EXPIRE_NX)) {
        reply_error(c->out, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*conditions & EXPIRE_GT) && (*conditions & EXPIRE_LT)) {
        reply_error(c->out, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* No expiry counts as later than any. */
static bool conditions_hold(unsigned conditions, int64_t current, int64_t at_ms)
{
    bool none = current == EXPIRE_NONE;
    if ((conditions & EXPIRE_NX) && !none)
        return false;
    if ((conditions & EXPIRE_XX) && none)
        return false;
    if ((conditions & EXPIRE_GT) && (none || at_ms <= current))
        return false;
    if ((conditions & EXPIRE_LT) && !none && at_ms >= current)
        return false;
    return true;
}

static void expire(struct call *c, bool seconds, bool relative)
{
    unsigned conditions;
    int64_t at_ms;
    struct edit ed;
    if (!parse_conditions(c, &conditions) || !call_int64(c, 2, &at_ms))
        return;
    if ((seconds && __builtin_mul_overflow(at_ms, 1000, &at_ms)) ||
        (relative && __builtin_add_overflow(at_ms, call_now_ms(c), &at_ms))) {
        reply_errorf(c->out, "ERR invalid expire time in '%s' command", c->cmd->full_name);
        return;
    }
    call_edit(c, 1, &ed);
    if (!ed.entry || !conditions_hold(conditions, entry_expire_at_ms(ed.entry), at_ms)) {
        reply_int(c->out, 0);
        return;
    }
    if (at_ms <= call_now_ms(c)) {
        edit_delete(&ed);
    } else if (edit_set_expiry(&ed, at_ms) < 0) {
        reply_no_memory(c->out);
        return;
    }
    reply_int(c->out, 1);
}

void generic_cmd_expire(struct call *c)
{
    expire(c, true, true);
}

void generic_cmd_expireat(struct call *c)
{
    expire(c, true, false);
}

void generic_cmd_pexpire(struct call *c)
{
    expire(c, false, true);
}

void generic_cmd_pexpireat(struct call *c)
{
    expire(c, false, false);
}

/* Seconds are rounded to the nearest. */
static void reply_expiry(struct call *c, bool seconds, bool relative)
{
    const struct entry *e = call_peek(c, 1);
    int64_t ms = e ? entry_expire_at_ms(e) : NO_KEY_REPLY;
    if (!e || ms == EXPIRE_NONE) {
        reply_int(c->out, e ? NO_EXPIRY_REPLY : NO_KEY_REPLY);
        return;
    }
    if (relative)
        ms -= call_now_ms(c);
    reply_int(c->out, seconds ? ms / 1000 + (ms % 1000 >= 500) : ms);
}

void generic_cmd_expiretime(struct call *c)
{
    reply_expiry(c, true, false);
}

void generic_cmd_pexpiretime(struct call *c)
{
    reply_expiry(c, false, false);
}

void generic_cmd_ttl(struct call *c)
{
    reply_expiry(c, true, true);
}

void generic_cmd_pttl(struct call *c)
{
    reply_expiry(c, false, true);
}

void generic_cmd_persist(struct call *c)
{
    struct edit ed;
    call_edit(c, 1, &ed);
    if (!ed.entry || entry_expire_at_ms(ed.entry) == EXPIRE_NONE)
        reply_int(c->out, 0);
    else if (edit_set_expiry(&ed, EXPIRE_NONE) < 0)
        reply_no_memory(c->out);
    else
        reply_int(c->out, 1);
}
