#include "kv/store/edit.h"

#include <errno.h>

#include "kv/store/shard_layout.h"

/* Another edit may have moved what this one found. */
static struct place edit_place(struct edit *ed)
{
    struct shard *s = ed->shard;
    assert(ed->entry);
    if (ed->moves_ != s->moves) {
        struct place at;
        bool found = table_find_entry(&shard_db(s, ed->db)->table, ed->entry, ed->key.hash, &at);
        assert(found);
        ed->bucket_ = at.bucket;
        ed->index_ = at.index;
        ed->moves_ = s->moves;
    }
    return (struct place){ ed->bucket_, ed->index_ };
}

static void edit_set_place(struct edit *ed, struct entry *e, struct place at)
{
    ed->entry = e;
    ed->bucket_ = at.bucket;
    ed->index_ = at.index;
    ed->moves_ = ed->shard->moves;
}

void edit_changed(struct edit *ed)
{
    assert(ed->shard->holder);
}

static void account(struct shard *s, const struct entry *e)
{
    stat_add(&s->stats.memory_bytes, entry_shell_bytes(e));
}

int edit_install(struct edit *ed, struct entry *e, int64_t at_ms)
{
    struct shard *s = ed->shard;
    assert(at_ms == EXPIRE_NONE || e->flags & ENTRY_EXPIRY);
    e->clock_s = s->clock_s & ENTRY_CLOCK_MASK;
    if (at_ms != EXPIRE_NONE && shard_arm_(s, ed->db, e, at_ms))
        return -ENOMEM;

    struct entry *old = ed->entry;
    if (old) {
        struct place at = edit_place(ed);
        table_replace(at, e, ed->key.hash);
        ed->entry = e;
        shard_disarm_(s, ed->db, old);
        shard_free_entry_(s, old);
    } else {
        struct place at;
        if (shard_insert_(s, ed->db, e, ed->key.hash, &at)) {
            shard_disarm_(s, ed->db, e);
            return -ENOMEM;
        }
        edit_set_place(ed, e, at);
    }
    account(s, e);
    edit_changed(ed);
    return 0;
}

int edit_rearm(struct edit *ed, int64_t at_ms)
{
    struct entry *e = ed->entry;
    if (at_ms != EXPIRE_NONE)
        return shard_arm_(ed->shard, ed->db, e, at_ms);
    if (e->flags & ENTRY_EXPIRY) {
        shard_disarm_(ed->shard, ed->db, e);
        entry_node(e)->at_ms = EXPIRE_NONE;
    }
    return 0;
}

/* An entry like e, perhaps with another key, with room for an expiry or without. What it points to is then e's and the
 * copy's. NULL: out of memory. */
static struct entry *clone_shell(const struct entry *e, struct slice key, bool has_expiry)
{
    struct entry *fresh = entry_new(
        (struct entry_shape){
            .key_len = key.len,
            .value_bytes = entry_value_bytes(e),
            .has_expiry = has_expiry,
        },
        key.ptr);
    if (!fresh)
        return NULL;
    fresh->type = e->type;
    fresh->encoding = e->encoding;
    fresh->flags |= e->flags & ENTRY_BLOB;
    fresh->value_len = e->value_len;
    fresh->clock_s = e->clock_s;
    memcpy(entry_value_ptr(fresh), entry_value_ptr(e), entry_value_bytes(e));
    return fresh;
}

int edit_set_expiry(struct edit *ed, int64_t at_ms)
{
    struct shard *s = ed->shard;
    struct entry *e = ed->entry;
    assert(e);
    if (at_ms == EXPIRE_KEEP)
        return 0;
    if (at_ms == EXPIRE_NONE || e->flags & ENTRY_EXPIRY) {
        if (edit_rearm(ed, at_ms))
            return -ENOMEM;
        edit_changed(ed);
        return 0;
    }

    struct entry *fresh = clone_shell(e, entry_key(e), true);
    if (!fresh)
        return -ENOMEM;
    if (shard_arm_(s, ed->db, fresh, at_ms)) {
        entry_free_shell(fresh);
        return -ENOMEM;
    }
    table_replace(edit_place(ed), fresh, ed->key.hash);
    ed->entry = fresh;
    account(s, fresh);
    stat_add(&s->stats.memory_bytes, -(uint64_t)entry_shell_bytes(e));
    entry_free_shell(e);
    edit_changed(ed);
    return 0;
}

