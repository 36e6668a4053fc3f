#include "kv/store/alloc.h"

#ifdef EVIO_DEBUG
/* A countdown of each thread's own, for tests: the one piece of state that is not handed over by pointer, because an
 * allocator has nobody to hand it. Release builds have none of it. */
static _Thread_local uint64_t allocs_until_failure;
static _Thread_local bool has_failed;

void alloc_fail_nth(uint64_t nth)
{
    allocs_until_failure = nth;
    has_failed = false;
}

bool alloc_has_failed(void)
{
    return has_failed;
}

bool alloc_fails_now(void)
{
    if (allocs_until_failure == 0 || --allocs_until_failure > 0)
        return false;
    has_failed = true;
    return true;
}
#endif
