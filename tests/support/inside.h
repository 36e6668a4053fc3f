/* inside: a whole server in the test's own process, so that a test can look into it. Either it stands still (no loop runs:
 * the test's threads take the loops' part and call the engine themselves) or it runs on a thread of its own, with a unix
 * socket for clients. What goes wrong here fails the test. */
#ifndef TESTS_SUPPORT_INSIDE_H
#define TESTS_SUPPORT_INSIDE_H

#include <pthread.h>
#include <stdbool.h>

#include "kv/admin/config.h"
#include "kv/server.h"

struct inside {
    struct server *server;
    struct config config;
    struct log *log;
    char dir[64], path[96];
    pthread_t thread;
    bool runs;
};

/* directives: "--name", "value", ... up to NULL; may be NULL. */
void inside_init(struct inside *in, int loops, const char *const *directives); /* stands still */
void inside_start(struct inside *in, int loops, const char *const *directives);
/* Ends it in order, if it runs; fails unless it returned 0. */
void inside_stop(struct inside *in);
void inside_join(struct inside *in); /* the same, when something else has told it to stop */
/* Runs fn(worker, arg) on each loop's thread, one loop after the other, and waits for it. */
void inside_each(struct inside *in, void (*fn)(struct worker *w, void *arg), void *arg);

/* A client's socket. Connections go to the loops in turn. */
int inside_client(const struct inside *in);
/* Sends `send`, and fails unless exactly `want` comes back. A NULL `send` sends nothing. */
#define inside_ask(fd, send, want) inside_ask_at((fd), (send), (want), __FILE__, __LINE__)
void inside_ask_at(int fd, const char *send, const char *want, const char *file, int line);
/* Fails unless the server closes without a further byte. Closes fd. */
void inside_expect_end(int fd);

#endif