/* Out of index, expiry and accounts. */
static struct entry *take_out(struct edit *ed)
{
    struct shard *s = ed->shard;
    struct entry *e = ed->entry;
    assert(e);
    shard_remove_(s, ed->db, e, ed->key.hash, edit_place(ed));
    ed->entry = NULL;
    return e;
}

void edit_delete(struct edit *ed)
{
    shard_free_entry_(ed->shard, take_out(ed));
    edit_changed(ed);
}

struct entry *edit_take(struct edit *ed)
{
    struct entry *e = take_out(ed);
    stat_add(&ed->shard->stats.memory_bytes, -(uint64_t)entry_bytes(e));
    edit_changed(ed);
    return e;
}

int edit_put(struct edit *ed, struct entry *e)
{
    struct slice key = ed->key.name;
    int64_t at_ms = entry_expire_at_ms(e);
    struct entry *fresh = NULL;
    if (!slice_eq(entry_key(e), key)) {
        fresh = clone_shell(e, key, at_ms != EXPIRE_NONE);
        if (!fresh)
            return -ENOMEM;
    }
    size_t blob_bytes = entry_bytes(e) - entry_shell_bytes(e);
    if (edit_install(ed, fresh ? fresh : e, at_ms)) {
        if (fresh)
            entry_free_shell(fresh);
        return -ENOMEM;
    }
    stat_add(&ed->shard->stats.memory_bytes, blob_bytes);
    if (fresh)
        entry_free_shell(e);
    return 0;
}

int edit_copy(struct edit *ed, const struct entry *src)
{
    int64_t at_ms = entry_expire_at_ms(src);
    struct entry *e = clone_shell(src, ed->key.name, at_ms != EXPIRE_NONE);
    if (!e)
        return -ENOMEM;
    struct blob copy = { NULL, 0, 0 };
    if (src->flags & ENTRY_BLOB) {
        struct blob b = entry_blob(src);
        copy = (struct blob){ edit_blob_new(ed, b.len), b.len, b.len };
        if (!copy.ptr) {
            entry_free_shell(e);
            return -ENOMEM;
        }
        memcpy(copy.ptr, b.ptr, b.len);
        entry_set_blob(e, copy);
    }
    if (edit_install(ed, e, at_ms)) {
        if (copy.ptr)
            edit_blob_free(ed, copy.ptr, copy.cap);
        entry_free_shell(e);
        return -ENOMEM;
    }
    return 0;
}

void entry_discard(struct shard *s, struct entry *e)
{
    /* It left the accounts when it was taken; freeing takes it out of them again. */
    assert(s->holder);
    stat_add(&s->stats.memory_bytes, entry_bytes(e));
    shard_free_entry_(s, e);
}

char *edit_blob_new(struct edit *ed, size_t bytes)
{
    char *p = alloc_get(bytes);
    if (p)
        stat_add(&ed->shard->stats.memory_bytes, alloc_class(bytes));
    return p;
}

char *edit_blob_resize(struct edit *ed, char *ptr, size_t bytes, size_t new_bytes)
{
    char *p = alloc_resize(ptr, new_bytes);
    if (p)
        stat_add(&ed->shard->stats.memory_bytes, alloc_class(new_bytes) - alloc_class(bytes));
    return p;
}

void edit_blob_free(struct edit *ed, char *ptr, size_t bytes)
{
    shard_free_blob_(ed->shard, ptr, bytes);
}

void edit_drop(struct edit *ed, struct entry *e)
{
    (void)ed;
    entry_free_shell(e);
}
