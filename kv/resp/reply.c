/* Every function asks for room once and then writes without looking; only what is of any length
 * (bulks, raw bytes) is written in pieces when the room is short. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kv/base/number.h"
#include "kv/resp/reply.h"

enum {
    HEADER_BYTES_MAX = 1 + INT64_TEXT_MAX + 2,
    PIECE_BYTES_MAX = 64 * 1024, /* what `more` is asked for at most, where pieces will do */
    DOUBLE_TEXT_MAX = 128,
    HELP_LINE_MAX = 256,
};

bool reply_more(struct reply *r, size_t bytes)
{
    assert(r->pos >= r->start);
    if (!r->failed)
        r->more(r, bytes);
    if (r->failed) {
        /* Nothing may slip in behind what has been dropped. */
        r->pos = r->end = r->start;
        return false;
    }
    assert((size_t)(r->end - r->pos) >= bytes);
    return true;
}

void reply_raw_slow(struct reply *r, const char *data, size_t len)
{
    for (;;) {
        size_t room = (size_t)(r->end - r->pos), piece = len < room ? len : room;
        if (piece) {
            memcpy(r->pos, data, piece);
            r->pos += piece;
        }
        data += piece;
        len -= piece;
        if (len == 0 || !reply_more(r, len < PIECE_BYTES_MAX ? len : PIECE_BYTES_MAX))
            return;
    }
}

static inline char *put_crlf(char *at)
{
    memcpy(at, "\r\n", 2);
    return at + 2;
}

/* "$12\r\n" and its like. HEADER_BYTES_MAX must be there. */
static inline char *put_header(char *at, char sign, int64_t value)
{
    *at++ = sign;
    if (value >= 0 && value <= 9)
        *at++ = (char)('0' + value);
    else
        at += number_format_int64(at, value);
    return put_crlf(at);
}

static void header(struct reply *r, char sign, int64_t value)
{
    if (reply_room(r, HEADER_BYTES_MAX))
        r->pos = put_header(r->pos, sign, value);
}

void reply_int(struct reply *r, int64_t value)
{
    header(r, ':', value);
}

void reply_bulk(struct reply *r, struct slice s)
{
    char *at = r->pos;
    if (s.len + HEADER_BYTES_MAX + 2 <= (size_t)(r->end - at)) {
        at = put_header(at, '$', (int64_t)s.len);
        if (s.len)
            memcpy(at, s.ptr, s.len);
        r->pos = put_crlf(at + s.len);
        return;
    }
    header(r, '$', (int64_t)s.len);
    reply_raw(r, s.ptr, s.len);
    reply_raw(r, "\r\n", 2);
}

void reply_bulk_str(struct reply *r, const char *text)
{
    reply_bulk(r, slice_str(text));
}

void reply_bulk_int(struct reply *r, int64_t value)
{
    char text[INT64_TEXT_MAX];
    int len = number_format_int64(text, value);
    reply_bulk(r, slice_of(text, (size_t)len));
}

void reply_bulk_fmt(struct reply *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    /* In one piece, as vsnprintf writes in one; the byte for its terminator is taken by the CR. */
    if (!reply_room(r, HEADER_BYTES_MAX + (size_t)len + 2))
        return;
    r->pos = put_header(r->pos, '$', len);
    va_start(args, fmt);
    vsnprintf(r->pos, (size_t)len + 1, fmt, args);
    va_end(args);
    r->pos = put_crlf(r->pos + len);
}

void reply_null_array(struct reply *r)
{
    if (r->proto >= 3)
        reply_null(r);
    else
        reply_raw(r, "*-1\r\n", 5);
}

void reply_array(struct reply *r, int64_t count)
{
    assert(count >= 0);
    header(r, '*', count);
}

void reply_map(struct reply *r, int64_t pairs)
{
    assert(pairs >= 0);
    if (r->proto >= 3)
        header(r, '%', pairs);
    else
        header(r, '*', pairs * 2);
}

void reply_set(struct reply *r, int64_t count)
{
    assert(count >= 0);
    header(r, r->proto >= 3 ? '~' : '*', count);
}

void reply_push(struct reply *r, int64_t count)
{
    assert(count >= 0);
    header(r, r->proto >= 3 ? '>' : '*', count);
}

void reply_attribute(struct reply *r, int64_t pairs)
{
    assert(r->proto >= 3);
    assert(pairs >= 0);
    header(r, '|', pairs);
}

void reply_bool(struct reply *r, bool value)
{
    if (r->proto >= 3)
        reply_raw(r, value ? "#t\r\n" : "#f\r\n", 4);
    else
        header(r, ':', value);
}

/* sign, text and the line's end. */
static void line(struct reply *r, char sign, struct slice text)
{
    reply_raw(r, &sign, 1);
    reply_raw(r, text.ptr, text.len);
    reply_raw(r, "\r\n", 2);
}

void reply_double(struct reply *r, double value)
{
    char text[DOUBLE_TEXT_MAX];
    struct slice s = slice_of(text, (size_t)number_format_double(text, value));
    if (r->proto >= 3)
        line(r, ',', s);
    else
        reply_bulk(r, s);
}

