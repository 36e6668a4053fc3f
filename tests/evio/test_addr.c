/* Addresses as text, both ways. */
#include "evio/addr.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>

#include "evio/evio.h"

Test(addr, parses_what_the_header_promises)
{
    struct evio_addr_spec a;
    cr_assert_eq(evio_addr_parse("tcp://127.0.0.1:80", &a), 0);
    cr_assert(a.family == AF_UNSPEC && a.type == SOCK_STREAM && !a.reuseport);
    cr_assert_str_eq(a.host, "127.0.0.1");
    cr_assert_str_eq(a.port, "80");
    cr_assert_eq(evio_addr_parse("udp6://[::1]:0?reuseport=true", &a), 0);
    cr_assert(a.family == AF_INET6 && a.type == SOCK_DGRAM && a.reuseport);
    cr_assert_str_eq(a.host, "::1");
    cr_assert_eq(evio_addr_parse("tcp4://:65535?reuseport=false", &a), 0);
    cr_assert(a.family == AF_INET && !a.reuseport);
    cr_assert_str_eq(a.host, "");
    cr_assert_eq(evio_addr_parse("unix:///run/a.sock?reuseport=1", &a), 0);
    cr_assert(a.family == AF_UNIX && !a.reuseport, "unix has no reuseport");
    cr_assert_str_eq(a.path.sun_path, "/run/a.sock");
}

Test(addr, names_that_do_not_fit_are_refused)
{
    char text[600];
    struct evio_addr_spec a;
    memset(text, 'x', sizeof(text));
    memcpy(text, "unix://", 7);
    text[7 + sizeof(a.path.sun_path)] = '\0';
    cr_assert_eq(evio_addr_parse(text, &a), -ENAMETOOLONG);
    text[7 + sizeof(a.path.sun_path) - 1] = '\0';
    cr_assert_eq(evio_addr_parse(text, &a), 0);
    memset(text, 'x', sizeof(text));
    memcpy(text, "tcp://", 6);
    memcpy(text + 500, ":80", 4);
    cr_assert_eq(evio_addr_parse(text, &a), -ENAMETOOLONG);
}

Test(addr, formats_every_family_and_never_past_the_end)
{
    char out[64];
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(50000) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) };
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
    inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
    inet_pton(AF_INET6, "::1", &in6.sin6_addr);
    cr_assert_eq(evio_addr_format((void *)&in, sizeof(in), out, sizeof(out)), 15);
    cr_assert_str_eq(out, "127.0.0.1:50000");
    evio_addr_format((void *)&in6, sizeof(in6), out, sizeof(out));
    cr_assert_str_eq(out, "[::1]:1");
    evio_addr_format((void *)&un, sizeof(un), out, sizeof(out));
    cr_assert_str_eq(out, "/run/x:0");
    evio_addr_format((void *)&un, sizeof(sa_family_t), out, sizeof(out));
    cr_assert_str_eq(out, ":0");
    evio_addr_format(NULL, 0, out, sizeof(out));
    cr_assert_str_eq(out, "?:0");
    cr_assert_eq(evio_addr_format((void *)&in, sizeof(in), out, 5), 15);
    cr_assert_str_eq(out, "127.");
}
