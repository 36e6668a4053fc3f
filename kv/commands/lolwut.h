/* lolwut: a small drawing, different each time. Pure. */
#ifndef KV_COMMANDS_LOLWUT_H
#define KV_COMMANDS_LOLWUT_H

#include <stddef.h>
#include <stdint.h>

enum {
    LOLWUT_VERSION = 1, /* which drawing this is, for LOLWUT VERSION */
    LOLWUT_BYTES = 8 * 1024
};

/* Writes less than LOLWUT_BYTES minus 1024, no terminator; returns the length. */
size_t lolwut_draw(uint64_t random, char out[LOLWUT_BYTES]);

#endif
