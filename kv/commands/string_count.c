/* string_count: numbers held as strings, and adding to them. */
#include <float.h>
#include <math.h>

#include "kv/base/number.h"
#include "kv/commands/string_commands.h"
#include "kv/commands/string_options.h"
#include "kv/engine/call.h"
#include "kv/types/string.h"

__extension__ typedef __int128 wide; /* sums and differences of two int64 */

/* False: the error is written. A missing key counts as 0. */
static bool read_int(struct call *c, const struct entry *e, int64_t *value)
{
    *value = 0;
    if (!e)
        return true;
    if (entry_type(e) != VALUE_STRING) {
        reply_wrong_type(c->out);
        return false;
    }
    if (string_int64(e, value))
        return true;
    reply_not_integer(c->out);
    return false;
}

static bool read_float(struct call *c, const struct entry *e, long double *value)
{
    char scratch[INT64_TEXT_MAX];
    *value = 0;
    if (!e)
        return true;
    if (entry_type(e) != VALUE_STRING) {
        reply_wrong_type(c->out);
        return false;
    }
    if (number_parse_long_double(string_view(e, scratch), value))
        return true;
    reply_not_float(c->out);
    return false;
}

static void add(struct call *c, int64_t by)
{
    struct edit ed;
    int64_t value;
    call_edit(c, 1, &ed);
    if (!read_int(c, ed.entry, &value))
        return;
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(c->out, "ERR increment or decrement would overflow");
        return;
    }
    if (string_set_int64(&ed, value, EXPIRE_KEEP) < 0)
        reply_no_memory(c->out);
    else
        reply_int(c->out, value);
}

void string_cmd_incr(struct call *c)
{
    add(c, 1);
}

void string_cmd_decr(struct call *c)
{
    add(c, -1);
}

void string_cmd_incrby(struct call *c)
{
    int64_t by;
    if (call_int64(c, 2, &by))
        add(c, by);
}

void string_cmd_decrby(struct call *c)
{
    int64_t by;
    if (!call_int64(c, 2, &by))
        return;
    if (by == INT64_MIN)
        reply_error(c->out, "ERR decrement would overflow");
    else
        add(c, -by);
}

void string_cmd_incrbyfloat(struct call *c)
{
    char text[LONG_DOUBLE_TEXT_MAX];
    struct edit ed;
    long double value, by;
    call_edit(c, 1, &ed);
    if (!read_float(c, ed.entry, &value))
        return;
    if (!number_parse_long_double(c->argv[2], &by)) {
        reply_not_float(c->out);
        return;
    }
    value += by;
    if (isnan(value) || isinf(value)) {
        reply_error(c->out, "ERR increment would produce NaN or Infinity");
        return;
    }
    struct slice s = slice_of(text, (size_t)number_format_long_double(text, value));
    if (string_set_text(&ed, s, EXPIRE_KEEP) < 0)
        reply_no_memory(c->out);
    else
        reply_bulk(c->out, s);
}

/* ---- INCREX ---- */

enum {
    INCREX_OPTIONS = STRING_TIMES | STRING_BIT(STRING_PERSIST) | STRING_BIT(STRING_BYINT) |
                     STRING_BIT(STRING_BYFLOAT) | STRING_BIT(STRING_LBOUND) |
                     STRING_BIT(STRING_UBOUND) | STRING_BIT(STRING_SATURATE) |
                     STRING_BIT(STRING_ENX)
};

/* What is to become of the key's expiry, once the sum is known to be in range. */
static int64_t increx_expiry(const struct string_options *o, const struct entry *e, int64_t at_ms)
{
    bool has_expiry = e && entry_expire_at_ms(e) != EXPIRE_NONE;
    if (string_given(o, STRING_PERSIST))
        return EXPIRE_NONE;
    if (!(o->given & STRING_TIMES) || (string_given(o, STRING_ENX) && has_expiry))
        return EXPIRE_KEEP;
    return at_ms;
}

static bool bound_int(struct call *c, const struct string_options *o, enum string_option which,
                      const char *name, int64_t *bound)
{
    if (!string_given(o, which) || number_parse_int64(o->values[which], bound))
        return true;
    reply_errorf(c->out, "ERR %s is not an integer or out of range", name);
    return false;
}

static bool bound_float(struct call *c, const struct string_options *o, enum string_option which,
                        const char *name, long double *bound)
{
    if (!string_given(o, which) || number_parse_long_double(o->values[which], bound))
        return true;
    reply_errorf(c->out, "ERR %s is not a valid float", name);
    return false;
}

