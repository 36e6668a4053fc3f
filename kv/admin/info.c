/* info: which sections are asked for, and the sections about the process. */
#include "kv/admin/info.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "kv/admin/info_internal.h"
#include "kv/engine/call.h"
#include "kv/engine/worker.h"
#include "kv/server.h"

enum { INFO_FIRST_BYTES = 16 * 1024, INFO_LINES_BYTES = 8 * 1024 };

/* ---- the text ---- */

static bool make_room(struct info_text *t, size_t bytes)
{
    if (t->room - t->len >= bytes)
        return true;
    size_t room = t->room + t->room / 2 + bytes;
    char *text = realloc(t->text, room);
    if (!text) {
        t->failed = true;
        return false;
    }
    t->text = text;
    t->room = room;
    return true;
}

void info_add(struct info_text *t, const char *fmt, ...)
{
    char lines[INFO_LINES_BYTES];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(lines, sizeof(lines), fmt, args);
    va_end(args);
    if (n < 0 || t->failed || !make_room(t, 2 * sizeof(lines)))
        return;
    for (const char *p = lines; *p; p++) {
        if (*p == '\n')
            t->text[t->len++] = '\r';
        t->text[t->len++] = *p;
    }
}

void info_add_bytes(struct info_text *t, const char *name, uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    double n = (double)bytes;
    int unit = 0;
    while (n >= 1024 && units[unit + 1]) {
        n /= 1024;
        unit++;
    }
    info_add(t, "%s:%" PRIu64 "\n%s_human:%.*f%c\n", name, bytes, name, unit ? 2 : 0, n,
             units[unit]);
}

/* ---- which sections ---- */

enum {
    IN_DEFAULT = 1,
    IN_ALL = 2,
    IN_EVERYTHING = 4,
};

static const struct {
    const char *name;
    void (*write)(struct info_text *t);
    int in;
} sections[] = {
    { "server", info_section_server, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "clients", info_section_clients, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "memory", info_section_memory, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "persistence", info_section_persistence, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "stats", info_section_stats, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "replication", info_section_replication, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "cpu", info_section_cpu, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "modules", info_section_modules, IN_DEFAULT | IN_EVERYTHING },
    { "commandstats", info_section_commandstats, IN_ALL | IN_EVERYTHING },
    { "errorstats", info_section_errorstats, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "cluster", info_section_cluster, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "keyspace", info_section_keyspace, IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "loops", info_section_loops, IN_ALL | IN_EVERYTHING },
};
enum { SECTION_COUNT = sizeof(sections) / sizeof(sections[0]) };

static bool asked(int section, const struct slice *names, int count)
{
    if (count == 0)
        return sections[section].in & IN_DEFAULT;
    for (int i = 0; i < count; i++) {
        int groups = slice_is(names[i], "default")      ? IN_DEFAULT
                     : slice_is(names[i], "all")        ? IN_ALL
                     : slice_is(names[i], "everything") ? IN_EVERYTHING
                                                        : 0;
        if ((sections[section].in & groups) || slice_is(names[i], sections[section].name))
            return true;
    }
    return false;
}

void info_reply(struct call *c, const struct slice *names, int count)
{
    struct info_text t = { .server = c->server, .room = INFO_FIRST_BYTES };
    t.text = malloc(t.room);
    t.failed = !t.text;
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (!asked(i, names, count))
            continue;
        if (t.len)
            info_add(&t, "\n");
        sections[i].write(&t);
    }
    if (t.failed)
        reply_no_memory(c->out);
    else
        reply_verbatim(c->out, "txt", slice_of(t.text, t.len));
    free(t.text);
}

/* ---- sections ---- */

