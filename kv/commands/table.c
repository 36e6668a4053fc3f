/* The commands by name: one array in order of ids, commands first and then the subcommands of each, and an open-addressed index
 * over the lower-case names of the commands. */
#include "kv/commands/table.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

enum {
    INDEX_SLOTS = 2048, /* a power of two, several times the number of commands */
    NAME_MAX_BYTES = 32
};

struct cmd_table {
    struct cmd *cmds;
    int count;                   /* commands */
    int id_count;                /* with subcommands */
    uint16_t index[INDEX_SLOTS]; /* id + 1; 0: empty */
};

typedef const struct cmd_spec *(*spec_group)(void);

static const spec_group groups[] = {
    string_command_specs, generic_command_specs, keyspace_command_specs, connection_command_specs,
    client_command_specs, server_command_specs,  command_command_specs,
};
enum { GROUP_COUNT = sizeof(groups) / sizeof(groups[0]) };

/* Eight bytes at a time would read past a name's end; names are short, so this loop is. */
static uint32_t name_hash(const char *ptr, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)(ptr[i] | 0x20)) * 16777619u;
    return h ^ (h >> 15);
}

static bool name_is(const char *name, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!name[i] || name[i] != tolower((unsigned char)s.ptr[i]))
            return false;
    }
    return !name[s.len];
}

static void index_add(struct cmd_table *t, int id)
{
    const char *name = t->cmds[id].spec->name;
    uint32_t i = name_hash(name, strlen(name)) % INDEX_SLOTS;
    while (t->index[i]) {
        assert(strcmp(t->cmds[t->index[i] - 1].spec->name, name) != 0);
        i = (i + 1) % INDEX_SLOTS;
    }
    t->index[i] = (uint16_t)(id + 1);
}

static int sub_count(const struct cmd_spec *spec)
{
    int n = 0;
    while (spec->subs && spec->subs[n].name)
        n++;
    return n;
}

static void add_subs(struct cmd_table *t, struct cmd *parent)
{
    parent->sub_count = sub_count(parent->spec);
    parent->subs = &t->cmds[t->id_count];
    for (int i = 0; i < parent->sub_count; i++) {
        struct cmd *sub = &t->cmds[t->id_count];
        sub->spec = &parent->spec->subs[i];
        sub->parent = parent;
        sub->id = t->id_count++;
        int n = snprintf(sub->full_name, sizeof(sub->full_name), "%s|%s", parent->spec->name,
                         sub->spec->name);
        assert(n > 0 && n < CMD_NAME_MAX_BYTES);
    }
}

struct cmd_table *cmd_table_new(void)
{
    struct cmd_table *t = calloc(1, sizeof(*t));
    int total = 0;
    for (int g = 0; g < GROUP_COUNT; g++) {
        for (const struct cmd_spec *spec = groups[g](); spec->name; spec++)
            total += 1 + sub_count(spec);
    }
    assert(total < INDEX_SLOTS / 2);
    if (t)
        t->cmds = calloc((size_t)total, sizeof(*t->cmds));
    if (!t || !t->cmds) {
        free(t);
        return NULL;
    }
    for (int g = 0; g < GROUP_COUNT; g++) {
        for (const struct cmd_spec *spec = groups[g](); spec->name; spec++) {
            struct cmd *c = &t->cmds[t->count];
            assert(strlen(spec->name) < NAME_MAX_BYTES);
            c->spec = spec;
            c->id = t->count;
            snprintf(c->full_name, sizeof(c->full_name), "%s", spec->name);
            index_add(t, t->count++);
        }
    }
    t->id_count = t->count;
    for (int i = 0; i < t->count; i++)
        add_subs(t, &t->cmds[i]);
    assert(t->id_count == total);
    return t;
}

void cmd_table_free(struct cmd_table *t)
{
    if (!t)
        return;
    free(t->cmds);
    free(t);
}

const struct cmd *cmd_table_find(const struct cmd_table *t, struct slice name)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return NULL;
    uint32_t i = name_hash(name.ptr, name.len) % INDEX_SLOTS;
    for (; t->index[i]; i = (i + 1) % INDEX_SLOTS) {
        const struct cmd *c = &t->cmds[t->index[i] - 1];
        if (name_is(c->spec->name, name))
            return c;
    }
    return NULL;
}

const struct cmd *cmd_find_sub(const struct cmd *parent, struct slice name)
{
    for (int i = 0; i < parent->sub_count; i++) {
        if (name_is(parent->subs[i].spec->name, name))
            return &parent->subs[i];
    }
    return NULL;
}

int cmd_table_count(const struct cmd_table *t)
{
    return t->count;
}

int cmd_table_id_count(const struct cmd_table *t)
{
    return t->id_count;
}

const struct cmd *cmd_table_at(const struct cmd_table *t, int index)
{
    assert(index >= 0 && index < t->count);
    return &t->cmds[index];
}

const struct cmd *cmd_table_by_id(const struct cmd_table *t, int id)
{
    assert(id >= 0 && id < t->id_count);
    return &t->cmds[id];
}

static int keys_range(const struct cmd_keys *k, int argc, int *first, int *last)
{
    *first = k->first;
    *last = k->last < 0 ? argc + k->last : k->last;
    return *last >= argc ? -1 : 0;
}

static int keys_counted(const struct cmd_keys *k, const struct slice *argv, int argc, int *first,
                        int *last)
{
    int64_t count = 0;
    if (k->count_at >= argc)
        return -1;
    struct slice text = argv[k->count_at];
    if (text.len == 0 || text.len > 9)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (!isdigit((unsigned char)text.ptr[i]))
            return -1;
        count = count * 10 + (text.ptr[i] - '0');
    }
    if (count <= 0 || k->first + (count - 1) * k->step >= argc)
        return -1;
    *first = k->first;
    *last = (int)(k->first + (count - 1) * k->step);
    return 0;
}

int cmd_keys(const struct cmd_spec *spec, const struct slice *argv, int argc, int *indexes, int max)
{
    const struct cmd_keys *k = &spec->keys;
    int first, last;
    if (!k->first)
        return 0;
    int ret = k->count_at ? keys_counted(k, argv, argc, &first, &last)
                          : keys_range(k, argc, &first, &last);
    if (ret < 0 || last < first)
        return -1;
    /* "key value [key value ...]" must not end in the middle of a group. */
    if (!k->count_at && k->last < 0 && (last - first + 1) % k->step != 0)
        return -1;
    int count = 0;
    for (int i = first; i <= last; i += k->step) {
        if (indexes && count < max)
            indexes[count] = i;
        count++;
    }
    return count;
}
