/* Binding the addresses of a server, see listen.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evio/addr.h"
#include "evio/listen.h"

enum {
    TEXT_BYTES = 160,
    PORT_TRIES_MAX = 16, /* to find one port that is free on all interfaces */
};

struct binding {
    struct evio_bound *bound;
    const struct evio_options *options;
    int num_loops;
    int index;
};

static struct evio_bound_addr *add_item(struct binding *b)
{
    struct evio_bound *to = b->bound;
    if (to->count == to->room_count) {
        int room = to->room_count ? to->room_count * 2 : 8;
        struct evio_bound_addr *items = realloc(to->items, (size_t)room * sizeof(*items));
        if (!items)
            return NULL;
        to->items = items;
        to->room_count = room;
    }
    struct evio_bound_addr *a = &to->items[to->count];
    *a = (struct evio_bound_addr){ .index = b->index };
    a->fds = malloc((size_t)b->num_loops * sizeof(*a->fds));
    a->text = malloc(TEXT_BYTES);
    if (!a->fds || !a->text) {
        free(a->fds);
        free(a->text);
        return NULL;
    }
    for (int i = 0; i < b->num_loops; i++)
        a->fds[i] = -1;
    to->count++;
    return a;
}

static void drop_item(struct evio_bound *b, int num_loops)
{
    struct evio_bound_addr *a = &b->items[--b->count];
    struct stat st;
    for (int i = 0; i < num_loops; i++) {
        if (a->fds[i] >= 0)
            close(a->fds[i]);
    }
    const char *path = ((struct sockaddr_un *)&a->sa)->sun_path;
    if (a->owns_path && stat(path, &st) == 0 && st.st_dev == a->dev && st.st_ino == a->ino)
        unlink(path);
    free(a->fds);
    free(a->text);
}

static void describe(struct evio_bound_addr *a)
{
    if (a->family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
        snprintf(a->text, TEXT_BYTES, "unix://%.*s", (int)sizeof(un->sun_path), un->sun_path);
        return;
    }
    int n = snprintf(a->text, TEXT_BYTES, a->type == SOCK_DGRAM ? "udp://" : "tcp://");
    evio_addr_format((struct sockaddr *)&a->sa, a->sa_len, a->text + n, (size_t)(TEXT_BYTES - n));
}

/* ---- tcp and udp ---- */

static void set_port(struct sockaddr_storage *sa, in_port_t port)
{
    if (sa->ss_family == AF_INET)
        ((struct sockaddr_in *)sa)->sin_port = port;
    else
        ((struct sockaddr_in6 *)sa)->sin6_port = port;
}

static in_port_t get_port(const struct sockaddr_storage *sa)
{
    return sa->ss_family == AF_INET ? ((const struct sockaddr_in *)sa)->sin_port
                                    : ((const struct sockaddr_in6 *)sa)->sin6_port;
}

