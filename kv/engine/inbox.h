/* inbox: a first-in first-out queue of messages, many producers, one consumer. Lock-free for both: after Dmitry Vyukov,
 * "Intrusive MPSC node-based queue" (1024cores.net). The order of pushes is the order of pops.
 *
 * A message belongs to the queue from push until pop. Its memory is the sender's. */
#ifndef KV_ENGINE_INBOX_H
#define KV_ENGINE_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum message_kind {
    MESSAGE_HOP,   /* struct hop: calls to run on this shard */
    MESSAGE_HOLD,  /* struct hold_part: leave the shard there, or run the call that all wait for */
    MESSAGE_VISIT, /* struct hop: calls to run on this loop's thread */
};

struct message {
    _Atomic(struct message *) next;
    /* Set when every part of what this belongs to has been pushed; not to be run before. NULL: the only part. */
    const _Atomic bool *armed;
    enum message_kind kind;
};

struct inbox {
    _Alignas(64) _Atomic(struct message *) head; /* producers: the newest */
    _Alignas(64) struct message *tail;           /* consumer: the oldest */
    struct message stub;
};

void inbox_init(struct inbox *q);
void inbox_push(struct inbox *q, struct message *m); /* any thread */
/* Nothing has been pushed that was not popped; false too while a push is under way, even if peek shows nothing. */
bool inbox_empty(const struct inbox *q);
/* The oldest message without taking it; NULL: none, or one is just being pushed (its pusher calls at the lane, or wakes the loop, after it). */
struct message *inbox_peek(struct inbox *q);
/* Takes what peek has shown. */
void inbox_pop(struct inbox *q, struct message *m);

#endif
