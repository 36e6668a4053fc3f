/* The queue against its promise: every message once, each producer's in its own order. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "kv/engine/inbox.h"

enum { PRODUCERS = 4, PER_PRODUCER = 20000 };

struct numbered {
    struct message msg;
    int producer, number;
};

struct producer {
    pthread_t thread;
    struct inbox *inbox;
    struct numbered *messages;
    int index;
};

static void *produce(void *arg)
{
    struct producer *p = arg;
    for (int i = 0; i < PER_PRODUCER; i++) {
        p->messages[i].producer = p->index;
        p->messages[i].number = i;
        inbox_push(p->inbox, &p->messages[i].msg);
    }
    return NULL;
}

Test(inbox, empty_has_nothing)
{
    struct inbox q;
    inbox_init(&q);
    cr_assert_null(inbox_peek(&q));
}

Test(inbox, one_thread_first_in_first_out)
{
    struct inbox q;
    struct message m[5];
    inbox_init(&q);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++)
            inbox_push(&q, &m[i]);
        for (int i = 0; i < 5; i++) {
            cr_assert_eq(inbox_peek(&q), &m[i]);
            cr_assert_eq(inbox_peek(&q), &m[i], "peek does not take");
            inbox_pop(&q, &m[i]);
        }
        cr_assert_null(inbox_peek(&q));
    }
}

Test(inbox, a_popped_message_may_be_pushed_again_at_once)
{
    struct inbox q;
    struct message m;
    inbox_init(&q);
    for (int i = 0; i < 100; i++) {
        inbox_push(&q, &m);
        cr_assert_eq(inbox_peek(&q), &m);
        inbox_pop(&q, &m);
    }
}

Test(inbox, many_producers_lose_and_reorder_nothing)
{
    struct inbox q;
    struct producer p[PRODUCERS];
    int seen[PRODUCERS] = { 0 };
    inbox_init(&q);
    for (int i = 0; i < PRODUCERS; i++) {
        p[i].index = i;
        p[i].inbox = &q;
        p[i].messages = calloc(PER_PRODUCER, sizeof(struct numbered));
        pthread_create(&p[i].thread, NULL, produce, &p[i]);
    }
    for (int got = 0; got < PRODUCERS * PER_PRODUCER;) {
        struct message *m = inbox_peek(&q);
        if (!m)
            continue;
        struct numbered *n = (struct numbered *)m;
        inbox_pop(&q, m);
        cr_assert_eq(n->number, seen[n->producer]);
        seen[n->producer]++;
        got++;
    }
    cr_assert_null(inbox_peek(&q));
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(p[i].thread, NULL);
        free(p[i].messages);
    }
}

/* A pusher stands between its two steps; another has pushed behind it. */
Test(inbox, cut_for_an_instant_is_not_empty)
{
    struct inbox q;
    struct message first = { 0 }, second = { 0 };
    inbox_init(&q);
    cr_assert(inbox_empty(&q));
    struct message *before = atomic_exchange(&q.head, &first);
    inbox_push(&q, &second);
    cr_assert_null(inbox_peek(&q), "it cannot be reached yet");
    cr_assert_not(inbox_empty(&q));
    atomic_store(&before->next, &first);
    cr_assert_eq(inbox_peek(&q), &first);
    inbox_pop(&q, &first);
    cr_assert_not(inbox_empty(&q));
    cr_assert_eq(inbox_peek(&q), &second);
    inbox_pop(&q, &second);
    cr_assert(inbox_empty(&q));
}
