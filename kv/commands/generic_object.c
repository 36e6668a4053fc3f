/* generic_object: OBJECT, which looks at how a value is held. It counts nothing and renews no idle
 * time. */
#include <limits.h>

#include "kv/commands/generic_commands.h"
#include "kv/engine/call.h"
#include "kv/types/string.h"

/* Redis shares the objects of small integers, and tells them by this count. */
enum { SHARED_INTEGERS = 10000, SHARED_REFCOUNT = INT_MAX };

/* NULL: there is no such key, and the reply is written. */
static const struct entry *peek_or_null(struct call *c)
{
    const struct entry *e = call_peek(c, 2);
    if (!e)
        reply_null(c->out);
    return e;
}

void generic_cmd_object_encoding(struct call *c)
{
    const struct entry *e = peek_or_null(c);
    if (e)
        reply_bulk_str(c->out, entry_encoding_name(e));
}

void generic_cmd_object_freq(struct call *c)
{
    if (peek_or_null(c))
        reply_error(c->out, "ERR An LFU maxmemory policy is not selected, access frequency not "
                            "tracked. Please note that when switching between policies at runtime "
                            "LRU and LFU data will take some time to adjust.");
}

void generic_cmd_object_idletime(struct call *c)
{
    const struct entry *e = peek_or_null(c);
    if (e)
        reply_int(c->out, entry_idle_s(e, call_now_ms(c)));
}

int generic_refcount(const struct entry *e)
{
    int64_t value;
    bool is_int = entry_type(e) == VALUE_STRING && strcmp(entry_encoding_name(e), "int") == 0;
    if (is_int && string_int64(e, &value) && value >= 0 && value < SHARED_INTEGERS)
        return SHARED_REFCOUNT;
    return 1;
}

void generic_cmd_object_refcount(struct call *c)
{
    const struct entry *e = peek_or_null(c);
    if (e)
        reply_int(c->out, generic_refcount(e));
}

void generic_cmd_object_help(struct call *c)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        NULL,
    };
    reply_help(c->out, "OBJECT", lines);
}
