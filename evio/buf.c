/* Pools and output queues, see buf.h.
 *
 * Blocks are allocated one by one and are no multiple of a page long, so that the starts of the
 * blocks in use during one turn do not all fall on the same cache lines. */
#include "evio/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

void evio_pool_init(struct evio_pool *p, size_t block_bytes, unsigned free_max)
{
    assert(block_bytes >= sizeof(void *));
    *p = (struct evio_pool){ .block_bytes = block_bytes, .free_max = free_max };
#ifdef EVIO_DEBUG
    p->free_max = 0; /* every block is the allocator's, so that sanitizers see misuse */
#endif
}

void evio_pool_deinit(struct evio_pool *p)
{
    while (p->free) {
        void *block = p->free;
        p->free = *(void **)block;
        free(block);
    }
    p->free_count = 0;
}

void *evio_pool_get(struct evio_pool *p)
{
    void *block = p->free;
    if (!block)
        return malloc(p->block_bytes);
    p->free = *(void **)block;
    p->free_count--;
    return block;
}

void evio_pool_put(struct evio_pool *p, void *block)
{
    if (p->free_count >= p->free_max) {
        free(block);
        return;
    }
    *(void **)block = p->free;
    p->free = block;
    p->free_count++;
}

static struct evio_chunk *chunk_new(struct evio_pool *pool, size_t room_bytes)
{
    struct evio_chunk *k;
    if (room_bytes <= EVIO_CHUNK_BYTES) {
        room_bytes = EVIO_CHUNK_BYTES;
        k = evio_pool_get(pool);
    } else {
        k = room_bytes <= SIZE_MAX - sizeof(*k) ? malloc(sizeof(*k) + room_bytes) : NULL;
    }
    if (!k)
        return NULL;
    k->next = NULL;
    k->data = (char *)(k + 1);
    k->begin = k->end = 0;
    k->room_bytes = room_bytes;
    k->release = NULL;
    k->arg = NULL;
    return k;
}

/* The chunk is out of its queue by now: release() may append to that queue. */
static void chunk_free(struct evio_chunk *k, struct evio_pool *pool)
{
    if (k->room_bytes == EVIO_CHUNK_BYTES) {
        evio_pool_put(pool, k);
        return;
    }
    void (*release)(void *arg) = k->release;
    void *arg = k->arg;
    free(k);
    if (release)
        release(arg);
}

static void out_push(struct evio_out *o, struct evio_chunk *first, struct evio_chunk *last)
{
    if (o->tail)
        o->tail->next = first;
    else
        o->head = first;
    o->tail = last;
}

static size_t tail_room(const struct evio_out *o)
{
    return o->tail && o->tail->room_bytes ? o->tail->room_bytes - o->tail->end : 0;
}

/* All chunks of a write that does not fit the last one are made before any byte is appended. */
static int append_chunks(struct evio_out *o, struct evio_pool *pool, const char *data, size_t len)
{
    size_t fits = tail_room(o);
    struct evio_chunk *first = NULL, *last = NULL;
    for (size_t at = fits; at < len;) {
        size_t part = len - at < EVIO_CHUNK_MAX_BYTES ? len - at : EVIO_CHUNK_MAX_BYTES;
        struct evio_chunk *k = chunk_new(pool, part);
        if (!k) {
            while (first) {
                k = first;
                first = k->next;
                chunk_free(k, pool);
            }
            return -ENOMEM;
        }
        memcpy(k->data, data + at, part);
        k->end = part;
        at += part;
        if (last)
            last->next = k;
        else
            first = k;
        last = k;
    }
    if (fits) {
        memcpy(o->tail->data + o->tail->end, data, fits);
        o->tail->end += fits;
    }
    out_push(o, first, last);
    o->bytes += len;
    return 0;
}

int evio_out_append(struct evio_out *o, struct evio_pool *pool, const char *data, size_t len)
{
    if (len == 0)
        return 0;
    if (len > tail_room(o))
        return append_chunks(o, pool, data, len);
    memcpy(o->tail->data + o->tail->end, data, len);
    o->tail->end += len;
    o->bytes += len;
    return 0;
}

int evio_out_append_ref(struct evio_out *o, const void *data, size_t len,
                        void (*release)(void *arg), void *arg)
{
    struct evio_chunk *k = malloc(sizeof(*k));
    if (!k)
        return -ENOMEM;
    *k = (struct evio_chunk){ .data = (char *)data, .end = len, .release = release, .arg = arg };
    out_push(o, k, k);
    o->bytes += len;
    return 0;
}

char *evio_out_reserve(struct evio_out *o, struct evio_pool *pool, size_t min_bytes,
                       size_t *room_bytes)
{
    if (tail_room(o) < min_bytes || tail_room(o) == 0) {
        struct evio_chunk *k = chunk_new(pool, min_bytes);
        if (!k)
            return NULL;
        out_push(o, k, k);
    }
    *room_bytes = tail_room(o);
    return o->tail->data + o->tail->end;
}

void evio_out_commit(struct evio_out *o, size_t count_bytes)
{
    assert(count_bytes <= tail_room(o));
    if (!count_bytes)
        return;
    o->tail->end += count_bytes;
    o->bytes += count_bytes;
}

int evio_out_gather(const struct evio_out *o, struct iovec *iov, int iov_max, size_t max_bytes,
                    size_t *total)
{
    int count = 0;
    size_t sum = 0;
    for (const struct evio_chunk *k = o->head; k && count < iov_max && sum < max_bytes;
         k = k->next) {
        if (k->begin == k->end)
            continue;
        iov[count].iov_base = k->data + k->begin;
        iov[count].iov_len = k->end - k->begin;
        sum += iov[count].iov_len;
        count++;
    }
    *total = sum;
    return count;
}

void evio_out_consume(struct evio_out *o, struct evio_pool *pool, size_t count_bytes)
{
    assert(count_bytes <= o->bytes);
    o->bytes -= count_bytes;
    while (o->head) {
        struct evio_chunk *k = o->head;
        size_t part = k->end - k->begin < count_bytes ? k->end - k->begin : count_bytes;
        k->begin += part;
        count_bytes -= part;
        if (k->begin < k->end)
            break;
        o->head = k->next;
        if (!o->head)
            o->tail = NULL;
        chunk_free(k, pool);
    }
    assert(count_bytes == 0);
}

void evio_out_clear(struct evio_out *o, struct evio_pool *pool)
{
    while (o->head) {
        struct evio_chunk *k = o->head;
        o->head = k->next;
        if (!o->head)
            o->tail = NULL;
        o->bytes -= k->end - k->begin;
        chunk_free(k, pool);
    }
}
