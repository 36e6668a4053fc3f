#include "kv/store/table.h"

#include <assert.h>
#include <errno.h>

#include "kv/store/alloc.h"
#include "kv/store/entry_layout.h"
#include "kv/store/lookup.h"

enum {
    /* Two neighbours become one when they hold this much together: well below what a segment splits at. */
    MERGE_ENTRIES = SEGMENT_ENTRIES_MAX * 4 / 9,
    MERGE_CHECK_ENTRIES = MERGE_ENTRIES / 2
};

void table_init(struct table *t, uint64_t seed)
{
    *t = (struct table){ .seed = seed };
}

static uint64_t slot_count(const struct table *t)
{
    return 1ull << t->depth;
}

/* How many slots hold this segment; they begin at a multiple of that. */
static uint64_t alias_count(const struct table *t, uint64_t word)
{
    assert(segment_depth(word) <= t->depth);
    return 1ull << (t->depth - segment_depth(word));
}

static uint64_t first_slot(const struct table *t, uint64_t slot)
{
    return slot & ~(alias_count(t, t->dir[slot]) - 1);
}

static size_t dir_bytes(unsigned depth)
{
    return sizeof(uint64_t) << depth;
}

static size_t word_bytes(uint64_t word)
{
    return segment_bucket_count(word) * sizeof(struct bucket);
}

static void set_slots(struct table *t, uint64_t first, uint64_t word)
{
    uint64_t n = alias_count(t, word);
    for (uint64_t i = 0; i < n; i++)
        t->dir[first + i] = word;
}

static void free_dir(struct table *t)
{
    t->bytes -= alloc_class(dir_bytes(t->depth));
    alloc_put(t->dir, dir_bytes(t->depth));
    *t = (struct table){ .seed = t->seed, .bytes = t->bytes };
    assert(t->bytes == 0);
}

void table_deinit(struct table *t)
{
    if (!t->dir)
        return;
    for (uint64_t i = 0; i < slot_count(t);) {
        uint64_t word = t->dir[i];
        i += alias_count(t, word);
        t->bytes -= word_bytes(word);
        segment_free(word);
    }
    free_dir(t);
}

bool table_find_entry(const struct table *t, const struct entry *e, uint64_t hash, struct place *at)
{
    return t->dir && segment_find_entry(t->dir[table_slot(t, hash)], e, hash, at);
}

/* ---- growing ---- */

static int first_segment(struct table *t)
{
    uint64_t *dir = alloc_get(dir_bytes(0));
    if (!dir)
        return -ENOMEM;
    if (segment_build(NULL, 0, 0, 1, &dir[0])) {
        alloc_put(dir, dir_bytes(0));
        return -ENOMEM;
    }
    t->dir = dir;
    t->depth = 0;
    t->deepest_count = 1;
    t->bytes = alloc_class(dir_bytes(0)) + word_bytes(dir[0]);
    return 0;
}

/* Each slot becomes two. */
static int double_dir(struct table *t)
{
    if (t->depth == SEGMENT_DEPTH_MAX)
        return -ENOMEM;
    uint64_t *dir = alloc_get(dir_bytes(t->depth + 1));
    if (!dir)
        return -ENOMEM;
    for (uint64_t i = 0; i < slot_count(t); i++)
        dir[2 * i] = dir[2 * i + 1] = t->dir[i];
    t->bytes += alloc_class(dir_bytes(t->depth + 1)) - alloc_class(dir_bytes(t->depth));
    alloc_put(t->dir, dir_bytes(t->depth));
    t->dir = dir;
    t->depth++;
    t->deepest_count = 0;
    return 0;
}

/* Puts newly built segments in place of an old one. */
static void swap_in(struct table *t, uint64_t old, uint64_t first, const uint64_t *words, int n)
{
    t->bytes -= word_bytes(old);
    if (segment_depth(old) == t->depth)
        t->deepest_count--;
    for (int i = 0; i < n; i++) {
        set_slots(t, first, words[i]);
        first += alias_count(t, words[i]);
        t->bytes += word_bytes(words[i]);
        if (segment_depth(words[i]) == t->depth)
            t->deepest_count++;
    }
    segment_free(old);
}

static int split(struct table *t, uint64_t first, struct segment_item *items, uint32_t count)
{
    uint64_t old = t->dir[first];
    unsigned depth = segment_depth(old);
    if (depth == t->depth) {
        if (double_dir(t))
            return -ENOMEM;
        first *= 2;
    }

    /* Partition in place: the lower half to the front. */
    uint32_t low = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].hash >> (63 - depth) & 1)
            continue;
        struct segment_item item = items[i];
        items[i] = items[low];
        items[low++] = item;
    }

    uint64_t words[2];
    if (segment_build(items, low, depth + 1, 1, &words[0]))
        return -ENOMEM;
    if (segment_build(items + low, count - low, depth + 1, 1, &words[1])) {
        segment_free(words[0]);
        return -ENOMEM;
    }
    swap_in(t, old, first, words, 2);
    return 0;
}

/* Makes room in the segment of this slot: more buckets, or two segments. */
static int grow(struct table *t, uint64_t first)
{
    struct segment_item items[SEGMENT_ENTRIES_MAX];
    uint64_t old = t->dir[first], word;
    uint32_t count = segment_items(old, t->seed, items);
    uint32_t next = segment_next_size(segment_bucket_count(old));
    int ret = next ? segment_build(items, count, segment_depth(old), next, &word) : -ENOSPC;
    if (ret == 0)
        swap_in(t, old, first, &word, 1);
    if (ret != -ENOSPC)
        return ret;
    return split(t, first, items, count);
}

