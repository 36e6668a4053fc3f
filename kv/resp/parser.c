/* Two ways through a request. A command that lies whole in the buffer, as nearly all do, is cut
 * in one go: its arguments are written straight into the arena's room, and only success allocates
 * that room, so giving up costs nothing. All else (a part of a command, errors, limits before
 * authentication) takes the state machine below, which keeps offsets, as the bytes may move
 * between two calls.
 *
 *   START -> COUNT "*3\r\n" -> HEADER "$3\r\n" -> BODY "SET\r\n" -> HEADER ... -> START
 *         -> INLINE "SET a b\r\n" -> START             any -> FAILED, for good
 *
 * What Redis takes is taken: a line ends at CR and whatever byte follows it, the two bytes behind
 * a body may be any, and a NUL before the end of a line means that the end is never found. */
#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "kv/base/number.h"
#include "kv/resp/parser.h"

enum { STATE_START, STATE_COUNT, STATE_HEADER, STATE_BODY, STATE_INLINE, STATE_FAILED };

enum {
    FAST_ARGS_MAX = 1024,
    ARGS_FIRST = 16,
    LINE_BYTES_MAX = RESP_INLINE_BYTES_MAX, /* of a count or length line, as of an inline one */
};

static_assert(FAST_ARGS_MAX * sizeof(struct slice) <= ARENA_RESERVE_MAX, "reserved in one piece");

void resp_parser_init(struct resp_parser *p, size_t bulk_max_bytes)
{
    assert(p);
    *p = (struct resp_parser){ .bulk_max_bytes = bulk_max_bytes };
}

static void parser_restart(struct resp_parser *p)
{
    free(p->args);
    p->args = NULL;
    p->arg_count = p->arg_cap = 0;
    p->args_expected = 0;
    p->pos = p->scan = p->bulk_len = 0;
    p->state = STATE_START;
}

void resp_parser_deinit(struct resp_parser *p)
{
    assert(p);
    parser_restart(p);
}

void resp_parser_forget(struct resp_parser *p)
{
    assert(p->state != STATE_FAILED);
    parser_restart(p);
}

/* A count or length and the CR LF behind it. Returns what follows, NULL: not in the simple form.
 * Five bytes must be readable at s: any complete command has them behind each sign. */
static inline const char *fast_length(const char *s, const char *end, size_t *out)
{
    size_t value = (unsigned char)s[0] - (size_t)'0';
    if (value > 9)
        return NULL;
    if (s[1] == '\r') {
        *out = value;
        return s + 3;
    }
    if (value == 0)
        return NULL;
    /* Up to nine digits, so that nothing overflows and the end of a body is still in range. */
    const char *last = end - s > 12 ? s + 9 : end - 2;
    for (s++; s < last; s++) {
        size_t digit = (unsigned char)*s - (size_t)'0';
        if (digit > 9)
            break;
        value = value * 10 + digit;
    }
    if (*s != '\r')
        return NULL;
    *out = value;
    return s + 2;
}

/* False: not the simple case, and nothing has happened. */
static inline bool parse_fast(const struct resp_parser *p, struct slice in, struct arena *a,
                              struct resp_cmd *out)
{
    const char *s = in.ptr, *end = s + in.len;
    size_t argc, len, room;
    if (in.len < 10 || *s != '*' || !(s = fast_length(s + 1, end, &argc)) || argc == 0 ||
        argc > FAST_ARGS_MAX)
        return false;
    room = argc * sizeof(struct slice);
    if (!arena_reserve(a, room))
        return false;
    struct slice *argv = (struct slice *)(void *)a->pos;
    for (size_t i = 0; i < argc; i++) {
        if (end - s < 6 || *s != '$' || !(s = fast_length(s + 1, end, &len)))
            return false;
        if (end - s < 2 || len > (size_t)(end - s) - 2 || len > p->bulk_max_bytes)
            return false;
        argv[i] = (struct slice){ s, len };
        s += len + 2;
    }
    a->pos += room;
    out->argv = argv;
    out->argc = (int)argc;
    out->used = (size_t)(s - in.ptr);
    return true;
}

static enum resp_status fail(struct resp_parser *p, struct resp_cmd *out, const char *text)
{
    parser_restart(p);
    p->state = STATE_FAILED;
    snprintf(p->error_buf, sizeof(p->error_buf), "Protocol error: %s", text);
    out->error = p->error_buf;
    return RESP_ERROR;
}

static enum resp_status fail_memory(struct resp_parser *p)
{
    parser_restart(p);
    p->state = STATE_FAILED;
    p->error_buf[0] = '\0';
    return RESP_NOMEM;
}

enum line { LINE_MORE, LINE_FOUND, LINE_TOO_LONG };

