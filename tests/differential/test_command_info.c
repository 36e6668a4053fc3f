/* COMMAND INFO of every command that both servers know: arity, flags, keys and categories are
 * Redis's. Where Redis changed one after 7.0 the newer is right, and is named here. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

enum {
    INFO_NAME,
    INFO_ARITY,
    INFO_FLAGS,
    INFO_FIRST,
    INFO_LAST,
    INFO_STEP,
    INFO_ACL,
    INFO_TIPS,
    INFO_KEYS,
    INFO_SUBS
};

static void sort(struct value *v)
{
    if (v->count)
        qsort(v->item, v->count, sizeof(struct value *), value_compare);
}

static void compare_part(struct bytes *report, const char *name, const char *what,
                         const struct value *want, const struct value *got)
{
    if (value_equal(want, got))
        return;
    bytes_printf(report, "  %s %s\n    want ", name, what);
    value_print(want, report);
    bytes_add_str(report, "\n    got  ");
    value_print(got, report);
    bytes_add_str(report, "\n");
}

/* Remarks in key specifications are prose, not promises. */
static void drop_notes(struct value *specs)
{
    for (size_t i = 0; i < specs->count; i++) {
        struct value *s = specs->item[i];
        if (s->count < 2 || !value_text_is(s->item[0], "notes"))
            continue;
        value_free(s->item[0]);
        value_free(s->item[1]);
        s->count -= 2;
        memmove(s->item, s->item + 2, s->count * sizeof(*s->item));
    }
}

static void compare_row(struct bytes *report, struct value *want, struct value *got)
{
    static const char *const parts[] = { "name",     "arity", "flags",     "first key",
                                         "last key", "step",  "categories" };
    const char *name = want->item[INFO_NAME]->text;
    if (got->count != want->count) {
        bytes_printf(report, "  %s: %zu elements, not %zu\n", name, got->count, want->count);
        return;
    }
    for (int i = INFO_NAME; i <= INFO_ACL; i++) {
        if (want->item[i]->type == '*' || want->item[i]->type == '~') {
            sort(want->item[i]);
            sort(got->item[i]);
        }
        /* MOVE has learned REPLACE since. */
        if (i != INFO_ARITY || strcmp(name, "move") != 0)
            compare_part(report, name, parts[i], want->item[i], got->item[i]);
    }
    drop_notes(want->item[INFO_KEYS]);
    drop_notes(got->item[INFO_KEYS]);
    compare_part(report, name, "key specifications", want->item[INFO_KEYS], got->item[INFO_KEYS]);
    /* Subcommands that both have. */
    struct value *mine = want->item[INFO_SUBS], *theirs = got->item[INFO_SUBS];
    for (size_t i = 0; i < mine->count; i++) {
        for (size_t j = 0; j < theirs->count; j++) {
            if (value_equal(mine->item[i]->item[INFO_NAME], theirs->item[j]->item[INFO_NAME]))
                compare_row(report, mine->item[i], theirs->item[j]);
        }
    }
}

static void compare_commands(int proto)
{
    if (!proc_have("redis-server"))
        cr_skip_test("redis-server is not installed");
    struct proc_spec reference = { .reference = true };
    struct proc *redis = proc_start(&reference), *ours = proc_start_loops(2);
    struct wire *want = wire_open(redis), *got = wire_open(ours);
    struct bytes report = { 0 };
    int compared = 0;
    if (proto == 3) {
        value_free(wire_call(want, "HELLO 3"));
        value_free(wire_call(got, "HELLO 3"));
    }
    struct value *list = wire_call(got, "COMMAND LIST");
    long long count = 0;
    for (size_t i = 0; i < list->count; i++) {
        char line[96];
        if (!strchr(list->item[i]->text, '|'))
            count++;
        snprintf(line, sizeof(line), "COMMAND INFO %s", list->item[i]->text);
        struct value *a = wire_call(want, line), *b = wire_call(got, line);
        cr_assert(a->count == 1 && b->count == 1, "%s", line);
        if (!a->item[0]->null) {
            compare_row(&report, a->item[0], b->item[0]);
            compared++;
        }
        value_free(a);
        value_free(b);
    }
    cr_assert_eq(count, wire_integer(got, "COMMAND COUNT"));
    cr_assert_gt(compared, 50);
    cr_assert(report.len == 0, "RESP%d:\n%s", proto, report.ptr);
    value_free(list);
    wire_close(want);
    wire_close(got);
    proc_stop(ours);
    proc_stop(redis);
}

Test(command_info, resp2)
{
    compare_commands(2);
}

Test(command_info, resp3)
{
    compare_commands(3);
}