int table_insert(struct table *t, struct entry *e, uint64_t hash, struct place *at)
{
    if (!t->dir && first_segment(t))
        return -ENOMEM;
    for (;;) {
        uint64_t first = first_slot(t, table_slot(t, hash));
        uint64_t word = t->dir[first];
        if (segment_count(word) < segment_limit(segment_bucket_count(word)) &&
            segment_put(word, e, hash, at)) {
            t->dir[first] = segment_with_count(word, segment_count(word) + 1);
            t->count++;
            return 0;
        }
        if (grow(t, first))
            return -ENOMEM;
    }
}

void table_replace(struct place at, struct entry *e, uint64_t hash)
{
    bucket_set(at.bucket, at.index, bucket_tag(hash), e);
}

/* ---- shrinking: where there is no memory for it, nothing happens ---- */

static void halve_dir(struct table *t)
{
    while (t->depth > 0 && t->deepest_count == 0) {
        uint64_t *dir = alloc_get(dir_bytes(t->depth - 1));
        if (!dir)
            return;
        uint64_t deepest = 0;
        for (uint64_t i = 0; i < slot_count(t) / 2; i++) {
            dir[i] = t->dir[2 * i];
            deepest += segment_depth(dir[i]) == t->depth - 1;
        }
        t->bytes -= alloc_class(dir_bytes(t->depth)) - alloc_class(dir_bytes(t->depth - 1));
        alloc_put(t->dir, dir_bytes(t->depth));
        t->dir = dir;
        t->depth--;
        t->deepest_count = deepest;
    }
}

/* One segment of two that differ in the last bit of their prefix. */
static bool merge(struct table *t, uint64_t first)
{
    uint64_t word = t->dir[first];
    unsigned depth = segment_depth(word);
    if (depth == 0)
        return false;
    uint64_t n = alias_count(t, word), low = first & ~n;
    uint64_t a = t->dir[low], b = t->dir[low + n];
    if (segment_depth(a) != depth || segment_depth(b) != depth ||
        segment_count(a) + segment_count(b) > MERGE_ENTRIES)
        return false;

    struct segment_item items[SEGMENT_ENTRIES_MAX];
    uint32_t count = segment_items(a, t->seed, items);
    count += segment_items(b, t->seed, items + count);
    uint64_t merged;
    if (segment_build(items, count, depth - 1, 1, &merged))
        return false;
    t->bytes -= word_bytes(b);
    if (depth == t->depth)
        t->deepest_count--;
    segment_free(b);
    swap_in(t, a, low, &merged, 1);
    return true;
}

static void shrink(struct table *t, uint64_t hash)
{
    if (t->count == 0) {
        table_deinit(t);
        return;
    }
    uint64_t first = first_slot(t, table_slot(t, hash));
    while (segment_count(t->dir[first]) <= MERGE_CHECK_ENTRIES && merge(t, first)) {
        halve_dir(t);
        first = first_slot(t, table_slot(t, hash));
    }

    uint64_t old = t->dir[first], word;
    uint32_t buckets = segment_bucket_count(old);
    if (buckets == 1 || segment_count(old) > buckets * BUCKET_ENTRIES * 9 / 20 ||
        segment_fit(segment_count(old)) >= buckets)
        return;
    struct segment_item items[SEGMENT_ENTRIES_MAX];
    uint32_t count = segment_items(old, t->seed, items);
    if (segment_build(items, count, segment_depth(old), 1, &word) == 0)
        swap_in(t, old, first, &word, 1);
}

void table_remove(struct table *t, uint64_t hash, struct place at)
{
    uint64_t first = first_slot(t, table_slot(t, hash));
    uint64_t word = t->dir[first];
    segment_clear(word, hash, at);
    uint32_t count = segment_count(word) - 1;
    t->dir[first] = segment_with_count(word, count);
    t->count--;
    uint32_t buckets = segment_bucket_count(word);
    if (t->count == 0 || count <= MERGE_CHECK_ENTRIES || count <= buckets * BUCKET_ENTRIES * 9 / 20)
        shrink(t, hash);
}

static void prefetch_entries(uint64_t word, uint32_t bucket)
{
    if (bucket >= segment_bucket_count(word))
        return;
    const struct bucket *b = &segment_buckets(word)[bucket];
    for (unsigned m = bucket_used(b); m; m &= m - 1)
        lookup_prefetch(bucket_get(b, (unsigned)__builtin_ctz(m)));
}

struct entry *table_sweep(struct table *t, struct table_sweep *at)
{
    if (!t->dir)
        return NULL;
    while (at->slot < slot_count(t)) {
        uint64_t word = t->dir[at->slot];
        for (; at->bucket < segment_bucket_count(word); at->bucket++) {
            struct bucket *b = &segment_buckets(word)[at->bucket];
            unsigned used = bucket_used(b);
            if (!used) {
                prefetch_entries(word, at->bucket + 2);
                continue;
            }
            unsigned i = (unsigned)__builtin_ctz(used);
            b->tags[i] = BUCKET_EMPTY_TAG;
            t->count--;
            return bucket_get(b, i);
        }
        at->slot += alias_count(t, word);
        at->bucket = 0;
        t->bytes -= word_bytes(word);
        segment_free(word);
    }
    assert(t->count == 0);
    free_dir(t);
    return NULL;
}
