/* config: the values of the directives: reading them from text, putting them in force, showing
 * them. */
#include "kv/admin/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kv/admin/config_internal.h"
#include "kv/base/number.h"

enum { NAME_MAX_BYTES = 64, NEAR_EDITS_MAX = 3 };

static bool is_text(const struct directive *d)
{
    return d->kind == CONFIG_TEXT || d->kind == CONFIG_WORDS;
}

static bool is_absent(const struct directive *d)
{
    return d->kind == CONFIG_ABSENT;
}

static config_int *number_at(const struct config *c, const struct directive *d)
{
    assert(!is_text(d) && !is_absent(d));
    return (config_int *)((char *)(uintptr_t)c + d->offset);
}

static config_text *text_at(const struct config *c, const struct directive *d)
{
    assert(is_text(d));
    return (config_text *)((char *)(uintptr_t)c + d->offset);
}

/* ---- life ---- */

/* NULL: out of memory. */
static const char *keep_text(struct config *c, struct slice text)
{
    struct config_old_text *t = malloc(sizeof(*t) + text.len + 1);
    if (!t)
        return NULL;
    memcpy(t->text, text.ptr, text.len);
    t->text[text.len] = '\0';
    pthread_mutex_lock(&c->store->lock);
    t->next = c->store->texts;
    c->store->texts = t;
    pthread_mutex_unlock(&c->store->lock);
    return t->text;
}

int config_init(struct config *c)
{
    memset(c, 0, sizeof(*c));
    c->store = calloc(1, sizeof(*c->store));
    if (!c->store)
        return -ENOMEM;
    pthread_mutex_init(&c->store->lock, NULL);
    for (const struct directive *d = config_directives(); d->name; d++) {
        struct config_value v = { .number = d->def, .text = d->def_text };
        config_value_put(c, d, &v);
    }
    return 0;
}

void config_deinit(struct config *c)
{
    struct config_store *s = c->store;
    if (!s)
        return;
    while (s->texts) {
        struct config_old_text *t = s->texts;
        s->texts = t->next;
        free(t);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->file);
    free(s);
    c->store = NULL;
}

const char *config_file(const struct config *c)
{
    return c->store->file ? c->store->file : "";
}

/* ---- names ---- */

const struct directive *config_find(struct slice name)
{
    for (const struct directive *d = config_directives(); d->name; d++) {
        if (slice_is(name, d->name))
            return d;
    }
    return NULL;
}

/* How many letters must be added, dropped or replaced to make one of the other (Levenshtein's
 * distance). */
static int edit_distance(struct slice a, const char *b)
{
    int row[NAME_MAX_BYTES + 1];
    int width = (int)strlen(b);
    assert(width <= NAME_MAX_BYTES);
    for (int k = 0; k <= width; k++)
        row[k] = k;
    for (size_t i = 0; i < a.len; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (int k = 1; k <= width; k++) {
            int replaced = diagonal + (tolower((unsigned char)a.ptr[i]) != b[k - 1]);
            int best = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;
            diagonal = row[k];
            row[k] = replaced < best ? replaced : best;
        }
    }
    return row[width];
}

const struct directive *config_nearest(struct slice name)
{
    const struct directive *best = NULL;
    int best_edits = NEAR_EDITS_MAX + 1;
    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return NULL;
    for (const struct directive *d = config_directives(); d->name; d++) {
        int edits = edit_distance(name, d->name);
        /* A short name is near to too many words. */
        if (edits < best_edits && edits * 2 <= (int)strlen(d->name)) {
            best = d;
            best_edits = edits;
        }
    }
    return best;
}

/* ---- text to value ---- */

static bool parse_octal(struct slice text, int64_t *out)
{
    int64_t n = 0;
    if (text.len == 0 || text.len > 20)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7')
            return false;
        n = n * 8 + (text.ptr[i] - '0');
    }
    *out = n;
    return true;
}

/* "512mb": k, m and g are powers of 1000, kb, mb and gb of 1024. */
static bool parse_memory(struct slice text, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = { { "", 1 },        { "b", 1 },        { "k", 1000 },       { "kb", 1 << 10 },
                  { "m", 1000000 }, { "mb", 1 << 20 }, { "g", 1000000000 }, { "gb", 1LL << 30 } };
    size_t digits = 0;
    int64_t n;
    while (digits < text.len && isdigit((unsigned char)text.ptr[digits]))
        digits++;
    if (digits == 0 || !number_parse_int64(slice_of(text.ptr, digits), &n))
        return false;
    struct slice unit = slice_of(text.ptr + digits, text.len - digits);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (slice_is(unit, units[i].name))
            return !__builtin_mul_overflow(n, units[i].bytes, out);
    }
    return false;
}

static bool parse_enum(const struct directive *d, struct slice text, int64_t *out, char *why)
{
    for (int i = 0; d->names[i]; i++) {
        if (slice_is(text, d->names[i])) {
            *out = i;
            return true;
        }
    }
    size_t n =
        (size_t)snprintf(why, CONFIG_WHY_BYTES, "argument(s) must be one of the following: ");
    for (int i = 0; d->names[i] && n < CONFIG_WHY_BYTES; i++)
        n += (size_t)snprintf(why + n, CONFIG_WHY_BYTES - n, "%s%s", i ? ", " : "", d->names[i]);
    return false;
}

