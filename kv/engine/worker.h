/* worker: what one loop owns: its sessions, its counters, its batches in flight (engine_internal.h), which its thread alone
 * touches; the counters are read by any thread, relaxed. Its shard belongs to whoever has taken the shard's lane (lane.h). */
#ifndef KV_ENGINE_WORKER_H
#define KV_ENGINE_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "evio/evio.h"

struct engine;
struct server;
struct session;
struct shard;

typedef _Atomic uint64_t counter;

/* Only the owner adds, so a load and a store do. */
static inline void counter_add(counter *c, uint64_t n)
{
    uint64_t v = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, v + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

struct cmd_stats {
    counter calls, usec, rejected, failed; /* usec: from samples, see COMMAND_SAMPLE_SHIFT */
};

struct worker_stats {
    counter commands, connections_received, clients, blocked_clients;
    counter batches, hops_sent, hops_received, holds; /* holds: commands run over several shards */
    counter error_replies, protocol_errors,
        output_stalls; /* stalls: reading paused at the output limit */
};

struct worker {
    struct server *server;
    struct evio_loop *loop;
    struct shard *shard;
    int index;
    struct worker_stats stats;
    struct cmd_stats *cmd_stats; /* by command id */
    struct session *sessions;    /* open ones, oldest first; last in sessions_tail */
    struct session *sessions_tail;
    struct engine *engine; /* private to engine/ */
};

/* Sums over all workers, for INFO. CONFIG RESETSTAT sets the counters to zero (best effort between threads). */
uint64_t server_sum(const struct server *s, size_t counter_offset);
#define SERVER_SUM(s, field) server_sum((s), offsetof(struct worker_stats, field))
void server_reset_stats(struct server *s);

#endif
