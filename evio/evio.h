/* evio: an event-loop library for network servers. One public header; all it exports is evio_*.
 *
 * A server listens on several addresses and runs N loops, one thread each. A connection belongs to
 * one loop from its first event to its last, so events of one connection never run at the same time
 * and need no lock.
 *
 * One turn of a loop, each stage for all ready connections before the next stage:
 *
 *     wait -> accept -> read -> data(conn) for each -> posted tasks -> prewrite(loop)
 *          -> write -> close/detach -> timers
 *
 * Threads: a function that takes a connection or a timer is called on the thread of its loop only,
 *     in any event. Those marked [any thread] may be called from everywhere.
 * Ownership: connections, loops and servers are the library's. A connection may be used until its
 *     closed or detached event has returned; after that only through a reference (evio_conn_ref).
 * Errors: 0 or a negative errno. The library never prints, exits or aborts because of the outside
 *     world.
 * Units: the last word of a name (_ms, _us, _bytes). Times are monotonic. */
#ifndef EVIO_H
#define EVIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct evio_server;
struct evio_loop;
struct evio_conn;

struct evio_slice {
    const char *ptr;
    size_t len;
};

enum evio_action {
    EVIO_NONE,
    EVIO_DETACH, /* hand the socket over: detached() gets it, blocking, after queued output has been
                    written */
    EVIO_CLOSE,  /* close once everything queued has been written */
    EVIO_SHUTDOWN, /* stop the whole server gracefully, as evio_server_stop() with the default
                      deadline */
};

enum evio_balance {
    EVIO_BALANCE_ROUND_ROBIN,
    EVIO_BALANCE_RANDOM,
    EVIO_BALANCE_LEAST_CONNECTIONS,
};

/* What the server has bound: real ports in place of 0, one entry per bound socket address. */
struct evio_addr {
    int index; /* of the address string this came from, in the order given to evio_server_new() */
    const char *text; /* "tcp://127.0.0.1:6380", "unix:///run/x.sock" */
    const struct sockaddr *sa;
    socklen_t sa_len;
};

struct evio_serving {
    int num_loops;
    int addr_count;
    const struct evio_addr *addrs;
};

/* Every member may be NULL. */
struct evio_events {
    /* Once, on the first loop's thread, when all addresses are bound and before anything is
     * accepted. EVIO_SHUTDOWN ends the server. */
    enum evio_action (*serving)(struct evio_server *s, const struct evio_serving *info);
    /* On each loop's own thread, before its first and after its last turn: per-loop state is made
     * and freed here. A negative errno from loop_started ends the server with that error. */
    int (*loop_started)(struct evio_loop *l);
    void (*loop_stopped)(struct evio_loop *l);

    /* A connection was accepted, or a dial succeeded. Output may be queued at once. */
    enum evio_action (*opened)(struct evio_conn *c);
    /* The connection is gone: 0 for an orderly end by either side, else the negative errno
     * (-ECONNRESET, -ETIMEDOUT for an idle deadline, the dial's error for a dial that failed, which
     * had no opened). The last event of a connection. */
    void (*closed)(struct evio_conn *c, int reason);
    /* In place of closed after EVIO_DETACH: fd is blocking and the caller's from here. Input that
     * was read and not consumed is still in evio_conn_input(). */
    void (*detached)(struct evio_conn *c, int fd);
    /* Bytes have arrived (evio_conn_input() has all that is unconsumed), or the peer has shut its
     * sending side (evio_conn_eof()), or evio_conn_wake() was called. After the peer's end the
     * library closes the connection by itself, once reading is not paused and nothing is
     * unconsumed or pending. For UDP: one datagram, valid in this event alone; all that the event
     * writes is one datagram to its sender. */
    enum evio_action (*data)(struct evio_conn *c);
    /* Pending output rose above the high water mark, or fell to the low one after that. */
    void (*high_water)(struct evio_conn *c);
    void (*low_water)(struct evio_conn *c);
    /* Once a turn, after data and posted tasks, before any byte is sent. Output queued here leaves
     * in the same turn. */
    void (*prewrite)(struct evio_loop *l);
    /* On the first loop, first right after serving: sets *delay_ms until the next one. Unset: never
     * called, no wake-ups. */
    enum evio_action (*tick)(struct evio_server *s, int64_t *delay_ms);
};

