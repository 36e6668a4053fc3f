#include "kv/store/wheel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kv/store/alloc.h"

/* The newest chunk of a slot stands first and is the only one that may have room, so any node can be taken out by
 * putting the newest one into its place. Alignment leaves the address's low byte for the index. */
struct wheel_chunk {
    struct wheel_chunk *next;
    uint16_t slot;
    uint16_t count;
    uint32_t unused;
    uintptr_t items[WHEEL_CHUNK_NODES]; /* struct wheel_node *, the kind in the low bits */
};
static_assert(sizeof(struct wheel_chunk) == WHEEL_CHUNK_BYTES, "the index fits below the address");

enum { LEVEL_BITS = 8, KIND_MASK = WHEEL_KIND_COUNT - 1, PREFETCH_AHEAD = 6 };

#define PLACE_CHUNK_MASK 0x0000ffffffffff00ull
#define PLACE_INDEX_MASK 0xffull
#define PLACE_OWNER_MASK 0xffff000000000000ull

static struct wheel_node *item_node(uintptr_t item)
{
    return (struct wheel_node *)(item & ~(uintptr_t)KIND_MASK);
}

static struct wheel_chunk *node_chunk(const struct wheel_node *n)
{
    return (struct wheel_chunk *)(uintptr_t)(n->place_ & PLACE_CHUNK_MASK);
}

static void node_set_place(struct wheel_node *n, const struct wheel_chunk *c, unsigned index)
{
    n->place_ = (n->place_ & PLACE_OWNER_MASK) | (uint64_t)(uintptr_t)c | index;
}

void wheel_init(struct wheel *w, int64_t now_ms)
{
    memset(w, 0, sizeof(*w));
    w->now_ms = now_ms > 0 ? (uint64_t)now_ms : 0;
    w->cascading = -1;
}

static void free_list(struct wheel_chunk *c)
{
    while (c) {
        struct wheel_chunk *next = c->next;
        alloc_put_aligned(c);
        c = next;
    }
}

void wheel_deinit(struct wheel *w)
{
    free_list(w->spare);
    for (int i = 0; i < WHEEL_LEVELS * WHEEL_SLOTS; i++)
        free_list(w->slots[i]);
    wheel_init(w, 0);
}

static int slot_of_time(const struct wheel *w, int64_t at_ms)
{
    uint64_t t = at_ms > 0 ? (uint64_t)at_ms : 0;
    if (t <= w->now_ms)
        return (int)(w->now_ms % WHEEL_SLOTS);
    int level = (63 - __builtin_clzll(t ^ w->now_ms)) / LEVEL_BITS;
    return level * WHEEL_SLOTS + (int)(t >> (level * LEVEL_BITS) & (WHEEL_SLOTS - 1));
}

static uint64_t slot_start_ms(const struct wheel *w, int slot)
{
    int shift = slot / WHEEL_SLOTS * LEVEL_BITS;
    uint64_t above = shift + LEVEL_BITS < 64 ? ~0ull << (shift + LEVEL_BITS) : 0;
    return (w->now_ms & above) | (uint64_t)(slot % WHEEL_SLOTS) << shift;
}

static void mark(struct wheel *w, int slot, bool used)
{
    uint64_t *word = &w->used[slot / WHEEL_SLOTS][slot % WHEEL_SLOTS / 64];
    uint64_t bit = 1ull << (slot % 64);
    *word = used ? *word | bit : *word & ~bit;
}

static struct wheel_chunk *chunk_new(struct wheel *w)
{
    struct wheel_chunk *c = w->spare;
    if (c) {
        w->spare = c->next;
        w->spare_count--;
        return c;
    }
    c = alloc_get_aligned(WHEEL_CHUNK_BYTES, WHEEL_CHUNK_BYTES);
    if (c)
        w->chunk_count++;
    return c;
}

static void chunk_free(struct wheel *w, struct wheel_chunk *c)
{
    if (w->spare_count < WHEEL_SPARE_MAX) {
        c->next = w->spare;
        w->spare = c;
        w->spare_count++;
        return;
    }
    alloc_put_aligned(c);
    w->chunk_count--;
}

/* Returns the chunk in which the item now stands last, or NULL: out of memory. */
static struct wheel_chunk *slot_push(struct wheel *w, int slot, uintptr_t item)
{
    struct wheel_chunk *c = w->slots[slot];
    if (!c || c->count == WHEEL_CHUNK_NODES) {
        struct wheel_chunk *fresh = chunk_new(w);
        if (!fresh)
            return NULL;
        *fresh = (struct wheel_chunk){ .next = c, .slot = (uint16_t)slot };
        w->slots[slot] = fresh;
        c = fresh;
        mark(w, slot, true);
    }
    c->items[c->count++] = item;
    return c;
}

