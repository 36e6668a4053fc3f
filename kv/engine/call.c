#include "kv/engine/call.h"

#include <assert.h>

#include "kv/base/hash.h"
#include "kv/base/number.h"
#include "kv/engine/engine_internal.h"
#include "kv/engine/route.h"
#include "kv/types/string.h"

struct key call_key(const struct call *c, int arg)
{
    const struct cmd_keys *k = &c->cmd->spec->keys;
    struct key key = { .name = c->argv[arg] };
    if (arg == k->first)
        key.hash = c->hash;
    else if (c->hashes && k->step && (arg - k->first) % k->step == 0)
        key.hash = c->hashes[(arg - k->first) / k->step];
    else
        key.hash = hash_bytes(key.name, c->server->hash_seed);
    return key;
}

static struct shard *shard_of(const struct call *c, const struct key *k)
{
    const struct engine *e = c->worker->engine;
    if (e->shard_count == 1)
        return e->shards[0];
    return e->shards[route_shard(k->name, k->hash, c->server->hash_seed, e->shard_count)];
}

struct entry *call_find(struct call *c, int arg)
{
    struct key k = call_key(c, arg);
    struct shard *s = shard_of(c, &k);
    return c->no_touch ? shard_peek(s, c->db, &k) : shard_find(s, c->db, &k);
}

struct entry *call_peek(struct call *c, int arg)
{
    return call_peek_db(c, c->db, arg);
}

void call_edit(struct call *c, int arg, struct edit *ed)
{
    call_edit_db(c, c->db, arg, ed);
}

struct entry *call_peek_db(struct call *c, int db, int arg)
{
    struct key k = call_key(c, arg);
    return shard_peek(shard_of(c, &k), db, &k);
}

void call_edit_db(struct call *c, int db, int arg, struct edit *ed)
{
    struct key k = call_key(c, arg);
    shard_edit(shard_of(c, &k), db, &k, ed);
}

struct shard *call_shard(const struct call *c, int index)
{
    assert(index >= 0 && index < c->worker->engine->shard_count);
    return c->worker->engine->shards[index];
}

int call_shard_count(const struct call *c)
{
    return c->worker->engine->shard_count;
}

int64_t call_now_ms(const struct call *c)
{
    return c->worker->engine->now_ms;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t call_random(struct call *c)
{
    uint64_t z = (c->worker->engine->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct entry *call_find_string(struct call *c, int arg, bool *ok)
{
    struct entry *e = call_find(c, arg);
    *ok = !e || entry_type(e) == VALUE_STRING;
    if (*ok)
        return e;
    reply_wrong_type(c->out);
    return NULL;
}

bool call_int64(struct call *c, int arg, int64_t *out)
{
    if (number_parse_int64(c->argv[arg], out))
        return true;
    reply_not_integer(c->out);
    return false;
}
