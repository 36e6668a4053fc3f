/* value: see value.h. */
#include "tests/support/value.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *in;
    size_t len, pos;
    const char *error;
    bool short_input;
};

static struct value *read_value(struct reader *r, int depth);

static struct value *reader_fail(struct reader *r, const char *why)
{
    if (!r->error)
        r->error = why;
    return NULL;
}

static void *take(void *ptr)
{
    if (!ptr)
        abort();
    return ptr;
}

/* A line up to CR LF; its length, or -1: more is needed or it is wrong. */
static long read_line(struct reader *r, const char **line)
{
    const char *start = r->in + r->pos;
    const char *cr = memchr(start, '\r', r->len - r->pos);
    if (!cr || cr + 1 == r->in + r->len) {
        r->short_input = true;
        return -1;
    }
    if (cr[1] != '\n' || memchr(start, '\n', (size_t)(cr - start))) {
        reader_fail(r, "CR without LF or LF without CR in a line");
        return -1;
    }
    *line = start;
    r->pos += (size_t)(cr - start) + 2;
    return (long)(cr - start);
}

/* Digits with an optional minus, all of the line. */
static bool parse_integer(const char *text, size_t len, long long *out)
{
    if (len == 0 || len > 20)
        return false;
    size_t i = text[0] == '-' ? 1 : 0;
    if (i == len)
        return false;
    for (size_t j = i; j < len; j++) {
        if (!isdigit((unsigned char)text[j]))
            return false;
    }
    char copy[24];
    memcpy(copy, text, len);
    copy[len] = 0;
    *out = strtoll(copy, NULL, 10);
    return true;
}

static void set_text(struct value *v, const char *text, size_t len)
{
    v->text = take(malloc(len + 1));
    memcpy(v->text, text, len);
    v->text[len] = 0;
    v->text_len = len;
}

static bool read_bulk(struct reader *r, struct value *v, long long len)
{
    if (len == -1 && v->type == '$') {
        v->null = true;
        return true;
    }
    if (len < 0)
        return reader_fail(r, "negative bulk length") != NULL;
    if (r->len - r->pos < (size_t)len + 2) {
        r->short_input = true;
        return false;
    }
    if (memcmp(r->in + r->pos + len, "\r\n", 2) != 0)
        return reader_fail(r, "bulk does not end with CR LF") != NULL;
    if (v->type == '=' && (len < 4 || r->in[r->pos + 3] != ':'))
        return reader_fail(r, "verbatim string without a format") != NULL;
    set_text(v, r->in + r->pos, (size_t)len);
    r->pos += (size_t)len + 2;
    return true;
}

static bool read_items(struct reader *r, struct value *v, long long count, int depth)
{
    if (count == -1 && v->type == '*') {
        v->null = true;
        return true;
    }
    if (count < 0)
        return reader_fail(r, "negative count") != NULL;
    if (v->type == '%' || v->type == '|')
        count *= 2;
    size_t cap = 0;
    for (long long i = 0; i < count; i++) {
        struct value *item = read_value(r, depth + 1);
        if (!item)
            return false;
        if (v->count == cap) {
            cap = cap ? cap * 2 : 4;
            v->item = take(realloc(v->item, cap * sizeof(struct value *)));
        }
        v->item[v->count++] = item;
    }
    return true;
}

static bool read_number(struct reader *r, struct value *v, const char *line, size_t len)
{
    set_text(v, line, len);
    char *end = NULL;
    v->number = strtod(v->text, &end);
    bool infinite =
        isinf(v->number) && (strcmp(v->text, "inf") == 0 || strcmp(v->text, "-inf") == 0);
    if (len == 0 || *end || (!isfinite(v->number) && !infinite && strcmp(v->text, "nan") != 0))
        return reader_fail(r, "not a double") != NULL;
    return true;
}

