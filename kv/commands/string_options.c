#include "kv/commands/string_options.h"

#include <ctype.h>
#include <stdio.h>

#include "kv/base/hash.h"
#include "kv/base/number.h"
#include "kv/engine/call.h"
#include "kv/types/string.h"

enum { DIGEST_TEXT_BYTES = 16 };

/* What the key's lifetime is to be can be said in one way only. */
static const uint32_t lifetimes =
    STRING_TIMES | STRING_BIT(STRING_KEEPTTL) | STRING_BIT(STRING_PERSIST);
static const uint32_t increments = STRING_BIT(STRING_BYINT) | STRING_BIT(STRING_BYFLOAT);

struct word {
    const char *name;
    const uint32_t *group; /* the others in it exclude this one; NULL: none do */
    bool has_value;
};

static const uint32_t conditions = STRING_CONDITIONS;
static const struct word words[STRING_OPTION_COUNT] = {
    [STRING_EX] = { "ex", &lifetimes, true },
    [STRING_PX] = { "px", &lifetimes, true },
    [STRING_EXAT] = { "exat", &lifetimes, true },
    [STRING_PXAT] = { "pxat", &lifetimes, true },
    [STRING_NX] = { "nx", &conditions, false },
    [STRING_XX] = { "xx", &conditions, false },
    [STRING_GET] = { "get", NULL, false },
    [STRING_KEEPTTL] = { "keepttl", &lifetimes, false },
    [STRING_PERSIST] = { "persist", &lifetimes, false },
    [STRING_IFEQ] = { "ifeq", &conditions, true },
    [STRING_IFNE] = { "ifne", &conditions, true },
    [STRING_IFDEQ] = { "ifdeq", &conditions, true },
    [STRING_IFDNE] = { "ifdne", &conditions, true },
    [STRING_BYINT] = { "byint", &increments, true },
    [STRING_BYFLOAT] = { "byfloat", &increments, true },
    [STRING_LBOUND] = { "lbound", NULL, true },
    [STRING_UBOUND] = { "ubound", NULL, true },
    [STRING_SATURATE] = { "saturate", NULL, false },
    [STRING_ENX] = { "enx", NULL, false },
};

static int find_word(struct slice s, uint32_t allowed)
{
    for (int i = 0; i < STRING_OPTION_COUNT; i++) {
        if ((allowed & STRING_BIT(i)) && slice_is(s, words[i].name))
            return i;
    }
    return -1;
}

bool string_options_parse(struct call *c, int first, uint32_t allowed, struct string_options *o)
{
    o->given = 0;
    for (int i = first; i < c->argc; i++) {
        int option = find_word(c->argv[i], allowed);
        if (option < 0)
            goto syntax_error;
        const struct word *w = &words[option];
        /* The same word again is no conflict: the last one counts. */
        if (w->group && (o->given & *w->group & ~STRING_BIT(option)))
            goto syntax_error;
        if (w->has_value) {
            if (++i == c->argc)
                goto syntax_error;
            o->values[option] = c->argv[i];
        }
        o->given |= STRING_BIT(option);
    }
    return true;
syntax_error:
    reply_syntax_error(c->out);
    return false;
}

bool string_expiry(struct call *c, struct slice text, bool seconds, bool relative, int64_t *at_ms)
{
    int64_t at;
    if (!number_parse_int64(text, &at)) {
        reply_not_integer(c->out);
        return false;
    }
    if (at <= 0 || (seconds && __builtin_mul_overflow(at, 1000, &at)) ||
        (relative && __builtin_add_overflow(at, call_now_ms(c), &at))) {
        reply_errorf(c->out, "ERR invalid expire time in '%s' command", c->cmd->full_name);
        return false;
    }
    *at_ms = at;
    return true;
}

bool string_options_expiry(struct call *c, const struct string_options *o, int64_t *at_ms)
{
    *at_ms = string_given(o, STRING_KEEPTTL) ? EXPIRE_KEEP : EXPIRE_NONE;
    for (int i = STRING_EX; i <= STRING_PXAT; i++) {
        if (string_given(o, i))
            return string_expiry(c, o->values[i], i == STRING_EX || i == STRING_EXAT,
                                 i == STRING_EX || i == STRING_PX, at_ms);
    }
    return true;
}

static bool digest_is(struct slice value, struct slice digest)
{
    char text[DIGEST_TEXT_BYTES + 1];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash_digest(value));
    for (int i = 0; i < DIGEST_TEXT_BYTES; i++) {
        if (text[i] != tolower((unsigned char)digest.ptr[i]))
            return false;
    }
    return true;
}

enum string_condition string_options_check(struct call *c, const struct string_options *o,
                                           const struct entry *e)
{
    char scratch[INT64_TEXT_MAX];
    bool holds;
    if (!(o->given & STRING_CONDITIONS))
        return STRING_CONDITION_HOLDS;
    if (string_given(o, STRING_NX)) {
        holds = !e;
    } else if (string_given(o, STRING_XX)) {
        holds = e;
    } else if (!e) {
        holds = string_given(o, STRING_IFNE) || string_given(o, STRING_IFDNE);
    } else if (entry_type(e) != VALUE_STRING) {
        reply_wrong_type(c->out);
        return STRING_CONDITION_ERROR;
    } else if (string_given(o, STRING_IFEQ)) {
        holds = slice_eq(string_view(e, scratch), o->values[STRING_IFEQ]);
    } else if (string_given(o, STRING_IFNE)) {
        holds = !slice_eq(string_view(e, scratch), o->values[STRING_IFNE]);
    } else {
        bool equal = string_given(o, STRING_IFDEQ);
        struct slice digest = o->values[equal ? STRING_IFDEQ : STRING_IFDNE];
        if (digest.len != DIGEST_TEXT_BYTES) {
            reply_error(c->out, "ERR the digest must be exactly 16 hexadecimal characters");
            return STRING_CONDITION_ERROR;
        }
        holds = digest_is(string_view(e, scratch), digest) == equal;
    }
    return holds ? STRING_CONDITION_HOLDS : STRING_CONDITION_FAILS;
}

int string_store(struct call *c, struct edit *ed, struct slice value, int64_t at_ms)
{
    if (at_ms >= 0 && at_ms <= call_now_ms(c)) {
        if (ed->entry)
            edit_delete(ed);
        return 0;
    }
    return string_set(ed, value, at_ms);
}
