/* buf: the memory that bytes pass through. A pool of equal blocks, and the queue of output chunks
 * of one connection. Both belong to one loop and are touched on its thread only.
 *
 * A chunk owns its bytes (pooled, or bigger than a pool's block and allocated for one write), or
 * refers to the caller's memory until release. */
#ifndef EVIO_BUF_H
#define EVIO_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum {
    EVIO_IN_BLOCK_BYTES = 16 * 1024,
    EVIO_CHUNK_BYTES = 16 * 1024,
    EVIO_CHUNK_MAX_BYTES = 256 * 1024, /* a long write is cut, so that what is sent is freed */
    EVIO_POOL_FREE_MAX = 256,          /* blocks kept for reuse */
    EVIO_POOL_BIG_FREE_MAX = 16,
};

struct evio_pool {
    void *free;
    size_t block_bytes;
    unsigned free_count, free_max;
};

void evio_pool_init(struct evio_pool *p, size_t block_bytes, unsigned free_max);
void evio_pool_deinit(struct evio_pool *p);
void *evio_pool_get(struct evio_pool *p); /* NULL: out of memory */
void evio_pool_put(struct evio_pool *p, void *block);

struct evio_chunk {
    struct evio_chunk *next;
    char *data;
    size_t begin, end; /* what is still to be sent */
    size_t room_bytes; /* of data; 0: the caller's memory */
    void (*release)(void *arg);
    void *arg;
};

struct evio_out {
    struct evio_chunk *head, *tail;
    size_t bytes;
};

/* All return 0 or -ENOMEM with nothing appended. `pool` has blocks of EVIO_CHUNK_BLOCK_BYTES. */
enum { EVIO_CHUNK_BLOCK_BYTES = EVIO_CHUNK_BYTES + sizeof(struct evio_chunk) };
int evio_out_append(struct evio_out *o, struct evio_pool *pool, const char *data, size_t len);
int evio_out_append_ref(struct evio_out *o, const void *data, size_t len,
                        void (*release)(void *arg), void *arg);
char *evio_out_reserve(struct evio_out *o, struct evio_pool *pool, size_t min_bytes,
                       size_t *room_bytes);
void evio_out_commit(struct evio_out *o, size_t count_bytes);
/* Fills iov with what is queued, until `iov_max` entries or `max_bytes`; the sum in *total. */
int evio_out_gather(const struct evio_out *o, struct iovec *iov, int iov_max, size_t max_bytes,
                    size_t *total);
/* Drops what has been sent, releasing chunks that are done. */
void evio_out_consume(struct evio_out *o, struct evio_pool *pool, size_t count_bytes);
void evio_out_clear(struct evio_out *o, struct evio_pool *pool);

#endif
