#include <criterion/criterion.h>

#include "kv/engine/outbuf.h"

Test(outbuf, collects_replies_of_any_size)
{
    struct outbuf b = { 0 };
    struct reply r;
    char *big = malloc(300000);
    memset(big, 'x', 300000);
    outbuf_begin(&b, &r, 2);
    reply_ok(&r);
    reply_bulk(&r, slice_of(big, 300000));
    reply_int(&r, 7);
    outbuf_end(&b, &r);
    cr_assert_not(r.failed);
    cr_assert_eq(b.len, 5 + 9 + 300000 + 2 + 4);
    cr_assert_eq(memcmp(b.data, "+OK\r\n$300000\r\nxxx", 17), 0);
    cr_assert_eq(memcmp(b.data + b.len - 6, "\r\n:7\r\n", 6), 0);
    outbuf_begin(&b, &r, 2);
    reply_int(&r, 8);
    outbuf_end(&b, &r);
    cr_assert_eq(memcmp(b.data + b.len - 8, ":7\r\n:8\r\n", 8), 0, "a second begin appends");
    outbuf_reset(&b);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(b.cap, 0, "a large one is given back");
    free(big);
    outbuf_deinit(&b);
}

Test(outbuf, what_is_discarded_leaves_no_trace)
{
    char room[64];
    struct reply r;
    reply_discard_init(&r, room, sizeof(room), 2);
    for (int i = 0; i < 1000; i++)
        reply_bulk(&r, SLICE("0123456789"));
    cr_assert_not(r.failed);
}
