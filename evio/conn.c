/* The life of a connection: how it begins, what ends it, and the references that outlive it. */
#include "evio/conn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "evio/dial.h"
#include "evio/server.h"
#include "evio/udp.h"

enum { DRAIN_READS_MAX = 16 };

static void link_conn(struct evio_loop *l, struct evio_conn *c)
{
    c->next = l->conns;
    if (c->next)
        c->next->prev = c;
    l->conns = c;
    if (c->flags & EVIO_C_UDP)
        return;
    l->conn_count++;
}

static void unlink_conn(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        l->conns = c->next;
    if (c->flags & EVIO_C_UDP)
        return;
    l->conn_count--;
    atomic_fetch_sub_explicit(&l->assigned, 1, memory_order_relaxed);
    if (!(c->flags & EVIO_C_DIALING))
        evio_count(&l->stats.closed, 1);
}

struct evio_conn *evio_conn_new(struct evio_loop *l, int fd, int addr_index, uint32_t flags)
{
    struct evio_conn *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->handle.fd = fd;
    c->loop = l;
    c->flags = flags;
    c->addr_index = addr_index;
    c->active_us = l->now_us;
    atomic_init(&c->refs, 1);
    link_conn(l, c);
    return c;
}

struct evio_conn_extra *evio_conn_extra(struct evio_conn *c)
{
    if (!c->extra) {
        c->extra = calloc(1, sizeof(*c->extra));
        if (c->extra)
            c->extra->conn = c;
    }
    return c->extra;
}

int evio_conn_register(struct evio_conn *c)
{
    struct evio_backend *b = &c->loop->backend;
    return b->ops->add(b, &c->handle, c->flags & EVIO_C_UNIX);
}

void evio_conn_opened(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    evio_count(&l->stats.accepted, 1);
    c->active_us = l->now_us;
    l->backend.ops->submit(&l->backend, &c->handle, EVIO_OP_RECV);
    if (l->events->opened)
        evio_conn_act(c, l->events->opened(c));
    if (l->stopping)
        evio_conn_to_finish(c);
}

void evio_conn_to_write(struct evio_conn *c)
{
    if (c->flags & EVIO_C_IN_WRITE)
        return;
    struct evio_conn_list *list = &c->loop->write;
    c->flags |= EVIO_C_IN_WRITE;
    c->next_write = NULL;
    if (list->last)
        list->last->next_write = c;
    else
        list->first = c;
    list->last = c;
}

/* It was written to in an event of this stage, and ends in the same one. Rare. */
static void leave_write(struct evio_conn *c)
{
    struct evio_conn_list *list = &c->loop->write;
    struct evio_conn *prev = NULL;
    for (struct evio_conn *at = list->first; at != c; at = at->next_write)
        prev = at;
    if (prev)
        prev->next_write = c->next_write;
    else
        list->first = c->next_write;
    if (list->last == c)
        list->last = prev;
    c->flags &= ~(uint32_t)EVIO_C_IN_WRITE;
}

void evio_conn_to_finish(struct evio_conn *c)
{
    if (c->flags & (EVIO_C_IN_FINISH | EVIO_C_CLOSED))
        return;
    struct evio_conn_list *list = &c->loop->finish;
    c->flags |= EVIO_C_IN_FINISH;
    c->next_finish = NULL;
    if (list->last)
        list->last->next_finish = c;
    else
        list->first = c;
    list->last = c;
}

void evio_conn_act(struct evio_conn *c, enum evio_action a)
{
    switch (a) {
    case EVIO_NONE:
        break;
    case EVIO_DETACH:
        evio_conn_detach(c);
        break;
    case EVIO_CLOSE:
        evio_conn_close(c);
        break;
    case EVIO_SHUTDOWN:
        evio_server_stop(c->loop->server, c->loop->options->stop_deadline_ms);
        break;
    }
}

void evio_conn_data(struct evio_conn *c)
{
    if (c->flags & (EVIO_C_CLOSING | EVIO_C_DIALING))
        return;
    if (c->loop->events->data)
        evio_conn_act(c, c->loop->events->data(c));
    else
        evio_conn_consume(c, c->in_end - c->in_begin);
}

/* No more input from here; what is queued is still written. */
static void begin_closing(struct evio_conn *c, uint32_t flags)
{
    c->flags |= EVIO_C_CLOSING | flags;
    if (c->handle.slot)
        c->loop->backend.ops->cancel(&c->loop->backend, &c->handle, EVIO_OP_RECV);
    evio_conn_to_finish(c);
}

void evio_conn_close(struct evio_conn *c)
{
    if (!(c->flags & (EVIO_C_CLOSING | EVIO_C_UDP)))
        begin_closing(c, 0);
}

void evio_conn_detach(struct evio_conn *c)
{
    if (!(c->flags & (EVIO_C_CLOSING | EVIO_C_UDP)))
        begin_closing(c, EVIO_C_DETACHING);
}

void evio_conn_fail(struct evio_conn *c, int reason)
{
    if (c->flags & (EVIO_C_ABORTED | EVIO_C_CLOSED))
        return;
    c->reason = reason;
    begin_closing(c, EVIO_C_ABORTED);
}

