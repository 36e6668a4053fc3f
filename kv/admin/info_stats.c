/* info_stats: the sections made of counters: clients, memory, stats, commandstats, keyspace,
 * loops. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kv/admin/info_internal.h"
#include "kv/engine/worker.h"
#include "kv/server.h"
#include "kv/store/alloc.h"
#include "kv/store/shard.h"

/* ---- sums over the shards ---- */

static uint64_t shard_sum(const struct server *s, size_t offset)
{
    uint64_t sum = 0;
    for (int i = 0; i < s->worker_count; i++)
        sum += counter_get(
            (const counter *)((const char *)shard_stats(s->workers[i]->shard) + offset));
    return sum;
}
#define SHARD_SUM(s, field) shard_sum((s), offsetof(struct shard_stats, field))

static uint64_t shard_max(const struct server *s, size_t offset)
{
    uint64_t max = 0;
    for (int i = 0; i < s->worker_count; i++) {
        uint64_t v = counter_get(
            (const counter *)((const char *)shard_stats(s->workers[i]->shard) + offset));
        max = v > max ? v : max;
    }
    return max;
}
#define SHARD_MAX(s, field) shard_max((s), offsetof(struct shard_stats, field))

/* ---- clients ---- */

void info_section_clients(struct info_text *t)
{
    struct server *s = t->server;
    info_add(t,
             "# Clients\n"
             "connected_clients:%" PRIu64 "\n"
             "cluster_connections:0\n"
             "maxclients:%" PRId64 "\n"
             "blocked_clients:%" PRIu64 "\n"
             "tracking_clients:0\n"
             "clients_in_timeout_table:%" PRIu64 "\n",
             SERVER_SUM(s, clients), s->config->maxclients, SERVER_SUM(s, blocked_clients),
             SERVER_SUM(s, blocked_clients));
}

/* ---- memory ---- */

/* A line "Name:  123 kB" of /proc/self/status, in bytes; 0: not there. */
static uint64_t status_bytes(const char *status, const char *name)
{
    const char *at = strstr(status, name);
    return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

struct memory {
    uint64_t allocated, active, resident, rss, rss_peak;
};

static void read_memory(struct memory *m)
{
    char status[8192];
    FILE *f = fopen("/proc/self/status", "re");
    size_t n = f ? fread(status, 1, sizeof(status) - 1, f) : 0;
    status[n] = '\0';
    if (f)
        fclose(f);
    m->rss = status_bytes(status, "\nVmRSS:");
    m->rss_peak = status_bytes(status, "\nVmHWM:");
    m->allocated = m->active = m->resident = 0;
#ifdef HAVE_JEMALLOC
    uint64_t epoch = 1;
    size_t bytes = sizeof(epoch);
    mallctl("epoch", &epoch, &bytes, &epoch, sizeof(epoch));
    size_t value;
    bytes = sizeof(value);
    if (mallctl("stats.allocated", &value, &bytes, NULL, 0) == 0)
        m->allocated = value;
    if (mallctl("stats.active", &value, &bytes, NULL, 0) == 0)
        m->active = value;
    if (mallctl("stats.resident", &value, &bytes, NULL, 0) == 0)
        m->resident = value;
#endif
}

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : 0;
}

