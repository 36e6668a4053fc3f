/* rounds: rounds made by hand, on a server that stands still: calls whose handler is the test's own, put into hops, visits and
 * holds as resolve.c does it. A handler finds the test's state through call_arg(). */
#ifndef TESTS_KV_ENGINE_ROUNDS_H
#define TESTS_KV_ENGINE_ROUNDS_H

#include <criterion/criterion.h>

#include "kv/engine/engine_internal.h"

static inline struct queued *rounds_call(struct round *r, const struct cmd *cmd, const void *arg)
{
    struct queued *q = arena_alloc(&r->arena, sizeof(*q));
    struct slice *argv = arena_alloc(&r->arena, sizeof(*argv));
    cr_assert(q && argv);
    *argv = slice_of(arg, 0);
    *q = (struct queued){
        .call = { .cmd = cmd, .argv = argv, .argc = 1, .server = r->home->server },
        .proto = 2,
    };
    return q;
}

static inline void *call_arg(const struct call *c)
{
    return (void *)(uintptr_t)c->argv[0].ptr;
}

static inline void rounds_add(struct hop *h, struct queued *q, int index)
{
    q->shard = q->call.shard_index = index;
    q->next_in_hop = NULL;
    if (!h->count++) {
        h->first = NULL;
        h->last = &h->first;
    }
    *h->last = q;
    h->last = &q->next_in_hop;
}

static inline struct queued *rounds_hop(struct round *r, const struct cmd *cmd, const void *arg,
                                        int shard)
{
    struct queued *q = rounds_call(r, cmd, arg);
    q->place = PLACE_HOP;
    rounds_add(&r->hops[shard], q, shard);
    return q;
}

static inline struct queued *rounds_visit(struct round *r, const struct cmd *cmd, const void *arg,
                                          int loop)
{
    struct queued *q = rounds_call(r, cmd, arg);
    q->place = PLACE_VISIT;
    rounds_add(&r->visits[loop], q, loop);
    return q;
}

static inline struct queued *rounds_hold(struct round *r, const struct cmd *cmd, const void *arg,
                                         const int *shards, int count)
{
    struct queued *q = rounds_call(r, cmd, arg);
    q->place = PLACE_HOLD;
    q->hold = hold_new(r, q, shards, count);
    cr_assert_not_null(q->hold);
    return q;
}

#endif