static bool read_body(struct reader *r, struct value *v, int depth)
{
    const char *line = NULL;
    long len = read_line(r, &line);
    if (len < 0)
        return false;
    switch (v->type) {
    case '+':
    case '-':
        set_text(v, line, (size_t)len);
        return true;
    case '(':
        set_text(v, line, (size_t)len);
        for (long i = line[0] == '-' ? 1 : 0; i < len; i++) {
            if (!isdigit((unsigned char)line[i]))
                return reader_fail(r, "not a big number") != NULL;
        }
        return len > 0 || reader_fail(r, "empty big number") != NULL;
    case '_':
        v->null = true;
        return len == 0 || reader_fail(r, "null with text") != NULL;
    case '#':
        v->flag = line[0] == 't';
        return (len == 1 && (line[0] == 't' || line[0] == 'f')) ||
               reader_fail(r, "not a boolean") != NULL;
    case ',':
        return read_number(r, v, line, (size_t)len);
    default:
        break;
    }
    long long n = 0;
    if (!parse_integer(line, (size_t)len, &n))
        return reader_fail(r, "not an integer") != NULL;
    if (v->type == ':') {
        set_text(v, line, (size_t)len);
        v->integer = n;
        return true;
    }
    if (strchr("$!=", v->type))
        return read_bulk(r, v, n);
    return read_items(r, v, n, depth);
}

static struct value *read_value(struct reader *r, int depth)
{
    if (depth > VALUE_DEPTH_MAX)
        return reader_fail(r, "nested too deep");
    if (r->pos == r->len) {
        r->short_input = true;
        return NULL;
    }
    char type = r->in[r->pos];
    if (!type || !strchr("+-:$*_#,(!=%~>|", type))
        return reader_fail(r, "unknown type byte");
    r->pos++;
    struct value *v = take(calloc(1, sizeof(*v)));
    v->type = type;
    if (!read_body(r, v, depth)) {
        value_free(v);
        return NULL;
    }
    if (type != '|')
        return v;
    struct value *target = read_value(r, depth + 1);
    if (!target) {
        value_free(v);
        return NULL;
    }
    v->type = '%';
    target->attributes = v;
    return target;
}

long value_read(const char *in, size_t len, struct value **out, const char **error)
{
    struct reader r = { .in = in, .len = len };
    struct value *v = read_value(&r, 0);
    *out = v;
    if (v)
        return (long)r.pos;
    if (error)
        *error = r.error;
    return r.error ? -1 : 0;
}

void value_free(struct value *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->count; i++)
        value_free(v->item[i]);
    value_free(v->attributes);
    free(v->item);
    free(v->text);
    free(v);
}

static void print_items(const struct value *v, struct bytes *out)
{
    bool map = v->type == '%';
    if (v->type != '*' && !map)
        bytes_add(out, &v->type, 1);
    bytes_add_str(out, map ? "{" : "[");
    for (size_t i = 0; i < v->count; i++) {
        if (i)
            bytes_add_str(out, map && i % 2 ? ": " : ", ");
        value_print(v->item[i], out);
    }
    bytes_add_str(out, map ? "}" : "]");
}

void value_print(const struct value *v, struct bytes *out)
{
    if (v->null) {
        bytes_add_str(out, v->type == '_' ? "null" : v->type == '*' ? "nil*" : "nil");
        return;
    }
    if (v->type == '$') {
        bytes_add_quoted(out, v->text, v->text_len, 300);
    } else if (v->type == '#') {
        bytes_add_str(out, v->flag ? "#t" : "#f");
    } else if (v->text) {
        bytes_add(out, &v->type, 1);
        bytes_add(out, v->text, v->text_len);
    } else {
        print_items(v, out);
    }
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a->type != b->type || a->null != b->null || a->flag != b->flag || a->count != b->count)
        return false;
    if (a->text_len != b->text_len || !a->text != !b->text)
        return false;
    if (a->text && memcmp(a->text, b->text, a->text_len) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!value_equal(a->item[i], b->item[i]))
            return false;
    }
    return true;
}

int value_compare(const void *a, const void *b)
{
    const struct value *x = *(struct value *const *)a, *y = *(struct value *const *)b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    size_t len = x->text_len < y->text_len ? x->text_len : y->text_len;
    int order = len ? memcmp(x->text, y->text, len) : 0;
    if (order)
        return order;
    return x->text_len < y->text_len ? -1 : x->text_len > y->text_len;
}

struct value *value_get(const struct value *v, const char *key)
{
    for (size_t i = 0; i + 1 < v->count; i += 2) {
        if (value_text_is(v->item[i], key))
            return v->item[i + 1];
    }
    return NULL;
}

bool value_is_error(const struct value *v)
{
    return v->type == '-' || v->type == '!';
}

bool value_text_is(const struct value *v, const char *text)
{
    return v->text && v->text_len == strlen(text) && memcmp(v->text, text, v->text_len) == 0;
}
