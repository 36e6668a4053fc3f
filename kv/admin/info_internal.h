/* info_internal: a text that grows, and the sections written into it. For info*.c alone. */
#ifndef KV_ADMIN_INFO_INTERNAL_H
#define KV_ADMIN_INFO_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct worker;

struct info_text {
    struct server *server;
    char *text;
    size_t len, room;
    bool failed; /* out of memory */
};

/* One line "name:..." or several; "\n" becomes "\r\n". */
void info_add(struct info_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line with `bytes`, and one named *_human with its rounded form. */
void info_add_bytes(struct info_text *t, const char *name, uint64_t bytes);

void info_section_server(struct info_text *t);
void info_section_clients(struct info_text *t);
void info_section_memory(struct info_text *t);
void info_section_persistence(struct info_text *t);
void info_section_stats(struct info_text *t);
void info_section_replication(struct info_text *t);
void info_section_cpu(struct info_text *t);
void info_section_modules(struct info_text *t);
void info_section_commandstats(struct info_text *t);
void info_section_errorstats(struct info_text *t);
void info_section_cluster(struct info_text *t);
void info_section_keyspace(struct info_text *t);
void info_section_loops(struct info_text *t);

#endif
