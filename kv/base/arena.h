/* arena: memory that lives until the whole arena is reset. Owner: one thread at a time.
 * Blocks are kept over resets up to ARENA_KEEP_BYTES, so a steady state allocates nothing. */
#ifndef KV_BASE_ARENA_H
#define KV_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ARENA_BLOCK_BYTES = 64 * 1024,
    ARENA_KEEP_BYTES = 1024 * 1024,
    ARENA_RESERVE_MAX = 32 * 1024,
};

struct arena_block;
struct arena {
    char *pos, *end;             /* room left in the current block */
    struct arena_block *current; /* newest first */
    struct arena_block *spare;   /* emptied by a reset, to be used again */
};

void arena_init(struct arena *a);
void arena_deinit(struct arena *a);
void arena_reset(struct arena *a);
void *arena_alloc_slow(struct arena *a, size_t bytes);
bool arena_reserve_slow(struct arena *a, size_t bytes);

/* Aligned to 8. NULL: out of memory. */
static inline void *arena_alloc(struct arena *a, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if (bytes <= (size_t)(a->end - a->pos)) {
        char *p = a->pos;
        a->pos += bytes;
        return p;
    }
    return arena_alloc_slow(a, bytes);
}

/* Sees to it that `bytes` (at most ARENA_RESERVE_MAX) lie at a->pos, for a caller who writes
 * there first and learns only then how much arena_alloc is to cut off. False: out of memory. */
static inline bool arena_reserve(struct arena *a, size_t bytes)
{
    return bytes <= (size_t)(a->end - a->pos) || arena_reserve_slow(a, bytes);
}

#endif
