/* rng: a small repeatable random generator (xorshift64*). The seed is all its state. */
#ifndef TESTS_SUPPORT_RNG_H
#define TESTS_SUPPORT_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline void rng_init(struct rng *r, uint64_t seed)
{
    r->state = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
    if (r->state == 0)
        r->state = 1;
}

static inline uint64_t rng_next(struct rng *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1du;
}

/* 0 .. bound - 1. */
static inline uint64_t rng_below(struct rng *r, uint64_t bound)
{
    return (rng_next(r) >> 11) % bound;
}

/* True in `percent` of 100. */
static inline int rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

#endif
