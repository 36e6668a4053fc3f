/* wire: a client connection of the tests' own, RESP2 and RESP3, pipelined or byte by byte. Every
 * wait has a limit; what goes wrong fails the test with the end of the server's log. One thread
 * at a time. */
#ifndef TESTS_SUPPORT_WIRE_H
#define TESTS_SUPPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/bytes.h"
#include "tests/support/proc.h"
#include "tests/support/value.h"

struct wire {
    int fd;
    const struct proc *proc;
    bool eof; /* the server has closed, or reset */
    struct bytes in;
    size_t pos; /* in `in`: where the next value starts */
};

struct wire *wire_open(const struct proc *p); /* the unix socket if there is one */
struct wire *wire_open_tcp(const struct proc *p);
void wire_close(struct wire *w);
/* Closes so that the peer gets a reset (TCP). */
void wire_reset(struct wire *w);

/* Sends all; reads meanwhile, so that a long pipeline cannot lock both ends. */
void wire_send(struct wire *w, const void *ptr, size_t len);
void wire_send_args(struct wire *w, const struct args *a);
/* A line in the words of args_split, as a RESP request. */
void wire_send_line(struct wire *w, const char *line);
/* Half-close: nothing more will be sent. */
void wire_end(struct wire *w);

/* The next value; fails the test at the end of the connection. To be freed. */
struct value *wire_read(struct wire *w);
/* The same, NULL at the end of the connection. */
struct value *wire_read_or_end(struct wire *w);
/* Its bytes as they came: appended to `raw`. */
struct value *wire_read_raw(struct wire *w, struct bytes *raw);
/* True if no value and no end comes within `ms`. Only to show that something does not happen. */
bool wire_is_quiet(struct wire *w, int ms);
/* Fails unless the connection ends without a further value. */
void wire_expect_end(struct wire *w);

struct value *wire_call(struct wire *w, const char *line);
long long wire_integer(struct wire *w, const char *line); /* fails if the reply is no integer */
/* Sends the line, fails unless the reply prints (value_print) as `want`. A `want` that ends with
 * * matches by its start. */
#define wire_expect(w, line, want) wire_expect_at((w), (line), (want), __FILE__, __LINE__)
void wire_expect_at(struct wire *w, const char *line, const char *want, const char *file, int at);
/* The same for a reply that is due already. */
#define wire_expect_reply(w, want) wire_expect_at((w), NULL, (want), __FILE__, __LINE__)

#endif
