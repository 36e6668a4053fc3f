/* config_file: directives from a file, from standard input and from the command line, and their
 * list for --help. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kv/admin/config_internal.h"
#include "kv/admin/words.h"

enum {
    WORDS_MAX = 64,
    INCLUDE_DEPTH_MAX = 16,
    SHOWN_BYTES = 80, /* of what was written, in errors */
};

/* Where we read, for errors. */
struct source {
    struct config *config;
    const char *file; /* NULL: the command line */
    int line;
    int depth; /* of includes */
    char *error;
    size_t error_bytes;
};

static int fail(const struct source *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(const struct source *s, const char *fmt, ...)
{
    char what[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    if (!s->file)
        snprintf(s->error, s->error_bytes, "command line: %s", what);
    else if (s->line)
        snprintf(s->error, s->error_bytes, "%s:%d: %s", s->file, s->line, what);
    else
        snprintf(s->error, s->error_bytes, "%s: %s", s->file, what);
    return -EINVAL;
}

static int shown(struct slice s)
{
    return (int)(s.len < SHOWN_BYTES ? s.len : SHOWN_BYTES);
}

static int unknown(const struct source *s, struct slice name)
{
    const struct directive *near = config_nearest(name);
    const char *dashes = s->file ? "" : "--";
    if (near)
        return fail(s, "unknown directive '%s%.*s'; did you mean '%s%s'?", dashes, shown(name),
                    name.ptr, dashes, near->name);
    return fail(s, "unknown directive '%s%.*s'; --help lists them all", dashes, shown(name),
                name.ptr);
}

static int load_file(const struct source *from, const char *path);

/* words: the name and its values. */
static int apply(const struct source *s, const struct slice *words, int count)
{
    struct slice name = words[0];
    char joined[CONFIG_VALUE_BYTES], why[CONFIG_WHY_BYTES];
    struct config_value v;
    if (slice_is(name, "include")) {
        if (count != 2)
            return fail(s, "'include' takes one file");
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%.*s", (int)words[1].len, words[1].ptr);
        return load_file(s, path);
    }
    const struct directive *d = config_find(name);
    if (!d)
        return unknown(s, name);
    if (count < 2)
        return fail(s, "'%s' needs a value (%s)", d->name, d->doc);
    if (count > 2 && d->kind != CONFIG_WORDS)
        return fail(s, "'%s' takes one value, %d were given", d->name, count - 1);
    size_t n = 0;
    for (int i = 1; i < count && n < sizeof(joined); i++)
        n += (size_t)snprintf(joined + n, sizeof(joined) - n, "%s%.*s", i > 1 ? " " : "",
                              (int)words[i].len, words[i].ptr);
    if (n >= sizeof(joined))
        return fail(s, "'%s': the value is too long", d->name);
    struct slice value = count == 2 ? words[1] : slice_of(joined, n);
    if (!config_value_parse(s->config, d, value, &v, why))
        return fail(s, "'%s %.*s': %s", d->name, shown(value), value.ptr, why);
    config_value_put(s->config, d, &v);
    return 0;
}

static int load_line(const struct source *s, char *line)
{
    struct slice words[WORDS_MAX];
    line += strspn(line, " \t\r\n");
    if (!*line || *line == '#')
        return 0;
    int count = words_split(line, words, WORDS_MAX);
    if (count < 0)
        return fail(s, "a quote is not closed, or something touches a closing quote");
    if (count > WORDS_MAX)
        return fail(s, "more than %d words", WORDS_MAX);
    return apply(s, words, count);
}

static int load_stream(struct source *s, FILE *f)
{
    char *line = NULL;
    size_t room = 0;
    int ret = 0;
    while (ret == 0 && getline(&line, &room, f) >= 0) {
        s->line++;
        ret = load_line(s, line);
    }
    if (ret == 0 && ferror(f))
        ret = fail(s, "cannot read: %s", strerror(errno));
    free(line);
    return ret;
}

static int load_file(const struct source *from, const char *path)
{
    struct source s = *from;
    s.file = path;
    s.line = 0;
    s.depth++;
    if (s.depth > INCLUDE_DEPTH_MAX)
        return fail(from, "files include each other more than %d deep", INCLUDE_DEPTH_MAX);
    FILE *f = fopen(path, "re");
    if (!f)
        return fail(from->file ? from : &s, "cannot open '%s': %s", path, strerror(errno));
    int ret = load_stream(&s, f);
    fclose(f);
    return ret;
}

static int load_main_file(const struct source *from, const char *path)
{
    if (strcmp(path, "-") == 0) {
        struct source s = *from;
        s.file = "standard input";
        return load_stream(&s, stdin);
    }
    int ret = load_file(from, path);
    if (ret == 0)
        from->config->store->file = realpath(path, NULL);
    return ret;
}

static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] == '-';
}

int config_load(struct config *c, int argc, char **argv, char *error, size_t error_bytes)
{
    struct source s = { .config = c, .error = error, .error_bytes = error_bytes };
    int i = 1, ret = 0;
    if (i < argc && !is_option(argv[i]))
        ret = load_main_file(&s, argv[i++]);
    while (ret == 0 && i < argc) {
        struct slice words[WORDS_MAX];
        int count = 1;
        if (!is_option(argv[i]))
            return fail(&s, "'%.80s' is not expected here: directives begin with --", argv[i]);
        words[0] = slice_str(argv[i++] + 2);
        while (i < argc && !is_option(argv[i])) {
            if (count == WORDS_MAX)
                return fail(&s, "more than %d values", WORDS_MAX);
            words[count++] = slice_str(argv[i++]);
        }
        ret = apply(&s, words, count);
    }
    return ret;
}

void config_print_help(void *out)
{
    for (const struct directive *d = config_directives(); d->name; d++) {
        char text[CONFIG_VALUE_BYTES];
        struct config_value v = { .number = d->def, .text = d->def_text };
        if (d->def_text)
            snprintf(text, sizeof(text), "%s", *d->def_text ? d->def_text : "\"\"");
        else
            config_value_format(d, &v, text);
        fprintf(out, "  --%-26s %s [%s]\n", d->name, d->doc, text);
    }
}
