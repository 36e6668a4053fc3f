/* client_list: one session as a line of CLIENT LIST, and what CLIENT KILL and LIST choose by. The session's own loop. */
#ifndef KV_COMMANDS_CLIENT_LIST_H
#define KV_COMMANDS_CLIENT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/slice.h"

struct call;
struct session;

enum { CLIENT_LINE_BYTES = 1024, CLIENT_ADDR_BYTES = 128 };

enum client_type {
    CLIENT_ANY,
    CLIENT_NORMAL,
    CLIENT_REPLICA,
    CLIENT_MASTER,
    CLIENT_PUBSUB,
};

struct client_filter {
    struct slice addr, laddr; /* ptr NULL: any */
    uint64_t id;              /* 0: any */
    enum client_type type;
    int64_t max_age_s; /* connected at least so long; 0: any */
    bool skip_me;
    bool nobody; /* a filter that no client can pass */
};

/* False and the error reply is written: there is no such type. */
bool client_type_parse(struct call *c, struct slice text, enum client_type *out);
bool client_matches(const struct call *c, const struct session *s, const struct client_filter *f);
/* The line with its newline; returns its length. */
size_t client_line(const struct session *s, char *out, size_t out_bytes);

#endif
