#include "kv/commands/args.h"

#include <ctype.h>
#include <string.h>

#include "kv/base/slice.h"

enum { LONG_NAME = 40 }; /* bytes */

/* A row is parsed by descent; one level for each kind of bracket. */
struct scanner {
    struct arena *arena;
    const char *at;
    int depth;
    bool failed;
};

/* A list of arguments being put together. */
struct list {
    struct arg *first, **last;
    int count;
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->last = &l->first;
    l->count = 0;
}

static void list_add(struct list *l, struct arg *a)
{
    a->next = NULL;
    *l->last = a;
    l->last = &a->next;
    l->count++;
}

/* ---- words ---- */

static char peek(struct scanner *s)
{
    while (*s->at == ' ')
        s->at++;
    return *s->at;
}

static bool take(struct scanner *s, char ch)
{
    if (peek(s) != ch)
        return false;
    s->at++;
    return true;
}

static bool take_dots(struct scanner *s)
{
    if (peek(s) != '.' || strncmp(s->at, "...", 3) != 0)
        return false;
    s->at += 3;
    return true;
}

static bool is_word_char(char ch)
{
    return ch && !strchr(" []<>|.", ch);
}

static struct slice peek_word(struct scanner *s)
{
    peek(s);
    size_t n = 0;
    while (is_word_char(s->at[n]))
        n++;
    return slice_of(s->at, n);
}

static bool is_token(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (islower((unsigned char)word.ptr[i]))
            return false;
    }
    return word.len > 0;
}

/* ---- arguments ---- */

static struct arg *arg_new(struct scanner *s, enum arg_kind kind)
{
    struct arg *a = arena_alloc(s->arena, sizeof(*a));
    if (!a) {
        s->failed = true;
        return NULL;
    }
    memset(a, 0, sizeof(*a));
    a->kind = kind;
    return a;
}

/* "NX" and "XX" become "nx_xx". */
static void add_name(struct arg *a, const char *name, size_t len)
{
    size_t n = strlen(a->name);
    if (n && n + 1 < sizeof(a->name))
        a->name[n++] = '_';
    for (size_t i = 0; i < len && n + 1 < sizeof(a->name); i++)
        a->name[n++] = (char)tolower((unsigned char)name[i]);
    a->name[n] = '\0';
}

static struct arg *group_new(struct scanner *s, enum arg_kind kind, const struct list *children)
{
    struct arg *a = arg_new(s, kind);
    if (!a)
        return NULL;
    a->children = children->first;
    a->child_count = children->count;
    for (const struct arg *c = a->children; c; c = c->next)
        add_name(a, c->name, strlen(c->name));
    /* Where the names of all would be too many to read, or Redis has a word for them. */
    const char *token = a->children->token;
    const char *better = kind != ARG_ONEOF             ? NULL
                         : strcmp(token, "EX") == 0    ? "expiration"
                         : strcmp(token, "NX") == 0    ? "condition"
                         : strlen(a->name) > LONG_NAME ? "choice"
                                                       : NULL;
    if (better) {
        a->name[0] = '\0';
        add_name(a, better, strlen(better));
    }
    return a;
}

static struct arg *parse_alternatives(struct scanner *s);

static struct arg *parse_group(struct scanner *s, char close)
{
    if (++s->depth > ARGS_DEPTH_MAX) {
        s->failed = true;
        return NULL;
    }
    struct arg *a = parse_alternatives(s);
    s->depth--;
    if (!a || !take(s, close)) {
        s->failed = true;
        return NULL;
    }
    if (close == ']')
        a->optional = true;
    if (take_dots(s))
        a->multiple = true;
    return a;
}

/* "[x ...]" behind x: passed over, if that is what comes. words: x as it was written. */
static bool take_repeat(struct scanner *s, struct slice words)
{
    const char *start = s->at;
    while (words.len && words.ptr[words.len - 1] == ' ')
        words.len--;
    if (take(s, '[') && peek(s) && strncmp(s->at, words.ptr, words.len) == 0) {
        s->at += words.len;
        if (take_dots(s) && take(s, ']'))
            return true;
    }
    s->at = start;
    return false;
}

static struct arg *parse_value(struct scanner *s)
{
    struct slice word = peek_word(s);
    struct arg *a = word.len ? arg_new(s, ARG_VALUE) : NULL;
    if (!a) {
        s->failed = true;
        return NULL;
    }
    add_name(a, word.ptr, word.len);
    s->at += word.len;
    return a;
}

static bool value_follows(struct scanner *s)
{
    struct slice word = peek_word(s);
    return word.len && !is_token(word);
}

