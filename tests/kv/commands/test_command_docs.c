#include <criterion/criterion.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kv/commands/args.h"
#include "kv/commands/command_info.h"
#include "kv/resp/reply.h"

enum { ROOM_BYTES = 64 * 1024 };

/* ---- the grammar, drawn back as text ---- */

struct canvas {
    char text[4096];
    size_t len;
};

static void put(struct canvas *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct canvas *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    c->len += (size_t)vsnprintf(c->text + c->len, sizeof(c->text) - c->len, fmt, args);
    va_end(args);
    cr_assert_lt(c->len, sizeof(c->text));
}

/* "TOKEN:name" with ? for optional and + for multiple; groups as kind(child, ...). */
static void draw(struct canvas *c, const struct arg *a)
{
    static const char *const kinds[] = { "", "pure ", "block ", "oneof " };
    for (; a; a = a->next) {
        put(c, "%s%s%s%s%s%s", kinds[a->kind], a->token, *a->token ? ":" : "", a->name,
            a->optional ? "?" : "", a->multiple ? "+" : "");
        if (a->child_count) {
            put(c, "(");
            draw(c, a->children);
            put(c, ")");
        }
        if (a->next)
            put(c, ", ");
    }
}

static void check(const char *syntax, int count, const char *expected)
{
    struct arena arena;
    struct canvas c = { .len = 0 };
    int n;
    arena_init(&arena);
    const struct arg *args = args_parse(&arena, syntax, &n);
    cr_assert_eq(n, count, "%s: %d", syntax, n);
    draw(&c, args);
    cr_assert_str_eq(c.text, expected, "%s: %s", syntax, c.text);
    arena_deinit(&arena);
}

Test(args, values_and_tokens)
{
    check("", 0, "");
    check("key value", 2, "key, value");
    check("[message]", 1, "message?");
    check("[NOW] [FORCE]", 2, "pure NOW:now?, pure FORCE:force?");
    check("cursor [MATCH pattern]", 2, "cursor, MATCH:pattern?");
    check("[AUTH username password]", 1, "block AUTH:username_password?(username, password)");
}

Test(args, alternatives)
{
    check("key [NX | XX]", 2, "key, oneof condition?(pure NX:nx, pure XX:xx)");
    check("[EX seconds | PX milliseconds | PERSIST]", 1,
          "oneof expiration?(EX:seconds, PX:milliseconds, pure PERSIST:persist)");
    check("<ON | OFF>", 1, "oneof on_off(pure ON:on, pure OFF:off)");
    check("[TYPE <A | B>]", 1, "oneof TYPE:a_b?(pure A:a, pure B:b)");
    check("<addr | <[ID id] | [SKIPME yes/no]>...>", 1,
          "oneof addr_id_yes/no(addr, oneof id_yes/no+(ID:id?, SKIPME:yes/no?))");
}

Test(args, repetition)
{
    check("key [key ...]", 1, "key+");
    check("[section [section ...]]", 1, "section?+");
    check("key value [key value ...]", 1, "block key_value+(key, value)");
    check("numkeys key value [key value ...] [NX]", 3,
          "numkeys, block key_value+(key, value), pure NX:nx?");
    check("[ID client-id [client-id ...]]", 1, "ID:client-id?+");
    check("command [arg [arg ...]]", 2, "command, arg?+");
}

Test(args, what_is_wrong_is_noticed)
{
    static const char *const bad[] = { "[",  "[]",    "key ]", "[NX |]",
                                       "<a", "a > b", "...",   "[a ... b]" };
    struct arena arena;
    int n;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_null(args_parse(&arena, bad[i], &n));
        cr_assert_eq(n, -1, "%s: %d", bad[i], n);
    }
    char deep[64];
    memset(deep, '[', sizeof(deep));
    deep[63] = '\0';
    cr_assert_null(args_parse(&arena, deep, &n));
    cr_assert_eq(n, -1);
    arena_deinit(&arena);
}

Test(args, kinds_of_values)
{
    cr_assert_str_eq(args_value_type("get", "key"), "key");
    cr_assert_str_eq(args_value_type("set", "seconds"), "integer");
    cr_assert_str_eq(args_value_type("set", "unix-time-seconds"), "unix-time");
    cr_assert_str_eq(args_value_type("keys", "pattern"), "pattern");
    cr_assert_str_eq(args_value_type("incrbyfloat", "increment"), "double");
    cr_assert_str_eq(args_value_type("incrby", "increment"), "integer");
    cr_assert_str_eq(args_value_type("set", "value"), "string");
}

/* ---- all rows ---- */

static void no_room(struct reply *r, size_t min_bytes)
{
    (void)min_bytes;
    r->failed = true;
}

struct page {
    char room[ROOM_BYTES];
    struct reply reply;
};

static struct reply *page_clear(struct page *p, uint8_t proto)
{
    memset(p->room, 0, sizeof(p->room));
    p->reply = (struct reply){ .start = p->room,
                               .pos = p->room,
                               .end = p->room + sizeof(p->room) - 1,
                               .more = no_room,
                               .proto = proto };
    return &p->reply;
}

/* Everything written is `count` complete replies and nothing else. */
static void check_whole(const struct page *p, int count, const char *name)
{
    struct slice rest = slice_of(p->room, (size_t)(p->reply.pos - p->room));
    cr_assert(!p->reply.failed, "%s", name);
    for (int i = 0; i < count; i++) {
        size_t n = reply_measure(rest);
        cr_assert_gt(n, 0, "%s: %s", name, p->room);
        rest = slice_of(rest.ptr + n, rest.len - n);
    }
    cr_assert_eq(rest.len, 0, "%s: %.*s", name, (int)rest.len, rest.ptr);
}

