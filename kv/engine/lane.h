/* lane: the way into one shard: its inbox, and the right to run what lies in it. Each loop has a shard, and a shard its lane;
 * but a loop need not be awake for its shard to work. Whoever has sent something to a shard takes the
 * lane if it is free and runs the inbox itself, on its own thread; if it is taken, it calls, and the one inside looks
 * into the inbox again before it leaves. Nobody waits, and nobody is woken to do what the sender can do at once.
 * (After D. Hendler, I. Incze, N. Shavit, M. Tzafrir, "Flat combining", SPAA 2010.)
 *
 * The shard's memory, `due_ms` and the consumer's side of the inbox belong to the thread that has taken the lane. */
#ifndef KV_ENGINE_LANE_H
#define KV_ENGINE_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kv/engine/inbox.h"

enum lane_state {
    LANE_FREE,
    LANE_TAKEN,
    LANE_CALLED, /* taken, and somebody has come since */
};

struct lane {
    struct inbox inbox;
    _Alignas(64) _Atomic int state;
    int64_t
        due_ms; /* when the shard's loop has planned to look after it (Unix time); 0: not planned */
};

void lane_init(struct lane *l);
/* True: it is the caller's. False: the one inside has been called, and will see what the caller had pushed. */
bool lane_take(struct lane *l);
/* True: it is free. False: somebody has called, and it is still the caller's. */
bool lane_leave(struct lane *l);

#endif