static uintptr_t slot_pop(struct wheel *w, int slot)
{
    struct wheel_chunk *c = w->slots[slot];
    assert(c && c->count > 0);
    uintptr_t item = c->items[--c->count];
    if (c->count == 0) {
        w->slots[slot] = c->next;
        chunk_free(w, c);
        if (!w->slots[slot])
            mark(w, slot, false);
    }
    return item;
}

/* Takes out what stands at this place; the newest item of the slot moves there. */
static uintptr_t place_clear(struct wheel *w, struct wheel_chunk *c, unsigned index)
{
    assert(index < c->count);
    uintptr_t item = c->items[index];
    struct wheel_chunk *head = w->slots[c->slot];
    bool is_last = c == head && index == head->count - 1u;
    uintptr_t last = slot_pop(w, c->slot);
    if (!is_last) {
        c->items[index] = last;
        node_set_place(item_node(last), c, index);
    }
    return item;
}

int wheel_set(struct wheel *w, struct wheel_node *n, enum wheel_kind kind, int64_t at_ms)
{
    int slot = slot_of_time(w, at_ms);
    bool is_in = wheel_node_is_in(n);
    if (is_in && node_chunk(n)->slot == slot) {
        n->at_ms = at_ms;
        return 0;
    }

    struct wheel_chunk *c = slot_push(w, slot, (uintptr_t)n | (uintptr_t)kind);
    if (!c)
        return -ENOMEM;
    if (is_in)
        place_clear(w, node_chunk(n), (unsigned)(n->place_ & PLACE_INDEX_MASK));
    else
        w->count++;
    node_set_place(n, c, c->count - 1u);
    n->at_ms = at_ms;
    return 0;
}

void wheel_remove(struct wheel *w, struct wheel_node *n)
{
    if (!wheel_node_is_in(n))
        return;
    uintptr_t item = place_clear(w, node_chunk(n), (unsigned)(n->place_ & PLACE_INDEX_MASK));
    assert(item_node(item) == n);
    n->place_ &= PLACE_OWNER_MASK;
    w->count--;
}

void wheel_moved(struct wheel_node *n)
{
    if (!wheel_node_is_in(n))
        return;
    uintptr_t *item = &node_chunk(n)->items[n->place_ & PLACE_INDEX_MASK];
    *item = (uintptr_t)n | (*item & KIND_MASK);
}

/* The slot whose turn comes next, or -1. */
static int first_slot(const struct wheel *w)
{
    if (w->cascading >= 0 && w->slots[w->cascading])
        return w->cascading;
    for (int level = 0; level < WHEEL_LEVELS; level++)
        for (int i = 0; i < WHEEL_SLOTS / 64; i++)
            if (w->used[level][i])
                return level * WHEEL_SLOTS + i * 64 + __builtin_ctzll(w->used[level][i]);
    return -1;
}

/* The time of a wheel moves to where nothing stands before: then no node's level is wrong. */
static void move_time(struct wheel *w, uint64_t to_ms)
{
    if (to_ms > w->now_ms)
        w->now_ms = to_ms;
}

struct wheel_node *wheel_take_due(struct wheel *w, int64_t now_ms, size_t *budget,
                                  enum wheel_kind *kind)
{
    uint64_t now = now_ms > 0 ? (uint64_t)now_ms : 0;
    while (*budget > 0) {
        int slot = first_slot(w);
        if (slot < 0 || slot_start_ms(w, slot) > now) {
            w->cascading = -1;
            move_time(w, now);
            return NULL;
        }
        move_time(w, slot_start_ms(w, slot));
        w->cascading = slot >= WHEEL_SLOTS ? slot : -1;

        struct wheel_chunk *c = w->slots[slot];
        if (c->count > PREFETCH_AHEAD)
            __builtin_prefetch(item_node(c->items[c->count - 1 - PREFETCH_AHEAD]), 1);
        uintptr_t item = c->items[c->count - 1];
        struct wheel_node *n = item_node(item);
        if (n->at_ms <= now_ms) {
            slot_pop(w, slot);
            n->place_ &= PLACE_OWNER_MASK;
            w->count--;
            --*budget;
            *kind = (enum wheel_kind)(item & KIND_MASK);
            return n;
        }

        assert(slot >= WHEEL_SLOTS);
        struct wheel_chunk *to = slot_push(w, slot_of_time(w, n->at_ms), item);
        if (!to)
            return NULL;
        slot_pop(w, slot);
        node_set_place(n, to, to->count - 1u);
        --*budget;
    }
    return NULL;
}

int64_t wheel_next_ms(const struct wheel *w)
{
    int slot = first_slot(w);
    if (slot < 0)
        return INT64_MAX;
    uint64_t start = slot_start_ms(w, slot);
    return start > INT64_MAX ? INT64_MAX : (int64_t)start;
}

size_t wheel_bytes(const struct wheel *w)
{
    return w->chunk_count * WHEEL_CHUNK_BYTES;
}