static void reply_crossed_bounds(struct call *c)
{
    reply_error(c->out, "ERR LBOUND can't be greater than UBOUND");
}

static void increx_int(struct call *c, const struct string_options *o)
{
    int64_t low = INT64_MIN, high = INT64_MAX, by = 1, value, at_ms;
    struct edit ed;
    if (!bound_int(c, o, STRING_LBOUND, "LBOUND", &low) ||
        !bound_int(c, o, STRING_UBOUND, "UBOUND", &high))
        return;
    if (low > high) {
        reply_crossed_bounds(c);
        return;
    }
    if (string_given(o, STRING_BYINT) && !number_parse_int64(o->values[STRING_BYINT], &by)) {
        reply_not_integer(c->out);
        return;
    }
    if (!string_options_expiry(c, o, &at_ms))
        return;
    call_edit(c, 1, &ed);
    if (!read_int(c, ed.entry, &value))
        return;
    wide sum = (wide)value + by, added = by;
    if (sum < low || sum > high) {
        if (!string_given(o, STRING_SATURATE)) {
            reply_array(c->out, 2);
            reply_int(c->out, value);
            reply_int(c->out, 0);
            return;
        }
        sum = sum < low ? low : high;
        added = sum - value;
        if (added < INT64_MIN || added > INT64_MAX) {
            reply_error(c->out, "ERR increment or decrement would overflow");
            return;
        }
    }
    char text[INT64_TEXT_MAX];
    struct slice s = slice_of(text, (size_t)number_format_int64(text, (int64_t)sum));
    if (string_store(c, &ed, s, increx_expiry(o, ed.entry, at_ms)) < 0) {
        reply_no_memory(c->out);
        return;
    }
    reply_array(c->out, 2);
    reply_int(c->out, (int64_t)sum);
    reply_int(c->out, (int64_t)added);
}

static void increx_float_store(struct call *c, const struct string_options *o, struct edit *ed,
                               long double value, long double added, int64_t at_ms)
{
    char text[LONG_DOUBLE_TEXT_MAX];
    struct slice s = slice_of(text, (size_t)number_format_long_double(text, value));
    if (string_store(c, ed, s, increx_expiry(o, ed->entry, at_ms)) < 0) {
        reply_no_memory(c->out);
        return;
    }
    reply_array(c->out, 2);
    reply_long_double(c->out, value, true);
    reply_long_double(c->out, added, true);
}

static void increx_float(struct call *c, const struct string_options *o)
{
    long double low = -LDBL_MAX, high = LDBL_MAX, by, value;
    struct edit ed;
    int64_t at_ms;
    if (!bound_float(c, o, STRING_LBOUND, "LBOUND", &low) ||
        !bound_float(c, o, STRING_UBOUND, "UBOUND", &high))
        return;
    if (low > high) {
        reply_crossed_bounds(c);
        return;
    }
    if (!number_parse_long_double(o->values[STRING_BYFLOAT], &by)) {
        reply_not_float(c->out);
        return;
    }
    if (!string_options_expiry(c, o, &at_ms))
        return;
    call_edit(c, 1, &ed);
    if (!read_float(c, ed.entry, &value))
        return;
    if (isinf(by) || isinf(value)) {
        reply_error(c->out, "ERR value or increment would produce Infinity");
        return;
    }
    long double sum = value + by, added = by;
    if (sum < low || sum > high || isinf(sum)) {
        bool saturate = string_given(o, STRING_SATURATE);
        sum = !saturate ? value : sum < low ? low : high;
        added = sum - value;
        if (isinf(sum) || isinf(added)) {
            reply_error(c->out, "ERR value or increment would produce Infinity");
            return;
        }
        if (!saturate) {
            reply_array(c->out, 2);
            reply_long_double(c->out, value, true);
            reply_long_double(c->out, 0, true);
            return;
        }
    }
    increx_float_store(c, o, &ed, sum, added, at_ms);
}

void string_cmd_increx(struct call *c)
{
    struct string_options o;
    if (!string_options_parse(c, 2, INCREX_OPTIONS, &o))
        return;
    if (string_given(&o, STRING_ENX) && string_given(&o, STRING_PERSIST)) {
        reply_syntax_error(c->out);
        return;
    }
    if (string_given(&o, STRING_ENX) && !(o.given & STRING_TIMES)) {
        reply_error(c->out, "ERR ENX flag requires an expiration");
        return;
    }
    if (string_given(&o, STRING_BYFLOAT))
        increx_float(c, &o);
    else
        increx_int(c, &o);
}
