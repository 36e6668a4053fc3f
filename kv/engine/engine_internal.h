/* engine_internal: the structures drawn in engine.h, for engine/ alone. */
#ifndef KV_ENGINE_ENGINE_INTERNAL_H
#define KV_ENGINE_ENGINE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "evio/evio.h"
#include "kv/base/arena.h"
#include "kv/engine/call.h"
#include "kv/engine/engine.h"
#include "kv/engine/gate.h"
#include "kv/engine/lane.h"
#include "kv/engine/outbuf.h"
#include "kv/engine/round.h"
#include "kv/engine/worker.h"
#include "kv/server.h"
#include "kv/session/session.h"

enum {
    PREFETCH_GROUP = 32,      /* calls whose memory is fetched before the first of them runs */
    ROUNDS_KEEP = 8,          /* idle rounds a worker keeps for reuse */
    COMMAND_SAMPLE_SHIFT = 6, /* one call in 64 is timed */
    DISCARD_BYTES = 4096,
};

struct engine {
    struct lane lane;  /* of this worker's shard */
    struct inbox back; /* for this loop's thread: what it sent, done, and visits of others */
    int64_t clock_ms;  /* Unix time as the gate has given it to this loop */
    int64_t now_ms;    /* of the call being run */
    int *held;         /* shards whose lanes a hold has left in this worker's hands */
    int held_count;
    bool stopping, quiet; /* the server stops: nothing more is read; nothing is in flight */
    size_t output_limit_bytes;
    struct session *ready, **ready_last;
    struct session *held_up; /* by CLIENT PAUSE */
    struct round *idle_rounds;
    int idle_round_count;
    int in_flight; /* rounds */
    struct arena scratch;
    uint64_t random; /* state of call_random */
    uint32_t sample;
    struct evio_timer background; /* expiry, lazy freeing */
    bool background_fired;
    struct evio_timer pause_timer;
    bool *targets; /* shards that the round being sent goes to */
    bool *to_wake; /* by worker: was sent something in this drain */
    int shard_count;
    struct shard **shards; /* of all workers */
    struct lane **lanes;
    char discard[DISCARD_BYTES];
};

/* ---- engine.c ---- */
void engine_wake_marked(struct worker *w); /* the loops that were sent something */
void engine_hold_up(struct session *s);    /* until CLIENT PAUSE is over */

/* ---- round.c ---- */
struct round *round_begin(struct worker *w); /* NULL: out of memory */
void round_submit(struct round *r);
void round_part_back(struct round *r); /* one of its messages has come home */
void round_free(struct round *r);
void round_free_idle(struct engine *e);

/* ---- resolve.c ---- */
/* Parses and routes what the session has sent, until the round is full, the input ends, or a call needs the earlier ones to be
 * finished. */
void round_add_session(struct round *r, struct session *s);

/* ---- run.c ---- */
void run_call(struct worker *w, struct queued *q, struct reply *out);
void run_hop(struct worker *w, struct shard *shard, struct hop *h);
/* One loop: runs the round's calls in order, each reply straight into its connection. */
void run_here(struct round *r);

/* ---- serve.c ---- */
/* Runs what waits for the shard, or makes sure that whoever is at it does. */
void serve(struct worker *w, int index);
void serve_visit(struct worker *w, struct hop *h);

/* ---- hold.c ---- */
struct hold *hold_new(struct round *r, struct queued *q, const int *shards, int count);
/* The shard that the part was sent to has come to the hold. True: it was the last, the call has run, and the lanes of the other
 * shards are in e->held; false: the shard is lent, its lane stays taken. */
bool hold_arrive(struct worker *w, struct hold_part *part);

/* ---- answer.c ---- */
struct conn_reply {
    struct reply r;
    struct evio_conn *conn;
    size_t limit_bytes; /* of pending output */
    bool over;          /* the limit is reached */
};
void conn_reply_begin(struct conn_reply *c, struct session *s);
void conn_reply_end(struct conn_reply *c);
/* Puts the replies of a round that is done in order into its connections and lets the sessions go on. */
void round_answer(struct round *r);
/* Behind a session's last reply: consumes its input, closes it or lets it go on. */
void session_leave_round(struct session *s, bool failed);

/* ---- merge.c ---- */
/* The reply of q made of its parts' replies, which lie in the round's hops. */
void merge_parts(struct round *r, struct queued *q, struct reply *out);

/* ---- background.c ---- */
void background_init(struct worker *w);
/* Holding a shard: on its own loop, a slice of what is due and a timer for what comes later; elsewhere, its loop is woken if it
 * has to plan anew. */
void background_look(struct worker *w, int index);

#endif