void reply_long_double(struct reply *r, long double value, bool as_double)
{
    char text[LONG_DOUBLE_TEXT_MAX];
    struct slice s = slice_of(text, (size_t)number_format_long_double(text, value));
    if (r->proto >= 3 && as_double)
        line(r, ',', s);
    else
        reply_bulk(r, s);
}

void reply_big_number(struct reply *r, struct slice digits)
{
    if (r->proto >= 3)
        line(r, '(', digits);
    else
        reply_bulk(r, digits);
}

void reply_verbatim(struct reply *r, const char ext[3], struct slice text)
{
    if (r->proto < 3) {
        reply_bulk(r, text);
        return;
    }
    header(r, '=', (int64_t)text.len + 4);
    reply_raw(r, ext, 3);
    reply_raw(r, ":", 1);
    reply_raw(r, text.ptr, text.len);
    reply_raw(r, "\r\n", 2);
}

/* An error whose text is `len` bytes at r->pos + 1, with room for the line's end behind them. */
static void error_close(struct reply *r, size_t len)
{
    char *text = r->pos + 1;
    while (len && (text[len - 1] == '\r' || text[len - 1] == '\n'))
        len--;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
    }
    r->pos[0] = '-';
    r->pos = put_crlf(text + len);
    r->error_count++;
}

void reply_error(struct reply *r, const char *text)
{
    size_t len = strlen(text);
    if (!reply_room(r, len + 3))
        return;
    memcpy(r->pos + 1, text, len);
    error_close(r, len);
}

void reply_errorf(struct reply *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    if (!reply_room(r, (size_t)len + 3))
        return;
    va_start(args, fmt);
    vsnprintf(r->pos + 1, (size_t)len + 1, fmt, args);
    va_end(args);
    error_close(r, (size_t)len);
}

void reply_help(struct reply *r, const char *command, const char *const *lines)
{
    const struct slice usage =
        SLICE(" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n");
    char first[HELP_LINE_MAX];
    size_t len = strlen(command);
    int64_t count = 0;
    while (lines[count])
        count++;
    assert(len < sizeof(first));
    for (size_t i = 0; i < len; i++)
        first[i] =
            (char)(command[i] >= 'a' && command[i] <= 'z' ? command[i] - ('a' - 'A') : command[i]);
    reply_array(r, count + 3);
    reply_raw(r, "+", 1);
    reply_raw(r, first, len);
    reply_raw(r, usage.ptr, usage.len);
    for (int64_t i = 0; i < count; i++)
        reply_status(r, lines[i]);
    reply_status(r, "HELP");
    reply_status(r, "    Prints this help.");
}

void reply_wrong_type(struct reply *r)
{
    reply_error(r, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void reply_syntax_error(struct reply *r)
{
    reply_error(r, "ERR syntax error");
}

void reply_not_integer(struct reply *r)
{
    reply_error(r, "ERR value is not an integer or out of range");
}

void reply_not_float(struct reply *r)
{
    reply_error(r, "ERR value is not a valid float");
}

void reply_no_memory(struct reply *r)
{
    reply_error(r, "OOM command not allowed when used memory > 'maxmemory'.");
}

void reply_wrong_arity(struct reply *r, const char *full_name)
{
    reply_errorf(r, "ERR wrong number of arguments for '%s' command", full_name);
}

/* The number of the line at *at, behind its sign. Leaves *at behind the line's end. */
static bool measure_line(const char **at, const char *end, int64_t *value)
{
    const char *s = *at + 1, *cr = memchr(s, '\r', (size_t)(end - s));
    if (!cr || end - cr < 2)
        return false;
    *at = cr + 2;
    return !value || number_parse_int64(slice_of(s, (size_t)(cr - s)), value);
}

size_t reply_measure(struct slice s)
{
    const char *at = s.ptr, *end = s.ptr + s.len;
    /* Replies still to be passed, with all that is nested: a count instead of a stack. */
    int64_t left = 1, count;
    while (left > 0) {
        if (at == end)
            return 0;
        left--;
        char sign = *at;
        switch (sign) {
        case '$':
        case '=':
        case '!':
            if (!measure_line(&at, end, &count) || (count >= 0 && count > end - at - 2))
                return 0;
            if (count >= 0)
                at += count + 2;
            break;
        case '*':
        case '~':
        case '>':
        case '%':
        case '|':
            /* More elements than there are bytes cannot be here; so nothing overflows. */
            if (!measure_line(&at, end, &count) || count > end - at)
                return 0;
            if (count > 0)
                left += sign == '%' || sign == '|' ? count * 2 : count;
            if (sign == '|')
                left++; /* the reply that it is an attribute of */
            break;
        case '+':
        case '-':
        case ':':
        case '_':
        case ',':
        case '#':
        case '(':
            if (!measure_line(&at, end, NULL))
                return 0;
            break;
        default:
            return 0;
        }
        if (left > end - at)
            return 0;
    }
    return (size_t)(at - s.ptr);
}
