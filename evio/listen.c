/* Accepting. One loop accepts for all and hands each socket to the loop that the balance names, so
 * no two loops are woken for one connection; with reuseport each loop accepts what the kernel gives
 * to its own socket. */
#include "evio/listen.h"

#include <errno.h>
#include <unistd.h>

#include "evio/conn.h"
#include "evio/server.h"
#include "evio/udp.h"

enum { RETRY_US = 100 * 1000 }; /* when descriptors ran out */

struct handoff {
    struct evio_task task;
    int fd, addr_index;
    bool is_unix;
};

static void adopt(struct evio_loop *l, int fd, int addr_index, bool is_unix)
{
    struct evio_conn *c = NULL;
    if (!l->stopping)
        c = evio_conn_new(l, fd, addr_index, is_unix ? EVIO_C_UNIX : 0);
    if (!c) {
        close(fd);
        atomic_fetch_sub_explicit(&l->assigned, 1, memory_order_relaxed);
        return;
    }
    int err = evio_conn_register(c);
    if (err)
        evio_conn_fail(c, err);
    else
        evio_conn_opened(c);
}

static void run_handoff(struct evio_loop *l, struct evio_task *t)
{
    struct handoff h = *(struct handoff *)t;
    free(t);
    adopt(l, h.fd, h.addr_index, h.is_unix);
}

static void hand_to(struct evio_loop *l, int fd, const struct evio_listener *n)
{
    struct handoff *h = malloc(sizeof(*h));
    if (h) {
        *h = (struct handoff){
            .task.run = run_handoff, .fd = fd, .addr_index = n->addr_index, .is_unix = n->is_unix
        };
        if (evio_loop_push(l, &h->task) == 0)
            return;
    }
    free(h);
    close(fd);
    atomic_fetch_sub_explicit(&l->assigned, 1, memory_order_relaxed);
}

static void on_retry(struct evio_loop *l, struct evio_timer *t)
{
    (void)t;
    evio_listen_retry(l);
}

void evio_listen_accepted(struct evio_listener *n, int64_t res)
{
    struct evio_loop *l = n->loop;
    if (res < 0) {
        /* Out of descriptors or memory. The backend has withdrawn the accept: it is submitted again
         * when a connection closes, or after a while. */
        atomic_store(&l->server->starved, true);
        l->accept_retry.fn = on_retry;
        evio_timer_start(l, &l->accept_retry, RETRY_US);
        return;
    }
    int fd = (int)res;
    struct evio_loop *to = n->spread ? evio_server_pick(l->server) : l;
    atomic_fetch_add_explicit(&to->assigned, 1, memory_order_relaxed);
    if (to == l)
        adopt(l, fd, n->addr_index, n->is_unix);
    else
        hand_to(to, fd, n);
}

void evio_listen_retry(struct evio_loop *l)
{
    struct evio_server *s = l->server;
    if (!atomic_load_explicit(&s->starved, memory_order_relaxed))
        return;
    if (!l->listeners && l->index != 0) {
        evio_loop_wake(s->loops[0]);
        return;
    }
    atomic_store(&s->starved, false);
    for (struct evio_listener *n = l->listeners; n; n = n->next) {
        if (n->handle.slot)
            l->backend.ops->submit(&l->backend, &n->handle, EVIO_OP_ACCEPT);
    }
}

static int start_listener(struct evio_loop *l, struct evio_bound_addr *a, int fd)
{
    struct evio_listener *n = calloc(1, sizeof(*n));
    if (!n)
        return -ENOMEM;
    n->handle.fd = fd;
    n->loop = l;
    n->addr_index = a->index;
    n->is_unix = a->family == AF_UNIX;
    n->spread = !a->reuseport;
    int err = l->backend.ops->add(&l->backend, &n->handle, n->is_unix);
    if (err) {
        free(n);
        return err;
    }
    n->next = l->listeners;
    l->listeners = n;
    l->backend.ops->submit(&l->backend, &n->handle, EVIO_OP_ACCEPT);
    return 0;
}

int evio_listen_start(struct evio_loop *l)
{
    struct evio_bound *b = &l->server->bound;
    for (int i = 0; i < b->count; i++) {
        int *fd = &b->items[i].fds[l->index];
        if (*fd < 0)
            continue;
        int err = b->items[i].type == SOCK_DGRAM ? evio_udp_open(l, *fd, b->items[i].index)
                                                 : start_listener(l, &b->items[i], *fd);
        if (err)
            return err;
        *fd = -1;
    }
    return 0;
}

void evio_listen_stop(struct evio_loop *l)
{
    evio_timer_stop(&l->accept_retry);
    for (struct evio_listener *n = l->listeners; n; n = n->next) {
        if (!n->handle.slot)
            continue;
        l->backend.ops->remove(&l->backend, &n->handle, false);
        close(n->handle.fd);
    }
    for (struct evio_conn *c = l->conns; c; c = c->next) {
        if (c->flags & EVIO_C_UDP)
            evio_conn_fail(c, 0);
    }
}
