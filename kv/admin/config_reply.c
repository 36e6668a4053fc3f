/* config_reply: CONFIG GET and CONFIG SET, whose texts are Redis's. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "kv/admin/config_internal.h"
#include "kv/admin/limits.h"
#include "kv/base/glob.h"
#include "kv/resp/reply.h"

enum { DIRECTIVES_MAX = 128, NAME_SHOWN_BYTES = 128 };

/* ---- GET ---- */

static bool has_glob(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '*' || s.ptr[i] == '?' || s.ptr[i] == '[')
            return true;
    }
    return false;
}

/* The pattern that asks for d, NULL: none does. */
static const struct slice *asked_by(const struct directive *d, const struct slice *patterns,
                                    int count)
{
    for (int i = 0; i < count; i++) {
        if (has_glob(patterns[i]) ? glob_match(patterns[i], slice_str(d->name), true)
                                  : slice_is(patterns[i], d->name))
            return &patterns[i];
    }
    return NULL;
}

void config_reply_get(struct config *c, struct reply *out, const struct slice *patterns, int count)
{
    int found = 0;
    for (const struct directive *d = config_directives(); d->name; d++)
        found += asked_by(d, patterns, count) != NULL;
    reply_map(out, found);
    for (const struct directive *d = config_directives(); d->name; d++) {
        const struct slice *pattern = asked_by(d, patterns, count);
        char text[CONFIG_VALUE_BYTES];
        struct config_value v;
        if (!pattern)
            continue;
        config_value_get(c, d, &v);
        config_value_format(d, &v, text);
        /* A name comes back in the letters it was asked in. */
        if (has_glob(*pattern))
            reply_bulk_str(out, d->name);
        else
            reply_bulk(out, *pattern);
        reply_bulk_str(out, text);
    }
}

/* ---- SET ---- */

struct setting {
    const struct directive *directive;
    struct config_value value, before;
};

static void refuse(struct reply *out, const char *name, const char *why)
{
    reply_errorf(out, "ERR CONFIG SET failed (possibly related to argument '%s') - %s", name, why);
}

/* What is wrong with the arguments themselves is told in the letters they came in. */
static void refuse_as_typed(struct reply *out, struct slice name, const char *why)
{
    char text[NAME_SHOWN_BYTES + 1];
    snprintf(text, sizeof(text), "%.*s", (int)name.len, name.ptr);
    refuse(out, text, why);
}

static bool resolve(struct reply *out, const struct slice *pairs, int count, struct setting *set)
{
    for (int i = 0; i < count; i++) {
        struct slice name = pairs[2 * i];
        const struct directive *d = config_find(name);
        if (!d) {
            reply_errorf(out, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                         (int)(name.len < NAME_SHOWN_BYTES ? name.len : NAME_SHOWN_BYTES),
                         name.ptr);
            return false;
        }
        if (d->change != CONFIG_LIVE) {
            refuse_as_typed(out, name,
                            d->change == CONFIG_FIXED ? "can't set immutable config"
                                                      : "can't set protected config");
            return false;
        }
        for (int k = 0; k < i; k++) {
            if (set[k].directive == d) {
                refuse_as_typed(out, name, "duplicate parameter");
                return false;
            }
        }
        if (i == DIRECTIVES_MAX - 1) {
            refuse(out, d->name, "too many parameters");
            return false;
        }
        set[i].directive = d;
    }
    return true;
}

/* More clients need more files. */
static bool files_suffice(const struct setting *set, char *why)
{
    if (set->directive->offset != offsetof(struct config, maxclients))
        return true;
    int64_t most = limits_raise_open_files(set->value.number);
    if (most >= set->value.number)
        return true;
    snprintf(why, CONFIG_WHY_BYTES,
             "The operating system is not able to handle the specified number of clients, try "
             "with %" PRId64,
             most);
    return false;
}

static bool parse_all(struct config *c, struct reply *out, const struct slice *pairs, int count,
                      struct setting *set)
{
    char why[CONFIG_WHY_BYTES];
    for (int i = 0; i < count; i++) {
        const struct directive *d = set[i].directive;
        if (!config_value_parse(c, d, pairs[2 * i + 1], &set[i].value, why)) {
            refuse(out, d->name, why);
            return false;
        }
    }
    for (int i = 0; i < count; i++) {
        if (!files_suffice(&set[i], why)) {
            refuse(out, set[i].directive->name, why);
            return false;
        }
    }
    return true;
}

void config_reply_set(struct config *c, struct reply *out, const struct slice *pairs,
                      int pair_count, void (*changed)(void *arg, const char *name), void *arg)
{
    struct setting set[DIRECTIVES_MAX];
    if (!resolve(out, pairs, pair_count, set) || !parse_all(c, out, pairs, pair_count, set))
        return;
    pthread_mutex_lock(&c->store->lock);
    for (int i = 0; i < pair_count; i++) {
        config_value_get(c, set[i].directive, &set[i].before);
        config_value_put(c, set[i].directive, &set[i].value);
    }
    pthread_mutex_unlock(&c->store->lock);
    for (int i = 0; changed && i < pair_count; i++) {
        if (!config_value_same(&set[i].before, &set[i].value))
            changed(arg, set[i].directive->name);
    }
    reply_ok(out);
}