/* Binds a socket to *sa and writes the port that was chosen back to it. The socket or -errno. */
static int bind_socket(struct evio_bound_addr *a, int backlog)
{
    int one = 1, fd = socket(a->family, a->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    bool stream = a->type == SOCK_STREAM;
    if (stream)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a->family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (stream) /* accepted sockets inherit it */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if ((a->reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one))) ||
        bind(fd, (struct sockaddr *)&a->sa, a->sa_len) || (stream && listen(fd, backlog)) ||
        getsockname(fd, (struct sockaddr *)&a->sa, &a->sa_len)) {
        int err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

static int bind_one(struct binding *b, const struct evio_addr_spec *spec, const struct addrinfo *ai,
                    in_port_t port)
{
    struct evio_bound_addr *a = add_item(b);
    if (!a)
        return -ENOMEM;
    memcpy(&a->sa, ai->ai_addr, ai->ai_addrlen);
    a->sa_len = ai->ai_addrlen;
    a->family = ai->ai_family;
    a->type = spec->type;
    a->reuseport = spec->reuseport;
    if (port)
        set_port(&a->sa, port);
    int sockets = spec->reuseport ? b->num_loops : 1;
    for (int i = 0; i < sockets; i++) {
        a->fds[i] = bind_socket(a, b->options->backlog);
        if (a->fds[i] < 0) {
            int err = a->fds[i];
            drop_item(b->bound, b->num_loops);
            return err;
        }
    }
    describe(a);
    return 0;
}

static bool seen_before(const struct addrinfo *list, const struct addrinfo *ai)
{
    for (; list != ai; list = list->ai_next) {
        if (list->ai_addrlen == ai->ai_addrlen &&
            memcmp(list->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
            return true;
    }
    return false;
}

/* Every address of the list; one that this machine does not have is left out if another is there.
 * Where the port is the system's choice all get the port of the first. */
static int bind_list(struct binding *b, const struct evio_addr_spec *spec,
                     const struct addrinfo *list)
{
    int first = b->bound->count, missing = -EADDRNOTAVAIL;
    in_port_t port = 0;
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        if (seen_before(list, ai))
            continue;
        int err = bind_one(b, spec, ai, port);
        if (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT) {
            missing = err;
            continue;
        }
        if (err) {
            while (b->bound->count > first)
                drop_item(b->bound, b->num_loops);
            return err;
        }
        port = get_port(&b->bound->items[first].sa);
    }
    return b->bound->count > first ? 0 : missing;
}

static int bind_inet(struct binding *b, const struct evio_addr_spec *spec)
{
    struct addrinfo *list = NULL;
    int ret = evio_addr_resolve(spec, true, false, &list);
    if (ret)
        return ret;
    int tries = strcmp(spec->port, "0") == 0 ? PORT_TRIES_MAX : 1;
    do
        ret = bind_list(b, spec, list);
    while (ret == -EADDRINUSE && --tries > 0);
    freeaddrinfo(list);
    return ret;
}

/* ---- unix ---- */

/* Whether a server answers there: only then the file is somebody's. */
static bool is_live(const struct sockaddr_un *un)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    bool refused = connect(fd, (const struct sockaddr *)un, sizeof(*un)) && errno == ECONNREFUSED;
    close(fd);
    return !refused;
}

static int bind_path(int fd, const struct sockaddr_un *un)
{
    if (bind(fd, (const struct sockaddr *)un, sizeof(*un)) == 0)
        return 0;
    struct stat st;
    if (errno != EADDRINUSE)
        return -errno;
    if (stat(un->sun_path, &st) || !S_ISSOCK(st.st_mode) || is_live(un))
        return -EADDRINUSE;
    if (unlink(un->sun_path) && errno != ENOENT)
        return -errno;
    return bind(fd, (const struct sockaddr *)un, sizeof(*un)) ? -errno : 0;
}

static int bind_unix(struct binding *b, const struct evio_addr_spec *spec)
{
    struct evio_bound_addr *a = add_item(b);
    if (!a)
        return -ENOMEM;
    struct stat st;
    memcpy(&a->sa, &spec->path, sizeof(spec->path));
    a->sa_len = sizeof(spec->path);
    a->family = AF_UNIX;
    a->type = SOCK_STREAM;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    a->fds[0] = fd;
    int ret = fd < 0 ? -errno : bind_path(fd, &spec->path);
    if (ret == 0 && stat(spec->path.sun_path, &st) == 0) {
        a->owns_path = true;
        a->dev = st.st_dev;
        a->ino = st.st_ino;
    }
    /* The mode before listen(2), so that nobody gets in before it holds. */
    if (ret == 0 && b->options->unix_mode &&
        chmod(spec->path.sun_path, (mode_t)b->options->unix_mode))
        ret = -errno;
    if (ret == 0 && listen(fd, b->options->backlog))
        ret = -errno;
    if (ret)
        drop_item(b->bound, b->num_loops);
    else
        describe(a);
    return ret;
}

/* ---- sockets of the parent process ---- */

static int inherit(struct binding *b, int fd)
{
    int type = 0, listening = 0, one = 1;
    socklen_t len = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
        return -errno;
    len = sizeof(listening);
    if (type == SOCK_STREAM &&
        (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) || !listening))
        return -EINVAL;
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return -EPROTOTYPE;
    struct evio_bound_addr *a = add_item(b);
    if (!a)
        return -ENOMEM;
    a->sa_len = sizeof(a->sa);
    if (getsockname(fd, (struct sockaddr *)&a->sa, &a->sa_len) ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC)) {
        int err = errno;
        drop_item(b->bound, b->num_loops);
        return -err;
    }
    a->family = a->sa.ss_family;
    a->type = type;
    if (a->family != AF_UNIX && type == SOCK_STREAM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    describe(a);
    a->fds[0] = fd;
    return 0;
}

static int inherit_all(struct binding *b)
{
    int ret = 0;
    for (int i = 0; i < b->options->inherited_count && ret == 0; i++) {
        b->index = i;
        ret = inherit(b, b->options->inherited_fds[i]);
    }
    /* On an error they stay the caller's. */
    for (int i = 0; ret && i < b->bound->count; i++)
        b->bound->items[i].fds[0] = -1;
    return ret;
}

int evio_bound_open(struct evio_bound *bound, const struct evio_options *o, int num_loops,
                    const char *const *addrs, int addr_count, int *failed)
{
    struct binding b = { bound, o, num_loops, 0 };
    int ret = 0;
    bound->num_loops = num_loops;
    if (o->inherited_count > 0) {
        ret = inherit_all(&b);
    } else {
        for (; b.index < addr_count && ret == 0; b.index++) {
            struct evio_addr_spec spec;
            ret = evio_addr_parse(addrs[b.index], &spec);
            if (ret == 0)
                ret = spec.family == AF_UNIX ? bind_unix(&b, &spec) : bind_inet(&b, &spec);
            if (ret)
                break;
        }
    }
    *failed = ret ? b.index : -1;
    if (ret)
        evio_bound_close(bound);
    return ret;
}

void evio_bound_close(struct evio_bound *b)
{
    while (b->count > 0)
        drop_item(b, b->num_loops);
    free(b->items);
    b->items = NULL;
    b->room_count = 0;
}
