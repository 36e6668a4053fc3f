/* floor: what serving costs before anything is served. Reads, counts the commands of redis-benchmark by the '*' that
 * opens each one (its keys and values hold none), sends that many fixed replies, nothing else.
 *     floor PORT REPLY_BYTES
 * On PORT a reply is +OK, on PORT + 1 a bulk string of REPLY_BYTES: what SET and what GET get.
 * One thread, epoll, one receive and one send a turn and connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    IN_BYTES = 64 * 1024,
    REPLY_BYTES_MAX = 4096,
    REPLIES_MAX = 4096, /* sent with one call */
    BACKLOG_COUNT = 511,
};

/* `count` copies of a reply, so that a batch is one send. */
struct replies {
    size_t reply_bytes;
    char *data;
};

enum kind { /* bits */
            KIND_LISTEN = 0,
            KIND_CONN = 1, /* else a listening socket */
            KIND_BULK = 2, /* replies are the bulk string */
};

struct floor {
    int epoll;
    struct replies replies[2]; /* +OK, bulk */
    char in[IN_BYTES];
};

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static struct replies replies_of(const char *reply, size_t reply_bytes)
{
    struct replies r = { .reply_bytes = reply_bytes, .data = malloc(reply_bytes * REPLIES_MAX) };
    if (!r.data)
        die("malloc");
    for (size_t i = 0; i < REPLIES_MAX; i++)
        memcpy(r.data + i * reply_bytes, reply, reply_bytes);
    return r;
}

static void watch(const struct floor *f, int fd, unsigned kind)
{
    struct epoll_event event = { .events = EPOLLIN,
                                 .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd };
    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void listen_on(const struct floor *f, int port, unsigned kind)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, BACKLOG_COUNT) != 0)
        die("listen");
    watch(f, fd, kind);
}

static void accept_one(const struct floor *f, int listener, unsigned kind)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(f, fd, kind | KIND_CONN);
}

static size_t count_commands(const char *data, size_t len)
{
    size_t count = 0;
    const char *end = data + len;
    for (const char *p = data; p < end && (p = memchr(p, '*', (size_t)(end - p))); p++)
        count++;
    return count;
}

/* The generator reads all that it asked for before it asks again: a send always finds room. */
static bool reply(int fd, const struct replies *r, size_t count)
{
    while (count > 0) {
        size_t now = count < REPLIES_MAX ? count : REPLIES_MAX;
        size_t bytes = now * r->reply_bytes;
        if (send(fd, r->data, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
            return false;
        count -= now;
    }
    return true;
}

static void serve_one(struct floor *f, int fd, const struct replies *r)
{
    ssize_t len = recv(fd, f->in, sizeof(f->in), 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0 || !reply(fd, r, count_commands(f->in, (size_t)len)))
        close(fd);
}

int main(int argc, char **argv)
{
    static struct floor f;
    char bulk[REPLY_BYTES_MAX + 64];
    int port = argc == 3 ? atoi(argv[1]) : 0;
    int bulk_bytes = argc == 3 ? atoi(argv[2]) : 0;
    if (port <= 0 || bulk_bytes <= 0 || bulk_bytes > REPLY_BYTES_MAX) {
        fprintf(stderr, "usage: floor PORT REPLY_BYTES\n");
        return EXIT_FAILURE;
    }
    int head_bytes = snprintf(bulk, sizeof(bulk), "$%d\r\n", bulk_bytes);
    memset(bulk + head_bytes, 'x', (size_t)bulk_bytes);
    memcpy(bulk + head_bytes + bulk_bytes, "\r\n", 2);
    f.replies[0] = replies_of("+OK\r\n", 5);
    f.replies[1] = replies_of(bulk, (size_t)(head_bytes + bulk_bytes + 2));
    f.epoll = epoll_create1(0);
    listen_on(&f, port, KIND_LISTEN);
    listen_on(&f, port + 1, KIND_LISTEN | KIND_BULK);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(f.epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = (int)(uint32_t)events[i].data.u64;
            unsigned kind = (unsigned)(events[i].data.u64 >> 32);
            if (kind & KIND_CONN)
                serve_one(&f, fd, &f.replies[(kind & KIND_BULK) != 0]);
            else
                accept_one(&f, fd, kind);
        }
    }
}
