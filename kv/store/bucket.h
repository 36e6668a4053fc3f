/* bucket: one cache line of a table: nine tags that are compared at once, nine pointers of six bytes, and how many entries
 * passed by on the way from their home to a later bucket. Pure, for store/ alone. */
#ifndef KV_STORE_BUCKET_H
#define KV_STORE_BUCKET_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct entry;

enum {
    BUCKET_BYTES = 64,
    BUCKET_ENTRIES = 9,
    BUCKET_ALL = (1 << BUCKET_ENTRIES) - 1,
    BUCKET_EMPTY_TAG = 0
};

struct bucket {
    _Alignas(BUCKET_BYTES) uint8_t tags[BUCKET_ENTRIES];
    uint8_t passed; /* exact, so that a deletion leaves nothing behind */
    uint8_t pointers[BUCKET_ENTRIES * 6];
};
static_assert(sizeof(struct bucket) == BUCKET_BYTES, "a lookup touches one cache line");

/* The low byte: the shard is chosen by the upper end of the low half, the place by the upper half. */
static inline uint8_t bucket_tag(uint64_t hash)
{
    uint8_t tag = (uint8_t)hash;
    return tag == BUCKET_EMPTY_TAG ? 0x80 : tag;
}

/* A bit for each entry with this tag. */
static inline unsigned bucket_match(const struct bucket *b, uint8_t tag)
{
#ifdef __SSE2__
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)b);
    __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));
    return (unsigned)_mm_movemask_epi8(same) & BUCKET_ALL;
#else
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7full;
    uint64_t tags;
    memcpy(&tags, b->tags, sizeof(tags));
    uint64_t diff = tags ^ (0x0101010101010101ull * tag);
    uint64_t same = ~(((diff & low7) + low7) | diff | low7); /* 0x80 in each byte that is equal */
    unsigned first = (unsigned)((same >> 7) * 0x0102040810204080ull >> 56);
    return first | (unsigned)(b->tags[8] == tag) << 8;
#endif
}

static inline unsigned bucket_empty(const struct bucket *b)
{
    return bucket_match(b, BUCKET_EMPTY_TAG);
}

static inline unsigned bucket_used(const struct bucket *b)
{
    return bucket_empty(b) ^ BUCKET_ALL;
}

/* Eight bytes of which the upper six are the pointer: this never reads over the bucket's end. */
static inline struct entry *bucket_get(const struct bucket *b, unsigned i)
{
    uint64_t word;
    memcpy(&word, b->pointers + 6 * i - 2, sizeof(word));
    return (struct entry *)(uintptr_t)(word >> 16);
}

static inline void bucket_set(struct bucket *b, unsigned i, uint8_t tag, struct entry *e)
{
    uint64_t word = (uint64_t)(uintptr_t)e;
    assert(word >> 48 == 0);
    b->tags[i] = tag;
    memcpy(b->pointers + 6 * i, &word, 6);
}

#endif
