/* load: fills a server with distinct keys over one pipelined connection, and checks each reply.
 *     load PORT PREFIX COUNT VALUE_BYTES
 * Keys are PREFIX and 12 digits, from 0 on: those that redis-benchmark -r COUNT asks for. VALUE_BYTES 0: the number 0. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH_COUNT = 500,
    COMMAND_BYTES_MAX = 4096,
    VALUE_BYTES_MAX = 2048,
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static int connect_to(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        die("connect");
    return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0)
            die("send");
        data += sent;
        len -= (size_t)sent;
    }
}

static void expect_ok(int fd, size_t count)
{
    static const char ok[] = "+OK\r\n";
    char in[BATCH_COUNT * (sizeof(ok) - 1)];
    size_t want = count * (sizeof(ok) - 1), got = 0;
    while (got < want) {
        ssize_t len = recv(fd, in + got, want - got, 0);
        if (len <= 0)
            die("recv");
        got += (size_t)len;
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(in + i * (sizeof(ok) - 1), ok, sizeof(ok) - 1) != 0) {
            errno = EPROTO;
            die("a reply other than OK");
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: load PORT PREFIX COUNT VALUE_BYTES\n");
        return EXIT_FAILURE;
    }
    const char *prefix = argv[2];
    long count = atol(argv[3]);
    int value_bytes = atoi(argv[4]);
    if (value_bytes < 0 || value_bytes > VALUE_BYTES_MAX || strlen(prefix) > 64) {
        errno = EINVAL;
        die("arguments");
    }
    char value[VALUE_BYTES_MAX];
    memset(value, value_bytes ? 'x' : '0', sizeof(value));
    value_bytes = value_bytes ? value_bytes : 1;

    int fd = connect_to(atoi(argv[1]));
    char *out = malloc((size_t)BATCH_COUNT * COMMAND_BYTES_MAX);
    if (!out)
        die("malloc");
    for (long i = 0; i < count;) {
        size_t len = 0, batch = 0;
        for (; i < count && batch < BATCH_COUNT; i++, batch++)
            len +=
                (size_t)snprintf(out + len, COMMAND_BYTES_MAX,
                                 "*3\r\n$3\r\nSET\r\n$%zu\r\n%s%012ld\r\n$%d\r\n%.*s\r\n",
                                 strlen(prefix) + 12, prefix, i, value_bytes, value_bytes, value);
        send_all(fd, out, len);
        expect_ok(fd, batch);
    }
    close(fd);
    free(out);
    return EXIT_SUCCESS;
}
