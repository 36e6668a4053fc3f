/* wire: see wire.h. */
#include "tests/support/wire.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void wire_fail(const struct wire *w, const char *what)
{
    char *tail = proc_log_tail(w->proc, 6000);
    cr_assert_fail("%s; the server's log ends with:\n%s", what, tail);
    free(tail);
}

static struct wire *wire_new(const struct proc *p, int fd)
{
    struct wire *w = calloc(1, sizeof(*w));
    cr_assert(w);
    w->fd = fd;
    w->proc = p;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return w;
}

struct wire *wire_open_tcp(const struct proc *p)
{
    struct sockaddr_in sa = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)p->port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "connect: %s",
              strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return wire_new(p, fd);
}

struct wire *wire_open(const struct proc *p)
{
    if (access(p->socket_path, F_OK) != 0)
        return wire_open_tcp(p);
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", p->socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "connect: %s",
              strerror(errno));
    return wire_new(p, fd);
}

void wire_close(struct wire *w)
{
    close(w->fd);
    bytes_free(&w->in);
    free(w);
}

void wire_reset(struct wire *w)
{
    struct linger l = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    wire_close(w);
}

/* Takes what has arrived. False: nothing now. */
static bool wire_fill(struct wire *w)
{
    if (w->pos > (1u << 20) && w->pos > w->in.len / 2) {
        bytes_shift(&w->in, w->pos);
        w->pos = 0;
    }
    bytes_reserve(&w->in, 65536);
    ssize_t n = read(w->fd, w->in.ptr + w->in.len, w->in.cap - w->in.len - 1);
    if (n > 0) {
        w->in.len += (size_t)n;
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        w->eof = true;
    return false;
}

void wire_send(struct wire *w, const void *ptr, size_t len)
{
    const char *p = ptr;
    while (len > 0) {
        ssize_t n = send(w->fd, p, len, MSG_NOSIGNAL);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return; /* the server has closed: the next read tells */
        struct pollfd pf = { .fd = w->fd, .events = (short)(POLLOUT | (w->eof ? 0 : POLLIN)) };
        if (poll(&pf, 1, PROC_WAIT_MS) == 0)
            wire_fail(w, "the server takes no bytes");
        if (pf.revents & POLLIN)
            wire_fill(w);
    }
}

void wire_send_args(struct wire *w, const struct args *a)
{
    struct bytes b = { 0 };
    args_encode(a, &b);
    wire_send(w, b.ptr, b.len);
    bytes_free(&b);
}

void wire_send_line(struct wire *w, const char *line)
{
    struct args a = { 0 };
    args_split(&a, line);
    wire_send_args(w, &a);
    args_free(&a);
}

void wire_end(struct wire *w)
{
    shutdown(w->fd, SHUT_WR);
}

/* One value with its raw bytes; NULL: the connection has ended. */
static struct value *wire_next(struct wire *w, struct bytes *raw)
{
    for (;;) {
        const char *why = NULL;
        struct value *v = NULL;
        long used = 0;
        if (w->in.len > w->pos)
            used = value_read(w->in.ptr + w->pos, w->in.len - w->pos, &v, &why);
        if (used < 0) {
            struct bytes b = { 0 };
            bytes_printf(&b, "reply is not RESP (%s): ", why);
            bytes_add_quoted(&b, w->in.ptr + w->pos, w->in.len - w->pos, 300);
            wire_fail(w, b.ptr);
        }
        if (used > 0) {
            if (raw)
                bytes_add(raw, w->in.ptr + w->pos, (size_t)used);
            w->pos += (size_t)used;
            return v;
        }
        if (w->eof)
            return NULL;
        /* A big value would be parsed anew for each piece of it: wait for much, take all there
         * is. */
        struct pollfd pf = { .fd = w->fd, .events = POLLIN };
        if (poll(&pf, 1, PROC_WAIT_MS) == 0)
            wire_fail(w, "no reply");
        size_t before = w->in.len - w->pos;
        while (wire_fill(w) && w->in.len - w->pos < before * 2)
            ;
    }
}

struct value *wire_read_or_end(struct wire *w)
{
    return wire_next(w, NULL);
}

struct value *wire_read_raw(struct wire *w, struct bytes *raw)
{
    struct value *v = wire_next(w, raw);
    if (!v)
        wire_fail(w, "the server closed the connection");
    return v;
}

struct value *wire_read(struct wire *w)
{
    return wire_read_raw(w, NULL);
}

bool wire_is_quiet(struct wire *w, int ms)
{
    struct pollfd pf = { .fd = w->fd, .events = POLLIN };
    return w->in.len == w->pos && !w->eof && poll(&pf, 1, ms) == 0;
}

void wire_expect_end(struct wire *w)
{
    struct value *v = wire_next(w, NULL);
    if (v) {
        struct bytes b = { 0 };
        bytes_add_str(&b, "the connection should have ended, but there came ");
        value_print(v, &b);
        wire_fail(w, b.ptr);
    }
}

struct value *wire_call(struct wire *w, const char *line)
{
    wire_send_line(w, line);
    return wire_read(w);
}

long long wire_integer(struct wire *w, const char *line)
{
    struct value *v = wire_call(w, line);
    struct bytes b = { 0 };
    value_print(v, &b);
    cr_assert(v->type == ':', "%s gave %s", line, b.ptr);
    long long n = v->integer;
    bytes_free(&b);
    value_free(v);
    return n;
}

void wire_expect_at(struct wire *w, const char *line, const char *want, const char *file, int at)
{
    struct value *v = line ? wire_call(w, line) : wire_read(w);
    struct bytes got = { 0 };
    value_print(v, &got);
    size_t len = strlen(want);
    bool same = strcmp(got.ptr, want) == 0;
    if (len && want[len - 1] == '*' && strcmp(want, "nil*") != 0)
        same = strncmp(got.ptr, want, len - 1) == 0;
    cr_assert(same, "%s:%d: %s\n  want %s\n  got  %s", file, at, line ? line : "(reply)", want,
              got.ptr);
    bytes_free(&got);
    value_free(v);
}
