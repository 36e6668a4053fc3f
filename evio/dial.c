/* Dialing out. The connection exists from the start, marked as dialing; the addresses its name
 * stands for are tried one after the other. A name that is no number is looked up on a thread of
 * its own, which may outlive the dial, the loop and the server: the lookup is shared between the
 * two, and the thread hands its result over only if the dial still waits for it. */
#include "evio/dial.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "evio/addr.h"
#include "evio/conn.h"
#include "evio/server.h"

struct lookup {
    struct evio_task task;
    struct evio_addr_spec spec;
    struct addrinfo *found;
    int err;
    struct evio_conn *conn; /* the loop's; NULL: nobody waits */
    pthread_mutex_t lock;
    struct evio_loop *loop; /* under the lock; NULL: nobody waits */
    _Atomic int refs;
};

struct evio_dial_state {
    struct evio_timer timeout;
    struct addrinfo *list;
    const struct addrinfo *next;
    struct lookup *lookup;
    struct sockaddr_un path;
    int err; /* of the last attempt */
};

static void lookup_unref(struct lookup *k)
{
    if (atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    if (k->found)
        freeaddrinfo(k->found);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static int connect_to(struct evio_conn *c, const struct sockaddr *sa, socklen_t len)
{
    int one = 1, fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (sa->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct evio_backend *b = &c->loop->backend;
    c->handle.fd = fd;
    int err = b->ops->connect(b, &c->handle, sa, len);
    if (err) {
        close(fd);
        c->handle.fd = -1;
    }
    return err;
}

/* Tries on until an attempt is under way: 0, or the last error. */
static int connect_next(struct evio_conn *c)
{
    struct evio_dial_state *d = c->extra->dial;
    while (d->next) {
        const struct addrinfo *ai = d->next;
        d->next = ai->ai_next;
        d->err = connect_to(c, ai->ai_addr, ai->ai_addrlen);
        if (d->err == 0)
            return 0;
    }
    return d->err;
}

void evio_dial_connected(struct evio_conn *c, int64_t res)
{
    struct evio_loop *l = c->loop;
    if (c->flags & EVIO_C_CLOSING)
        return;
    if (res < 0) {
        c->extra->dial->err = (int)res;
        l->backend.ops->remove(&l->backend, &c->handle, false);
        close(c->handle.fd);
        c->handle.fd = -1;
        int err = connect_next(c);
        if (err)
            evio_conn_fail(c, err);
        return;
    }
    evio_dial_release(c);
    c->flags &= ~(uint32_t)EVIO_C_DIALING;
    evio_conn_opened(c);
}

void evio_dial_release(struct evio_conn *c)
{
    struct evio_dial_state *d = c->extra ? c->extra->dial : NULL;
    if (!d)
        return;
    evio_timer_stop(&d->timeout);
    if (d->lookup) {
        pthread_mutex_lock(&d->lookup->lock);
        d->lookup->loop = NULL;
        pthread_mutex_unlock(&d->lookup->lock);
        d->lookup->conn = NULL;
        lookup_unref(d->lookup);
    }
    if (d->list)
        freeaddrinfo(d->list);
    free(d);
    c->extra->dial = NULL;
}

static void on_timeout(struct evio_loop *l, struct evio_timer *t)
{
    (void)l;
    evio_conn_fail(t->arg, -ETIMEDOUT);
}

/* ---- looking up a name ---- */

static void run_found(struct evio_loop *l, struct evio_task *t)
{
    (void)l;
    struct lookup *k = (struct lookup *)t;
    struct evio_conn *c = k->conn;
    if (c && !(c->flags & EVIO_C_CLOSING)) {
        struct evio_dial_state *d = c->extra->dial;
        d->list = k->found;
        d->next = d->list;
        d->err = k->err;
        k->found = NULL;
        int err = connect_next(c);
        if (err)
            evio_conn_fail(c, err);
    }
    lookup_unref(k);
}

static void *lookup_main(void *arg)
{
    struct lookup *k = arg;
    k->err = evio_addr_resolve(&k->spec, false, false, &k->found);
    pthread_mutex_lock(&k->lock);
    /* The lock keeps the loop from ending in between. */
    if (k->loop) {
        atomic_fetch_add(&k->refs, 1);
        if (evio_loop_push(k->loop, &k->task))
            atomic_fetch_sub(&k->refs, 1);
    }
    pthread_mutex_unlock(&k->lock);
    lookup_unref(k);
    return NULL;
}

static int start_lookup(struct evio_conn *c, const struct evio_addr_spec *spec)
{
    struct lookup *k = calloc(1, sizeof(*k));
    if (!k)
        return -ENOMEM;
    k->task.run = run_found;
    k->spec = *spec;
    k->conn = c;
    k->loop = c->loop;
    pthread_mutex_init(&k->lock, NULL);
    atomic_init(&k->refs, 2);
    sigset_t all, old;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&thread, NULL, lookup_main, k);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err) {
        lookup_unref(k);
        lookup_unref(k);
        return -err;
    }
    pthread_detach(thread);
    c->extra->dial->lookup = k;
    return 0;
}

static int start(struct evio_conn *c, const struct evio_addr_spec *spec)
{
    struct evio_dial_state *d = c->extra->dial;
    if (spec->family == AF_UNIX) {
        d->path = spec->path;
        return connect_to(c, (struct sockaddr *)&d->path, sizeof(d->path));
    }
    if (evio_addr_resolve(spec, false, true, &d->list) == 0) {
        d->next = d->list;
        return connect_next(c);
    }
    return start_lookup(c, spec);
}

int evio_dial(struct evio_loop *l, const char *addr, int64_t timeout_ms, void *context)
{
    struct evio_addr_spec spec;
    int ret = evio_addr_parse(addr, &spec);
    if (ret)
        return ret;
    if (spec.type != SOCK_STREAM)
        return -EPROTONOSUPPORT;
    if (l->stopping)
        return -ESHUTDOWN;
    uint32_t flags = EVIO_C_DIALING | (spec.family == AF_UNIX ? EVIO_C_UNIX : 0);
    struct evio_conn *c = evio_conn_new(l, -1, -1, flags);
    if (!c)
        return -ENOMEM;
    atomic_fetch_add_explicit(&l->assigned, 1, memory_order_relaxed);
    c->context = context;
    struct evio_dial_state *d = evio_conn_extra(c) ? calloc(1, sizeof(*d)) : NULL;
    ret = -ENOMEM;
    if (d) {
        c->extra->dial = d;
        d->err = -EADDRNOTAVAIL;
        d->timeout.fn = on_timeout;
        d->timeout.arg = c;
        ret = start(c, &spec);
    }
    if (ret == 0 && timeout_ms > 0)
        ret = evio_timer_start(l, &d->timeout, timeout_ms * 1000);
    if (ret)
        evio_conn_discard(c);
    return ret;
}
