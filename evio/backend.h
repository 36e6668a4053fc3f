/* backend: the seam between a loop and the system's poller, shaped for completion: a loop submits
 * operations and wait() returns what has completed. A poller that reports readiness (epoll,
 * kqueue, poll) tries an operation when it may succeed and waits for readiness when it would block;
 * io_uring has it as it stands. One backend a loop, used on the loop's thread; wake() on any.
 *
 * A receive holds no buffer while it waits: buffer() supplies one when bytes are there, a poller
 * with buffers of its own copies into it. A handle is embedded in its owner and stays registered
 * from add() to remove(); after remove() no completion of it comes out of a later wait(). */
#ifndef EVIO_BACKEND_H
#define EVIO_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum evio_op {
    EVIO_OP_ACCEPT = 1, /* until cancelled; res: the new socket, or -errno (then it is withdrawn) */
    EVIO_OP_RECV = 2,   /* until cancelled; res: bytes, 0 at the end, or -errno; -EAGAIN: none
                             after all, the buffer is to be given back */
    EVIO_OP_SEND = 4,   /* once; res 0: send again */
    EVIO_OP_CONNECT = 8,   /* once; res: 0 or -errno */
    EVIO_OP_READABLE = 16, /* until cancelled: the owner reads by itself (datagrams) */
    EVIO_OP_ERROR = 32,    /* never submitted: the socket failed while nothing was being received */
};

struct evio_handle {
    int fd;
    uint32_t slot;     /* in the backend's table; 0: not registered */
    uint8_t submitted; /* enum evio_op bits */
    uint8_t ready;     /* the backend's: what the system is known to have */
    uint8_t queued;    /* the backend's: on its list of handles to try */
    struct evio_handle *next_ready;
};

struct evio_completion {
    struct evio_handle *handle;
    enum evio_op op;
    int64_t res;
};

struct evio_backend {
    const struct evio_backend_ops *ops;
    void *state;
    /* Where the next bytes of h are to go; NULL: out of memory. */
    char *(*buffer)(struct evio_handle *h, size_t *room_bytes);
    struct evio_handle *first_ready, *last_ready; /* wait() has something to try without sleeping */
};

enum {
    EVIO_TURN_EVENTS_MAX = 512, /* connections served in one turn */
    EVIO_TURN_COMPLETIONS_MAX = 1024,
    EVIO_TURN_ACCEPTS_MAX = 32, /* of one listener, in one turn */
};

struct evio_backend_ops {
    const char *name;
    int (*open)(struct evio_backend *b);
    void (*close)(struct evio_backend *b);
    int (*add)(struct evio_backend *b, struct evio_handle *h, bool is_unix);
    void (*remove)(struct evio_backend *b, struct evio_handle *h, bool fd_lives_on);
    void (*submit)(struct evio_backend *b, struct evio_handle *h, unsigned ops);
    void (*cancel)(struct evio_backend *b, struct evio_handle *h, unsigned ops);
    /* Bytes taken now; -EAGAIN: none, and a SEND is submitted; or -errno. A short count submits a
     * SEND as well. */
    int64_t (*send)(struct evio_backend *b, struct evio_handle *h, const struct iovec *iov,
                    int count, size_t total_bytes);
    /* Begins to connect h->fd, registers it and submits CONNECT: 0, or -errno and nothing done. */
    int (*connect)(struct evio_backend *b, struct evio_handle *h, const struct sockaddr *sa,
                   socklen_t len);
    /* A READABLE handle's owner has read until there was nothing left. */
    void (*drained)(struct evio_backend *b, struct evio_handle *h);
    /* Sleeps at most timeout_us (-1: for ever). The count of completions, 0 after a wake. */
    int (*wait)(struct evio_backend *b, int64_t timeout_us, struct evio_completion *out, int max);
    void (*wake)(struct evio_backend *b); /* [any thread, async-signal-safe] */
};

const struct evio_backend_ops *evio_backend_epoll(void);

#endif
