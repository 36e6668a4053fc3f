#include "tests/support/fake_call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "kv/base/hash.h"
#include "kv/engine/engine_internal.h"

enum { GROUPS_MAX = 4, WORDS_MAX = 64, DATABASES = 16, SEED = 4711 };

struct fake {
    const struct cmd_spec *groups[GROUPS_MAX];
    int group_count;
    struct config config;
    struct server server;
    struct engine engine;
    struct worker worker, *workers[1];
    struct arena scratch;
    struct outbuf out;
    int db, proto, shard_index;
    int64_t now_ms;
};

struct fake *fake_new(const struct cmd_spec *specs, int shard_count)
{
    struct fake *f = calloc(1, sizeof(*f));
    assert(f);
    fake_also(f, specs);
    f->now_ms = f->engine.now_ms = FAKE_START_MS;
    f->proto = 2;
    f->config.databases = DATABASES;
    f->config.proto_max_bulk_len = 512 * 1024 * 1024;
    f->server.config = &f->config;
    f->server.hash_seed = SEED;
    f->server.workers = f->workers;
    f->server.worker_count = 1;
    f->workers[0] = &f->worker;
    f->engine.random = SEED;
    f->engine.shard_count = shard_count;
    f->engine.shards = calloc((size_t)shard_count, sizeof(*f->engine.shards));
    assert(f->engine.shards);
    for (int i = 0; i < shard_count; i++) {
        struct shard_options o = { .databases = DATABASES, .hash_seed = SEED };
        struct shard *s = shard_new(&o);
        assert(s);
        shard_hold(s, f);
        shard_set_now(s, f->now_ms);
        f->engine.shards[i] = s;
    }
    f->worker.server = &f->server;
    f->worker.engine = &f->engine;
    f->worker.shard = f->engine.shards[0];
    arena_init(&f->scratch);
    return f;
}

void fake_free(struct fake *f)
{
    for (int i = 0; i < f->engine.shard_count; i++) {
        shard_release(f->engine.shards[i], f);
        shard_free(f->engine.shards[i]);
    }
    free(f->engine.shards);
    arena_deinit(&f->scratch);
    outbuf_deinit(&f->out);
    free(f);
}

void fake_also(struct fake *f, const struct cmd_spec *specs)
{
    assert(f->group_count < GROUPS_MAX);
    f->groups[f->group_count++] = specs;
}

void fake_db(struct fake *f, int db)
{
    f->db = db;
}

void fake_proto(struct fake *f, int proto)
{
    f->proto = proto;
}

void fake_on(struct fake *f, int shard_index)
{
    f->shard_index = shard_index;
}

void fake_sleep(struct fake *f, int64_t ms)
{
    f->now_ms += ms;
    f->engine.now_ms = f->now_ms;
    for (int i = 0; i < f->engine.shard_count; i++)
        shard_set_now(f->engine.shards[i], f->now_ms);
}

int64_t fake_now_ms(const struct fake *f)
{
    return f->now_ms;
}

struct config *fake_config(struct fake *f)
{
    return &f->config;
}

static const struct cmd_spec *find(const struct cmd_spec *specs, struct slice name)
{
    for (; specs && specs->name; specs++) {
        if (slice_is(name, specs->name))
            return specs;
    }
    return NULL;
}

static const struct cmd_spec *look_up(const struct fake *f, const struct slice *argv, int argc)
{
    const struct cmd_spec *spec = NULL;
    for (int i = 0; i < f->group_count && !spec; i++)
        spec = find(f->groups[i], argv[0]);
    assert(spec);
    if (spec->subs && argc > 1)
        spec = find(spec->subs, argv[1]);
    assert(spec && spec->handler);
    assert(spec->arity > 0 ? argc == spec->arity : argc >= -spec->arity);
    return spec;
}

static const char *run(struct fake *f, const struct slice *argv, int argc)
{
    struct cmd cmd = { .spec = look_up(f, argv, argc) };
    int n = snprintf(cmd.full_name, sizeof(cmd.full_name), "%s", cmd.spec->name);
    assert(n > 0 && (size_t)n < sizeof(cmd.full_name));
    struct reply out;
    struct call c = {
        .cmd = &cmd,
        .argv = argv,
        .argc = argc,
        .db = f->db,
        .out = &out,
        .server = &f->server,
        .worker = &f->worker,
        .scratch = &f->scratch,
        .shard_index = f->shard_index,
    };
    if (cmd.spec->keys.first)
        c.hash = hash_bytes(argv[cmd.spec->keys.first], SEED);
    if (cmd.spec->shard_of)
        c.shard_index = cmd.spec->shard_of(&c, f->engine.shard_count);
    outbuf_reset(&f->out);
    outbuf_begin(&f->out, &out, f->proto);
    cmd.spec->handler(&c);
    reply_raw(&out, "", 1); /* a terminator, so that tests may compare strings */
    outbuf_end(&f->out, &out);
    assert(!out.failed);
    arena_reset(&f->scratch);
    return f->out.data;
}

static int collect(struct slice *argv, va_list words)
{
    int argc = 0;
    for (const char *w; (w = va_arg(words, const char *)) != NULL; argc++) {
        assert(argc < WORDS_MAX);
        argv[argc] = slice_str(w);
    }
    return argc;
}

const char *fake_run(struct fake *f, ...)
{
    struct slice argv[WORDS_MAX];
    va_list words;
    va_start(words, f);
    int argc = collect(argv, words);
    va_end(words);
    return run(f, argv, argc);
}

const char *fake_run_bytes(struct fake *f, struct slice last, ...)
{
    struct slice argv[WORDS_MAX + 1];
    va_list words;
    va_start(words, last);
    int argc = collect(argv, words);
    va_end(words);
    argv[argc++] = last;
    return run(f, argv, argc);
}
