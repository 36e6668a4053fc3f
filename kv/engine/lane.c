#include "kv/engine/lane.h"

#include <assert.h>

void lane_init(struct lane *l)
{
    inbox_init(&l->inbox);
    atomic_init(&l->state, LANE_FREE);
    l->due_ms = 0;
}

bool lane_take(struct lane *l)
{
    int state = atomic_load_explicit(&l->state, memory_order_relaxed);
    for (;;) {
        /* Also where it stays as it is it is written, so that whoever leaves sees what was pushed before. */
        int next = state == LANE_FREE ? LANE_TAKEN : LANE_CALLED;
        if (atomic_compare_exchange_weak_explicit(&l->state, &state, next, memory_order_acq_rel,
                                                  memory_order_relaxed))
            return state == LANE_FREE;
    }
}

bool lane_leave(struct lane *l)
{
    int state = LANE_TAKEN;
    if (atomic_compare_exchange_strong_explicit(&l->state, &state, LANE_FREE, memory_order_acq_rel,
                                                memory_order_relaxed))
        return true;
    assert(state == LANE_CALLED);
    atomic_exchange_explicit(&l->state, LANE_TAKEN, memory_order_acq_rel);
    return false;
}
