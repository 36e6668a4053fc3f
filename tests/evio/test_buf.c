/* The output queue against a plain string, and the pools' limits. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>

#include "evio/buf.h"

static void count(void *arg)
{
    ++*(int *)arg;
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

Test(buf, behaves_as_a_string_under_random_operations)
{
    enum { ALL = 8 * 1024 * 1024, STEPS = 4000 };
    uint64_t seed = 20240611, x = seed;
    char *source = malloc(ALL), *got = malloc(ALL);
    for (size_t i = 0; i < ALL; i++)
        source[i] = (char)next_random(&x);
    struct evio_pool pool;
    struct evio_out out = { 0 };
    evio_pool_init(&pool, EVIO_CHUNK_BLOCK_BYTES, 4);
    size_t in = 0, sent = 0;
    int refs = 0, released = 0;
    for (int step = 0; step < STEPS; step++) {
        size_t len = next_random(&x) % (step % 50 == 0 ? 100000 : 3000), room, total;
        if (len > ALL - in)
            len = ALL - in;
        switch (next_random(&x) % 4) {
        case 0:
            cr_assert_eq(evio_out_append(&out, &pool, source + in, len), 0);
            in += len;
            break;
        case 1:
            cr_assert_eq(evio_out_append_ref(&out, source + in, len, count, &released), 0);
            in += len;
            refs++;
            break;
        case 2: {
            char *at = evio_out_reserve(&out, &pool, len, &room);
            cr_assert(at && room >= len);
            memcpy(at, source + in, len);
            evio_out_commit(&out, len);
            in += len;
            break;
        }
        default: {
            struct iovec iov[7];
            int n = evio_out_gather(&out, iov, 7, 50000, &total);
            size_t part = total ? next_random(&x) % (total + 1) : 0, left = part;
            for (int i = 0; i < n && left; i++) {
                size_t take = iov[i].iov_len < left ? iov[i].iov_len : left;
                memcpy(got + sent, iov[i].iov_base, take);
                sent += take;
                left -= take;
            }
            evio_out_consume(&out, &pool, part);
        }
        }
        cr_assert_eq(out.bytes, in - sent, "seed %lu, step %d", seed, step);
    }
    cr_assert(memcmp(got, source, sent) == 0, "seed %lu", seed);
    evio_out_clear(&out, &pool);
    cr_assert_eq(out.bytes, 0);
    cr_assert(!out.head && !out.tail);
    cr_assert_eq(released, refs);
    evio_pool_deinit(&pool);
    free(source);
    free(got);
}

Test(buf, a_long_write_is_cut_so_that_what_is_sent_is_freed)
{
    enum { LEN = 3 * EVIO_CHUNK_MAX_BYTES + 5 };
    char *data = calloc(1, LEN);
    struct evio_pool pool;
    struct evio_out out = { 0 };
    evio_pool_init(&pool, EVIO_CHUNK_BLOCK_BYTES, 4);
    cr_assert_eq(evio_out_append(&out, &pool, data, LEN), 0);
    int chunks = 0;
    for (struct evio_chunk *k = out.head; k; k = k->next, chunks++)
        cr_assert(k->end - k->begin <= EVIO_CHUNK_MAX_BYTES);
    cr_assert_eq(chunks, 4);
    evio_out_clear(&out, &pool);
    evio_pool_deinit(&pool);
    free(data);
}

Test(buf, a_pool_keeps_no_more_than_its_maximum)
{
    enum { BLOCKS = 10, KEPT = 3 };
    void *blocks[BLOCKS];
    struct evio_pool pool;
    evio_pool_init(&pool, 100, KEPT);
    unsigned kept = pool.free_max; /* 0 where sanitizers watch each block */
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = evio_pool_get(&pool);
    for (int i = 0; i < BLOCKS; i++)
        evio_pool_put(&pool, blocks[i]);
    cr_assert_eq(pool.free_count, kept);
    if (kept)
        cr_assert_eq(evio_pool_get(&pool), blocks[KEPT - 1], "the warmest block first");
    else
        blocks[KEPT - 1] = NULL;
    free(kept ? blocks[KEPT - 1] : NULL);
    evio_pool_deinit(&pool);
}
