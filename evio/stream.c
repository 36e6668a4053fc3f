/* Input and output of a connection.
 *
 * Input: a block from the loop's pool is taken when bytes are there and goes back at the end of the
 * turn in which the last of them was consumed. What is left unconsumed stays in the block, which is
 * made bigger when it has filled up. Output: see buf.h; sent in the write stage. */
#include <assert.h>
#include <errno.h>

#include "evio/conn.h"

/* ---- input ---- */

static struct evio_inbuf *inbuf_new(struct evio_loop *l, size_t room_bytes)
{
    struct evio_inbuf *in;
    if (room_bytes == EVIO_IN_BLOCK_BYTES)
        in = evio_pool_get(&l->in_pool);
    else if (room_bytes == l->options->read_bytes)
        in = evio_pool_get(&l->in_big_pool);
    else
        in = malloc(sizeof(*in) + room_bytes);
    if (in)
        in->room_bytes = room_bytes;
    return in;
}

static void inbuf_free(struct evio_loop *l, struct evio_inbuf *in)
{
    if (in->room_bytes == EVIO_IN_BLOCK_BYTES)
        evio_pool_put(&l->in_pool, in);
    else if (in->room_bytes == l->options->read_bytes)
        evio_pool_put(&l->in_big_pool, in);
    else
        free(in);
}

void evio_conn_release_input(struct evio_conn *c)
{
    if (!c->in)
        return;
    inbuf_free(c->loop, c->in);
    c->in = NULL;
    c->in_begin = c->in_end = 0;
}

/* Little or no room is left behind unconsumed bytes. */
static void make_room(struct evio_conn *c)
{
    struct evio_inbuf *in = c->in;
    size_t len = c->in_end - c->in_begin;
    if (len > in->room_bytes / 2) {
        in = inbuf_new(c->loop, in->room_bytes * 2);
        if (!in)
            return;
    }
    memmove(in->data, c->in->data + c->in_begin, len);
    if (in != c->in) {
        inbuf_free(c->loop, c->in);
        c->in = in;
    }
    c->in_begin = 0;
    c->in_end = len;
}

char *evio_conn_recv_buffer(struct evio_handle *h, size_t *room_bytes)
{
    struct evio_conn *c = (struct evio_conn *)h;
    size_t read_bytes = c->loop->options->read_bytes, room;
    char *at;
    if (c->flags & EVIO_C_INTO) {
        room = c->extra->into_bytes - c->extra->into_got;
        at = c->extra->into + c->extra->into_got;
    } else {
        if (!c->in) {
            bool big = c->flags & EVIO_C_BIG_READS && read_bytes > EVIO_IN_BLOCK_BYTES;
            c->in = inbuf_new(c->loop, big ? read_bytes : EVIO_IN_BLOCK_BYTES);
            if (!c->in)
                return NULL;
        }
        if (c->in_begin == c->in_end)
            c->in_begin = c->in_end = 0;
        else if (c->in->room_bytes - c->in_end < c->in->room_bytes / 4)
            make_room(c);
        room = c->in->room_bytes - c->in_end;
        at = c->in->data + c->in_end;
    }
    *room_bytes = room < read_bytes ? room : read_bytes;
    return room ? at : NULL;
}

void evio_conn_receive(struct evio_conn *c, int64_t res)
{
    struct evio_loop *l = c->loop;
    evio_conn_to_finish(c); /* the block may have to go back */
    evio_count(&l->stats.reads, 1);
    if (res < 0) {
        if (res != -EAGAIN)
            evio_conn_fail(c, (int)res);
        return;
    }
    c->active_us = l->now_us;
    if (res == 0) {
        c->flags |= EVIO_C_EOF;
        l->backend.ops->cancel(&l->backend, &c->handle, EVIO_OP_RECV);
        return;
    }
    evio_count(&l->stats.read_bytes, (uint64_t)res);
    if (c->flags & EVIO_C_INTO) {
        c->extra->into_got += (size_t)res;
        return;
    }
    c->in_end += (size_t)res;
    if (c->in_end == c->in->room_bytes)
        c->flags |= EVIO_C_BIG_READS;
    else if (res < EVIO_IN_BLOCK_BYTES / 2)
        c->flags &= ~(uint32_t)EVIO_C_BIG_READS;
}

void evio_conn_received(struct evio_conn *c)
{
    if (c->flags & EVIO_C_INTO) {
        if (c->extra->into_got < c->extra->into_bytes && !(c->flags & EVIO_C_EOF))
            return;
        c->flags &= ~(uint32_t)EVIO_C_INTO;
    }
    evio_conn_data(c);
}

struct evio_slice evio_conn_input(const struct evio_conn *c)
{
    if (!c->in)
        return (struct evio_slice){ .ptr = "", .len = 0 };
    return (struct evio_slice){ c->in->data + c->in_begin, c->in_end - c->in_begin };
}

void evio_conn_consume(struct evio_conn *c, size_t count_bytes)
{
    assert(count_bytes <= c->in_end - c->in_begin);
    c->in_begin += count_bytes;
    if (c->in_begin == c->in_end && c->in && !(c->flags & EVIO_C_CLOSED))
        evio_conn_to_finish(c);
}

bool evio_conn_eof(const struct evio_conn *c)
{
    return c->flags & EVIO_C_EOF;
}

static unsigned read_op(const struct evio_conn *c)
{
    return c->flags & EVIO_C_UDP ? EVIO_OP_READABLE : EVIO_OP_RECV;
}

void evio_conn_pause_read(struct evio_conn *c)
{
    if (c->flags & (EVIO_C_PAUSED | EVIO_C_CLOSING))
        return;
    c->flags |= EVIO_C_PAUSED;
    if (c->handle.slot)
        c->loop->backend.ops->cancel(&c->loop->backend, &c->handle, read_op(c));
}

