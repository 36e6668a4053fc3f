#include "kv/types/string.h"

#include <errno.h>

#include "kv/store/edit.h"

/* What a value is stored as. */
struct form {
    enum encoding encoding;
    bool is_blob;
    size_t value_bytes; /* as held in the entry */
};

static_assert(STRING_BLOB_BYTES <= UINT16_MAX, "the header has 16 bits for a length");

static struct form form_of_text(size_t len)
{
    bool is_blob = len >= STRING_BLOB_BYTES;
    return (struct form){
        .encoding = len <= STRING_EMBED_MAX_BYTES ? ENCODING_EMBSTR : ENCODING_RAW,
        .is_blob = is_blob,
        .value_bytes = is_blob ? sizeof(struct blob) : len,
    };
}

static const struct form form_int = { ENCODING_INT, false, sizeof(int64_t) };

static int64_t int_value(const struct entry *e)
{
    int64_t value;
    memcpy(&value, entry_value_ptr(e), sizeof(value));
    return value;
}

struct slice string_view(const struct entry *e, char scratch[INT64_TEXT_MAX])
{
    assert(e->type == VALUE_STRING);
    if (e->encoding == ENCODING_INT)
        return slice_of(scratch, (size_t)number_format_int64(scratch, int_value(e)));
    if (e->flags & ENTRY_BLOB) {
        struct blob b = entry_blob(e);
        return slice_of(b.ptr, b.len);
    }
    return slice_of(entry_value_ptr(e), e->value_len);
}

size_t string_len(const struct entry *e)
{
    char scratch[INT64_TEXT_MAX];
    return string_view(e, scratch).len;
}

bool string_int64(const struct entry *e, int64_t *out)
{
    assert(e->type == VALUE_STRING);
    if (e->encoding == ENCODING_INT) {
        *out = int_value(e);
        return true;
    }
    char scratch[INT64_TEXT_MAX];
    return number_parse_int64(string_view(e, scratch), out);
}

/* Only so much as tells most texts from numbers without a call. */
static bool may_be_int64(struct slice s)
{
    if (s.len == 0 || s.len > INT64_TEXT_MAX)
        return false;
    char last = s.ptr[s.len - 1];
    return last >= '0' && last <= '9';
}

/* Whether the entry as it stands can hold a value of this form, neither too small nor wasteful. */
static bool fits_in_place(const struct entry *e, struct form form, bool needs_expiry)
{
    bool has_expiry = e->flags & ENTRY_EXPIRY;
    if (e->type != VALUE_STRING || e->flags & ENTRY_BLOB || form.is_blob ||
        (needs_expiry && !has_expiry))
        return false;
    struct entry_shape shape = {
        .key_len = entry_key_len(e),
        .value_bytes = form.value_bytes,
        .has_expiry = has_expiry,
    };
    size_t bytes = entry_shape_bytes(shape), class_bytes = alloc_class(entry_own_bytes(e));
    if (alloc_class(bytes) != class_bytes)
        return false;
    if (!has_expiry || needs_expiry)
        return true;
    shape.has_expiry = false;
    return alloc_class(entry_shape_bytes(shape)) == class_bytes;
}

static void set_form(struct entry *e, struct form form)
{
    e->type = VALUE_STRING;
    e->encoding = form.encoding;
    e->flags = (uint8_t)((e->flags & ~ENTRY_BLOB) | (form.is_blob ? ENTRY_BLOB : 0));
    bool is_text = form.encoding != ENCODING_INT && !form.is_blob;
    e->value_len = is_text ? (uint16_t)form.value_bytes : 0;
}

static struct entry *entry_of_form(const struct edit *ed, struct form form, bool has_expiry)
{
    struct entry *e = entry_new(
        (struct entry_shape){
            .key_len = ed->key.name.len,
            .value_bytes = form.value_bytes,
            .has_expiry = has_expiry,
        },
        ed->key.name.ptr);
    if (e)
        set_form(e, form);
    return e;
}

static int64_t resolve_expiry(const struct edit *ed, int64_t at_ms)
{
    if (at_ms != EXPIRE_KEEP)
        return at_ms;
    return ed->entry ? entry_expire_at_ms(ed->entry) : EXPIRE_NONE;
}

/* Writes value_bytes of `value` as the whole value. It may point into what is there now. */
static int set_inline(struct edit *ed, struct form form, const void *value, int64_t at_ms)
{
    bool needs_expiry = at_ms != EXPIRE_NONE;
    struct entry *e = ed->entry;
    if (e && fits_in_place(e, form, needs_expiry)) {
        if ((needs_expiry || e->flags & ENTRY_EXPIRY) && edit_rearm(ed, at_ms))
            return -ENOMEM;
        set_form(e, form);
        memmove(entry_value_ptr(e), value, form.value_bytes);
        edit_changed(ed);
        return 0;
    }

    e = entry_of_form(ed, form, needs_expiry);
    if (!e)
        return -ENOMEM;
    if (form.value_bytes)
        memcpy(entry_value_ptr(e), value, form.value_bytes);
    if (edit_install(ed, e, at_ms)) {
        edit_drop(ed, e);
        return -ENOMEM;
    }
    return 0;
}

