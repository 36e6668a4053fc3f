/* generic_key: what is asked of a key, or done to it, whatever it holds. */
#include "kv/commands/generic_commands.h"
#include "kv/engine/call.h"

void generic_cmd_del(struct call *c)
{
    int64_t deleted = 0;
    for (int i = 1; i < c->argc; i++) {
        struct edit ed;
        call_edit(c, i, &ed);
        if (!ed.entry)
            continue;
        edit_delete(&ed);
        deleted++;
    }
    reply_int(c->out, deleted);
}

void generic_cmd_exists(struct call *c)
{
    int64_t count = 0;
    for (int i = 1; i < c->argc; i++)
        count += call_peek(c, i) != NULL;
    reply_int(c->out, count);
}

void generic_cmd_touch(struct call *c)
{
    int64_t count = 0;
    /* A client that is not to renew idle times does so by this command all the same. */
    c->no_touch = false;
    for (int i = 1; i < c->argc; i++)
        count += call_find(c, i) != NULL;
    reply_int(c->out, count);
}

void generic_cmd_type(struct call *c)
{
    const struct entry *e = call_peek(c, 1);
    reply_status(c->out, e ? entry_type_name(e) : "none");
}