void evio_conn_resume_read(struct evio_conn *c)
{
    if (!(c->flags & EVIO_C_PAUSED))
        return;
    c->flags &= ~(uint32_t)EVIO_C_PAUSED;
    if (c->flags & (EVIO_C_CLOSING | EVIO_C_DIALING))
        return;
    if (c->flags & EVIO_C_EOF || c->loop->stopping)
        evio_conn_to_finish(c);
    else
        c->loop->backend.ops->submit(&c->loop->backend, &c->handle, read_op(c));
}

int evio_conn_read_into(struct evio_conn *c, char *dst, size_t len_bytes)
{
    c->flags &= ~(uint32_t)EVIO_C_INTO;
    if (c->in_begin != c->in_end || c->flags & EVIO_C_UDP)
        return -EINVAL;
    struct evio_conn_extra *x = evio_conn_extra(c);
    if (!x)
        return -ENOMEM;
    x->into = dst;
    x->into_bytes = len_bytes;
    x->into_got = 0;
    if (len_bytes > 0)
        c->flags |= EVIO_C_INTO;
    return 0;
}

size_t evio_conn_read_into_got(const struct evio_conn *c)
{
    return c->extra ? c->extra->into_got : 0;
}

/* ---- output ---- */

/* A write to a connection that takes no more is dropped; one to UDP needs a datagram to answer. */
static bool takes_output(const struct evio_conn *c, int *ret)
{
    bool nobody = c->flags & EVIO_C_UDP && !(c->flags & EVIO_C_IN_DATA);
    *ret = nobody ? -ENOTCONN : 0;
    return !nobody && !(c->flags & EVIO_C_CLOSING);
}

static void written(struct evio_conn *c)
{
    if (!(c->flags & EVIO_C_UDP))
        evio_conn_to_write(c);
}

int evio_conn_write(struct evio_conn *c, const void *data, size_t len_bytes)
{
    int ret;
    if (!takes_output(c, &ret))
        return ret;
    ret = evio_out_append(&c->out, &c->loop->out_pool, data, len_bytes);
    if (ret == 0)
        written(c);
    return ret;
}

int evio_conn_writev(struct evio_conn *c, const struct iovec *iov, int count)
{
    int ret;
    if (!takes_output(c, &ret))
        return ret;
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    if (total == 0)
        return 0;
    size_t room;
    char *at = evio_out_reserve(&c->out, &c->loop->out_pool, total, &room);
    if (!at)
        return -ENOMEM;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len == 0)
            continue;
        memcpy(at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    evio_out_commit(&c->out, total);
    written(c);
    return 0;
}

int evio_conn_write_ref(struct evio_conn *c, const void *data, size_t len_bytes,
                        void (*release)(void *arg), void *arg)
{
    int ret;
    if (takes_output(c, &ret))
        ret = evio_out_append_ref(&c->out, data, len_bytes, release, arg);
    else
        goto out;
    if (ret == 0) {
        written(c);
        return 0;
    }
out:
    if (release)
        release(arg);
    return ret;
}

char *evio_conn_reserve(struct evio_conn *c, size_t min_bytes, size_t *room_bytes)
{
    return evio_out_reserve(&c->out, &c->loop->out_pool, min_bytes, room_bytes);
}

void evio_conn_commit(struct evio_conn *c, size_t count_bytes)
{
    int ret;
    if (count_bytes == 0 || !takes_output(c, &ret))
        return;
    evio_out_commit(&c->out, count_bytes);
    written(c);
}

size_t evio_conn_pending_bytes(const struct evio_conn *c)
{
    return c->out.bytes;
}

static void report_water(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    if (!(c->flags & EVIO_C_HIGH) && c->out.bytes > l->options->high_water_bytes) {
        c->flags |= EVIO_C_HIGH;
        if (l->events->high_water)
            l->events->high_water(c);
    } else if (c->flags & EVIO_C_HIGH && c->out.bytes <= l->options->low_water_bytes) {
        c->flags &= ~(uint32_t)EVIO_C_HIGH;
        if (l->events->low_water)
            l->events->low_water(c);
    }
}

void evio_conn_flush(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    if (c->flags & (EVIO_C_CLOSED | EVIO_C_ABORTED | EVIO_C_DIALING))
        return;
    if (!(c->flags & EVIO_C_BLOCKED) && c->out.head) {
        size_t total;
        int count = evio_out_gather(&c->out, l->iov, EVIO_IOV_MAX, EVIO_SEND_MAX_BYTES, &total);
        int64_t n = 0;
        if (total > 0) {
            n = l->backend.ops->send(&l->backend, &c->handle, l->iov, count, total);
            evio_count(&l->stats.writes, 1);
        }
        if (n < 0 && n != -EAGAIN) {
            evio_conn_fail(c, (int)n);
            return;
        }
        if (n < (int64_t)total)
            c->flags |= EVIO_C_BLOCKED;
        if (n > 0) {
            c->active_us = l->now_us;
            evio_count(&l->stats.written_bytes, (uint64_t)n);
        }
        if (n >= 0)
            evio_out_consume(&c->out, &l->out_pool, (size_t)n);
        if (c->out.head && !(c->flags & EVIO_C_BLOCKED))
            evio_conn_to_write(c); /* more than one call takes: on in the next turn */
    }
    if (l->options->high_water_bytes && !(c->flags & EVIO_C_CLOSING))
        report_water(c);
    if (c->out.bytes == 0 && c->flags & (EVIO_C_CLOSING | EVIO_C_EOF))
        evio_conn_to_finish(c);
}
