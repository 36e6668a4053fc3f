#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kv/admin/config.h"
#include "kv/commands/spec.h"
#include "tests/support/fake_call.h"

static struct fake *f;

static void begin(void)
{
    f = fake_new(keyspace_command_specs(), 2);
    fake_also(f, string_command_specs());
}

static void end(void)
{
    fake_free(f);
}

TestSuite(keyspace_commands, .init = begin, .fini = end);

#define RUN(...) fake_run(f, __VA_ARGS__, NULL)
#define EXPECT(reply, ...) cr_expect_str_eq(RUN(__VA_ARGS__), reply)

/* On both shards. */
static int dbsize(int db)
{
    int sum = 0;
    fake_db(f, db);
    for (int i = 0; i < 2; i++) {
        fake_on(f, i);
        sum += RUN("dbsize")[1] - '0';
    }
    fake_on(f, 0);
    return sum;
}

static void fill(int db)
{
    fake_db(f, db);
    RUN("mset", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6");
}

Test(keyspace_commands, flushdb_empties_one_database_of_a_shard)
{
    fill(0);
    fill(1);
    cr_expect_eq(dbsize(0), 6);
    EXPECT("+OK\r\n", "flushdb");
    cr_expect_str_eq(RUN("dbsize"), ":0\r\n");
    cr_expect_gt(dbsize(0), 0);
    fake_on(f, 1);
    EXPECT("+OK\r\n", "flushdb", "async");
    cr_expect_eq(dbsize(0), 0);
    cr_expect_eq(dbsize(1), 6);
}

Test(keyspace_commands, flushall_empties_all_databases_of_a_shard)
{
    fill(0);
    fill(15);
    fake_on(f, 0);
    EXPECT("+OK\r\n", "flushall", "SYNC");
    fake_on(f, 1);
    EXPECT("+OK\r\n", "flushall");
    cr_expect_eq(dbsize(0), 0);
    cr_expect_eq(dbsize(15), 0);
    EXPECT("-ERR syntax error\r\n", "flushall", "sync", "async");
    EXPECT("-ERR syntax error\r\n", "flushdb", "now");
}

Test(keyspace_commands, swapdb)
{
    fill(0);
    for (int i = 0; i < 2; i++) {
        fake_on(f, i);
        EXPECT("+OK\r\n", "swapdb", "0", "3");
        EXPECT("+OK\r\n", "swapdb", "3", "3");
    }
    cr_expect_eq(dbsize(0), 0);
    cr_expect_eq(dbsize(3), 6);
    EXPECT("-ERR invalid first DB index\r\n", "swapdb", "x", "3");
    EXPECT("-ERR invalid second DB index\r\n", "swapdb", "0", "2147483648");
    EXPECT("-ERR DB index is out of range\r\n", "swapdb", "0", "16");
    EXPECT("-ERR DB index is out of range\r\n", "swapdb", "-1", "0");
}

Test(keyspace_commands, debug_only_where_it_is_allowed)
{
    const char *refused = "-ERR DEBUG command not allowed.";
    cr_expect(strncmp(RUN("debug", "sleep", "0"), refused, strlen(refused)) == 0);
    fake_config(f)->enable_debug_command = LOCAL_YES;
    EXPECT("+OK\r\n", "debug", "sleep", "0");
    EXPECT("+OK\r\n", "debug", "set-active-expire", "0");
    EXPECT("-ERR unknown subcommand or wrong number of arguments for 'Sleep'. Try DEBUG HELP.\r\n",
           "debug", "Sleep");
    EXPECT("-ERR no such key\r\n", "debug", "object", "none");
    RUN("set", "k", "1234");
    cr_expect_not_null(strstr(RUN("debug", "object", "k"),
                              " refcount:2147483647 encoding:int serializedlength:3 lru:"));
    cr_expect(strncmp(RUN("debug", "help"), "*11\r\n", 5) == 0);
}
