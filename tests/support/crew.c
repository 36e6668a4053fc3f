/* crew: see crew.h. */
#include "tests/support/crew.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

static void *member_main(void *arg)
{
    struct member *m = arg;
    m->run(m);
    return NULL;
}

void crew_run(struct proc *p, void *shared, void (*const *run)(struct member *), int count,
              int workers)
{
    struct crew crew = { .proc = p, .shared = shared, .seed = test_seed() };
    struct member members[CREW_MAX];
    cr_assert_leq(count, CREW_MAX);
    atomic_init(&crew.stop, false);
    atomic_init(&crew.workers_left, workers);
    pthread_mutex_init(&crew.mutex, NULL);
    for (int i = 0; i < count; i++) {
        members[i] = (struct member){ .crew = &crew, .index = i, .run = run[i] };
        members[i].wire = wire_open(p);
        rng_init(&members[i].rng, crew.seed + (uint64_t)i * 7919);
    }
    for (int i = 0; i < count; i++)
        cr_assert(pthread_create(&members[i].thread, NULL, member_main, &members[i]) == 0);
    for (int i = 0; i < count; i++) {
        pthread_join(members[i].thread, NULL);
        wire_close(members[i].wire);
    }
    pthread_mutex_destroy(&crew.mutex);
    cr_assert(crew.finding.len == 0, "TEST_SEED=%llu: %s", (unsigned long long)crew.seed,
              crew.finding.ptr);
}

void crew_done(struct member *m)
{
    if (atomic_fetch_sub(&m->crew->workers_left, 1) == 1)
        atomic_store(&m->crew->stop, true);
}

bool crew_stopped(const struct member *m)
{
    return atomic_load(&m->crew->stop);
}

void crew_fail(struct member *m, const char *format, ...)
{
    char text[2000];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    pthread_mutex_lock(&m->crew->mutex);
    if (m->crew->finding.len == 0)
        bytes_printf(&m->crew->finding, "client %d: %s", m->index, text);
    pthread_mutex_unlock(&m->crew->mutex);
    atomic_store(&m->crew->stop, true);
}
