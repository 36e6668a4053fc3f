#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kv/admin/config.h"
#include "kv/resp/reply.h"

enum { ERROR_BYTES = 512, ROOM_BYTES = 16 * 1024 };

struct setup {
    struct config config;
    char error[ERROR_BYTES];
    char dir[64], path[80];
    char room[ROOM_BYTES];
    char changes[256];
};

static void setup(struct setup *s)
{
    memset(s, 0, sizeof(*s));
    cr_assert_eq(config_init(&s->config), 0);
    snprintf(s->dir, sizeof(s->dir), "/tmp/evio-kv-config-XXXXXX");
    cr_assert_not_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof(s->path), "%s/a.conf", s->dir);
}

static void teardown(struct setup *s)
{
    config_deinit(&s->config);
    unlink(s->path);
    rmdir(s->dir);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    cr_assert_eq(fclose(f), 0);
}

/* Words up to NULL, behind the program's name. */
static int load(struct setup *s, const char *const *words)
{
    char *argv[32] = { "evio-kv" };
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return config_load(&s->config, argc, argv, s->error, sizeof(s->error));
}
#define LOAD(s, ...) load((s), (const char *const[]){ __VA_ARGS__, NULL })

#define ASSERT_SAYS(s, part)                                                                       \
    cr_assert_not_null(strstr((s)->error, (part)), "'%s' in '%s'", (part), (s)->error)

static int load_text(struct setup *s, const char *text)
{
    write_file(s->path, text);
    return LOAD(s, s->path);
}

/* ---- loading ---- */

Test(config, defaults_are_those_of_redis)
{
    struct setup s;
    setup(&s);
    cr_assert_eq(s.config.port, 6379);
    cr_assert_str_eq(s.config.bind, "* -::*");
    cr_assert_eq(s.config.databases, 16);
    cr_assert_eq(s.config.maxclients, 10000);
    cr_assert_eq(s.config.proto_max_bulk_len, 512LL << 20);
    cr_assert_eq(s.config.protected_mode, 1);
    cr_assert_eq(s.config.loglevel, LOGLEVEL_NOTICE);
    cr_assert_str_eq(config_file(&s.config), "");
    teardown(&s);
}

Test(config, the_command_line_goes_over_the_file)
{
    struct setup s;
    setup(&s);
    write_file(s.path, "# a comment\n\n  port 7000\nloops -1\nbind 127.0.0.1 ::1\n"
                       "unixsocketperm 770\nloglevel \"debug\"\nproto-max-bulk-len 2mb\n");
    cr_assert_eq(LOAD(&s, s.path, "--port", "7001", "--PROTECTED-MODE", "no"), 0, "%s", s.error);
    cr_assert_eq(s.config.port, 7001);
    cr_assert_eq(s.config.loops, -1);
    cr_assert_str_eq(s.config.bind, "127.0.0.1 ::1");
    cr_assert_eq(s.config.unixsocketperm, 0770);
    cr_assert_eq(s.config.loglevel, LOGLEVEL_DEBUG);
    cr_assert_eq(s.config.proto_max_bulk_len, 2 << 20);
    cr_assert_eq(s.config.protected_mode, 0);
    char *real = realpath(s.path, NULL);
    cr_assert_str_eq(config_file(&s.config), real);
    free(real);
    teardown(&s);
}

Test(config, a_negative_value_is_no_directive)
{
    struct setup s;
    setup(&s);
    cr_assert_eq(LOAD(&s, "--loops", "-1", "--bind", "127.0.0.1", "-::1"), 0, "%s", s.error);
    cr_assert_eq(s.config.loops, -1);
    cr_assert_str_eq(s.config.bind, "127.0.0.1 -::1");
    teardown(&s);
}

