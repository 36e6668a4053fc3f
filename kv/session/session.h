/* session: what one client connection carries. It belongs to the worker (loop) of its connection, whose thread alone touches
 * it; it dies when the connection has closed and nothing of it is in flight any more. */
#ifndef KV_SESSION_SESSION_H
#define KV_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "evio/evio.h"
#include "kv/base/slice.h"
#include "kv/resp/parser.h"
#include "kv/resp/reply.h"

struct call;
struct cmd;
struct round;
struct worker;

enum session_reply_mode {
    SESSION_REPLY_ON,
    SESSION_REPLY_OFF,
    SESSION_REPLY_ON_NOW,    /* CLIENT REPLY ON is being run: answered even behind SKIP; then ON */
    SESSION_REPLY_SKIP_NEXT, /* CLIENT REPLY SKIP was the command before */
};

struct session {
    struct session *prev, *next; /* in the worker's list */
    uint64_t id;
    struct evio_conn *conn; /* NULL once closed */
    struct worker *worker;
    struct resp_parser parser;
    int db;
    uint8_t proto;      /* 2 or 3 */
    uint8_t reply_mode; /* enum session_reply_mode */
    bool authenticated, no_evict, no_touch;
    bool closing; /* reply what is due, run nothing more */
    bool blocked; /* session_block() */
    bool paused;  /* waits for the end of CLIENT PAUSE */
    bool is_unix;
    bool local_peer;                 /* a Unix socket or a loopback address */
    char *name, *lib_name, *lib_ver; /* NULL: not set */
    int64_t created_ms, last_ms;     /* monotonic */
    const struct cmd *last_cmd;
    uint64_t commands;
    /* the engine's: */
    struct evio_conn *input_pin; /* a reference: closed while calls in flight use its input */
    struct round *round;         /* in which it has commands in flight, NULL: none */
    size_t used_bytes;           /* of the input, by the commands in flight */
    size_t reply_bytes_max; /* the largest reply lately: bounds how many calls may be in flight */
    int in_round;           /* how many commands */
    bool listed;            /* in one of the engine's lists, through list_next */
    bool stalled;           /* the client does not read: between high_water and low_water */
    struct session *list_next;
    struct evio_timer timer; /* of session_block() */
    void (*on_timeout)(struct session *s, struct reply *out);
};

struct session *session_new(struct worker *w, struct evio_conn *conn); /* NULL: out of memory */
void session_free(struct session *s);
/* The address as CLIENT LIST shows it: "127.0.0.1:4711", "/run/x.sock:0". out: 128 bytes. */
void session_peer(const struct session *s, char *out);
void session_local(const struct session *s, char *out);
/* Owned texts: frees the old one, copies the new; an empty one is NULL. 0 or -ENOMEM. */
int session_set_text(char **field, struct slice text);
/* As after connecting: RESET. Authentication is lost if a password is required. */
void session_reset(struct session *s, bool password_required);
/* After the current command: nothing more is run, the connection closes when the replies have left. */
void session_close_after_reply(struct session *s);
/* At once (CLIENT KILL). A session inside its own call closes after the reply. */
void session_kill(struct session *s);
/* The running ROUTE_LOCAL handler wrote no reply; on_timeout writes it when timeout_ms (0: never) is over. Meanwhile nothing
 * more of this session is run. */
void session_block(struct session *s, int64_t timeout_ms,
                   void (*on_timeout)(struct session *s, struct reply *out));

#endif
