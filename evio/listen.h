/* listen: binding a server's addresses, and accepting from them. */
#ifndef EVIO_LISTEN_H
#define EVIO_LISTEN_H

#include <sys/types.h>

#include "evio/backend.h"
#include "evio/evio.h"

struct evio_conn;

/* One bound socket address. With reuseport it has a socket for every loop, else for loop 0. */
struct evio_bound_addr {
    struct sockaddr_storage sa;
    socklen_t sa_len;
    int index;
    int family, type;
    int *fds; /* one a loop; -1: none, or handed to its loop */
    bool reuseport;
    char *text;
    bool owns_path; /* a unix socket file of ours: removed at the end if it is still the same */
    dev_t dev;
    ino_t ino;
};

struct evio_bound {
    struct evio_bound_addr *items;
    int count, room_count;
    int num_loops; /* the length of each fds */
};

/* Binds everything. On an error nothing stays bound, and *failed is the index to blame, or -1. */
int evio_bound_open(struct evio_bound *b, const struct evio_options *o, int num_loops,
                    const char *const *addrs, int addr_count, int *failed);
void evio_bound_close(struct evio_bound *b); /* and removes the files */

struct evio_listener {
    struct evio_handle handle;
    struct evio_loop *loop;
    struct evio_listener *next;
    int addr_index;
    bool is_unix;
    bool spread; /* over the loops, by the server's balance */
};

/* Registers what is bound for this loop: streams as listeners, datagram sockets as connections. */
int evio_listen_start(struct evio_loop *l);
void evio_listen_stop(struct evio_loop *l);
void evio_listen_retry(struct evio_loop *l); /* descriptors may have become free */
void evio_listen_accepted(struct evio_listener *n, int64_t res);

#endif