Test(config, errors_name_the_directive_and_the_place)
{
    struct setup s;
    setup(&s);
    cr_assert_lt(load_text(&s, "port 1\n\nloglevl debug\n"), 0);
    ASSERT_SAYS(&s, "a.conf:3:");
    ASSERT_SAYS(&s, "'loglevl'");
    ASSERT_SAYS(&s, "'loglevel'");
    cr_assert_lt(load_text(&s, "port 70000\n"), 0);
    ASSERT_SAYS(&s, "a.conf:1: 'port 70000': argument must be between 0 and 65535 inclusive");
    cr_assert_lt(load_text(&s, "requirepass \"a\n"), 0);
    ASSERT_SAYS(&s, "quote");
    cr_assert_lt(LOAD(&s, "--prot", "1"), 0);
    ASSERT_SAYS(&s, "command line: unknown directive '--prot'; did you mean '--port'?");
    cr_assert_lt(LOAD(&s, "--port"), 0);
    ASSERT_SAYS(&s, "'port' needs a value");
    cr_assert_lt(LOAD(&s, "--port", "1", "2"), 0);
    ASSERT_SAYS(&s, "'port' takes one value, 2 were given");
    cr_assert_lt(LOAD(&s, "/nowhere/x.conf"), 0);
    ASSERT_SAYS(&s, "/nowhere/x.conf");
    cr_assert_lt(LOAD(&s, "--appendonly", "yes"), 0);
    ASSERT_SAYS(&s, "'appendonly yes'");
    teardown(&s);
}

Test(config, files_include_others_but_not_for_ever)
{
    struct setup s;
    char text[256], other[80];
    setup(&s);
    snprintf(other, sizeof(other), "%s/b.conf", s.dir);
    write_file(other, "timeout 7\n");
    snprintf(text, sizeof(text), "include \"%s\"\nport 1\n", other);
    cr_assert_eq(load_text(&s, text), 0, "%s", s.error);
    cr_assert_eq(s.config.timeout, 7);
    cr_assert_eq(s.config.port, 1);
    write_file(other, "timeout 7\nnonsense\n");
    cr_assert_lt(load_text(&s, text), 0);
    ASSERT_SAYS(&s, "b.conf:2:");
    snprintf(text, sizeof(text), "include %s\n", s.path);
    cr_assert_lt(load_text(&s, text), 0);
    ASSERT_SAYS(&s, "include each other");
    unlink(other);
    teardown(&s);
}

Test(config, every_directive_is_in_the_help)
{
    char text[ROOM_BYTES] = "";
    FILE *f = fmemopen(text, sizeof(text), "w");
    config_print_help(f);
    fclose(f);
    const char *names[] = { "--port ", "--bind ", "--loops ", "--maxclients ", "--hz ", "--dir " };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cr_assert_not_null(strstr(text, names[i]), "%s", names[i]);
}

/* ---- GET and SET ---- */

static void no_room(struct reply *r, size_t min_bytes)
{
    (void)min_bytes;
    r->failed = true;
}

static struct reply reply_to(struct setup *s)
{
    memset(s->room, 0, sizeof(s->room));
    return (struct reply){ .start = s->room,
                           .pos = s->room,
                           .end = s->room + sizeof(s->room) - 1,
                           .more = no_room,
                           .proto = 2 };
}

static void on_change(void *arg, const char *name)
{
    struct setup *s = arg;
    size_t n = strlen(s->changes);
    snprintf(s->changes + n, sizeof(s->changes) - n, "%s ", name);
}

static int slices(const char *const *words, struct slice *out)
{
    int n = 0;
    for (; words[n]; n++)
        out[n] = slice_str(words[n]);
    return n;
}

static const char *set(struct setup *s, const char *const *words)
{
    struct slice pairs[16];
    struct reply out = reply_to(s);
    s->changes[0] = '\0';
    int n = slices(words, pairs);
    config_reply_set(&s->config, &out, pairs, n / 2, on_change, s);
    return s->room;
}
#define SET(s, ...) set((s), (const char *const[]){ __VA_ARGS__, NULL })

static const char *get(struct setup *s, const char *const *words)
{
    struct slice patterns[16];
    struct reply out = reply_to(s);
    config_reply_get(&s->config, &out, patterns, slices(words, patterns));
    return s->room;
}
#define GET(s, ...) get((s), (const char *const[]){ __VA_ARGS__, NULL })

