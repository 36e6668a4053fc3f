/* Datagrams, see udp.h. */
#include "evio/udp.h"

#include <errno.h>
#include <unistd.h>

#include "evio/conn.h"
#include "evio/server.h"

enum {
    DATAGRAM_MAX_BYTES = 65536,
    DATAGRAMS_PER_TURN_MAX = 64,
    QUEUE_MAX_BYTES = 4 * 1024 * 1024, /* beyond it replies are dropped, as the network would */
};

/* A reply that waits for the write stage. */
struct evio_datagram {
    struct evio_datagram *next;
    struct sockaddr_storage to;
    socklen_t to_len;
    size_t len;
    char data[];
};

int evio_udp_open(struct evio_loop *l, int fd, int addr_index)
{
    if (!l->datagram)
        l->datagram = malloc(sizeof(struct evio_inbuf) + DATAGRAM_MAX_BYTES);
    if (!l->datagram)
        return -ENOMEM;
    struct evio_conn *c = evio_conn_new(l, fd, addr_index, EVIO_C_UDP);
    if (!c)
        return -ENOMEM;
    int err = evio_conn_extra(c) ? evio_conn_register(c) : -ENOMEM;
    if (err) {
        c->handle.fd = -1; /* stays the caller's */
        evio_conn_discard(c);
        return err;
    }
    l->backend.ops->submit(&l->backend, &c->handle, EVIO_OP_READABLE);
    return 0;
}

/* What the event wrote becomes one datagram. */
static void queue_reply(struct evio_conn *c)
{
    struct evio_conn_extra *x = c->extra;
    struct evio_loop *l = c->loop;
    size_t len = c->out.bytes, total, at = 0;
    struct evio_datagram *d = NULL;
    if (len <= DATAGRAM_MAX_BYTES && x->datagrams_bytes + len <= QUEUE_MAX_BYTES)
        d = malloc(sizeof(*d) + len);
    if (d) {
        d->next = NULL;
        d->to = x->remote.sa;
        d->to_len = x->remote.len;
        d->len = len;
        while (at < len) {
            int count = evio_out_gather(&c->out, l->iov, EVIO_IOV_MAX, len, &total);
            for (int i = 0; i < count; i++) {
                memcpy(d->data + at, l->iov[i].iov_base, l->iov[i].iov_len);
                at += l->iov[i].iov_len;
            }
            evio_out_consume(&c->out, &l->out_pool, total);
        }
        if (x->datagrams_last)
            x->datagrams_last->next = d;
        else
            x->datagrams = d;
        x->datagrams_last = d;
        x->datagrams_bytes += len;
        evio_conn_to_write(c);
    }
    evio_out_clear(&c->out, &l->out_pool);
}

static void present(struct evio_conn *c, size_t len)
{
    struct evio_loop *l = c->loop;
    evio_count(&l->stats.read_bytes, len);
    c->in = (struct evio_inbuf *)l->datagram;
    c->in_begin = 0;
    c->in_end = len;
    c->flags |= EVIO_C_IN_DATA;
    evio_conn_data(c);
    c->flags &= ~(uint32_t)EVIO_C_IN_DATA;
    c->in = NULL;
    c->in_begin = c->in_end = 0;
    if (c->out.head)
        queue_reply(c);
}

void evio_udp_ready(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    struct evio_name *from = &c->extra->remote;
    struct evio_inbuf *in = (struct evio_inbuf *)l->datagram;
    for (int i = 0; i < DATAGRAMS_PER_TURN_MAX; i++) {
        if (c->flags & (EVIO_C_CLOSING | EVIO_C_PAUSED))
            return;
        from->len = sizeof(from->sa);
        ssize_t n = recvfrom(c->handle.fd, in->data, DATAGRAM_MAX_BYTES, MSG_DONTWAIT,
                             (struct sockaddr *)&from->sa, &from->len);
        evio_count(&l->stats.reads, 1);
        if (n < 0 && errno == EAGAIN) {
            l->backend.ops->drained(&l->backend, &c->handle);
            return;
        }
        if (n >= 0) /* else an error of an earlier reply, of no interest */
            present(c, (size_t)n);
    }
}

void evio_udp_flush(struct evio_conn *c)
{
    struct evio_conn_extra *x = c->extra;
    struct evio_loop *l = c->loop;
    while (x->datagrams && !(c->flags & EVIO_C_BLOCKED)) {
        struct evio_datagram *d = x->datagrams;
        ssize_t n = sendto(c->handle.fd, d->data, d->len, MSG_DONTWAIT | MSG_NOSIGNAL,
                           (struct sockaddr *)&d->to, d->to_len);
        evio_count(&l->stats.writes, 1);
        if (n < 0 && errno == EAGAIN) {
            c->flags |= EVIO_C_BLOCKED;
            l->backend.ops->submit(&l->backend, &c->handle, EVIO_OP_SEND);
            return;
        }
        if (n > 0)
            evio_count(&l->stats.written_bytes, (uint64_t)n);
        x->datagrams = d->next;
        if (!x->datagrams)
            x->datagrams_last = NULL;
        x->datagrams_bytes -= d->len;
        free(d);
    }
}

void evio_udp_release(struct evio_conn *c)
{
    while (c->extra && c->extra->datagrams) {
        struct evio_datagram *d = c->extra->datagrams;
        c->extra->datagrams = d->next;
        free(d);
    }
}
