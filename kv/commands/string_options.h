/* string_options: the options that SET and its relatives share: which words a command takes, which
 * exclude each other, what expiry and what condition they come to. Used inside one handler; the
 * values are borrowed from the call's arguments. */
#ifndef KV_COMMANDS_STRING_OPTIONS_H
#define KV_COMMANDS_STRING_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/slice.h"

struct call;
struct edit;
struct entry;

enum string_option {
    STRING_EX,
    STRING_PX,
    STRING_EXAT,
    STRING_PXAT,
    STRING_NX,
    STRING_XX,
    STRING_GET,
    STRING_KEEPTTL,
    STRING_PERSIST,
    STRING_IFEQ,
    STRING_IFNE,
    STRING_IFDEQ,
    STRING_IFDNE,
    STRING_BYINT,
    STRING_BYFLOAT,
    STRING_LBOUND,
    STRING_UBOUND,
    STRING_SATURATE,
    STRING_ENX,
    STRING_OPTION_COUNT
};

#define STRING_BIT(option) (1u << (option))

enum {
    STRING_TIMES = STRING_BIT(STRING_EX) | STRING_BIT(STRING_PX) | STRING_BIT(STRING_EXAT) |
                   STRING_BIT(STRING_PXAT),
    STRING_COMPARES = STRING_BIT(STRING_IFEQ) | STRING_BIT(STRING_IFNE) | STRING_BIT(STRING_IFDEQ) |
                      STRING_BIT(STRING_IFDNE),
    STRING_CONDITIONS = STRING_BIT(STRING_NX) | STRING_BIT(STRING_XX) | STRING_COMPARES,
};

struct string_options {
    uint32_t given;                           /* STRING_BIT()s */
    struct slice values[STRING_OPTION_COUNT]; /* only of given options that take one */
};

static inline bool string_given(const struct string_options *o, enum string_option option)
{
    return o->given & STRING_BIT(option);
}

/* The words from argv[first] to the end; `allowed` are bits. False: the syntax error is written. */
bool string_options_parse(struct call *c, int first, uint32_t allowed, struct string_options *o);
/* When the key is to expire: a Unix time in ms, EXPIRE_NONE, or EXPIRE_KEEP with KEEPTTL. False:
 * the error is written. */
bool string_options_expiry(struct call *c, const struct string_options *o, int64_t *at_ms);
/* A time given as text. relative: from now on. False: the error is written. */
bool string_expiry(struct call *c, struct slice text, bool seconds, bool relative, int64_t *at_ms);

enum string_condition { STRING_CONDITION_HOLDS, STRING_CONDITION_FAILS, STRING_CONDITION_ERROR };

/* Whether the condition given (none: it holds) holds for what the key has now, NULL: nothing.
 * ERROR: the error is written. */
enum string_condition string_options_check(struct call *c, const struct string_options *o,
                                           const struct entry *e);
/* string_set(), but with an expiry that has come already the key is taken away. 0 or -ENOMEM:
 * nothing changed. */
int string_store(struct call *c, struct edit *ed, struct slice value, int64_t at_ms);

#endif
