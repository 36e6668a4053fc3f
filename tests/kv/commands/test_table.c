#include <criterion/criterion.h>

#include "kv/commands/table.h"

static int find_keys(const char *name, int argc, int *indexes)
{
    static const struct slice args[] = { SLICE("x"), SLICE("2"), SLICE("a"), SLICE("b"),
                                         SLICE("c"), SLICE("d"), SLICE("e") };
    struct cmd_table *t = cmd_table_new();
    const struct cmd *c = cmd_table_find(t, slice_str(name));
    cr_assert_not_null(c, "%s", name);
    int n = cmd_keys(c->spec, args, argc, indexes, 8);
    cmd_table_free(t);
    return n;
}

Test(table, finds_without_regard_to_case)
{
    struct cmd_table *t = cmd_table_new();
    const struct cmd *get = cmd_table_find(t, SLICE("get"));
    cr_assert_not_null(get);
    cr_assert_eq(cmd_table_find(t, SLICE("GeT")), get);
    cr_assert_null(cmd_table_find(t, SLICE("ge")));
    cr_assert_null(cmd_table_find(t, SLICE("gett")));
    cr_assert_null(cmd_table_find(t, SLICE("")));
    cr_assert_null(cmd_table_find(t, SLICE("g\xc5t")));
    const struct cmd *client = cmd_table_find(t, SLICE("client"));
    const struct cmd *list = cmd_find_sub(client, SLICE("LIST"));
    cr_assert_str_eq(list->full_name, "client|list");
    cr_assert_eq(list->parent, client);
    cr_assert_null(cmd_find_sub(client, SLICE("nothing")));
    cmd_table_free(t);
}

Test(table, ids_are_dense_and_names_findable)
{
    struct cmd_table *t = cmd_table_new();
    for (int i = 0; i < cmd_table_id_count(t); i++) {
        const struct cmd *c = cmd_table_by_id(t, i);
        cr_assert_eq(c->id, i);
        if (!c->parent)
            cr_assert_eq(cmd_table_find(t, slice_str(c->spec->name)), c);
    }
    cmd_table_free(t);
}

Test(table, keys_follow_the_specification)
{
    int at[8];
    cr_assert_eq(find_keys("get", 2, at), 1);
    cr_assert_eq(at[0], 1);
    cr_assert_eq(find_keys("mget", 4, at), 3);
    cr_assert_eq(at[2], 3);
    cr_assert_eq(find_keys("mset", 5, at), 2);
    cr_assert_eq(at[1], 3);
    cr_assert_eq(find_keys("mset", 4, at), -1, "a key without a value");
    cr_assert_eq(find_keys("msetex", 6, at), 2);
    cr_assert_eq(at[0], 2);
    cr_assert_eq(at[1], 4);
    cr_assert_eq(find_keys("msetex", 4, at), -1, "fewer than promised");
    cr_assert_eq(find_keys("ping", 1, at), 0);
}