/* The line at p->pos ends at the first `mark`; its place goes to *at. Resumes at p->scan. */
static enum line find_line(struct resp_parser *p, struct slice in, char mark, size_t *at)
{
    assert(p->scan >= p->pos);
    assert(p->pos <= in.len);
    size_t limit = p->pos + LINE_BYTES_MAX + 1, end = in.len < limit ? in.len : limit;
    size_t i = p->scan;
    while (i < end && in.ptr[i] != mark && in.ptr[i] != '\0')
        i++;
    p->scan = i;
    if (i < end && in.ptr[i] == mark) {
        *at = i;
        return LINE_FOUND;
    }
    return end == limit ? LINE_TOO_LONG : LINE_MORE;
}

static void next_line(struct resp_parser *p, size_t pos, int state)
{
    p->pos = p->scan = pos;
    p->state = (uint8_t)state;
}

/* The number of the line at p->pos, behind its first byte. */
static bool line_number(const struct resp_parser *p, struct slice in, size_t cr, int64_t *out)
{
    return cr > p->pos && number_parse_int64(slice_of(in.ptr + p->pos + 1, cr - p->pos - 1), out);
}

/* RESP_OK here and in step_header: go on with the next state. */
static enum resp_status step_count(struct resp_parser *p, struct slice in, struct resp_cmd *out)
{
    size_t cr;
    int64_t count;
    enum line line = find_line(p, in, '\r', &cr);
    if (line == LINE_TOO_LONG)
        return fail(p, out, "too big mbulk count string");
    if (line == LINE_MORE || in.len - cr < 2)
        return RESP_MORE;
    if (!line_number(p, in, cr, &count) || count > RESP_ARGS_MAX)
        return fail(p, out, "invalid multibulk length");
    if (count > RESP_ARGS_UNAUTH_MAX && p->unauthenticated)
        return fail(p, out, "unauthenticated multibulk length");
    if (count <= 0) {
        parser_restart(p);
        out->used = cr + 2;
        return RESP_EMPTY;
    }
    p->args_expected = count;
    next_line(p, cr + 2, STATE_HEADER);
    return RESP_OK;
}

static enum resp_status step_header(struct resp_parser *p, struct slice in, struct resp_cmd *out)
{
    size_t cr;
    int64_t len;
    enum line line = find_line(p, in, '\r', &cr);
    if (line == LINE_TOO_LONG)
        return fail(p, out, "too big bulk count string");
    if (line == LINE_MORE || in.len - cr < 2)
        return RESP_MORE;
    char sign = in.ptr[p->pos];
    if (sign != '$') {
        char text[] = "expected '$', got 'x'";
        text[sizeof(text) - 3] = sign == '\r' || sign == '\n' ? ' ' : sign;
        return fail(p, out, text);
    }
    if (!line_number(p, in, cr, &len) || len < 0 || (uint64_t)len > p->bulk_max_bytes)
        return fail(p, out, "invalid bulk length");
    if (len > RESP_BULK_UNAUTH_MAX && p->unauthenticated)
        return fail(p, out, "unauthenticated bulk length");
    p->bulk_len = (size_t)len;
    next_line(p, cr + 2, STATE_BODY);
    return RESP_OK;
}

/* Grows by what has been received, never by what has been claimed. */
static bool push_arg(struct resp_parser *p, size_t offset, size_t len)
{
    assert(p->arg_count < p->args_expected);
    if (p->arg_count == p->arg_cap) {
        int64_t cap = p->arg_cap ? (int64_t)p->arg_cap * 2 : ARGS_FIRST;
        if (cap > p->args_expected)
            cap = p->args_expected;
        struct resp_arg *args = realloc(p->args, (size_t)cap * sizeof(*args));
        if (!args)
            return false;
        p->args = args;
        p->arg_cap = (int32_t)cap;
    }
    p->args[p->arg_count++] = (struct resp_arg){ offset, len };
    return true;
}

static enum resp_status finish(struct resp_parser *p, struct slice in, struct arena *a,
                               struct resp_cmd *out)
{
    assert(p->arg_count == p->args_expected);
    struct slice *argv = arena_alloc(a, (size_t)p->arg_count * sizeof(*argv));
    if (!argv)
        return fail_memory(p);
    for (int32_t i = 0; i < p->arg_count; i++)
        argv[i] = slice_of(in.ptr + p->args[i].offset, p->args[i].len);
    out->argv = argv;
    out->argc = p->arg_count;
    out->used = p->pos;
    parser_restart(p);
    return RESP_OK;
}

static enum resp_status parse_multibulk(struct resp_parser *p, struct slice in, struct arena *a,
                                        struct resp_cmd *out)
{
    enum resp_status status;
    if (p->state == STATE_COUNT && (status = step_count(p, in, out)) != RESP_OK)
        return status;
    for (;;) {
        if (p->state == STATE_HEADER && (status = step_header(p, in, out)) != RESP_OK)
            return status;
        assert(p->state == STATE_BODY);
        assert(p->pos <= in.len);
        size_t there = in.len - p->pos;
        if (there < 2 || there - 2 < p->bulk_len)
            return RESP_MORE;
        if (!push_arg(p, p->pos, p->bulk_len))
            return fail_memory(p);
        next_line(p, p->pos + p->bulk_len + 2, STATE_HEADER);
        if (p->arg_count == p->args_expected)
            return finish(p, in, a, out);
    }
}