struct evio_options {
    int num_loops; /* 0 or 1: one. -1: as many as CPUs this process may use (affinity, cgroup
                      quota). */
    enum evio_balance balance;
    bool pin_loops;           /* loop i runs on the i-th allowed CPU */
    int backlog;              /* of listen(2); 0: 511 */
    size_t read_bytes;        /* most that one connection may read in a turn; 0: 64 KiB */
    size_t high_water_bytes;  /* of pending output; 0: never reported */
    size_t low_water_bytes;   /* 0: a quarter of the high one */
    int64_t spin_us;          /* busy-poll this long before sleeping; 0: sleep at once */
    int64_t stop_deadline_ms; /* of a graceful stop by EVIO_SHUTDOWN; 0: 5000 */
    const int *inherited_fds; /* listening sockets of the parent process (see evio_listen_fds), in
                                 place of the addresses given; the server's if _new succeeds */
    int inherited_count;
    int unix_mode;           /* permission bits of unix socket files; 0: as umask says */
    const char *thread_name; /* prefix of the loops' thread names; NULL: "evio" */
    void *udata;             /* evio_server_udata() */
};

/* ---- server ---- */

/* Addresses: "tcp://host:port", tcp4, tcp6, udp, udp4, udp6, "unix://path", each with
 * "?reuseport=true" (tcp and udp: every loop has a listener of its own). ":port" is every
 * interface; a host name binds every address it resolves to. A stale unix socket file is replaced,
 * a live one is -EADDRINUSE. Binds everything; on an error nothing stays bound and *failed_addr
 * (may be NULL) is the index of the address to blame, -1 if none. `events`, `options` are copied.
 */
int evio_server_new(struct evio_server **out, const struct evio_events *events,
                    const struct evio_options *options, const char *const *addrs, int addr_count,
                    int *failed_addr);
/* Runs loop 0 on the calling thread and the others on threads of their own, until the server has
 * stopped. 0 after an orderly stop. */
int evio_server_run(struct evio_server *s);
/* Frees all, removes unix socket files. NULL is allowed. Not while it runs. */
void evio_server_free(struct evio_server *s);
/* new, run, free. */
int evio_serve(const struct evio_events *events, const struct evio_options *options,
               const char *const *addrs, int addr_count);
/* Graceful stop [any thread, async-signal-safe]: listeners close, tasks posted so far run, what is
 * queued is written, then connections close, those whose reading is paused when they resume;
 * after deadline_ms what is left is cut. */
void evio_server_stop(struct evio_server *s, int64_t deadline_ms);
void *evio_server_udata(const struct evio_server *s);
int evio_server_num_loops(const struct evio_server *s);
struct evio_loop *evio_server_loop(struct evio_server *s, int index);

/* CPUs this process may use: affinity mask cut by the cgroup's quota (v1 and v2), at least 1. [any
 * thread] */
int evio_cpu_count(void);
/* Sockets passed by the service manager (LISTEN_FDS, LISTEN_PID of sd_listen_fds(3)). Fills fds,
 * returns the count, 0 if there are none, or -E2BIG. Unsets the variables. */
int evio_listen_fds(int *fds, int max);

/* ---- loop ---- */

struct evio_server *evio_loop_server(const struct evio_loop *l);
int evio_loop_index(const struct evio_loop *l);
void evio_loop_set_udata(struct evio_loop *l, void *udata);
void *evio_loop_udata(const struct evio_loop *l);
/* Monotonic time, read once at the start of the turn, and again on evio_loop_update_time(). */
int64_t evio_loop_now_us(const struct evio_loop *l);
int64_t evio_loop_now_ms(const struct evio_loop *l);
void evio_loop_update_time(struct evio_loop *l);

/* Runs fn(l, arg) on the loop's thread, in the order of posting of each thread. 0; -ENOMEM;
 * -ESHUTDOWN once the loop takes no more. What returned 0 runs, also if a stop follows. [any
 * thread] */
int evio_loop_post(struct evio_loop *l, void (*fn)(struct evio_loop *l, void *arg), void *arg);
/* Makes the loop take a turn soon, so that its prewrite runs. Costs a system call only if the loop
 * sleeps; what the caller wrote to memory before is visible to that prewrite. [any thread] */
void evio_loop_wake(struct evio_loop *l);

struct evio_loop_stats {
    uint64_t accepted, closed, connections; /* connections: open now */
    uint64_t read_bytes, written_bytes;
    uint64_t reads, writes; /* system calls */
    uint64_t turns, wakes;  /* wakes: turns begun because another thread asked */
    uint64_t busy_us, turn_us_max;
};
/* A snapshot; the figures may be a turn apart from each other. [any thread] */
void evio_loop_stats(const struct evio_loop *l, struct evio_loop_stats *out);

/* A timer lives in the caller's memory, zeroed before first use; any number may run. Not started or
 * already fired: evio_timer_stop does nothing. fn may start it again or free it. */
struct evio_timer {
    void (*fn)(struct evio_loop *l, struct evio_timer *t);
    void *arg;
    /* the library's */
    int64_t due_us_;
    size_t slot_;
    struct evio_loop *loop_;
};
int evio_timer_start(struct evio_loop *l, struct evio_timer *t,
                     int64_t delay_us); /* restarts; 0 or -ENOMEM */