/* Values one behind the other; those that repeat together become one block. */
static void parse_values(struct scanner *s, struct list *out)
{
    struct list run;
    const char *starts[ARGS_DEPTH_MAX];
    list_init(&run);
    while (!s->failed && value_follows(s)) {
        struct arg *a;
        if (run.count < ARGS_DEPTH_MAX) {
            peek(s);
            starts[run.count] = s->at;
        }
        if (!(a = parse_value(s)))
            return;
        list_add(&run, a);
        if (peek(s) != '[')
            continue;
        /* The longest run that the bracket repeats: "numkeys key value [key value ...]" is two
         * of three. */
        for (int skip = 0; skip < run.count && skip < ARGS_DEPTH_MAX; skip++) {
            if (!take_repeat(s, slice_of(starts[skip], (size_t)(s->at - starts[skip]))))
                continue;
            struct list repeated;
            struct arg *rest = run.first, *next;
            list_init(&repeated);
            for (int i = 0; rest; rest = next, i++) {
                next = rest->next;
                list_add(i < skip ? out : &repeated, rest);
            }
            a = repeated.count == 1 ? repeated.first : group_new(s, ARG_BLOCK, &repeated);
            if (!a)
                return;
            a->multiple = true;
            list_add(out, a);
            list_init(&run);
            break;
        }
    }
    for (struct arg *a = run.first, *next; a; a = next) {
        next = a->next;
        list_add(out, a);
    }
}

/* TOKEN, TOKEN name, TOKEN <group>. */
static struct arg *parse_token(struct scanner *s)
{
    struct slice word = peek_word(s);
    struct list values;
    struct arg *a;
    list_init(&values);
    s->at += word.len;
    if (peek(s) == '<') {
        s->at++;
        if ((a = parse_group(s, '>')))
            list_add(&values, a);
    } else {
        parse_values(s, &values);
    }
    if (s->failed)
        return NULL;
    if (values.count == 0) {
        a = arg_new(s, ARG_TOKEN);
        if (a)
            add_name(a, word.ptr, word.len);
    } else {
        a = values.count == 1 ? values.first : group_new(s, ARG_BLOCK, &values);
    }
    if (!a)
        return NULL;
    size_t n = word.len < sizeof(a->token) - 1 ? word.len : sizeof(a->token) - 1;
    memcpy(a->token, word.ptr, n);
    a->token[n] = '\0';
    return a;
}

/* One behind the other, up to | or a closing bracket. */
static void parse_sequence(struct scanner *s, struct list *out)
{
    list_init(out);
    while (!s->failed) {
        struct arg *a;
        char ch = peek(s);
        if (!ch || strchr("|]>", ch))
            return;
        if (ch == '[' || ch == '<') {
            s->at++;
            a = parse_group(s, ch == '[' ? ']' : '>');
        } else if (is_token(peek_word(s))) {
            a = parse_token(s);
        } else if (value_follows(s)) {
            parse_values(s, out);
            continue;
        } else {
            s->failed = true;
            return;
        }
        if (a)
            list_add(out, a);
    }
}

/* What stands between brackets, as one argument. */
static struct arg *parse_alternatives(struct scanner *s)
{
    struct list alternatives;
    list_init(&alternatives);
    do {
        struct list sequence;
        parse_sequence(s, &sequence);
        if (s->failed || sequence.count == 0) {
            s->failed = true;
            return NULL;
        }
        struct arg *a = sequence.count == 1 ? sequence.first : group_new(s, ARG_BLOCK, &sequence);
        if (!a)
            return NULL;
        list_add(&alternatives, a);
    } while (take(s, '|'));
    return alternatives.count == 1 ? alternatives.first : group_new(s, ARG_ONEOF, &alternatives);
}

struct arg *args_parse(struct arena *a, const char *syntax, int *count)
{
    struct scanner s = { .arena = a, .at = syntax ? syntax : "" };
    struct list list;
    parse_sequence(&s, &list);
    *count = s.failed || peek(&s) ? -1 : list.count;
    return *count > 0 ? list.first : NULL;
}

/* ---- kinds of values ---- */

const char *args_value_type(const char *command, const char *name)
{
    static const char *const keys[] = { "key", "key1", "key2", "newkey", "source", "destination" };
    static const char *const integers[] = {
        "seconds",     "milliseconds", "increment", "decrement", "offset",     "start",
        "end",         "cursor",       "count",     "numkeys",   "len",        "db",
        "index",       "index1",       "index2",    "timeout",   "client-id",  "maxage",
        "numreplicas", "numlocal",     "protover",  "version",   "min-length", "destination-db",
    };
    if (strncmp(name, "unix-time-", 10) == 0)
        return "unix-time";
    if (strcmp(name, "pattern") == 0)
        return "pattern";
    if (strcmp(command, "incrbyfloat") == 0 && strcmp(name, "increment") == 0)
        return "double";
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(name, keys[i]) == 0)
            return "key";
    }
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        if (strcmp(name, integers[i]) == 0)
            return "integer";
    }
    return "string";
}
