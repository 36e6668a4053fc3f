/* The lane against its promise: one inside at a time, and what was pushed before a call is run, by the caller or by the one
 * inside, without anybody waiting. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "kv/engine/lane.h"

enum { SENDERS = 4, PER_SENDER = 20000 };

struct numbered {
    struct message msg;
    int sender, number;
};

/* What the lane guards: no atomics, so that the ThreadSanitizer build sees two inside. */
struct shared {
    struct lane lane;
    int inside, seen[SENDERS];
    bool in_order;
};

struct sender {
    pthread_t thread;
    struct shared *shared;
    struct numbered *messages;
    int index;
};

static void run_inbox(struct shared *s)
{
    struct message *m;
    s->in_order &= ++s->inside == 1;
    while ((m = inbox_peek(&s->lane.inbox))) {
        struct numbered *n = (struct numbered *)m;
        inbox_pop(&s->lane.inbox, m);
        s->in_order &= n->number == s->seen[n->sender];
        s->seen[n->sender]++;
    }
    s->inside--;
}

static void serve(struct shared *s)
{
    if (!lane_take(&s->lane))
        return;
    do
        run_inbox(s);
    while (!lane_leave(&s->lane));
}

static void *send_all(void *arg)
{
    struct sender *p = arg;
    for (int i = 0; i < PER_SENDER; i++) {
        p->messages[i].sender = p->index;
        p->messages[i].number = i;
        inbox_push(&p->shared->lane.inbox, &p->messages[i].msg);
        serve(p->shared);
    }
    return NULL;
}

Test(lane, taken_free_and_called)
{
    struct lane l;
    lane_init(&l);
    cr_assert(lane_take(&l));
    cr_assert(lane_leave(&l), "nobody came");
    cr_assert(lane_take(&l));
    cr_assert_not(lane_take(&l), "one is inside");
    cr_assert_not(lane_take(&l));
    cr_assert_not(lane_leave(&l), "somebody called: still inside");
    cr_assert(lane_leave(&l), "any number of calls is one more look");
    cr_assert(lane_take(&l));
}

Test(lane, nothing_that_was_sent_stays_behind)
{
    struct shared *s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);
    struct sender p[SENDERS];
    memset(s, 0, sizeof(*s));
    lane_init(&s->lane);
    s->in_order = true;
    for (int i = 0; i < SENDERS; i++) {
        p[i].index = i;
        p[i].shared = s;
        p[i].messages = calloc(PER_SENDER, sizeof(struct numbered));
        pthread_create(&p[i].thread, NULL, send_all, &p[i]);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(p[i].thread, NULL);
    cr_assert(s->in_order, "one at a time, each sender's in its order");
    for (int i = 0; i < SENDERS; i++) {
        cr_assert_eq(s->seen[i], PER_SENDER, "all has been run when the last sender has returned");
        free(p[i].messages);
    }
    cr_assert_null(inbox_peek(&s->lane.inbox));
    free(s);
}
