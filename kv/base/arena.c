/* A list of blocks, newest first; allocation bumps `pos` through the first. What does not fit a
 * usual block gets one of its own, put behind the first so that the first one's room stays in use.
 *
 *   current -> [room being cut: pos..end] -> [full] -> [one big piece] -> NULL
 *   spare   -> [empty] -> ... at most ARENA_KEEP_BYTES in all
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "kv/base/arena.h"

struct arena_block {
    struct arena_block *next;
    size_t bytes; /* of data */
    char data[];
};

static_assert(sizeof(struct arena_block) % 8 == 0, "data must be aligned to 8");

enum { BLOCK_DATA_BYTES = ARENA_BLOCK_BYTES - sizeof(struct arena_block) };

static void no_room(struct arena *a)
{
    /* Not NULL, which would tell a caller of zero bytes that memory has run out. */
    a->pos = a->end = (char *)a;
}

void arena_init(struct arena *a)
{
    assert(a);
    *a = (struct arena){ 0 };
    no_room(a);
}

static void free_list(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_deinit(struct arena *a)
{
    assert(a);
    free_list(a->current);
    free_list(a->spare);
    arena_init(a);
}

void arena_reset(struct arena *a)
{
    assert(a);
    struct arena_block *b = a->current;
    if (!b)
        return;
    /* The usual case: everything fitted one block, which is simply begun anew. */
    if (!b->next && b->bytes == BLOCK_DATA_BYTES) {
        a->pos = b->data;
        a->end = b->data + b->bytes;
        return;
    }
    size_t kept = 0;
    for (const struct arena_block *s = a->spare; s; s = s->next)
        kept += s->bytes;
    while (b) {
        struct arena_block *next = b->next;
        if (kept + b->bytes <= ARENA_KEEP_BYTES) {
            kept += b->bytes;
            b->next = a->spare;
            a->spare = b;
        } else {
            free(b);
        }
        b = next;
    }
    a->current = NULL;
    no_room(a);
}

/* First fit, else a new one. */
static struct arena_block *block_take(struct arena *a, size_t bytes)
{
    for (struct arena_block **at = &a->spare; *at; at = &(*at)->next) {
        struct arena_block *b = *at;
        if (b->bytes >= bytes) {
            *at = b->next;
            return b;
        }
    }
    if (bytes > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *b = malloc(sizeof(*b) + bytes);
    if (b)
        b->bytes = bytes;
    return b;
}

static bool open_block(struct arena *a)
{
    struct arena_block *b = block_take(a, BLOCK_DATA_BYTES);
    if (!b)
        return false;
    b->next = a->current;
    a->current = b;
    a->pos = b->data;
    a->end = b->data + b->bytes;
    return true;
}

bool arena_reserve_slow(struct arena *a, size_t bytes)
{
    assert(bytes <= ARENA_RESERVE_MAX);
    return open_block(a);
}

void *arena_alloc_slow(struct arena *a, size_t bytes)
{
    assert(bytes % 8 == 0);
    assert(bytes > (size_t)(a->end - a->pos));
    if (bytes <= BLOCK_DATA_BYTES / 4) {
        if (!open_block(a))
            return NULL;
        char *p = a->pos;
        a->pos += bytes;
        return p;
    }
    /* Large: opening a block for it would give up too much of the room that is left. */
    struct arena_block *b = block_take(a, bytes > BLOCK_DATA_BYTES ? bytes : BLOCK_DATA_BYTES);
    if (!b)
        return NULL;
    if (a->current) {
        b->next = a->current->next;
        a->current->next = b;
    } else {
        b->next = NULL;
        a->current = b;
    }
    return b->data;
}