/* The byte `ahead` of s, or a NUL behind the end; a line holds no NUL itself. */
static char peek(const char *s, const char *end, int ahead)
{
    return end - s > ahead ? s[ahead] : '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An escape within double quotes, s at its backslash. Returns what follows it. */
static const char *unescape(const char *s, const char *end, char *out)
{
    int high = hex_digit(peek(s, end, 2)), low = hex_digit(peek(s, end, 3));
    if (s[1] == 'x' && high >= 0 && low >= 0) {
        *out = (char)(high * 16 + low);
        return s + 4;
    }
    switch (s[1]) {
    case 'n':
        *out = '\n';
        break;
    case 'r':
        *out = '\r';
        break;
    case 't':
        *out = '\t';
        break;
    case 'b':
        *out = '\b';
        break;
    case 'a':
        *out = '\a';
        break;
    default:
        *out = s[1];
    }
    return s + 2;
}

/* One word, s at its first byte, its bytes to *out. Returns what follows; NULL: unbalanced
 * quotes. */
static const char *inline_word(const char *s, const char *end, char **out)
{
    char quote = '\0';
    while (s < end) {
        if (!quote) {
            if (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')
                return s;
            if (*s == '"' || *s == '\'')
                quote = *s++;
            else
                *(*out)++ = *s++;
        } else if (*s == quote) {
            /* A word ends with its quote: what follows must not touch it. */
            if (end - s > 1 && !isspace((unsigned char)s[1]))
                return NULL;
            return s + 1;
        } else if (quote == '"' && *s == '\\' && end - s > 1) {
            s = unescape(s, end, (*out)++);
        } else if (quote == '\'' && *s == '\\' && peek(s, end, 1) == '\'') {
            *(*out)++ = '\'';
            s += 2;
        } else {
            *(*out)++ = *s++;
        }
    }
    return quote ? NULL : s;
}

/* An upper bound: a word starts at the front or behind a blank. */
static size_t count_words(const char *s, const char *end)
{
    size_t words = 0;
    bool blank = true;
    for (; s < end; s++) {
        bool now = isspace((unsigned char)*s);
        words += blank && !now;
        blank = now;
    }
    return words;
}

static enum resp_status parse_inline(struct resp_parser *p, struct slice in, struct arena *a,
                                     struct resp_cmd *out)
{
    size_t newline;
    enum line line = find_line(p, in, '\n', &newline);
    if (line == LINE_TOO_LONG)
        return fail(p, out, "too big inline request");
    if (line == LINE_MORE)
        return RESP_MORE;
    const char *s = in.ptr, *end = s + newline;
    if (end > s && end[-1] == '\r')
        end--;
    size_t words = count_words(s, end);
    parser_restart(p);
    out->used = newline + 1;
    if (words == 0)
        return RESP_EMPTY;
    /* Unquoting never lengthens, so the line's length is enough for all words. */
    struct slice *argv = arena_alloc(a, words * sizeof(*argv));
    char *text = arena_alloc(a, (size_t)(end - s));
    if (!argv || !text)
        return fail_memory(p);
    size_t argc = 0;
    for (;;) {
        while (s < end && isspace((unsigned char)*s))
            s++;
        if (s == end)
            break;
        char *start = text;
        s = inline_word(s, end, &text);
        if (!s)
            return fail(p, out, "unbalanced quotes in request");
        assert(argc < words);
        argv[argc++] = slice_of(start, (size_t)(text - start));
    }
    out->argv = argv;
    out->argc = (int)argc;
    return RESP_OK;
}

/* Not inlined: the fast path's frame stays small. */
__attribute__((noinline)) static enum resp_status
parse_by_state(struct resp_parser *p, struct slice in, struct arena *a, struct resp_cmd *out)
{
    if (p->state == STATE_FAILED) {
        out->error = p->error_buf;
        return p->error_buf[0] ? RESP_ERROR : RESP_NOMEM;
    }
    if (p->state == STATE_START) {
        if (in.len == 0)
            return RESP_MORE;
        next_line(p, 0, in.ptr[0] == '*' ? STATE_COUNT : STATE_INLINE);
    }
    if (p->state == STATE_INLINE)
        return parse_inline(p, in, a, out);
    return parse_multibulk(p, in, a, out);
}

enum resp_status resp_parse(struct resp_parser *p, struct slice in, struct arena *a,
                            struct resp_cmd *out)
{
    if (p->state == STATE_START && !p->unauthenticated && parse_fast(p, in, a, out))
        return RESP_OK;
    return parse_by_state(p, in, a, out);
}

size_t resp_parser_wants(const struct resp_parser *p)
{
    assert(p);
    if (p->state == STATE_BODY)
        return p->pos + p->bulk_len + 2;
    /* At p->scan is the CR, or nothing yet. */
    return p->scan + (p->state == STATE_COUNT || p->state == STATE_HEADER ? 2 : 1);
}