/* Makes the value a blob: its memory becomes the entry's. -ENOMEM: nothing changed, it is still the caller's. */
static int set_blob(struct edit *ed, struct blob b, int64_t at_ms)
{
    struct form form = { ENCODING_RAW, true, sizeof(b) };
    struct entry *e = entry_of_form(ed, form, at_ms != EXPIRE_NONE);
    if (!e)
        return -ENOMEM;
    entry_set_blob(e, b);
    if (edit_install(ed, e, at_ms)) {
        edit_drop(ed, e);
        return -ENOMEM;
    }
    return 0;
}

int string_set(struct edit *ed, struct slice value, int64_t expire_at_ms)
{
    int64_t number;
    if (may_be_int64(value) && number_parse_int64(value, &number))
        return set_inline(ed, form_int, &number, resolve_expiry(ed, expire_at_ms));
    return string_set_text(ed, value, expire_at_ms);
}

int string_set_text(struct edit *ed, struct slice value, int64_t expire_at_ms)
{
    int64_t at_ms = resolve_expiry(ed, expire_at_ms);
    struct form form = form_of_text(value.len);
    if (!form.is_blob)
        return set_inline(ed, form, value.ptr, at_ms);

    struct blob b = { edit_blob_new(ed, value.len), value.len, value.len };
    if (!b.ptr)
        return -ENOMEM;
    memcpy(b.ptr, value.ptr, value.len);
    if (set_blob(ed, b, at_ms)) {
        edit_blob_free(ed, b.ptr, b.cap);
        return -ENOMEM;
    }
    return 0;
}

int string_set_int64(struct edit *ed, int64_t value, int64_t expire_at_ms)
{
    return set_inline(ed, form_int, &value, resolve_expiry(ed, expire_at_ms));
}

/* ---- in place ---- */

static void zero_from(char *p, size_t old_len, size_t len)
{
    if (len > old_len)
        memset(p + old_len, 0, len - old_len);
}

/* From a blob to a blob: the entry stays. */
static char *resize_blob(struct edit *ed, size_t len)
{
    struct entry *e = ed->entry;
    struct blob b = entry_blob(e);
    if (len > b.cap || len < b.cap / 4) {
        size_t spare = len > b.cap ? len : 0;
        size_t cap = len + (spare < STRING_GROW_MAX_BYTES ? spare : STRING_GROW_MAX_BYTES);
        char *p = edit_blob_resize(ed, b.ptr, b.cap, cap);
        if (!p)
            return NULL;
        b.ptr = p;
        b.cap = cap;
    }
    zero_from(b.ptr, b.len, len);
    b.len = len;
    entry_set_blob(e, b);
    e->encoding = ENCODING_RAW;
    edit_changed(ed);
    return b.ptr;
}

/* To a blob from anything else. */
static char *become_blob(struct edit *ed, struct slice old, size_t len, int64_t at_ms)
{
    struct blob b = { edit_blob_new(ed, len), len, len };
    if (!b.ptr)
        return NULL;
    if (old.len)
        memcpy(b.ptr, old.ptr, old.len);
    zero_from(b.ptr, old.len, len);
    if (set_blob(ed, b, at_ms)) {
        edit_blob_free(ed, b.ptr, b.cap);
        return NULL;
    }
    return b.ptr;
}

char *string_resize(struct edit *ed, size_t len)
{
    char scratch[INT64_TEXT_MAX];
    struct entry *e = ed->entry;
    assert(!e || e->type == VALUE_STRING);
    if (e && e->flags & ENTRY_BLOB && len >= STRING_BLOB_BYTES)
        return resize_blob(ed, len);
    struct slice old = e ? string_view(e, scratch) : slice_of(NULL, 0);
    int64_t at_ms = e ? entry_expire_at_ms(e) : EXPIRE_NONE;
    if (len >= STRING_BLOB_BYTES)
        return become_blob(ed, old, len, at_ms);

    struct form form = { ENCODING_RAW, false, len };
    size_t kept = old.len < len ? old.len : len;
    if (e && fits_in_place(e, form, at_ms != EXPIRE_NONE)) {
        set_form(e, form);
        memmove(entry_value_ptr(e), old.ptr, kept);
        zero_from(entry_value_ptr(e), kept, len);
        edit_changed(ed);
        return entry_value_ptr(e);
    }
    e = entry_of_form(ed, form, at_ms != EXPIRE_NONE);
    if (!e)
        return NULL;
    if (kept)
        memcpy(entry_value_ptr(e), old.ptr, kept);
    zero_from(entry_value_ptr(e), kept, len);
    if (edit_install(ed, e, at_ms)) {
        edit_drop(ed, e);
        return NULL;
    }
    return entry_value_ptr(ed->entry);
}
