/* crew: several clients at once, a thread and a connection each. What a member finds wrong is
 * kept (the first finding), stops the others, and fails the test after all have ended. */
#ifndef TESTS_SUPPORT_CREW_H
#define TESTS_SUPPORT_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/support/proc.h"
#include "tests/support/rng.h"
#include "tests/support/wire.h"

enum { CREW_MAX = 16 };

struct crew {
    struct proc *proc;
    void *shared; /* the test's own */
    uint64_t seed;
    atomic_bool stop;        /* asks the members to end */
    atomic_int workers_left; /* members that have not called crew_done() */
    pthread_mutex_t mutex;
    struct bytes finding;
};

struct member {
    struct crew *crew;
    int index;
    struct wire *wire;
    struct rng rng;
    void (*run)(struct member *m);
    pthread_t thread;
};

/* Runs run[0..count) on a thread and a new connection each, waits for all, fails with what was
 * found. `workers` of them work a count of steps and call crew_done(); when the last has, stop
 * is set for those that only watch. */
void crew_run(struct proc *p, void *shared, void (*const *run)(struct member *), int count,
              int workers);
void crew_done(struct member *m);
bool crew_stopped(const struct member *m);
void crew_fail(struct member *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
