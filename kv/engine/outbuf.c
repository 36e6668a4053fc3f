#include "kv/engine/outbuf.h"

#include <stdlib.h>

enum { OUTBUF_FIRST_BYTES = 4096 };

void outbuf_deinit(struct outbuf *b)
{
    free(b->data);
    *b = (struct outbuf){ 0 };
}

void outbuf_reset(struct outbuf *b)
{
    b->len = 0;
    if (b->cap > OUTBUF_KEEP_BYTES)
        outbuf_deinit(b);
}

static void outbuf_more(struct reply *r, size_t min_bytes)
{
    struct outbuf *b = r->owner;
    b->len = (size_t)(r->pos - b->data);
    size_t cap = b->cap ? b->cap * 2 : OUTBUF_FIRST_BYTES;
    while (cap < b->len + min_bytes)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        r->failed = true;
        return;
    }
    b->data = data;
    b->cap = cap;
    r->start = r->pos = data + b->len;
    r->end = data + cap;
}

void outbuf_begin(struct outbuf *b, struct reply *r, int proto)
{
    /* Pointer arithmetic on a null base is undefined: the first byte makes the room. */
    *r = (struct reply){ .more = outbuf_more, .owner = b, .proto = (uint8_t)proto };
    if (!b->data) {
        b->data = malloc(OUTBUF_FIRST_BYTES);
        b->cap = b->data ? OUTBUF_FIRST_BYTES : 0;
    }
    r->failed = !b->data;
    if (b->data) {
        r->start = r->pos = b->data + b->len;
        r->end = b->data + b->cap;
    }
}

void outbuf_end(struct outbuf *b, struct reply *r)
{
    if (!r->failed)
        b->len = (size_t)(r->pos - b->data);
}

static void discard_more(struct reply *r, size_t min_bytes)
{
    r->pos = r->start;
    if (min_bytes > (size_t)(r->end - r->start))
        r->failed = true; /* nobody reads it: the rest may be dropped */
}

void reply_discard_init(struct reply *r, char *room, size_t room_bytes, int proto)
{
    *r = (struct reply){ .start = room,
                         .pos = room,
                         .end = room + room_bytes,
                         .more = discard_more,
                         .proto = (uint8_t)proto };
}
