/* alloc: the store's memory. Whoever frees says the size again, so that the sizes kept in entries are enough to account for
 * every byte and jemalloc need not look anything up. Any thread.
 * Debug builds can make one allocation fail, to show that running out of memory changes nothing. */
#ifndef KV_STORE_ALLOC_H
#define KV_STORE_ALLOC_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

enum { ALLOC_LARGE_BYTES = 4096 };

#ifdef EVIO_DEBUG
#include <stdbool.h>
/* The nth allocation of this thread from now on fails (1: the next), once. 0: none. */
void alloc_fail_nth(uint64_t nth);
/* Whether alloc_fail_nth() has been used up. */
bool alloc_has_failed(void);
bool alloc_fails_now(void);
#else
#define alloc_fails_now() 0
#endif

/* What an allocation of so many bytes really takes. Everything up to there may be used. */
static inline size_t alloc_class(size_t bytes)
{
    if (bytes <= 128)
        return bytes ? (bytes + 15) & ~(size_t)15 : 16;
#ifdef HAVE_JEMALLOC
    /* 0 where no allocator could serve it: such a request then fails as it stands. */
    size_t real = nallocx(bytes, 0);
    return real ? real : bytes;
#else
    return (bytes + 15) & ~(size_t)15;
#endif
}

/* NULL: out of memory. */
static inline void *alloc_get(size_t bytes)
{
    if (alloc_fails_now())
        return NULL;
    return malloc(alloc_class(bytes));
}

static inline void alloc_put(void *p, size_t bytes)
{
#ifdef HAVE_JEMALLOC
    if (p)
        sdallocx(p, alloc_class(bytes), 0);
#else
    (void)bytes;
    free(p);
#endif
}

/* As realloc; NULL: out of memory, the old block stands. */
static inline void *alloc_resize(void *p, size_t bytes)
{
    if (alloc_fails_now())
        return NULL;
    return realloc(p, alloc_class(bytes));
}

/* bytes: a multiple of align, a power of two from 64 on. */
static inline void *alloc_get_aligned(size_t align, size_t bytes)
{
    if (alloc_fails_now())
        return NULL;
    return aligned_alloc(align, bytes);
}

static inline void alloc_put_aligned(void *p)
{
    free(p);
}

#endif
