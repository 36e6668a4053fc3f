/* wheel: what falls due when. A hierarchical timing wheel (Varghese and Lauck, 1987): eight levels of 256 slots, the lowest
 * of one millisecond each. Something lies on the level of the highest byte in which its time differs from the wheel's, so
 * all of a lower level comes before all of a higher one; when a higher slot's turn comes, its nodes move down.
 *
 * A slot is a list of chunks of pointers to nodes, and a node knows its chunk and index: adding, taking out and changing
 * the time cost the same for any number of nodes, and nothing stale stays behind.
 *
 * The owner of a node embeds it. Only the thread that holds the shard calls. Times are Unix milliseconds. */
#ifndef KV_STORE_WHEEL_H
#define KV_STORE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a due node belongs to. Hash fields are to come. */
enum wheel_kind { WHEEL_KEY = 0, WHEEL_KIND_COUNT = 8 };

enum {
    WHEEL_LEVELS = 8,
    WHEEL_SLOTS = 256,
    WHEEL_CHUNK_BYTES = 256,
    WHEEL_CHUNK_NODES = 30,
    WHEEL_SPARE_MAX = 64,
    WHEEL_OWNER_SHIFT = 48
};

struct wheel_node {
    int64_t at_ms; /* the owner reads it; wheel_set() writes it */
    uint64_t
        place_; /* owner's 16 bits, chunk, index in it; the low 48 bits are 0 when it is in no wheel */
};

struct wheel_chunk;
struct wheel {
    uint64_t now_ms;    /* all that fell due before was taken out */
    size_t count;       /* nodes */
    size_t chunk_count; /* for the accounting of memory, with the spare ones */
    int cascading;      /* the slot being moved down, or -1 */
    int spare_count;
    struct wheel_chunk *spare;
    uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* a bit for each slot that is not empty */
    struct wheel_chunk *slots[WHEEL_LEVELS * WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, int64_t now_ms);
/* Nodes that are still in are left as they are. */
void wheel_deinit(struct wheel *w);

static inline bool wheel_node_is_in(const struct wheel_node *n)
{
    return n->place_ << (64 - WHEEL_OWNER_SHIFT) != 0;
}
static inline uint16_t wheel_node_owner(const struct wheel_node *n)
{
    return (uint16_t)(n->place_ >> WHEEL_OWNER_SHIFT);
}
/* 16 bits for the owner, to be set while the node is in no wheel. */
static inline void wheel_node_set_owner(struct wheel_node *n, uint16_t owner)
{
    n->place_ = (n->place_ << 16 >> 16) | (uint64_t)owner << WHEEL_OWNER_SHIFT;
}

/* Time has passed. Only for an empty wheel does that mean anything here: what is then put in lies no higher than it must. */
static inline void wheel_set_now(struct wheel *w, int64_t now_ms)
{
    if (w->count == 0 && now_ms > 0 && (uint64_t)now_ms > w->now_ms)
        w->now_ms = (uint64_t)now_ms;
}

/* Puts the node in, or changes its time if it is in. 0 or -ENOMEM: nothing changed. A time in the past is due at once. */
int wheel_set(struct wheel *w, struct wheel_node *n, enum wheel_kind kind, int64_t at_ms);
/* Takes it out; nothing if it is not in. at_ms stays. Never fails. */
void wheel_remove(struct wheel *w, struct wheel_node *n);
/* The node's bytes were copied to another address: *n is the copy. */
void wheel_moved(struct wheel_node *n);

/* The next node that is due, taken out. Each node taken or moved down costs one of the budget. NULL: none is due, or
 * the budget is used up, or there was no memory to move nodes down (the next call tries again). */
struct wheel_node *wheel_take_due(struct wheel *w, int64_t now_ms, size_t *budget,
                                  enum wheel_kind *kind);
/* Not later than the next due node, perhaps earlier. Not after the time of the last wheel_take_due(): call it again. INT64_MAX: empty. */
int64_t wheel_next_ms(const struct wheel *w);
size_t wheel_bytes(const struct wheel *w); /* chunks, as the allocator counts */

#endif
