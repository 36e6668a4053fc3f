/* entry: one key with its value: header, expiry where there is one, key and value in one allocation. Large string
 * values hang off it in an allocation of their own. Borrowed pointers are valid until the next change of the same shard.
 * Only the thread that holds the shard may look. The layout is drawn in entry_layout.h, for store/ and types/ alone. */
#ifndef KV_STORE_ENTRY_H
#define KV_STORE_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "kv/base/slice.h"

/* Numbers as in Redis's RDB files. */
enum value_type {
    VALUE_STRING = 0,
    VALUE_LIST = 1,
    VALUE_SET = 2,
    VALUE_ZSET = 3,
    VALUE_HASH = 4,
    VALUE_STREAM = 6,
};

enum {
    EXPIRE_NONE = -1, /* lives for ever */
    EXPIRE_KEEP = -2  /* as argument: what the key has now */
};

struct entry;

struct slice entry_key(const struct entry *e);
enum value_type entry_type(const struct entry *e);
const char *entry_type_name(const struct entry *e); /* "string" */
const char *
entry_encoding_name(const struct entry *e);        /* OBJECT ENCODING's: "int", "embstr", "raw" */
int64_t entry_expire_at_ms(const struct entry *e); /* Unix time or EXPIRE_NONE */
int64_t entry_idle_s(const struct entry *e, int64_t now_ms);
size_t entry_bytes(const struct entry *e); /* all that it holds, as the allocator counts */

#endif
