/* Parsing, resolving and printing addresses, see addr.h. */
#include "evio/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>

#include "evio/evio.h"

static const struct {
    const char *prefix;
    int family, type;
} schemes[] = {
    { "tcp://", AF_UNSPEC, SOCK_STREAM }, { "tcp4://", AF_INET, SOCK_STREAM },
    { "tcp6://", AF_INET6, SOCK_STREAM }, { "udp://", AF_UNSPEC, SOCK_DGRAM },
    { "udp4://", AF_INET, SOCK_DGRAM },   { "udp6://", AF_INET6, SOCK_DGRAM },
    { "unix://", AF_UNIX, SOCK_STREAM },
};

static int parse_options(const char *text, struct evio_addr_spec *out)
{
    static const char key[] = "reuseport=";
    if (strncmp(text, key, sizeof(key) - 1) != 0)
        return -EINVAL;
    const char *value = text + sizeof(key) - 1;
    if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
        out->reuseport = out->family != AF_UNIX;
    else if (strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return -EINVAL;
    return 0;
}

static int copy(char *out, size_t out_bytes, const char *from, size_t len)
{
    if (len >= out_bytes)
        return -ENAMETOOLONG;
    memcpy(out, from, len);
    out[len] = '\0';
    return 0;
}

static int parse_host_port(const char *text, size_t len, struct evio_addr_spec *out)
{
    size_t colon = len;
    while (colon > 0 && text[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return -EINVAL;
    const char *port = text + colon, *host = text;
    size_t port_len = len - colon, host_len = colon - 1;
    if (port_len == 0 || port_len > 5)
        return -EINVAL;
    long number = 0;
    for (size_t i = 0; i < port_len; i++) {
        if (port[i] < '0' || port[i] > '9')
            return -EINVAL;
        number = number * 10 + port[i] - '0';
    }
    if (number > 65535)
        return -EINVAL;
    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host++;
        host_len -= 2;
    } else if (memchr(host, ':', host_len)) {
        return -EINVAL; /* an IPv6 address needs brackets */
    }
    int ret = copy(out->port, sizeof(out->port), port, port_len);
    return ret ? ret : copy(out->host, sizeof(out->host), host, host_len);
}

int evio_addr_parse(const char *text, struct evio_addr_spec *out)
{
    *out = (struct evio_addr_spec){ 0 };
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && !rest; i++) {
        size_t n = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, n) != 0)
            continue;
        out->family = schemes[i].family;
        out->type = schemes[i].type;
        rest = text + n;
    }
    if (!rest)
        return -EINVAL;
    const char *options = strchr(rest, '?');
    size_t len = options ? (size_t)(options - rest) : strlen(rest);
    int ret = options ? parse_options(options + 1, out) : 0;
    if (ret)
        return ret;
    if (out->family != AF_UNIX)
        return parse_host_port(rest, len, out);
    out->path.sun_family = AF_UNIX;
    return len ? copy(out->path.sun_path, sizeof(out->path.sun_path), rest, len) : -EINVAL;
}

static int error_of(int gai)
{
    switch (gai) {
    case 0:
        return 0;
    case EAI_SYSTEM:
        return errno ? -errno : -EIO;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_FAMILY:
    case EAI_ADDRFAMILY:
        return -EAFNOSUPPORT;
    default:
        return -EADDRNOTAVAIL; /* no such name */
    }
}

int evio_addr_resolve(const struct evio_addr_spec *spec, bool passive, bool numeric,
                      struct addrinfo **out)
{
    assert(spec->family != AF_UNIX);
    struct addrinfo hints = {
        .ai_family = spec->family,
        .ai_socktype = spec->type,
        .ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0) | (numeric ? AI_NUMERICHOST : 0),
    };
    return error_of(getaddrinfo(spec->host[0] ? spec->host : NULL, spec->port, &hints, out));
}

int evio_addr_format(const struct sockaddr *sa, socklen_t len, char *out, size_t out_bytes)
{
    char host[INET6_ADDRSTRLEN];
    if (sa && sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        return snprintf(out, out_bytes, "%s:%u", host, ntohs(in->sin_port));
    }
    if (sa && sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
        return snprintf(out, out_bytes, "[%s]:%u", host, ntohs(in->sin6_port));
    }
    if (sa && sa->sa_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)sa;
        size_t at = offsetof(struct sockaddr_un, sun_path);
        size_t path_max = len > at ? len - at : 0;
        return snprintf(out, out_bytes, "%.*s:0", (int)strnlen(un->sun_path, path_max),
                        un->sun_path);
    }
    return snprintf(out, out_bytes, "?:0");
}
