/* What can be asked of a connection, and set on it. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "evio/conn.h"

struct evio_loop *evio_conn_loop(const struct evio_conn *c)
{
    return c->loop;
}

void evio_conn_set_context(struct evio_conn *c, void *context)
{
    c->context = context;
}

void *evio_conn_context(const struct evio_conn *c)
{
    return c->context;
}

int evio_conn_addr_index(const struct evio_conn *c)
{
    return c->addr_index;
}

int evio_conn_fd(const struct evio_conn *c)
{
    return c->handle.fd;
}

bool evio_conn_is_udp(const struct evio_conn *c)
{
    return c->flags & EVIO_C_UDP;
}

/* Asked of the system once; a const connection may still learn its name. */
static struct evio_name *name_of(const struct evio_conn *c, bool remote)
{
    struct evio_conn_extra *x = evio_conn_extra((struct evio_conn *)c);
    if (!x)
        return NULL;
    struct evio_name *name = remote ? &x->remote : &x->local;
    if (name->len || c->handle.fd < 0 || (remote && c->flags & EVIO_C_UDP))
        return name;
    name->len = sizeof(name->sa);
    int failed = remote ? getpeername(c->handle.fd, (struct sockaddr *)&name->sa, &name->len)
                        : getsockname(c->handle.fd, (struct sockaddr *)&name->sa, &name->len);
    if (failed)
        name->len = 0;
    return name;
}

static const struct sockaddr *sockaddr_of(struct evio_name *name, socklen_t *len)
{
    bool known = name && name->len;
    if (len)
        *len = known ? name->len : 0;
    return known ? (const struct sockaddr *)&name->sa : NULL;
}

const struct sockaddr *evio_conn_local_addr(const struct evio_conn *c, socklen_t *len)
{
    return sockaddr_of(name_of(c, false), len);
}

const struct sockaddr *evio_conn_remote_addr(const struct evio_conn *c, socklen_t *len)
{
    return sockaddr_of(name_of(c, true), len);
}

/* The deadline moves with every read and write; the timer is moved only when it fires. */
static void on_idle(struct evio_loop *l, struct evio_timer *t)
{
    struct evio_conn *c = t->arg;
    int64_t left_us = c->active_us + c->extra->idle_us - l->now_us;
    if (left_us <= 0 || evio_timer_start(l, t, left_us))
        evio_conn_fail(c, -ETIMEDOUT);
}

int evio_conn_set_idle_ms(struct evio_conn *c, int64_t idle_ms)
{
    struct evio_conn_extra *x = evio_conn_extra(c);
    if (!x)
        return -ENOMEM;
    evio_timer_stop(&x->idle);
    if (idle_ms <= 0 || c->flags & (EVIO_C_CLOSED | EVIO_C_UDP))
        return 0;
    x->idle.fn = on_idle;
    x->idle.arg = c;
    x->idle_us = idle_ms * 1000;
    return evio_timer_start(c->loop, &x->idle, x->idle_us);
}

static int set_option(const struct evio_conn *c, int level, int option, int value)
{
    return setsockopt(c->handle.fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

int evio_conn_set_keepalive(struct evio_conn *c, int idle_s, int interval_s, int count)
{
    int ret = set_option(c, SOL_SOCKET, SO_KEEPALIVE, idle_s > 0);
    if (ret || idle_s <= 0 || c->flags & EVIO_C_UNIX)
        return ret;
    ret = set_option(c, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    if (ret == 0 && interval_s > 0)
        ret = set_option(c, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    if (ret == 0 && count > 0)
        ret = set_option(c, IPPROTO_TCP, TCP_KEEPCNT, count);
    return ret;
}

int evio_conn_set_nodelay(struct evio_conn *c, bool on)
{
    return c->flags & EVIO_C_UNIX ? 0 : set_option(c, IPPROTO_TCP, TCP_NODELAY, on);
}