void evio_timer_stop(struct evio_timer *t);

/* Connects to "tcp://..", "unix://.." (a host name is resolved on a helper thread). The connection
 * runs on this loop with `context`: opened() or closed(reason) follows. 0 or a negative errno, then
 * no event follows. */
int evio_dial(struct evio_loop *l, const char *addr, int64_t timeout_ms, void *context);

/* ---- connection ---- */

struct evio_loop *evio_conn_loop(const struct evio_conn *c);
void evio_conn_set_context(struct evio_conn *c, void *context);
void *evio_conn_context(const struct evio_conn *c);
int evio_conn_addr_index(const struct evio_conn *c); /* -1: dialed */
int evio_conn_fd(const struct evio_conn *c);         /* for looking, never for closing or for I/O */
bool evio_conn_is_udp(const struct evio_conn *c);
const struct sockaddr *evio_conn_local_addr(const struct evio_conn *c, socklen_t *len);
const struct sockaddr *evio_conn_remote_addr(const struct evio_conn *c, socklen_t *len);
/* "127.0.0.1:50000", "[::1]:50000", or for unix sockets the path with ":0". Returns the length, as
 * snprintf. */
int evio_addr_format(const struct sockaddr *sa, socklen_t len, char *out, size_t out_bytes);

/* Input. What is not consumed stays and is presented again with what follows. The bytes do not move
 * from data() until the end of that turn's prewrite, nor while reading is paused; an idle
 * connection with nothing unconsumed holds no buffer. */
struct evio_slice evio_conn_input(const struct evio_conn *c);
void evio_conn_consume(struct evio_conn *c, size_t count_bytes);
bool evio_conn_eof(const struct evio_conn *c); /* the peer sends no more; replies still reach it */
/* Pausing costs no system call. Nothing is read while paused, a reset is still noticed. Resuming
 * may happen in any event, also in prewrite. */
void evio_conn_pause_read(struct evio_conn *c);
void evio_conn_resume_read(struct evio_conn *c);
/* Bytes from here on go straight to dst until len_bytes have come, then data() fires once and dst
 * is the caller's again; only with evio_conn_input() empty. evio_conn_read_into_got() says how many
 * have come; closing or a new call ends it. */
int evio_conn_read_into(struct evio_conn *c, char *dst, size_t len_bytes);
size_t evio_conn_read_into_got(const struct evio_conn *c);

/* Output: appended in order, sent once a turn after prewrite in one vectored write; what the socket
 * does not take stays. Nothing is sent before the stage "write". A write on a closing connection is
 * dropped (0). -ENOMEM: nothing appended. */
int evio_conn_write(struct evio_conn *c, const void *data, size_t len_bytes);
int evio_conn_writev(struct evio_conn *c, const struct iovec *iov, int count);
/* Without copying: data stays the caller's until release(arg) is called, on the loop's thread,
 * exactly once, also when the connection dies first or -ENOMEM is returned. */
int evio_conn_write_ref(struct evio_conn *c, const void *data, size_t len_bytes,
                        void (*release)(void *arg), void *arg);
/* In place: room for at least min_bytes (*room_bytes is what there is), NULL if out of memory;
 * commit says how many were filled. Nothing else may be written between the two. */
char *evio_conn_reserve(struct evio_conn *c, size_t min_bytes, size_t *room_bytes);
void evio_conn_commit(struct evio_conn *c, size_t count_bytes);
size_t
evio_conn_pending_bytes(const struct evio_conn *c); /* queued and not yet taken by the socket */

/* As the actions of that name, from outside the connection's own event (other events on its loop).
 */
void evio_conn_close(struct evio_conn *c);
void evio_conn_detach(struct evio_conn *c);
/* At once, queued output is dropped and the peer gets a reset; closed(reason) follows before the
 * turn ends. */
void evio_conn_abort(struct evio_conn *c, int reason);
bool evio_conn_closing(const struct evio_conn *c);
/* Closes with -ETIMEDOUT when nothing was read or written for that long; 0: never. */
int evio_conn_set_idle_ms(struct evio_conn *c, int64_t idle_ms);
int evio_conn_set_keepalive(struct evio_conn *c, int idle_s, int interval_s,
                            int count);                  /* idle_s 0: off */
int evio_conn_set_nodelay(struct evio_conn *c, bool on); /* tcp: on by default */

/* A reference keeps the memory of the connection and its unconsumed input, not its socket. [any
 * thread] */
struct evio_conn *evio_conn_ref(struct evio_conn *c);
void evio_conn_unref(struct evio_conn *c);
/* Fires data() with no new bytes, on the connection's loop; several wakes may become one. Nothing
 * if it has closed. [any thread, holding a reference or inside the connection's life] */
void evio_conn_wake(struct evio_conn *c);

#endif