static bool is_version(const char *text)
{
    int a, b, c, n = 0;
    return sscanf(text, "%d.%d.%d%n", &a, &b, &c, &n) == 3 && !text[n];
}

static void check_words(const struct cmd *c)
{
    const struct cmd_spec *s = c->spec;
    size_t len = s->summary ? strlen(s->summary) : 0;
    cr_assert(len > 10 && len <= 120, "%s: summary", c->full_name);
    cr_assert_eq(s->summary[len - 1], '.', "%s: a summary is a sentence", c->full_name);
    cr_assert(s->since && is_version(s->since), "%s: since", c->full_name);
    cr_assert(s->complexity && *s->complexity, "%s: complexity", c->full_name);
    cr_assert(!(s->flags & CMD_DEPRECATED) == !s->deprecated_since, "%s: deprecated", c->full_name);
    cr_assert(s->handler || c->sub_count, "%s: nothing to run", c->full_name);
    for (const char *p = s->name; *p; p++)
        cr_assert(!isupper((unsigned char)*p) && *p != '|', "%s", c->full_name);
}

Test(command_docs, every_row_tells_about_itself)
{
    struct cmd_table *t = cmd_table_new();
    for (int id = 0; id < cmd_table_id_count(t); id++)
        check_words(cmd_table_by_id(t, id));
    cmd_table_free(t);
}

Test(command_docs, names_are_unique)
{
    struct cmd_table *t = cmd_table_new();
    for (int i = 0; i < cmd_table_id_count(t); i++) {
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(cmd_table_by_id(t, i)->full_name, cmd_table_by_id(t, k)->full_name);
    }
    cmd_table_free(t);
}

/* Fixed arity: as many values as the syntax names, and nothing that may be left out. */
static void check_args(const struct cmd *c, const struct arg *args, int count)
{
    int needed = c->parent ? 2 : 1, open = 0;
    cr_assert_geq(count, 0, "%s: '%s'", c->full_name, c->spec->args);
    for (const struct arg *a = args; a; a = a->next) {
        if (a->optional || a->multiple)
            open++;
        if (!a->optional)
            needed += a->kind == ARG_BLOCK   ? a->child_count
                      : a->kind == ARG_ONEOF ? 0
                                             : 1 + (a->kind == ARG_VALUE && *a->token);
        if (a->kind == ARG_ONEOF)
            open++;
    }
    if (c->spec->arity > 0 && !open)
        cr_assert_eq(c->spec->arity, needed, "%s: '%s'", c->full_name, c->spec->args);
    cr_assert(abs(c->spec->arity) >= needed || open, "%s: '%s'", c->full_name, c->spec->args);
    cr_assert(c->spec->arity != 1 || count == 0, "%s", c->full_name);
}

Test(command_docs, the_syntax_of_every_row_parses_and_fits_its_arity)
{
    struct cmd_table *t = cmd_table_new();
    for (int id = 0; id < cmd_table_id_count(t); id++) {
        const struct cmd *c = cmd_table_by_id(t, id);
        struct arena arena;
        int count;
        arena_init(&arena);
        const struct arg *args = args_parse(&arena, c->spec->args, &count);
        check_args(c, args, count);
        arena_deinit(&arena);
    }
    cmd_table_free(t);
}

Test(command_docs, every_reply_is_whole_in_both_protocols)
{
    struct cmd_table *t = cmd_table_new();
    struct page *p = malloc(sizeof(*p));
    struct arena arena;
    arena_init(&arena);
    for (int id = 0; id < cmd_table_id_count(t); id++) {
        const struct cmd *c = cmd_table_by_id(t, id);
        for (uint8_t proto = 2; proto <= 3; proto++) {
            command_reply_info(page_clear(p, proto), c);
            check_whole(p, 1, c->full_name);
            command_reply_docs(page_clear(p, proto), &arena, c);
            check_whole(p, 2, c->full_name);
        }
    }
    arena_deinit(&arena);
    free(p);
    cmd_table_free(t);
}

Test(command_docs, info_of_get)
{
    struct cmd_table *t = cmd_table_new();
    struct page *p = malloc(sizeof(*p));
    command_reply_info(page_clear(p, 3), cmd_table_find(t, SLICE("get")));
    cr_assert_str_eq(p->room,
                     "*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
                     "~3\r\n+@read\r\n+@string\r\n+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n"
                     "~2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n"
                     "$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n"
                     "$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
                     "%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n"
                     "~0\r\n");
    command_reply_info(page_clear(p, 3), NULL);
    cr_assert_str_eq(p->room, "_\r\n");
    free(p);
    cmd_table_free(t);
}

static bool has_category(const struct cmd_table *t, const char *name, const char *category)
{
    const char *all[COMMAND_CATEGORIES_MAX];
    command_categories(cmd_table_find(t, slice_str(name)), all);
    for (int i = 0; all[i]; i++) {
        if (strcmp(all[i], category) == 0)
            return true;
    }
    return false;
}

Test(command_docs, categories_follow_from_the_row)
{
    struct cmd_table *t = cmd_table_new();
    cr_assert(has_category(t, "set", "write"));
    cr_assert(has_category(t, "set", "string"));
    cr_assert(has_category(t, "set", "slow"));
    cr_assert(!has_category(t, "set", "fast"));
    cr_assert(has_category(t, "ping", "connection"));
    cr_assert(!has_category(t, "client", "connection"), "a container is only @slow");
    cr_assert(has_category(t, "shutdown", "admin"));
    cr_assert(has_category(t, "shutdown", "dangerous"));
    cr_assert(has_category(t, "role", "admin"));
    cr_assert(has_category(t, "del", "keyspace"));
    cmd_table_free(t);
}
