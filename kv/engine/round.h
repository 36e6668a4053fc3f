/* round: what travels: calls, the hops that carry them to a shard, the holds that keep several shards, and the round to which
 * they all belong. Drawn in engine.h; owned by the home worker, filled by whoever runs it. For engine/ alone. */
#ifndef KV_ENGINE_ROUND_H
#define KV_ENGINE_ROUND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kv/base/arena.h"
#include "kv/engine/call.h"
#include "kv/engine/inbox.h"
#include "kv/engine/outbuf.h"

struct session;
struct worker;

/* Where a call's reply is to be found. */
enum call_place {
    PLACE_DONE,  /* in the round's own buffer: answered when it was parsed */
    PLACE_HERE,  /* one loop: not run yet, writes straight to the connection */
    PLACE_HOP,   /* in the buffer of the hop to q->shard */
    PLACE_VISIT, /* a part: in the buffer of the visit to the loop q->shard */
    PLACE_PARTS, /* merged from its parts' */
    PLACE_HOLD,  /* in the hold's buffer */
};

/* A call on its way. Lives in its round's arena. */
struct queued {
    struct call call;
    struct session *session;
    struct queued *next_in_hop;
    size_t input_offset; /* of its first byte, from the session's first unconsumed one */
    size_t reply_off, reply_len;
    struct queued **parts; /* PLACE_PARTS: by order of shards */
    uint16_t *part_of_key; /* MERGE_BY_KEY: index into parts, by key */
    struct hold *hold;
    int part_count, key_count;
    int shard;
    uint8_t place;
    uint8_t proto;
    bool mute;      /* its reply is dropped */
    bool failed;    /* PLACE_DONE: no memory for its reply */
    bool uncounted; /* a part of a call that another part counts */
};

struct hop {
    struct message msg;
    struct round *round;
    struct queued *first, **last;
    int count;
    struct outbuf out;
};

struct hold_part {
    struct message msg;
    struct hold *hold;
};

struct hold {
    struct round *round;
    struct queued *q;
    struct hold *next; /* of the round */
    struct outbuf out;
    int part_count;
    _Atomic int arrived;
    int *shards;             /* of the parts */
    struct hold_part *parts; /* in the arena */
};

/* The calls of one session in a round: entries [first, first + count). */
struct span {
    struct session *session;
    int first, count;
};

struct round {
    struct worker *home;
    struct round *next; /* idle ones */
    struct arena arena;
    struct queued **entries;
    struct span *spans;
    int entry_count, span_count;
    struct hop *hops;   /* one a shard */
    struct hop *visits; /* one a loop: calls that its thread must run (ROUTE_LOOPS) */
    struct hold *holds;
    int pending; /* messages out and not back */
    _Atomic bool armed;
    int64_t now_ms;     /* when it was pushed, 0: to one inbox, it runs at that shard's time */
    struct outbuf done; /* replies of PLACE_DONE */
};

#endif
