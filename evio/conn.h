/* conn: one connection: a stream, or one UDP socket whose datagrams are presented one by one. */
#ifndef EVIO_CONN_H
#define EVIO_CONN_H

#include <stdatomic.h>

#include "evio/backend.h"
#include "evio/buf.h"
#include "evio/evio.h"
#include "evio/loop.h"

enum evio_conn_flags {
    EVIO_C_PAUSED = 1 << 0,
    EVIO_C_EOF = 1 << 1,
    EVIO_C_CLOSING = 1 << 2, /* by close, detach or abort: no more input, no new output */
    EVIO_C_DETACHING = 1 << 3,
    EVIO_C_ABORTED = 1 << 4, /* ends in this turn, output dropped */
    EVIO_C_RESET = 1 << 5,   /* with a reset to the peer */
    EVIO_C_CLOSED = 1 << 6,
    EVIO_C_IN_WRITE = 1 << 7, /* on the loop's list of that name */
    EVIO_C_IN_FINISH = 1 << 8,
    EVIO_C_BLOCKED = 1 << 9, /* the socket takes nothing until its SEND completes */
    EVIO_C_HIGH = 1 << 10,   /* high_water was reported */
    EVIO_C_UDP = 1 << 11,
    EVIO_C_DIALING = 1 << 12,
    EVIO_C_INTO = 1 << 13, /* evio_conn_read_into is under way */
    EVIO_C_UNIX = 1 << 14,
    EVIO_C_BIG_READS = 1 << 15, /* the last read filled its block */
    EVIO_C_IN_DATA = 1 << 16,   /* UDP: a datagram is being presented */
};

/* An input block: this header, then the bytes. */
struct evio_inbuf {
    size_t room_bytes;
    char data[];
};

struct evio_name {
    socklen_t len; /* 0: not asked for yet */
    struct sockaddr_storage sa;
};

struct evio_dial_state;
struct evio_datagram;

/* What few connections need. */
struct evio_conn_extra {
    struct evio_name local, remote;
    struct evio_conn *conn;
    struct evio_timer idle;
    int64_t idle_us;
    char *into;
    size_t into_bytes, into_got;
    struct evio_dial_state *dial;
    struct evio_datagram *datagrams, *datagrams_last;
    size_t datagrams_bytes;
};

struct evio_conn {
    struct evio_handle handle;
    struct evio_loop *loop;
    void *context;
    uint32_t flags;
    int reason;
    struct evio_inbuf *in;
    size_t in_begin, in_end; /* what is unconsumed */
    struct evio_out out;
    struct evio_conn *next_write, *next_finish;
    struct evio_conn *prev, *next; /* of the loop */
    struct evio_conn_extra *extra;
    int64_t active_us;
    struct evio_task wake; /* queued while wake_queued */
    int addr_index;
    _Atomic int wake_queued;
    _Atomic int refs;
};

_Static_assert(sizeof(struct evio_conn) <= 256, "ten thousand idle connections are to be cheap");

/* Takes fd unless it returns NULL: out of memory. */
struct evio_conn *evio_conn_new(struct evio_loop *l, int fd, int addr_index, uint32_t flags);
void evio_conn_discard(struct evio_conn *c);                  /* a new one, without any event */
int evio_conn_register(struct evio_conn *c);                  /* with the loop's backend */
struct evio_conn_extra *evio_conn_extra(struct evio_conn *c); /* NULL: out of memory */
void evio_conn_opened(struct evio_conn *c);
void evio_conn_receive(struct evio_conn *c, int64_t res); /* the RECV completion; data() not yet */
void evio_conn_received(struct evio_conn *c);             /* the data stage after it */
void evio_conn_data(struct evio_conn *c);                 /* fires data() */
void evio_conn_release_input(struct evio_conn *c);
void evio_conn_act(struct evio_conn *c, enum evio_action a);
void evio_conn_fail(struct evio_conn *c, int reason); /* as abort, without a reset */
void evio_conn_flush(struct evio_conn *c);            /* the write stage */
void evio_conn_finish(struct evio_conn *c);           /* the close stage */
void evio_conn_to_write(struct evio_conn *c);
void evio_conn_to_finish(struct evio_conn *c);
char *evio_conn_recv_buffer(struct evio_handle *h, size_t *room_bytes);

#endif
