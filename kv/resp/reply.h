/* reply: writes RESP2 or RESP3 into room that its owner supplies. Used by one thread at a time.
 * Where the two differ (null, map, set, double, boolean, verbatim, big number, push) the function
 * picks by r->proto. When the room ends, `more` is called: it takes what lies in [start, pos),
 * and sets start, pos and end to new room of at least min_bytes, or sets `failed`; after that
 * everything is dropped and the owner closes the connection. */
#ifndef KV_RESP_REPLY_H
#define KV_RESP_REPLY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kv/base/slice.h"

struct reply {
    char *start, *pos, *end;
    void (*more)(struct reply *r, size_t min_bytes);
    void *owner;
    uint64_t error_count; /* error replies written so far */
    uint8_t proto;        /* 2 or 3 */
    bool failed;
};

static inline void reply_raw(struct reply *r, const char *data, size_t len);
static inline void reply_status(struct reply *r, const char *text); /* "OK" -> +OK */
static inline void reply_ok(struct reply *r);
void reply_int(struct reply *r, int64_t value);
void reply_bulk(struct reply *r, struct slice s);
void reply_bulk_str(struct reply *r, const char *text);
void reply_bulk_int(struct reply *r, int64_t value);
void reply_bulk_fmt(struct reply *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void reply_null(struct reply *r); /* $-1 or _ */
void reply_null_array(struct reply *r);         /* *-1 or _ */
void reply_array(struct reply *r, int64_t count);
void reply_map(struct reply *r, int64_t pairs); /* RESP2: an array of twice as many */
void reply_set(struct reply *r, int64_t count);
void reply_push(struct reply *r, int64_t count);
void reply_attribute(struct reply *r, int64_t pairs); /* RESP3 only */
void reply_bool(struct reply *r, bool value);         /* RESP2: :1 or :0 */
void reply_double(struct reply *r, double value);     /* RESP2: a bulk */
/* As INCRBYFLOAT prints: RESP2 a bulk, RESP3 a double when as_double. */
void reply_long_double(struct reply *r, long double value, bool as_double);
void reply_big_number(struct reply *r, struct slice digits);
void reply_verbatim(struct reply *r, const char ext[3], struct slice text); /* RESP2: a bulk */
/* text begins with its code: "ERR syntax error", "WRONGTYPE ...". At its end CR and LF are
 * dropped, elsewhere they become spaces. */
void reply_error(struct reply *r, const char *text);
void reply_errorf(struct reply *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Subcommand HELP as Redis formats it: heading (command in upper case), the lines
 * (NULL-terminated), and the HELP lines itself. */
void reply_help(struct reply *r, const char *command, const char *const *lines);

/* Errors that many commands share. */
void reply_wrong_type(struct reply *r);
void reply_syntax_error(struct reply *r);
void reply_not_integer(struct reply *r);
void reply_not_float(struct reply *r);
void reply_no_memory(struct reply *r);
void reply_wrong_arity(struct reply *r, const char *full_name);

/* Reading replies back, where replies of parts are merged: the length of the one complete reply
 * (with all that is nested in it) at s.ptr, 0 if s does not hold a whole one. */
size_t reply_measure(struct slice s);

/* Makes room for `bytes` at r->pos, in one piece. False: failed. */
static inline bool reply_room(struct reply *r, size_t bytes);

/* private */
bool reply_more(struct reply *r, size_t bytes);
void reply_raw_slow(struct reply *r, const char *data, size_t len);

static inline bool reply_room(struct reply *r, size_t bytes)
{
    return bytes <= (size_t)(r->end - r->pos) || reply_more(r, bytes);
}

static inline void reply_raw(struct reply *r, const char *data, size_t len)
{
    if (len == 0)
        return;
    if (len > (size_t)(r->end - r->pos)) {
        reply_raw_slow(r, data, len);
        return;
    }
    memcpy(r->pos, data, len);
    r->pos += len;
}

static inline void reply_ok(struct reply *r)
{
    reply_raw(r, "+OK\r\n", 5);
}

static inline void reply_null(struct reply *r)
{
    if (r->proto >= 3)
        reply_raw(r, "_\r\n", 3);
    else
        reply_raw(r, "$-1\r\n", 5);
}

static inline void reply_status(struct reply *r, const char *text)
{
    size_t len = strlen(text);
    if (!reply_room(r, len + 3))
        return;
    r->pos[0] = '+';
    memcpy(r->pos + 1, text, len);
    memcpy(r->pos + 1 + len, "\r\n", 2);
    r->pos += len + 3;
}

#endif
