#include "kv/store/entry.h"

#include "kv/store/entry_layout.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "buckets hold pointers of six bytes");

struct slice entry_key(const struct entry *e)
{
    return slice_of(entry_key_ptr(e), entry_key_len(e));
}

enum value_type entry_type(const struct entry *e)
{
    return (enum value_type)e->type;
}

const char *entry_type_name(const struct entry *e)
{
    switch (entry_type(e)) {
    case VALUE_STRING:
        return "string";
    case VALUE_LIST:
        return "list";
    case VALUE_SET:
        return "set";
    case VALUE_ZSET:
        return "zset";
    case VALUE_HASH:
        return "hash";
    case VALUE_STREAM:
        return "stream";
    }
    return "unknown";
}

const char *entry_encoding_name(const struct entry *e)
{
    switch ((enum encoding)e->encoding) {
    case ENCODING_RAW:
        return "raw";
    case ENCODING_INT:
        return "int";
    case ENCODING_EMBSTR:
        return "embstr";
    }
    return "unknown";
}

int64_t entry_expire_at_ms(const struct entry *e)
{
    return e->flags & ENTRY_EXPIRY ? entry_node(e)->at_ms : EXPIRE_NONE;
}

int64_t entry_idle_s(const struct entry *e, int64_t now_ms)
{
    return (int64_t)(((uint64_t)(now_ms / 1000) - e->clock_s) & ENTRY_CLOCK_MASK);
}

size_t entry_shell_bytes(const struct entry *e)
{
    return alloc_class(entry_own_bytes(e));
}

size_t entry_bytes(const struct entry *e)
{
    size_t bytes = entry_shell_bytes(e);
    if (e->flags & ENTRY_BLOB)
        bytes += alloc_class(entry_blob(e).cap);
    return bytes;
}

struct entry *entry_new(struct entry_shape shape, const char *key)
{
    char *p = alloc_get(entry_shape_bytes(shape));
    if (!p)
        return NULL;

    struct entry *e = (struct entry *)p;
    uint8_t flags = 0;
    if (shape.has_expiry) {
        struct wheel_node *node = (struct wheel_node *)p;
        *node = (struct wheel_node){ .at_ms = EXPIRE_NONE };
        e = entry_of_node(node);
        flags |= ENTRY_EXPIRY;
    }
    if (shape.key_len > ENTRY_SHORT_KEY_MAX) {
        uint64_t len = shape.key_len;
        memcpy(e + 1, &len, sizeof(len));
        flags |= ENTRY_LONG_KEY;
    }
    *e = (struct entry){ .flags = flags, .key_len = (uint8_t)shape.key_len };
    if (shape.key_len)
        memcpy(entry_key_ptr(e), key, shape.key_len);
    return e;
}

void entry_free_shell(struct entry *e)
{
    size_t bytes = entry_own_bytes(e);
    if (e->flags & ENTRY_EXPIRY) {
        assert(!wheel_node_is_in(entry_node(e)));
        alloc_put(entry_node(e), bytes);
    } else {
        alloc_put(e, bytes);
    }
}
