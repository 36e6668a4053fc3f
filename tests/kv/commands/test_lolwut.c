#include <criterion/criterion.h>
#include <string.h>

#include "kv/commands/lolwut.h"

enum { LINES = 16, CELLS = 64 };

/* Characters, not bytes: what goes on with 10xxxxxx is no beginning. */
static int characters(const char *from, const char *to)
{
    int n = 0;
    for (; from < to; from++)
        n += (*from & 0xc0) != 0x80;
    return n;
}

Test(lolwut, every_seed_draws_the_same_picture_again_and_within_its_frame)
{
    static char a[LOLWUT_BYTES], b[LOLWUT_BYTES];
    for (uint64_t seed = 0, i = 0; i < 500;
         i++, seed = seed * 6364136223846793005u + 1442695040888963407u) {
        size_t n = lolwut_draw(seed, a);
        cr_assert(n < LOLWUT_BYTES - 1024);
        cr_assert_eq(lolwut_draw(seed, b), n);
        cr_assert_eq(memcmp(a, b, n), 0);
        const char *line = a;
        for (int y = 0; y < LINES; y++) {
            const char *end = memchr(line, '\n', (size_t)(a + n - line));
            cr_assert_not_null(end);
            cr_assert_eq(characters(line, end), CELLS);
            line = end + 1;
        }
        cr_assert_eq(memcmp(line, "\nRule ", 6), 0);
    }
}

/* Rule 90, from one cell in the middle: the row below it has the cell's two neighbours. */
Test(lolwut, rule_90_from_one_cell)
{
    static char a[LOLWUT_BYTES];
    lolwut_draw(6, a);
    const char *p = a;
    for (int i = 0; i < CELLS; i++) {
        const char *want = i == 32 ? "\xe2\x96\x80" : i == 31 || i == 33 ? "\xe2\x96\x84" : " ";
        cr_assert_eq(memcmp(p, want, strlen(want)), 0, "cell %d", i);
        p += strlen(want);
    }
    cr_assert_not_null(strstr(p, "\nRule 90, "));
}
