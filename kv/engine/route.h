/* route: which shard a key lies on. Pure. */
#ifndef KV_ENGINE_ROUTE_H
#define KV_ENGINE_ROUTE_H

#include <stdint.h>
#include <string.h>

#include "kv/base/hash.h"
#include "kv/base/slice.h"

/* hash: of the whole key. The low half picks the shard; the table uses the high half. */
static inline int route_shard(struct slice key, uint64_t hash, uint64_t seed, int shard_count)
{
    if (memchr(key.ptr, '{', key.len)) {
        struct slice tag = hash_tag(key);
        if (tag.len != key.len)
            hash = hash_bytes(tag, seed);
    }
    return (int)(((hash & UINT32_MAX) * (uint64_t)shard_count) >> 32);
}

#endif
