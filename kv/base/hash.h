/* hash: the keyed hash of keys: XXH3 64 (xxhash, Debian's libxxhash-dev) with a seed that is random at each start, so that
 * nobody outside can choose keys that collide. Pure. */
#ifndef KV_BASE_HASH_H
#define KV_BASE_HASH_H

#include <stdint.h>

#include "kv/base/slice.h"

uint64_t hash_bytes(struct slice s, uint64_t seed);
/* What decides the shard: of "a{tag}b" the bytes between the first { and the next }, if there are any; else all. */
struct slice hash_tag(struct slice key);
/* Digest of a value as DIGEST prints it: XXH3 64 with seed 0. */
uint64_t hash_digest(struct slice s);

#endif
