/* The backend on epoll, edge-triggered: a socket is registered once, what it has is remembered in
 * its handle, and handles with something to try are on a list. Pausing and resuming a connection
 * therefore are assignments, and a socket that filled its buffer is read on in the next turn
 * without being asked for again.
 *
 * An event carries the handle's slot and the slot's generation, so an event of a handle that was
 * removed (its descriptor perhaps already another socket's) finds nothing. */
#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "evio/backend.h"

enum {
    READY_READ = 1,
    READY_WRITE = 2,
    READY_END = 4,   /* hung up or failed: a short read does not mean that nothing is left */
    OUT_ON_NEED = 8, /* unix sockets report every byte the peer takes: ask only when blocked */
    OUT_ASKED = 16,
    FIRST_SLOTS = 64,
};

struct slot {
    struct evio_handle *handle; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

struct epoll_state {
    int fd, wake_fd;
    struct slot *slots; /* slot 0 is the wake descriptor's */
    uint32_t slot_count, free_slot;
    bool no_pwait2;
    struct epoll_event events[EVIO_TURN_EVENTS_MAX];
};

static uint64_t slot_token(const struct epoll_state *s, uint32_t slot)
{
    return (uint64_t)s->slots[slot].generation << 32 | slot;
}

static int grow_slots(struct epoll_state *s)
{
    uint32_t count = s->slot_count ? s->slot_count * 2 : FIRST_SLOTS;
    struct slot *slots = realloc(s->slots, count * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (uint32_t i = s->slot_count; i < count; i++)
        slots[i] = (struct slot){ .next_free = i + 1 < count ? i + 1 : 0 };
    s->free_slot = s->slot_count ? s->slot_count : 1;
    s->slots = slots;
    s->slot_count = count;
    return 0;
}

static void epoll_close(struct evio_backend *b)
{
    struct epoll_state *s = b->state;
    if (!s)
        return;
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    if (s->fd >= 0)
        close(s->fd);
    free(s->slots);
    free(s);
    b->state = NULL;
}

static int epoll_open(struct evio_backend *b)
{
    struct epoll_state *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    b->state = s;
    s->fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int ret = s->fd < 0 || s->wake_fd < 0 ? -errno : grow_slots(s);
    if (ret == 0) {
        /* Edge-triggered, so it need never be read: each write is an edge. */
        struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = 0 };
        if (epoll_ctl(s->fd, EPOLL_CTL_ADD, s->wake_fd, &e))
            ret = -errno;
    }
    if (ret)
        epoll_close(b);
    return ret;
}

static void epoll_wake(struct evio_backend *b)
{
    struct epoll_state *s = b->state;
    uint64_t one = 1;
    int saved = errno;
    ssize_t n = write(s->wake_fd, &one, sizeof(one));
    (void)n; /* full: a wake is pending anyway */
    errno = saved;
}

static uint32_t interest(const struct evio_handle *h)
{
    uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    if (!(h->ready & OUT_ON_NEED) || h->ready & OUT_ASKED)
        events |= EPOLLOUT;
    return events;
}

static int epoll_add(struct evio_backend *b, struct evio_handle *h, bool is_unix)
{
    struct epoll_state *s = b->state;
    if (!s->free_slot && grow_slots(s))
        return -ENOMEM;
    uint32_t slot = s->free_slot;
    h->ready = is_unix ? OUT_ON_NEED : 0;
    struct epoll_event e = { .events = interest(h), .data.u64 = slot_token(s, slot) };
    if (epoll_ctl(s->fd, EPOLL_CTL_ADD, h->fd, &e))
        return -errno;
    s->free_slot = s->slots[slot].next_free;
    s->slots[slot].handle = h;
    h->slot = slot;
    h->submitted = 0;
    h->queued = 0;
    h->next_ready = NULL;
    return 0;
}

static void list_push(struct evio_backend *b, struct evio_handle *h)
{
    if (h->queued)
        return;
    h->queued = 1;
    h->next_ready = NULL;
    if (b->last_ready)
        b->last_ready->next_ready = h;
    else
        b->first_ready = h;
    b->last_ready = h;
}

static void list_remove(struct evio_backend *b, struct evio_handle *h)
{
    struct evio_handle *prev = NULL;
    for (struct evio_handle *at = b->first_ready; at != h; at = at->next_ready)
        prev = at;
    if (prev)
        prev->next_ready = h->next_ready;
    else
        b->first_ready = h->next_ready;
    if (b->last_ready == h)
        b->last_ready = prev;
    h->queued = 0;
}

static void epoll_remove(struct evio_backend *b, struct evio_handle *h, bool fd_lives_on)
{
    struct epoll_state *s = b->state;
    assert(s->slots[h->slot].handle == h);
    if (fd_lives_on)
        epoll_ctl(s->fd, EPOLL_CTL_DEL, h->fd, NULL);
    if (h->queued)
        list_remove(b, h);
    s->slots[h->slot].handle = NULL;
    s->slots[h->slot].generation++;
    s->slots[h->slot].next_free = s->free_slot;
    s->free_slot = h->slot;
    h->slot = 0;
    h->submitted = 0;
}

static bool can_try(const struct evio_handle *h)
{
    if (h->ready & READY_READ && h->submitted & (EVIO_OP_RECV | EVIO_OP_ACCEPT | EVIO_OP_READABLE))
        return true;
    return h->ready & READY_WRITE && h->submitted & (EVIO_OP_SEND | EVIO_OP_CONNECT);
}

static void epoll_submit(struct evio_backend *b, struct evio_handle *h, unsigned ops)
{
    struct epoll_state *s = b->state;
    h->submitted |= (uint8_t)ops;
    if (ops & (EVIO_OP_SEND | EVIO_OP_CONNECT)) {
        h->ready &= (uint8_t)~READY_WRITE;
        if (h->ready & OUT_ON_NEED && !(h->ready & OUT_ASKED)) {
            h->ready |= OUT_ASKED;
            struct epoll_event e = { .events = interest(h), .data.u64 = slot_token(s, h->slot) };
            epoll_ctl(s->fd, EPOLL_CTL_MOD, h->fd, &e);
        }
    }
    if (can_try(h))
        list_push(b, h);
}

static void epoll_cancel(struct evio_backend *b, struct evio_handle *h, unsigned ops)
{
    (void)b; /* if it is listed, trying it will find nothing submitted */
    h->submitted &= (uint8_t)~ops;
}

static void epoll_drained(struct evio_backend *b, struct evio_handle *h)
{
    (void)b;
    h->ready &= (uint8_t)~READY_READ;
}

static int64_t epoll_send(struct evio_backend *b, struct evio_handle *h, const struct iovec *iov,
                          int count, size_t total_bytes)
{
    ssize_t n;
    do {
        if (count == 1) {
            n = send(h->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count };
            n = sendmsg(h->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return -errno;
    if (n < (ssize_t)total_bytes)
        epoll_submit(b, h, EVIO_OP_SEND);
    return n < 0 ? -EAGAIN : n;
}

static int epoll_connect(struct evio_backend *b, struct evio_handle *h, const struct sockaddr *sa,
                         socklen_t len)
{
    if (connect(h->fd, sa, len) && errno != EINPROGRESS)
        return -errno;
    /* Registered only now: a socket that is not connecting yet reports that it has hung up. */
    int err = epoll_add(b, h, sa->sa_family == AF_UNIX);
    if (err == 0)
        epoll_submit(b, h, EVIO_OP_CONNECT);
    return err;
}

static int socket_error(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
        return -errno;
    return -err;
}

static int try_accept(struct evio_handle *h, struct evio_completion *out, int max)
{
    int count = 0;
    while (count < max && count < EVIO_TURN_ACCEPTS_MAX) {
        int fd = accept4(h->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EAGAIN) {
            h->ready &= (uint8_t)~READY_READ;
            break;
        }
        bool exhausted =
            fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
        if (fd < 0 && !exhausted) {
            if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK || errno == EOPNOTSUPP) {
                h->ready &= (uint8_t)~READY_READ; /* no listener (any more): it can yield nothing */
                break;
            }
            continue; /* what failed is that one peer's connection */
        }
        if (exhausted)
            h->submitted &= (uint8_t)~EVIO_OP_ACCEPT;
        out[count++] = (struct evio_completion){ h, EVIO_OP_ACCEPT, fd < 0 ? -errno : fd };
        if (exhausted)
            break;
    }
    return count;
}

static int64_t try_recv(struct evio_backend *b, struct evio_handle *h)
{
    size_t room = 0;
    char *buf = b->buffer(h, &room);
    if (!buf)
        return -ENOMEM;
    ssize_t n;
    do
        n = recv(h->fd, buf, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n <= 0 || ((size_t)n < room && !(h->ready & READY_END)))
        h->ready &= (uint8_t)~READY_READ;
    return n < 0 ? -errno : n;
}

/* At most one write-side and one read-side completion, but for listeners. */
static int try_handle(struct evio_backend *b, struct evio_handle *h, struct evio_completion *out,
                      int max)
{
    int count = 0;
    if (h->ready & READY_WRITE && h->submitted & EVIO_OP_CONNECT) {
        h->submitted &= (uint8_t)~EVIO_OP_CONNECT;
        out[count++] = (struct evio_completion){ h, EVIO_OP_CONNECT, socket_error(h->fd) };
    } else if (h->ready & READY_WRITE && h->submitted & EVIO_OP_SEND) {
        h->submitted &= (uint8_t)~EVIO_OP_SEND;
        out[count++] = (struct evio_completion){ h, EVIO_OP_SEND, 0 };
    }
    if (h->ready & READY_READ) {
        if (h->submitted & EVIO_OP_RECV)
            out[count++] = (struct evio_completion){ h, EVIO_OP_RECV, try_recv(b, h) };
        else if (h->submitted & EVIO_OP_READABLE)
            out[count++] = (struct evio_completion){ h, EVIO_OP_READABLE, 0 };
        else if (h->submitted & EVIO_OP_ACCEPT)
            count += try_accept(h, out + count, max - count);
    }
    if (can_try(h) || (h->ready & READY_READ && h->submitted & EVIO_OP_READABLE))
        list_push(b, h);
    return count;
}

/* Returns 1 with an ERROR completion if nobody would meet the error by receiving. */
static int note_event(struct evio_backend *b, const struct epoll_event *e,
                      struct evio_completion *out)
{
    struct epoll_state *s = b->state;
    uint32_t slot = (uint32_t)e->data.u64;
    if (slot == 0 || slot_token(s, slot) != e->data.u64 || !s->slots[slot].handle)
        return 0;
    struct evio_handle *h = s->slots[slot].handle;
    if (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        h->ready |= READY_READ;
    if (e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        h->ready |= READY_END;
    if (e->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        h->ready |= READY_WRITE;
    if (can_try(h))
        list_push(b, h);
    if (!(e->events & EPOLLERR) || h->submitted & (EVIO_OP_RECV | EVIO_OP_CONNECT))
        return 0;
    int err = socket_error(h->fd);
    *out = (struct evio_completion){ h, EVIO_OP_ERROR, err };
    return err != 0;
}

static int poll_events(struct epoll_state *s, int64_t timeout_us)
{
    if (timeout_us > 0 && !s->no_pwait2) {
        struct timespec ts = { timeout_us / 1000000, timeout_us % 1000000 * 1000 };
        int n = epoll_pwait2(s->fd, s->events, EVIO_TURN_EVENTS_MAX, &ts, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n;
        s->no_pwait2 = true;
    }
    int64_t ms = timeout_us <= 0 ? timeout_us : (timeout_us + 999) / 1000;
    return epoll_wait(s->fd, s->events, EVIO_TURN_EVENTS_MAX, ms > 1000000 ? 1000000 : (int)ms);
}

static int epoll_wait_completions(struct evio_backend *b, int64_t timeout_us,
                                  struct evio_completion *out, int max)
{
    struct epoll_state *s = b->state;
    int count = 0, n = poll_events(s, b->first_ready ? 0 : timeout_us);
    for (int i = 0; i < n; i++)
        count += note_event(b, &s->events[i], out + count);

    struct evio_handle *h = b->first_ready;
    b->first_ready = b->last_ready = NULL;
    while (h && count + 2 <= max) {
        struct evio_handle *next = h->next_ready;
        h->queued = 0;
        count += try_handle(b, h, out + count, max - count);
        h = next;
    }
    if (h) { /* no room: these come first in the next turn */
        struct evio_handle *last = h;
        while (last->next_ready)
            last = last->next_ready;
        last->next_ready = b->first_ready;
        if (!b->last_ready)
            b->last_ready = last;
        b->first_ready = h;
    }
    return count;
}

const struct evio_backend_ops *evio_backend_epoll(void)
{
    static const struct evio_backend_ops ops = {
        .name = "epoll",
        .open = epoll_open,
        .close = epoll_close,
        .add = epoll_add,
        .remove = epoll_remove,
        .submit = epoll_submit,
        .cancel = epoll_cancel,
        .send = epoll_send,
        .connect = epoll_connect,
        .drained = epoll_drained,
        .wait = epoll_wait_completions,
        .wake = epoll_wake,
    };
    return &ops;
}
