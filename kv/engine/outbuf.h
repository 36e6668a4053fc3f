/* outbuf: bytes of replies that wait to be put in order: of a hop, of a hold, of a round. Kept from use to use, given back to
 * the allocator above OUTBUF_KEEP_BYTES. One thread at a time. */
#ifndef KV_ENGINE_OUTBUF_H
#define KV_ENGINE_OUTBUF_H

#include <stddef.h>

#include "kv/resp/reply.h"

enum { OUTBUF_KEEP_BYTES = 256 * 1024 };

struct outbuf {
    char *data;
    size_t len, cap;
};

void outbuf_deinit(struct outbuf *b);
void outbuf_reset(struct outbuf *b);
/* A reply that appends to b; outbuf_end() takes in what was written last. */
void outbuf_begin(struct outbuf *b, struct reply *r, int proto);
void outbuf_end(struct outbuf *b, struct reply *r);

/* A reply whose bytes go nowhere (CLIENT REPLY OFF). */
void reply_discard_init(struct reply *r, char *room, size_t room_bytes, int proto);

#endif