void info_section_memory(struct info_text *t)
{
    struct server *s = t->server;
    struct memory m;
    uint64_t dataset = SHARD_SUM(s, memory_bytes);
    read_memory(&m);
    /* Another allocator tells nothing: then the dataset is what is known. */
    uint64_t used = m.allocated ? m.allocated : dataset;
    /* The peak is the kernel's, so it needs no sampling: of resident memory. */
    uint64_t peak = m.rss_peak > used ? m.rss_peak : used;
    info_add(t, "# Memory\n");
    info_add_bytes(t, "used_memory", used);
    info_add_bytes(t, "used_memory_rss", m.rss);
    info_add_bytes(t, "used_memory_peak", peak);
    info_add(t, "used_memory_peak_perc:%.2f%%\n", 100 * ratio(used, peak));
    info_add(t,
             "used_memory_overhead:%" PRIu64 "\nused_memory_startup:0\nused_memory_dataset:%" PRIu64
             "\nused_memory_dataset_perc:%.2f%%\n",
             used > dataset ? used - dataset : 0, dataset, 100 * ratio(dataset, used));
    info_add(t,
             "allocator_allocated:%" PRIu64 "\nallocator_active:%" PRIu64
             "\nallocator_resident:%" PRIu64 "\n",
             m.allocated, m.active, m.resident);
    info_add_bytes(t, "total_system_memory",
                   (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
    info_add_bytes(t, "maxmemory", 0);
    info_add(t, "maxmemory_policy:noeviction\n");
    info_add(t,
             "allocator_frag_ratio:%.2f\nallocator_frag_bytes:%" PRIu64
             "\nallocator_rss_ratio:%.2f\nallocator_rss_bytes:%" PRId64 "\n",
             ratio(m.active, m.allocated), m.active - m.allocated, ratio(m.resident, m.active),
             (int64_t)(m.resident - m.active));
    info_add(t, "mem_fragmentation_ratio:%.2f\nmem_fragmentation_bytes:%" PRId64 "\n",
             ratio(m.rss, used), (int64_t)(m.rss - used));
#ifdef HAVE_JEMALLOC
    info_add(t, "mem_allocator:jemalloc-%d.%d.%d\n", JEMALLOC_VERSION_MAJOR, JEMALLOC_VERSION_MINOR,
             JEMALLOC_VERSION_BUGFIX);
#else
    info_add(t, "mem_allocator:libc\n");
#endif
    info_add(t,
             "active_defrag_running:0\nlazyfree_pending_objects:%" PRIu64
             "\nlazyfreed_objects:%" PRIu64 "\n",
             SHARD_SUM(s, lazyfree_pending), SHARD_SUM(s, lazyfreed));
}

/* ---- stats ---- */

/* Nothing ticks here, so the rates are those since the INFO before, if that was at least a
 * second ago. */
static void add_rates(struct info_text *t, uint64_t commands, uint64_t in_bytes, uint64_t out_bytes)
{
    struct server_rates *r = &t->server->rates;
    const uint64_t now[3] = { commands, in_bytes, out_bytes };
    int64_t now_ms = server_unix_ms(), at_ms = atomic_load(&r->at_ms);
    int64_t passed_ms = now_ms - (at_ms ? at_ms : t->server->started_ms);
    /* Whoever moves the time on writes the figures; others show those that stand. */
    if (passed_ms >= 1000 && atomic_compare_exchange_strong(&r->at_ms, &at_ms, now_ms)) {
        for (int i = 0; i < 3; i++) {
            uint64_t before = atomic_exchange(&r->total[i], now[i]);
            uint64_t more = now[i] > before ? now[i] - before : 0; /* after RESETSTAT */
            atomic_store(&r->per_s[i], more * 1000 / (uint64_t)passed_ms);
        }
    }
    info_add(t,
             "instantaneous_ops_per_sec:%" PRIu64 "\ntotal_net_input_bytes:%" PRIu64
             "\ntotal_net_output_bytes:%" PRIu64
             "\ntotal_net_repl_input_bytes:0\ntotal_net_repl_output_bytes:0\n",
             atomic_load(&r->per_s[0]), in_bytes, out_bytes);
    info_add(t, "instantaneous_input_kbps:%.2f\ninstantaneous_output_kbps:%.2f\n",
             (double)atomic_load(&r->per_s[1]) / 1024, (double)atomic_load(&r->per_s[2]) / 1024);
}

static void add_expiry(struct info_text *t)
{
    struct server *s = t->server;
    uint64_t late = SHARD_SUM(s, expired_late_count);
    uint64_t lag_us = SHARD_SUM(s, expire_lag_us_sum);
    info_add(t,
             "expired_keys:%" PRIu64 "\nexpired_stale_perc:0.00\nexpired_time_cap_reached_count:0\n"
             "expire_cycle_cpu_milliseconds:0\n",
             SHARD_SUM(s, expired));
    info_add(t,
             "expired_lag_ms_last:%" PRIu64 "\nexpired_lag_ms_max:%" PRIu64
             "\nexpired_lag_ms_avg:%.3f\n",
             SHARD_MAX(s, expire_lag_ms_last), SHARD_MAX(s, expire_lag_ms_max),
             ratio(lag_us, late) / 1000);
}

void info_section_stats(struct info_text *t)
{
    struct server *s = t->server;
    uint64_t commands = SERVER_SUM(s, commands);
    uint64_t reads = 0, writes = 0, in_bytes = 0, out_bytes = 0;
    for (int i = 0; i < s->worker_count; i++) {
        struct evio_loop_stats l;
        evio_loop_stats(s->workers[i]->loop, &l);
        reads += l.reads;
        writes += l.writes;
        in_bytes += l.read_bytes;
        out_bytes += l.written_bytes;
    }
    info_add(t,
             "# Stats\ntotal_connections_received:%" PRIu64 "\ntotal_commands_processed:%" PRIu64
             "\n",
             SERVER_SUM(s, connections_received), commands);
    add_rates(t, commands, in_bytes, out_bytes);
    info_add(t,
             "rejected_connections:%" PRIu64 "\nsync_full:0\nsync_partial_ok:0\n"
             "sync_partial_err:0\n",
             atomic_load(&s->rejected_connections));
    add_expiry(t);
    info_add(t,
             "evicted_keys:0\nevicted_clients:0\ntotal_eviction_exceeded_time:0\n"
             "current_eviction_exceeded_time:0\nkeyspace_hits:%" PRIu64 "\nkeyspace_misses:%" PRIu64
             "\n",
             SHARD_SUM(s, hits), SHARD_SUM(s, misses));
    info_add(t, "pubsub_channels:0\npubsub_patterns:0\npubsubshard_channels:0\n"
                "latest_fork_usec:0\ntotal_forks:0\nmigrate_cached_sockets:0\n"
                "slave_expires_tracked_keys:0\nactive_defrag_hits:0\nactive_defrag_misses:0\n"
                "active_defrag_key_hits:0\nactive_defrag_key_misses:0\n"
                "tracking_total_keys:0\ntracking_total_items:0\ntracking_total_prefixes:0\n"
                "unexpected_error_replies:0\n");
    info_add(t,
             "total_error_replies:%" PRIu64 "\ndump_payload_sanitizations:0\n"
             "total_reads_processed:%" PRIu64 "\ntotal_writes_processed:%" PRIu64
             "\nio_threaded_reads_processed:0\nio_threaded_writes_processed:0\n",
             SERVER_SUM(s, error_replies), reads, writes);
    info_add(t, "client_output_stalls:%" PRIu64 "\nprotocol_errors:%" PRIu64 "\n",
             SERVER_SUM(s, output_stalls), SERVER_SUM(s, protocol_errors));
}

/* ---- commands ---- */

static void add_command(struct info_text *t, const struct cmd *cmd)
{
    uint64_t calls = 0, usec = 0, rejected = 0, failed = 0;
    for (int i = 0; i < t->server->worker_count; i++) {
        const struct cmd_stats *st = &t->server->workers[i]->cmd_stats[cmd->id];
        calls += counter_get(&st->calls);
        usec += counter_get(&st->usec);
        rejected += counter_get(&st->rejected);
        failed += counter_get(&st->failed);
    }
    if (calls || rejected || failed)
        info_add(t,
                 "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64
                 ",usec_per_call=%.2f,rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64 "\n",
                 cmd->full_name, calls, usec, ratio(usec, calls), rejected, failed);
}

void info_section_commandstats(struct info_text *t)
{
    const struct cmd_table *table = t->server->commands;
    info_add(t, "# Commandstats\n");
    for (int id = 0; id < cmd_table_id_count(table); id++)
        add_command(t, cmd_table_by_id(table, id));
}

/* Errors are counted as one number (total_error_replies), not by their codes. */
void info_section_errorstats(struct info_text *t)
{
    info_add(t, "# Errorstats\n");
}

/* ---- keyspace, loops ---- */

void info_section_keyspace(struct info_text *t)
{
    const struct server *s = t->server;
    info_add(t, "# Keyspace\n");
    for (int db = 0; db < s->config->databases; db++) {
        uint64_t keys = 0, expires = 0, ttl_sum = 0;
        for (int i = 0; i < s->worker_count; i++) {
            const struct shard *shard = s->workers[i]->shard;
            uint64_t volatile_keys = shard_expires_count(shard, db);
            keys += shard_count(shard, db);
            expires += volatile_keys;
            if (volatile_keys)
                ttl_sum += (uint64_t)shard_avg_ttl_ms(shard, db) * volatile_keys;
        }
        if (keys)
            info_add(t, "db%d:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=%" PRIu64 "\n", db, keys,
                     expires, expires ? ttl_sum / expires : 0);
    }
}

void info_section_loops(struct info_text *t)
{
    const struct server *s = t->server;
    info_add(t, "# Loops\n");
    for (int i = 0; i < s->worker_count; i++) {
        const struct worker *w = s->workers[i];
        const struct worker_stats *st = &w->stats;
        struct evio_loop_stats l;
        evio_loop_stats(w->loop, &l);
        info_add(t,
                 "loop%d:connections=%" PRIu64 ",commands=%" PRIu64 ",batches=%" PRIu64
                 ",hops_sent=%" PRIu64 ",hops_received=%" PRIu64 ",holds=%" PRIu64 ",turns=%" PRIu64
                 ",wakes=%" PRIu64 ",busy_us=%" PRIu64 ",turn_us_max=%" PRIu64
                 ",memory_bytes=%" PRIu64 "\n",
                 i, l.connections, counter_get(&st->commands), counter_get(&st->batches),
                 counter_get(&st->hops_sent), counter_get(&st->hops_received),
                 counter_get(&st->holds), l.turns, l.wakes, l.busy_us, l.turn_us_max,
                 counter_get(&shard_stats(w->shard)->memory_bytes));
    }
}
