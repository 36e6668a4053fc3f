#define XXH_INLINE_ALL
#include "kv/base/hash.h"

#include <xxhash.h>

uint64_t hash_bytes(struct slice s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.ptr, s.len, seed);
}

struct slice hash_tag(struct slice key)
{
    const char *open = key.len ? memchr(key.ptr, '{', key.len) : NULL;
    if (!open)
        return key;
    const char *from = open + 1;
    const char *end = key.ptr + key.len;
    const char *close = from < end ? memchr(from, '}', (size_t)(end - from)) : NULL;
    if (!close || close == from)
        return key;
    return slice_of(from, (size_t)(close - from));
}

uint64_t hash_digest(struct slice s)
{
    return XXH3_64bits(s.ptr, s.len);
}