static bool in_range(const struct directive *d, int64_t n, char *why)
{
    if (n >= d->min && n <= d->max)
        return true;
    if (d->kind == CONFIG_OCTAL)
        snprintf(why, CONFIG_WHY_BYTES,
                 "argument must be between %" PRIo64 " and %" PRIo64 " inclusive", (uint64_t)d->min,
                 (uint64_t)d->max);
    else
        snprintf(why, CONFIG_WHY_BYTES,
                 "argument must be between %" PRId64 " and %" PRId64 " inclusive", d->min, d->max);
    return false;
}

static bool parse_text(struct config *c, struct slice text, struct config_value *out, char *why)
{
    if (text.len >= CONFIG_VALUE_BYTES || (text.len && memchr(text.ptr, '\0', text.len))) {
        snprintf(why, CONFIG_WHY_BYTES, "argument is too long or holds a zero byte");
        return false;
    }
    out->text = keep_text(c, text);
    if (!out->text)
        snprintf(why, CONFIG_WHY_BYTES, "out of memory");
    return out->text != NULL;
}

static bool refuse(char *why, const char *text)
{
    snprintf(why, CONFIG_WHY_BYTES, "%s", text);
    return false;
}

bool config_value_parse(struct config *c, const struct directive *d, struct slice text,
                        struct config_value *out, char *why)
{
    *out = (struct config_value){ 0 };
    switch ((enum config_kind)d->kind) {
    case CONFIG_INT:
        if (!number_parse_int64(text, &out->number))
            return refuse(why, "argument couldn't be parsed into an integer");
        return in_range(d, out->number, why);
    case CONFIG_OCTAL:
        if (!parse_octal(text, &out->number))
            return refuse(why, "argument couldn't be parsed as an octal number");
        return in_range(d, out->number, why);
    case CONFIG_MEMORY:
        if (!parse_memory(text, &out->number))
            return refuse(why, "argument must be a memory value");
        return in_range(d, out->number, why);
    case CONFIG_BOOL:
        out->number = slice_is(text, "yes");
        if (!out->number && !slice_is(text, "no"))
            return refuse(why, "argument must be 'yes' or 'no'");
        return true;
    case CONFIG_ENUM:
        return parse_enum(d, text, &out->number, why);
    case CONFIG_TEXT:
    case CONFIG_WORDS:
        return parse_text(c, text, out, why);
    case CONFIG_ABSENT:
        out->text = d->def_text;
        if (slice_is(text, d->def_text))
            return true;
        snprintf(why, CONFIG_WHY_BYTES, "argument must be '%s': nothing else is supported yet",
                 d->def_text);
        return false;
    }
    assert(!"kind");
    return false;
}

/* ---- value to text ---- */

void config_value_put(struct config *c, const struct directive *d, const struct config_value *v)
{
    if (is_absent(d))
        return;
    if (is_text(d)) {
        assert(v->text);
        atomic_store(text_at(c, d), v->text);
    } else {
        assert(v->number >= d->min || d->kind == CONFIG_ENUM);
        atomic_store(number_at(c, d), v->number);
    }
}

void config_value_get(const struct config *c, const struct directive *d, struct config_value *v)
{
    *v = (struct config_value){ 0 };
    if (is_absent(d))
        v->text = d->def_text;
    else if (is_text(d))
        v->text = atomic_load(text_at(c, d));
    else
        v->number = atomic_load(number_at(c, d));
}

bool config_value_same(const struct config_value *a, const struct config_value *b)
{
    return a->text ? strcmp(a->text, b->text) == 0 : a->number == b->number;
}

void config_value_format(const struct directive *d, const struct config_value *v,
                         char out[CONFIG_VALUE_BYTES])
{
    switch ((enum config_kind)d->kind) {
    case CONFIG_INT:
    case CONFIG_MEMORY:
        snprintf(out, CONFIG_VALUE_BYTES, "%" PRId64, v->number);
        return;
    case CONFIG_OCTAL:
        snprintf(out, CONFIG_VALUE_BYTES, "%" PRIo64, (uint64_t)v->number);
        return;
    case CONFIG_BOOL:
        snprintf(out, CONFIG_VALUE_BYTES, "%s", v->number ? "yes" : "no");
        return;
    case CONFIG_ENUM:
        snprintf(out, CONFIG_VALUE_BYTES, "%s", d->names[v->number]);
        return;
    case CONFIG_TEXT:
    case CONFIG_WORDS:
        /* The working directory is shown as what it is, not as what was asked for. */
        if (d->offset == offsetof(struct config, dir) && getcwd(out, CONFIG_VALUE_BYTES))
            return;
        snprintf(out, CONFIG_VALUE_BYTES, "%s", v->text);
        return;
    case CONFIG_ABSENT:
        snprintf(out, CONFIG_VALUE_BYTES, "%s", d->def_text);
        return;
    }
    assert(!"kind");
}
