#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "kv/base/arena.h"

Test(arena, pieces_are_aligned_and_apart)
{
    struct arena a;
    arena_init(&a);
    enum { PIECES = 5000 };
    static unsigned char *piece[PIECES];
    static size_t bytes[PIECES];
    uint32_t random = 1;
    for (int i = 0; i < PIECES; i++) {
        random = random * 1664525 + 1013904223;
        /* Now and then larger than a block. */
        bytes[i] = i % 500 == 7 ? 100000 + (size_t)i : (random >> 16) % 300;
        if (i % 97 == 0)
            bytes[i] = 20000;
        piece[i] = arena_alloc(&a, bytes[i]);
        cr_assert_not_null(piece[i]);
        cr_assert_eq((uintptr_t)piece[i] % 8, 0);
        memset(piece[i], i & 0xff, bytes[i]);
    }
    for (int i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < bytes[i]; k++)
            cr_assert_eq(piece[i][k], i & 0xff, "piece %d was written over", i);
    }
    arena_deinit(&a);
}

Test(arena, nothing_is_allocated_before_it_is_asked_for)
{
    struct arena a;
    arena_init(&a);
    cr_assert_null(a.current);
    cr_assert_not_null(arena_alloc(&a, 0), "no bytes are not no memory");
    cr_assert_null(a.current);
    arena_reset(&a);
    cr_assert_null(a.current);
    arena_deinit(&a);
}

Test(arena, a_reset_gives_the_same_memory_again)
{
    struct arena a;
    arena_init(&a);
    char *first = arena_alloc(&a, 100);
    arena_alloc(&a, 1000);
    arena_reset(&a);
    cr_assert_eq(arena_alloc(&a, 64), first);

    /* Several blocks: the set of them stays the same from round to round. */
    char *seen[8];
    for (int round = 0; round < 5; round++) {
        arena_reset(&a);
        for (int i = 0; i < 8; i++) {
            char *p = arena_alloc(&a, ARENA_BLOCK_BYTES);
            cr_assert_not_null(p);
            memset(p, round, ARENA_BLOCK_BYTES);
            bool known = round == 0;
            for (int k = 0; !known && k < 8; k++)
                known = seen[k] == p;
            cr_assert(known || round == 1, "round %d allocated", round);
            if (round <= 1)
                seen[i] = p;
        }
    }
    arena_deinit(&a);
}

Test(arena, what_is_kept_over_a_reset_has_a_limit)
{
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 100; i++)
        memset(arena_alloc(&a, ARENA_BLOCK_BYTES), 1, ARENA_BLOCK_BYTES);
    memset(arena_alloc(&a, 8 * ARENA_KEEP_BYTES), 1, 8 * ARENA_KEEP_BYTES);
    arena_reset(&a);
    cr_assert_null(a.current);
    /* What is kept serves again without a new block; no more than the limit is. */
    int kept = 0;
    while (a.spare && kept < 1000) {
        cr_assert_not_null(arena_alloc(&a, ARENA_BLOCK_BYTES));
        kept++;
    }
    cr_assert_gt(kept, 0);
    cr_assert_leq(kept, ARENA_KEEP_BYTES / ARENA_BLOCK_BYTES);
    arena_deinit(&a);
}

Test(arena, reserved_room_is_there_and_uncut)
{
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 100; i++) {
        cr_assert(arena_reserve(&a, ARENA_RESERVE_MAX));
        char *room = a.pos;
        cr_assert_geq(a.end - a.pos, ARENA_RESERVE_MAX);
        memset(room, 1, ARENA_RESERVE_MAX);
        cr_assert_eq(arena_alloc(&a, 10000), room);
    }
    arena_deinit(&a);
}

Test(arena, memory_that_there_is_not)
{
    struct arena a;
    arena_init(&a);
    cr_assert_null(arena_alloc(&a, SIZE_MAX - 8));
    cr_assert_not_null(arena_alloc(&a, 8));
    arena_deinit(&a);
}