void evio_conn_abort(struct evio_conn *c, int reason)
{
    if (c->flags & (EVIO_C_ABORTED | EVIO_C_CLOSED | EVIO_C_UDP))
        return;
    c->flags |= EVIO_C_RESET;
    evio_conn_fail(c, reason);
}

bool evio_conn_closing(const struct evio_conn *c)
{
    return c->flags & EVIO_C_CLOSING;
}

/* Closing a socket with unread bytes makes TCP send a reset, which may overtake the last replies:
 * what the peer has sent by now is read and dropped first. */
static void drain(struct evio_loop *l, int fd)
{
    for (int i = 0; i < DRAIN_READS_MAX; i++) {
        if (recv(fd, l->iov, sizeof(l->iov), MSG_DONTWAIT | MSG_TRUNC) <= 0)
            break;
    }
}

static void close_socket(struct evio_conn *c)
{
    int fd = c->handle.fd;
    if (fd < 0)
        return;
    if (c->flags & EVIO_C_RESET) {
        struct linger hard = { .l_onoff = 1, .l_linger = 0 };
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    } else if (!(c->flags & (EVIO_C_ABORTED | EVIO_C_EOF | EVIO_C_UDP | EVIO_C_UNIX))) {
        drain(c->loop, fd);
    }
    close(fd);
    c->handle.fd = -1;
}

static void unregister(struct evio_conn *c, bool fd_lives_on)
{
    if (c->handle.slot)
        c->loop->backend.ops->remove(&c->loop->backend, &c->handle, fd_lives_on);
}

/* After the last event: everything goes but the memory that references hold. */
static void release(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    if (c->flags & EVIO_C_IN_WRITE)
        leave_write(c);
    if (c->flags & EVIO_C_UDP)
        evio_udp_release(c);
    /* A reference keeps the input too: its bytes may still be in use. */
    if (atomic_load_explicit(&c->refs, memory_order_acquire) == 1)
        evio_conn_release_input(c);
    evio_out_clear(&c->out, &l->out_pool);
    evio_dial_release(c);
    if (c->extra)
        evio_timer_stop(&c->extra->idle);
    evio_listen_retry(l);
    evio_conn_unref(c);
}

static void end(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    c->flags |= EVIO_C_CLOSED | EVIO_C_CLOSING;
    unlink_conn(c);
    unregister(c, false);
    if (l->events->closed && !(c->flags & EVIO_C_UDP))
        l->events->closed(c, c->reason);
    close_socket(c);
    release(c);
}

void evio_conn_discard(struct evio_conn *c)
{
    c->flags |= EVIO_C_CLOSED | EVIO_C_CLOSING;
    unlink_conn(c);
    unregister(c, false);
    close_socket(c);
    release(c);
}

static void hand_over(struct evio_conn *c)
{
    struct evio_loop *l = c->loop;
    int fd = c->handle.fd;
    c->flags |= EVIO_C_CLOSED;
    unlink_conn(c);
    unregister(c, true);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    c->handle.fd = -1;
    if (l->events->detached)
        l->events->detached(c, fd);
    else
        close(fd);
    release(c);
}

/* The connection's events of this turn are over, its output has been offered to the socket. */
void evio_conn_finish(struct evio_conn *c)
{
    if (c->flags & EVIO_C_CLOSED)
        return;
    if (c->flags & EVIO_C_ABORTED) {
        end(c);
        return;
    }
    bool idle = c->in_begin == c->in_end;
    if (idle)
        evio_conn_release_input(c);
    if (c->flags & EVIO_C_DIALING)
        return;
    bool at_rest = !(c->flags & (EVIO_C_PAUSED | EVIO_C_CLOSING | EVIO_C_UDP));
    if (at_rest && (c->loop->stopping || (c->flags & EVIO_C_EOF && idle && !c->out.bytes))) {
        begin_closing(c, 0); /* comes back here */
        return;
    }
    if (!(c->flags & EVIO_C_CLOSING) || c->out.bytes > 0)
        return;
    if (c->flags & EVIO_C_DETACHING)
        hand_over(c);
    else
        end(c);
}

struct evio_conn *evio_conn_ref(struct evio_conn *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void evio_conn_unref(struct evio_conn *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(c->in);
    free(c->extra);
    free(c);
}

static void run_wake(struct evio_loop *l, struct evio_task *t)
{
    (void)l;
    struct evio_conn *c = (struct evio_conn *)((char *)t - offsetof(struct evio_conn, wake));
    atomic_exchange(&c->wake_queued, 0); /* before data(), so that a wake from here on counts */
    evio_conn_data(c);
    evio_conn_unref(c);
}

void evio_conn_wake(struct evio_conn *c)
{
    if (atomic_exchange(&c->wake_queued, 1))
        return;
    evio_conn_ref(c);
    c->wake.run = run_wake;
    struct evio_loop *l = c->loop;
    if (evio_loop_push(l, &c->wake))
        evio_conn_unref(c); /* the loop has ended, and the connection with it */
}
