/* evio-http: answers every HTTP/1.0 and 1.1 request with one static page. Keep-alive, pipelining
 * and request bodies are understood, and nothing else: it shows the library, it serves no files. */
#include <strings.h>

#include "cmd/front/front.h"
#include "evio/evio.h"

enum {
    HEAD_MAX_BYTES = 64 * 1024,
    IDLE_MS = 60 * 1000,
};

/* One request's head: what matters to us. */
struct request {
    size_t head_bytes; /* with the empty line; 0: not complete yet */
    size_t body_bytes;
    bool keep_alive, head_only, bad;
};

static bool header_is(const char *line, size_t len, const char *name, const char **value,
                      size_t *value_len)
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    *value = line + n + 1;
    *value_len = len - n - 1;
    while (*value_len && (**value == ' ' || **value == '\t')) {
        ++*value;
        --*value_len;
    }
    return true;
}

static bool parse_length(const char *value, size_t len, size_t *out)
{
    size_t number = 0, digits = 0;
    for (; digits < len && value[digits] >= '0' && value[digits] <= '9'; digits++) {
        if (number > (SIZE_MAX - 9) / 10)
            return false;
        number = number * 10 + (size_t)(value[digits] - '0');
    }
    *out = number;
    return digits > 0;
}

static void parse_header(const char *line, size_t len, struct request *r)
{
    const char *value;
    size_t value_len;
    if (header_is(line, len, "connection", &value, &value_len)) {
        if (value_len >= 5 && strncasecmp(value, "close", 5) == 0)
            r->keep_alive = false;
        else if (value_len >= 10 && strncasecmp(value, "keep-alive", 10) == 0)
            r->keep_alive = true;
    } else if (header_is(line, len, "content-length", &value, &value_len)) {
        r->bad |= !parse_length(value, value_len, &r->body_bytes);
    } else if (header_is(line, len, "transfer-encoding", &value, &value_len)) {
        r->bad = true; /* chunked bodies are not for a static page */
    }
}

static struct request parse(struct evio_slice in)
{
    struct request r = { 0 };
    const char *at = in.ptr, *end = in.ptr + in.len, *newline;
    bool first = true;
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        size_t len = (size_t)(newline - at);
        if (len > 0 && at[len - 1] == '\r')
            len--;
        if (first) { /* "GET / HTTP/1.1" */
            r.bad = len < 14 || memcmp(at + len - 8, "HTTP/1.", 7) != 0;
            r.keep_alive = !r.bad && at[len - 1] == '1';
            r.head_only = len > 5 && memcmp(at, "HEAD ", 5) == 0;
        } else if (len == 0) {
            r.head_bytes = (size_t)(newline + 1 - in.ptr);
            return r;
        } else {
            parse_header(at, len, &r);
        }
        first = false;
        at = newline + 1;
    }
    r.bad = in.len > HEAD_MAX_BYTES;
    return r;
}

static int answer(struct evio_conn *c, const struct request *r, const char *text)
{
    size_t len = strlen(text), room;
    char *out = evio_conn_reserve(c, 160 + len, &room);
    if (!out)
        return -1;
    int n = snprintf(out, room,
                     "HTTP/1.1 %s\r\nServer: evio\r\nContent-Type: text/plain\r\n"
                     "Content-Length: %zu\r\nConnection: %s\r\n\r\n",
                     r->bad ? "400 Bad Request" : "200 OK", r->bad ? 0 : len,
                     r->keep_alive && !r->bad ? "keep-alive" : "close");
    size_t body = r->bad || r->head_only ? 0 : len;
    memcpy(out + n, text, body);
    evio_conn_commit(c, (size_t)n + body);
    return 0;
}

/* The connection's context counts the bytes of a body that are still to be skipped. */
static enum evio_action on_data(struct evio_conn *c)
{
    const struct front *h = evio_server_udata(evio_loop_server(evio_conn_loop(c)));
    size_t skip = (size_t)evio_conn_context(c);
    for (;;) {
        struct evio_slice in = evio_conn_input(c);
        size_t skipped = skip < in.len ? skip : in.len;
        evio_conn_consume(c, skipped);
        skip -= skipped;
        in = evio_conn_input(c);
        evio_conn_set_context(c, (void *)skip);
        if (in.len == 0 || skip > 0)
            return evio_conn_eof(c) ? EVIO_CLOSE : EVIO_NONE;
        struct request r = parse(in);
        if (r.head_bytes == 0 && !r.bad)
            return evio_conn_eof(c) ? EVIO_CLOSE : EVIO_NONE;
        if (answer(c, &r, h->text) || r.bad || !r.keep_alive)
            return EVIO_CLOSE;
        evio_conn_consume(c, r.head_bytes);
        skip = r.body_bytes;
    }
}

static enum evio_action on_opened(struct evio_conn *c)
{
    return evio_conn_set_idle_ms(c, IDLE_MS) ? EVIO_CLOSE : EVIO_NONE;
}

static const char help[] =
    "Usage: evio-http [options]\n"
    "Answers every HTTP request with one static page.\n"
    "\n"
    "  --port N        TCP port on every interface (default 8080; 0: any free one)\n"
    "  --unix PATH     a unix socket too\n"
    "  --text TEXT     the page (default \"Hello World!\")\n"
    "  --loops N       event loops; -1: one for each CPU this process may use (default 1)\n"
    "  --balance NAME  round-robin (default), random or least-connections\n"
    "  --reuseport     every loop has a listener of its own\n"
    "  --help          this text\n";

int main(int argc, char **argv)
{
    struct front f = { .name = "evio-http",
                       .help = help,
                       .takes_text = true,
                       .port = "8080",
                       .text = "Hello World!",
                       .options = { .high_water_bytes = 1024 * 1024, .thread_name = "http" } };
    const struct evio_events events = { .opened = on_opened, .data = on_data };
    f.options.udata = &f;
    return front_run(&f, &events, argc, argv);
}
