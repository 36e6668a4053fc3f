/* lolwut: an elementary cellular automaton (Wolfram 1983) runs down the screen; two of its rows
 * make one line. The seed picks the rule out of those with something to look at, and the first
 * row. */
#include "kv/commands/lolwut.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CELLS = 64, ROWS = 16 };

/* Two rows of cells in one line of text. */
static const char *const blocks[4] = { " ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88" };

/* One bit a cell, the world is a ring. */
static uint64_t next_row(uint64_t row, int rule)
{
    uint64_t left = row << 1 | row >> (CELLS - 1), right = row >> 1 | row << (CELLS - 1);
    uint64_t next = 0;
    for (int i = 0; i < CELLS; i++) {
        int around = (int)((left >> i & 1) | (row >> i & 1) << 1 | (right >> i & 1) << 2);
        next |= (uint64_t)(rule >> around & 1) << i;
    }
    return next;
}

size_t lolwut_draw(uint64_t random, char out[LOLWUT_BYTES])
{
    static const uint8_t rules[] = { 18, 22, 30, 45, 60, 73, 90, 105, 110, 126, 150, 182 };
    int rule = rules[random % sizeof(rules)];
    uint64_t row = random >> 8 & random << 24;
    size_t n = 0;
    if (!row)
        row = 1ull << (CELLS / 2);
    for (int y = 0; y < ROWS; y++) {
        uint64_t upper = row;
        uint64_t lower = next_row(upper, rule);
        for (int x = 0; x < CELLS; x++) {
            const char *block = blocks[(upper >> x & 1) << 1 | (lower >> x & 1)];
            size_t len = strlen(block);
            memcpy(out + n, block, len);
            n += len;
        }
        out[n++] = '\n';
        row = next_row(lower, rule);
    }
    assert(n < LOLWUT_BYTES - 1024);
    n += (size_t)snprintf(out + n, LOLWUT_BYTES - n, "\nRule %d, on a ring of %d cells. ", rule,
                          CELLS);
    return n;
}