Test(config, get_matches_names_and_patterns_once_each)
{
    struct setup s;
    setup(&s);
    cr_assert_str_eq(GET(&s, "port"), "*2\r\n$4\r\nport\r\n$4\r\n6379\r\n");
    cr_assert_str_eq(GET(&s, "PORT"), "*2\r\n$4\r\nPORT\r\n$4\r\n6379\r\n");
    cr_assert_str_eq(GET(&s, "nothing"), "*0\r\n");
    cr_assert_str_eq(GET(&s, "database?", "databases"), "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n");
    cr_assert_str_eq(GET(&s, "Protected-m*"), "*2\r\n$14\r\nprotected-mode\r\n$3\r\nyes\r\n");
    cr_assert_str_eq(GET(&s, "save", "appendonly"),
                     "*4\r\n$4\r\nsave\r\n$0\r\n\r\n$10\r\nappendonly\r\n$2\r\nno\r\n");
    teardown(&s);
}

Test(config, set_changes_all_or_nothing)
{
    struct setup s;
    setup(&s);
    cr_assert_str_eq(SET(&s, "timeout", "9", "loglevel", "verbose", "maxclients", "10000"),
                     "+OK\r\n");
    cr_assert_eq(s.config.timeout, 9);
    cr_assert_eq(s.config.loglevel, LOGLEVEL_VERBOSE);
    cr_assert_str_eq(s.changes, "timeout loglevel ", "only what changed is told");
    cr_assert_str_eq(SET(&s, "timeout", "5", "loglevel", "loud"),
                     "-ERR CONFIG SET failed (possibly related to argument 'loglevel') - "
                     "argument(s) must be one of the following: debug, verbose, notice, warning, "
                     "nothing\r\n");
    cr_assert_eq(s.config.timeout, 9);
    cr_assert_str_eq(s.changes, "");
    teardown(&s);
}

Test(config, set_refuses_as_redis_does)
{
    struct setup s;
    setup(&s);
    cr_assert_str_eq(SET(&s, "nothing", "1"),
                     "-ERR Unknown option or number of arguments for CONFIG SET - 'nothing'\r\n");
    cr_assert_str_eq(SET(&s, "port", "1"),
                     "-ERR CONFIG SET failed (possibly related to argument 'port') - can't set "
                     "immutable config\r\n");
    cr_assert_str_eq(SET(&s, "dir", "/"),
                     "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set "
                     "protected config\r\n");
    cr_assert_str_eq(SET(&s, "timeout", "1", "TIMEOUT", "2"),
                     "-ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate "
                     "parameter\r\n");
    cr_assert_str_eq(SET(&s, "timeout", "1s"),
                     "-ERR CONFIG SET failed (possibly related to argument 'timeout') - argument "
                     "couldn't be parsed into an integer\r\n");
    cr_assert_str_eq(SET(&s, "protected-mode", "maybe"),
                     "-ERR CONFIG SET failed (possibly related to argument 'protected-mode') - "
                     "argument must be 'yes' or 'no'\r\n");
    cr_assert_str_eq(SET(&s, "proto-max-bulk-len", "1x"),
                     "-ERR CONFIG SET failed (possibly related to argument 'proto-max-bulk-len') - "
                     "argument must be a memory value\r\n");
    cr_assert_eq(s.config.timeout, 0);
    teardown(&s);
}

Test(config, units_of_memory)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        { "3000000", 3000000 }, { "3000000b", 3000000 }, { "2m", 2000000 },    { "2MB", 2 << 20 },
        { "2000k", 2000000 },   { "2048kb", 2 << 20 },   { "1g", 1000000000 }, { "1Gb", 1 << 30 },
    };
    struct setup s;
    setup(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_str_eq(SET(&s, "proto-max-bulk-len", cases[i].text), "+OK\r\n", "%s",
                         cases[i].text);
        cr_assert_eq(s.config.proto_max_bulk_len, cases[i].bytes, "%s", cases[i].text);
    }
    cr_assert_eq(*SET(&s, "proto-max-bulk-len", "9223372036854775807gb"), '-');
    teardown(&s);
}
