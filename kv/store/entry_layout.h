/* The layout of an entry, for store/ and types/ alone.
 *
 *      [struct wheel_node][struct entry][key length, 8 bytes][key][value]
 *       ENTRY_EXPIRY       always        ENTRY_LONG_KEY
 *
 * A pointer to an entry points to its header; the block begins 16 bytes before it where there is an expiry. The value
 * has no alignment: an int64 (ENCODING_INT), a struct blob (ENTRY_BLOB) or the bytes themselves. */
#ifndef KV_STORE_ENTRY_LAYOUT_H
#define KV_STORE_ENTRY_LAYOUT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "kv/store/alloc.h"
#include "kv/store/entry.h"
#include "kv/store/wheel.h"

enum encoding { ENCODING_RAW, ENCODING_INT, ENCODING_EMBSTR };

enum {
    ENTRY_EXPIRY = 1,
    ENTRY_LONG_KEY = 2,
    ENTRY_BLOB = 4,

    ENTRY_SHORT_KEY_MAX = 255,
    ENTRY_CLOCK_MASK = 0xffffff
};

struct entry {
    uint8_t type : 4, encoding : 4;
    uint8_t flags;
    uint16_t value_len;                 /* of a value that is held in place */
    uint32_t clock_s : 24, key_len : 8; /* when it was last used, modulo 194 days */
};
static_assert(sizeof(struct entry) == 8, "16 bytes of key and 16 of value fit 48");

/* A long value, held as these 24 bytes. */
struct blob {
    char *ptr;
    uint64_t len, cap;
};

/* What decides the size of an entry. */
struct entry_shape {
    size_t key_len;
    size_t value_bytes; /* as held in place */
    bool has_expiry;
};

static inline struct wheel_node *entry_node(const struct entry *e)
{
    return (struct wheel_node *)e - 1;
}

static inline struct entry *entry_of_node(struct wheel_node *n)
{
    return (struct entry *)(n + 1);
}

static inline size_t entry_key_len(const struct entry *e)
{
    if (!(e->flags & ENTRY_LONG_KEY))
        return e->key_len;
    uint64_t len;
    memcpy(&len, e + 1, sizeof(len));
    return len;
}

static inline char *entry_key_ptr(const struct entry *e)
{
    return (char *)(e + 1) + (e->flags & ENTRY_LONG_KEY ? sizeof(uint64_t) : 0);
}

static inline char *entry_value_ptr(const struct entry *e)
{
    return entry_key_ptr(e) + entry_key_len(e);
}

static inline size_t entry_value_bytes(const struct entry *e)
{
    if (e->flags & ENTRY_BLOB)
        return sizeof(struct blob);
    return e->encoding == ENCODING_INT ? sizeof(int64_t) : e->value_len;
}

static inline struct blob entry_blob(const struct entry *e)
{
    struct blob b;
    memcpy(&b, entry_value_ptr(e), sizeof(b));
    return b;
}

static inline void entry_set_blob(struct entry *e, struct blob b)
{
    memcpy(entry_value_ptr(e), &b, sizeof(b));
}

static inline size_t entry_shape_bytes(struct entry_shape s)
{
    return (s.has_expiry ? sizeof(struct wheel_node) : 0) + sizeof(struct entry) +
           (s.key_len > ENTRY_SHORT_KEY_MAX ? sizeof(uint64_t) : 0) + s.key_len + s.value_bytes;
}

static inline size_t entry_own_bytes(const struct entry *e)
{
    return entry_shape_bytes((struct entry_shape){
        .key_len = entry_key_len(e),
        .value_bytes = entry_value_bytes(e),
        .has_expiry = e->flags & ENTRY_EXPIRY,
    });
}

static inline bool entry_is_due(const struct entry *e, int64_t now_ms)
{
    if (!(e->flags & ENTRY_EXPIRY))
        return false;
    int64_t at_ms = entry_node(e)->at_ms;
    return at_ms != EXPIRE_NONE && at_ms <= now_ms;
}

static inline void entry_touch(struct entry *e, uint32_t clock_s)
{
    /* Looking first keeps the line clean in all but the first read of each second. */
    if (e->clock_s != clock_s)
        e->clock_s = clock_s & ENTRY_CLOCK_MASK;
}

/* Header and key are written; the value's bytes are the caller's to fill, and type, encoding and value_len to set.
 * An expiry is there but not set. NULL: out of memory. */
struct entry *entry_new(struct entry_shape shape, const char *key);
/* Frees the one allocation, not what it points to. */
void entry_free_shell(struct entry *e);
/* Bytes as the allocator counts: the entry alone. */
size_t entry_shell_bytes(const struct entry *e);

#endif
