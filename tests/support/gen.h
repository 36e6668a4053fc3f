/* gen: random commands, right and wrong, for the differential test. Few keys, so that commands
 * meet; values and options that lie on the edges. What it makes gives the same reply on every
 * right server, but for what `same` forgives: no relative expiry is short, and no two are so
 * close that the milliseconds between two commands could decide a comparison. */
#ifndef TESTS_SUPPORT_GEN_H
#define TESTS_SUPPORT_GEN_H

#include "tests/support/bytes.h"
#include "tests/support/rng.h"

struct gen {
    struct rng rng;
    int proto;
    long made; /* also what keeps expiries apart */
};

void gen_init(struct gen *g, uint64_t seed, int proto);
/* One command. RESET is not made: it would leave the protocol that is tested. */
void gen_command(struct gen *g, struct args *out);

#endif