void info_section_server(struct info_text *t)
{
    struct server *s = t->server;
    struct timespec now;
    struct utsname os = { 0 };
    char exe[512] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    uname(&os);
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n >= 0)
        exe[n] = '\0';
    int64_t up_s = now.tv_sec - s->started_ms / 1000;
    info_add(t, "# Server\n");
    info_add(t,
             "redis_version:%s\nevio_kv_version:%s\nredis_git_sha1:00000000\nredis_git_dirty:0\n",
             REDIS_VERSION_CLAIMED, EVIO_KV_VERSION);
    info_add(t, "redis_build_id:0\nredis_mode:standalone\nos:%s %s %s\narch_bits:%d\n", os.sysname,
             os.release, os.machine, (int)(sizeof(void *) * 8));
    info_add(t, "monotonic_clock:POSIX clock_gettime\nmultiplexing_api:epoll\n"
                "atomicvar_api:c11-builtin\n");
#ifdef __clang__
    info_add(t, "gcc_version:0.0.0\n");
#else
    info_add(t, "gcc_version:%d.%d.%d\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
    info_add(t, "process_id:%d\nprocess_supervised:no\nrun_id:%s\ntcp_port:%d\n", (int)getpid(),
             s->run_id, s->tcp_port);
    info_add(t, "server_time_usec:%" PRId64 "\n",
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    info_add(t, "uptime_in_seconds:%" PRId64 "\nuptime_in_days:%" PRId64 "\n", up_s, up_s / 86400);
    info_add(t, "hz:%" PRId64 "\nconfigured_hz:%" PRId64 "\nlru_clock:%d\n", s->config->hz,
             s->config->hz, (int)(now.tv_sec & 0xffffff));
    info_add(t, "executable:%s\nconfig_file:%s\n", exe, config_file(s->config));
    info_add(t, "io_threads_active:%d\nloops:%d\n", s->worker_count > 1, s->worker_count);
}

/* Redis's idle values: what is not built yet never happens, and exporters ask for these names. */
void info_section_persistence(struct info_text *t)
{
    info_add(t,
             "# Persistence\n"
             "loading:0\n"
             "async_loading:0\n"
             "rdb_changes_since_last_save:0\n"
             "rdb_bgsave_in_progress:0\n"
             "rdb_last_save_time:%" PRId64 "\n"
             "rdb_last_bgsave_status:ok\n"
             "rdb_last_bgsave_time_sec:-1\n"
             "rdb_current_bgsave_time_sec:-1\n"
             "rdb_saves:0\n"
             "aof_enabled:0\n"
             "aof_rewrite_in_progress:0\n"
             "aof_rewrite_scheduled:0\n"
             "aof_last_rewrite_time_sec:-1\n"
             "aof_current_rewrite_time_sec:-1\n"
             "aof_last_bgrewrite_status:ok\n"
             "aof_last_write_status:ok\n",
             t->server->started_ms / 1000);
}

void info_section_replication(struct info_text *t)
{
    info_add(t,
             "# Replication\n"
             "role:master\n"
             "connected_slaves:0\n"
             "master_failover_state:no-failover\n"
             "master_replid:%s\n"
             "master_replid2:0000000000000000000000000000000000000000\n"
             "master_repl_offset:0\n"
             "second_repl_offset:-1\n"
             "repl_backlog_active:0\n"
             "repl_backlog_size:0\n"
             "repl_backlog_first_byte_offset:0\n"
             "repl_backlog_histlen:0\n",
             t->server->run_id);
}

static void add_cpu(struct info_text *t, const char *of, const struct rusage *u)
{
    info_add(t, "used_cpu_sys%s:%ld.%06ld\nused_cpu_user%s:%ld.%06ld\n", of,
             (long)u->ru_stime.tv_sec, (long)u->ru_stime.tv_usec, of, (long)u->ru_utime.tv_sec,
             (long)u->ru_utime.tv_usec);
}

void info_section_cpu(struct info_text *t)
{
    struct rusage self = { 0 }, children = { 0 };
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    info_add(t, "# CPU\n");
    add_cpu(t, "", &self);
    add_cpu(t, "_children", &children);
}

void info_section_modules(struct info_text *t)
{
    info_add(t, "# Modules\n");
}

void info_section_cluster(struct info_text *t)
{
    info_add(t, "# Cluster\ncluster_enabled:0\n");
}
