/* string: the string type: an integer in the header ("int"), up to 44 bytes ("embstr") or more ("raw"). Long values (from
 * STRING_BLOB_BYTES on) live in an allocation of their own, with room to grow. The names follow
 * Redis: a value written whole is int, embstr or raw by its text; one changed in place (APPEND, SETRANGE) is raw.
 * Runs on the thread that holds the shard. */
#ifndef KV_TYPES_STRING_H
#define KV_TYPES_STRING_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/number.h"
#include "kv/base/slice.h"
#include "kv/store/entry.h"
#include "kv/store/shard.h"

enum {
    STRING_EMBED_MAX_BYTES = 44,
    STRING_BLOB_BYTES = 16 * 1024,
    STRING_GROW_MAX_BYTES = 1024 * 1024 /* most spare room that an append leaves */
};

/* The text of a string entry; integers are printed into scratch. Borrowed until the next change. */
struct slice string_view(const struct entry *e, char scratch[INT64_TEXT_MAX]);
size_t string_len(const struct entry *e);
/* True when the value is an integer, whatever its encoding. */
bool string_int64(const struct entry *e, int64_t *out);

/* Gives the key this value, whatever was there before. expire_at_ms: a time, EXPIRE_NONE or EXPIRE_KEEP.
 * 0 or -ENOMEM: nothing changed. After it ed->entry is the new entry. */
int string_set(struct edit *ed, struct slice value, int64_t expire_at_ms);
/* The same, but never as an integer: INCRBYFLOAT's results. */
int string_set_text(struct edit *ed, struct slice value, int64_t expire_at_ms);
int string_set_int64(struct edit *ed, int64_t value, int64_t expire_at_ms);
/* Makes the value `len` bytes long, new bytes zero, a missing key made; keeps the expiry. The bytes may be written until the
 * next call. NULL: out of memory, nothing changed. ed->entry is NULL or a string. */
char *string_resize(struct edit *ed, size_t len);

#endif
