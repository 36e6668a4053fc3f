/* addr: addresses as users write them, "scheme://where?options". No state. */
#ifndef EVIO_ADDR_H
#define EVIO_ADDR_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct evio_addr_spec {
    int family; /* AF_UNSPEC: either of IPv4 and IPv6 */
    int type;   /* SOCK_STREAM, SOCK_DGRAM */
    bool reuseport;
    char host[256]; /* "": every interface */
    char port[8];
    struct sockaddr_un path; /* AF_UNIX */
};

int evio_addr_parse(const char *text, struct evio_addr_spec *out); /* 0 or -EINVAL, -ENAMETOOLONG */
/* Resolves with getaddrinfo(3); may ask the network unless `numeric`. 0 or a negative errno. */
int evio_addr_resolve(const struct evio_addr_spec *spec, bool passive, bool numeric,
                      struct addrinfo **out);

#endif
