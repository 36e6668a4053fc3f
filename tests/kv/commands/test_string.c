#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "kv/admin/config.h"
#include "kv/commands/spec.h"
#include "tests/support/fake_call.h"

static struct fake *f;

static void begin(void)
{
    f = fake_new(string_command_specs(), 1);
    fake_also(f, generic_command_specs());
}

static void end(void)
{
    fake_free(f);
}

TestSuite(string_commands, .init = begin, .fini = end);

#define RUN(...) fake_run(f, __VA_ARGS__, NULL)
#define EXPECT(reply, ...) cr_expect_str_eq(RUN(__VA_ARGS__), reply)
#define SYNTAX "-ERR syntax error\r\n"
#define NOT_INTEGER "-ERR value is not an integer or out of range\r\n"
#define NOT_FLOAT "-ERR value is not a valid float\r\n"

Test(string_commands, get_and_set)
{
    EXPECT("$-1\r\n", "get", "k");
    EXPECT("+OK\r\n", "set", "k", "one");
    EXPECT("$3\r\none\r\n", "get", "k");
    EXPECT("+OK\r\n", "set", "k", "");
    EXPECT("$0\r\n\r\n", "get", "k");
    fake_proto(f, 3);
    EXPECT("_\r\n", "get", "none");
}

Test(string_commands, set_replaces_the_expiry_unless_told_to_keep_it)
{
    EXPECT("+OK\r\n", "set", "k", "v", "ex", "100");
    EXPECT(":100\r\n", "ttl", "k");
    EXPECT("+OK\r\n", "set", "k", "w", "KEEPTTL");
    EXPECT(":100\r\n", "ttl", "k");
    EXPECT("+OK\r\n", "set", "k", "x");
    EXPECT(":-1\r\n", "ttl", "k");
    EXPECT("+OK\r\n", "set", "k", "v", "PX", "1500", "px", "2500");
    EXPECT(":2500\r\n", "pttl", "k");
    EXPECT("+OK\r\n", "set", "k", "v", "exat", "1700000010");
    EXPECT(":10000\r\n", "pttl", "k");
    EXPECT("+OK\r\n", "set", "k", "v", "pxat", "1700000000007");
    EXPECT(":7\r\n", "pttl", "k");
    fake_sleep(f, 7);
    EXPECT("$-1\r\n", "get", "k");
}

Test(string_commands, set_with_an_expiry_in_the_past_takes_the_key_away)
{
    EXPECT("+OK\r\n", "set", "k", "v");
    EXPECT("+OK\r\n", "set", "k", "w", "pxat", "1");
    EXPECT(":0\r\n", "exists", "k");
    EXPECT("+OK\r\n", "set", "new", "w", "exat", "1");
    EXPECT(":0\r\n", "exists", "new");
}

Test(string_commands, set_nx_xx_get)
{
    EXPECT("$-1\r\n", "set", "k", "v", "xx");
    EXPECT("+OK\r\n", "set", "k", "v", "nx");
    EXPECT("$-1\r\n", "set", "k", "w", "nx");
    EXPECT("$1\r\nv\r\n", "set", "k", "w", "nx", "get");
    EXPECT("$1\r\nv\r\n", "set", "k", "w", "get");
    EXPECT("$1\r\nw\r\n", "set", "k", "x", "get", "xx");
    EXPECT("$1\r\nx\r\n", "get", "k");
    EXPECT("$-1\r\n", "set", "new", "x", "get", "xx");
    EXPECT(":0\r\n", "exists", "new");
}

Test(string_commands, set_options_that_exclude_each_other)
{
    EXPECT(SYNTAX, "set", "k", "v", "nx", "xx");
    EXPECT(SYNTAX, "set", "k", "v", "ex", "1", "px", "1");
    EXPECT(SYNTAX, "set", "k", "v", "ex", "1", "keepttl");
    EXPECT(SYNTAX, "set", "k", "v", "ifeq", "a", "nx");
    EXPECT(SYNTAX, "set", "k", "v", "ifeq", "a", "ifne", "b");
    EXPECT(SYNTAX, "set", "k", "v", "ex");
    EXPECT(SYNTAX, "set", "k", "v", "persist");
    EXPECT(SYNTAX, "set", "k", "v", "what");
    EXPECT(NOT_INTEGER, "set", "k", "v", "ex", "x");
    const char *invalid = "-ERR invalid expire time in 'set' command\r\n";
    EXPECT(invalid, "set", "k", "v", "ex", "0");
    EXPECT(invalid, "set", "k", "v", "exat", "-1");
    EXPECT(invalid, "set", "k", "v", "ex", "9223372036854776");
    EXPECT(invalid, "set", "k", "v", "px", "9223372036854775807");
    EXPECT(":0\r\n", "exists", "k");
}

Test(string_commands, set_if_equal)
{
    EXPECT("$-1\r\n", "set", "k", "v", "ifeq", "a");
    EXPECT("+OK\r\n", "set", "k", "12", "ifne", "a");
    EXPECT("$-1\r\n", "set", "k", "v", "ifeq", "012");
    EXPECT("+OK\r\n", "set", "k", "Hello world", "ifeq", "12");
    EXPECT("$-1\r\n", "set", "k", "v", "ifne", "Hello world");
    EXPECT("$-1\r\n", "set", "k", "v", "ifdne", "B6ACB9D84A38FF74");
    EXPECT("$11\r\nHello world\r\n", "set", "k", "v", "ifdeq", "0000000000000000", "get");
    EXPECT("-ERR the digest must be exactly 16 hexadecimal characters\r\n", "set", "k", "v",
           "ifdeq", "12");
    EXPECT("+OK\r\n", "set", "k", "v", "ifdeq", "b6acb9d84a38ff74");
    EXPECT("$1\r\nv\r\n", "get", "k");
    EXPECT("$-1\r\n", "set", "none", "v", "ifdeq", "12");
    EXPECT("+OK\r\n", "set", "none", "v", "ifdne", "12");
}

Test(string_commands, setnx_setex_getset_getdel)
{
    EXPECT(":1\r\n", "setnx", "k", "a");
    EXPECT(":0\r\n", "setnx", "k", "b");
    EXPECT("+OK\r\n", "setex", "k", "10", "c");
    EXPECT(":10\r\n", "ttl", "k");
    EXPECT("+OK\r\n", "psetex", "k", "20", "d");
    EXPECT(":20\r\n", "pttl", "k");
    EXPECT("-ERR invalid expire time in 'setex' command\r\n", "setex", "k", "0", "c");
    EXPECT("-ERR invalid expire time in 'psetex' command\r\n", "psetex", "k", "-1", "c");
    EXPECT("$1\r\nd\r\n", "getset", "k", "e");
    EXPECT(":-1\r\n", "ttl", "k");
    EXPECT("$-1\r\n", "getset", "new", "e");
    EXPECT("$1\r\ne\r\n", "getdel", "k");
    EXPECT("$-1\r\n", "getdel", "k");
}

Test(string_commands, getex)
{
    EXPECT("$-1\r\n", "getex", "k", "ex", "0");
    EXPECT(SYNTAX, "getex", "k", "keepttl");
    EXPECT(SYNTAX, "getex", "k", "persist", "ex", "1");
    RUN("set", "k", "v");
    EXPECT("-ERR invalid expire time in 'getex' command\r\n", "getex", "k", "ex", "0");
    EXPECT("$1\r\nv\r\n", "getex", "k", "persist");
    EXPECT("$1\r\nv\r\n", "getex", "k", "ex", "5");
    EXPECT("$1\r\nv\r\n", "getex", "k");
    EXPECT(":5\r\n", "ttl", "k");
    EXPECT("$1\r\nv\r\n", "getex", "k", "persist");
    EXPECT(":-1\r\n", "ttl", "k");
    EXPECT("$1\r\nv\r\n", "getex", "k", "exat", "1");
    EXPECT(":0\r\n", "exists", "k");
}

Test(string_commands, mget_mset)
{
    EXPECT("+OK\r\n", "mset", "a", "1", "b", "two", "a", "3");
    EXPECT("*3\r\n$1\r\n3\r\n$-1\r\n$3\r\ntwo\r\n", "mget", "a", "none", "b");
    EXPECT("-ERR wrong number of arguments for 'mset' command\r\n", "mset", "a", "1", "b");
    EXPECT("-ERR wrong number of arguments for 'msetnx' command\r\n", "msetnx", "a", "1", "b");
    EXPECT(":0\r\n", "msetnx", "c", "1", "a", "2");
    EXPECT(":0\r\n", "exists", "c");
    EXPECT(":1\r\n", "msetnx", "c", "1", "c", "2");
    EXPECT("$1\r\n2\r\n", "get", "c");
}

Test(string_commands, msetex)
{
    EXPECT(":1\r\n", "msetex", "2", "a", "1", "b", "2", "ex", "10");
    EXPECT(":10\r\n", "ttl", "b");
    EXPECT(":0\r\n", "msetex", "2", "c", "1", "b", "2", "NX");
    EXPECT(":0\r\n", "msetex", "2", "c", "1", "b", "2", "XX");
    EXPECT(":0\r\n", "exists", "c");
    EXPECT(":1\r\n", "msetex", "2", "a", "3", "b", "4", "xx", "keepttl");
    EXPECT(":10\r\n", "ttl", "a");
    EXPECT(":1\r\n", "msetex", "1", "a", "3");
    EXPECT(":-1\r\n", "ttl", "a");
    EXPECT(":1\r\n", "msetex", "1", "a", "3", "pxat", "1");
    EXPECT(":0\r\n", "exists", "a");
    EXPECT("-ERR invalid numkeys value\r\n", "msetex", "0", "a", "3");
    EXPECT("-ERR invalid numkeys value\r\n", "msetex", "2147483648", "a", "3");
    EXPECT("-ERR wrong number of key-value pairs\r\n", "msetex", "2", "a", "1", "b");
    EXPECT(SYNTAX, "msetex", "1", "a", "1", "b");
    EXPECT(SYNTAX, "msetex", "1", "a", "1", "nx", "xx");
}

Test(string_commands, append_and_setrange)
{
    EXPECT(":2\r\n", "append", "k", "12");
    EXPECT("$3\r\nint\r\n", "object", "encoding", "k");
    EXPECT(":4\r\n", "append", "k", "34");
    EXPECT("$3\r\nraw\r\n", "object", "encoding", "k");
    EXPECT(":7\r\n", "setrange", "k", "6", "x");
    cr_expect(memcmp(RUN("get", "k"), "$7\r\n1234\0\0x\r\n", 13) == 0);
    EXPECT(":7\r\n", "setrange", "k", "0", "9");
    EXPECT(":7\r\n", "setrange", "k", "100", "");
    EXPECT(":7\r\n", "strlen", "k");
    EXPECT(":0\r\n", "setrange", "none", "5", "");
    EXPECT(":0\r\n", "exists", "none");
    EXPECT("-ERR offset is out of range\r\n", "setrange", "k", "-1", "x");
}

Test(string_commands, strings_have_a_greatest_length)
{
    const char *too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    fake_config(f)->proto_max_bulk_len = 8;
    EXPECT(too_long, "setrange", "k", "8", "x");
    EXPECT(too_long, "setrange", "k", "9223372036854775807", "x");
    EXPECT(":8\r\n", "setrange", "k", "7", "x");
    EXPECT(too_long, "append", "k", "x");
    EXPECT(":8\r\n", "append", "k", "");
}

Test(string_commands, getrange)
{
    RUN("set", "k", "0123456789");
    EXPECT("$3\r\n123\r\n", "getrange", "k", "1", "3");
    EXPECT("$2\r\n89\r\n", "getrange", "k", "-2", "-1");
    EXPECT("$10\r\n0123456789\r\n", "getrange", "k", "-100", "100");
    EXPECT("$0\r\n\r\n", "getrange", "k", "5", "4");
    EXPECT("$0\r\n\r\n", "getrange", "k", "-1", "-5");
    EXPECT("$1\r\n0\r\n", "getrange", "k", "-20", "-15");
    EXPECT("$0\r\n\r\n", "getrange", "k", "-15", "-20");
    EXPECT("$0\r\n\r\n", "getrange", "k", "10", "20");
    EXPECT("$0\r\n\r\n", "getrange", "k", "9223372036854775807", "-9223372036854775808");
    EXPECT("$0\r\n\r\n", "substr", "none", "0", "-1");
    EXPECT(NOT_INTEGER, "getrange", "k", "a", "1");
    RUN("set", "n", "-12345");
    EXPECT("$2\r\n12\r\n", "substr", "n", "1", "2");
}

Test(string_commands, integers)
{
    EXPECT(":1\r\n", "incr", "k");
    EXPECT(":11\r\n", "incrby", "k", "10");
    EXPECT(":10\r\n", "decr", "k");
    EXPECT(":30\r\n", "decrby", "k", "-20");
    RUN("expire", "k", "100");
    EXPECT(":31\r\n", "incr", "k");
    EXPECT(":100\r\n", "ttl", "k");
    RUN("set", "k", "9223372036854775806");
    EXPECT(":9223372036854775807\r\n", "incr", "k");
    EXPECT("-ERR increment or decrement would overflow\r\n", "incr", "k");
    EXPECT("$19\r\n9223372036854775807\r\n", "get", "k");
    EXPECT("-ERR decrement would overflow\r\n", "decrby", "k", "-9223372036854775808");
    EXPECT(NOT_INTEGER, "incrby", "k", "1.5");
    RUN("set", "k", " 1");
    EXPECT(NOT_INTEGER, "incr", "k");
}

Test(string_commands, floats)
{
    EXPECT("$4\r\n10.5\r\n", "incrbyfloat", "k", "10.5");
    EXPECT("$4\r\n10.6\r\n", "incrbyfloat", "k", "0.1");
    EXPECT("$4\r\n5010\r\n", "incrbyfloat", "k", "4.9994e3");
    EXPECT(NOT_FLOAT, "incrbyfloat", "k", "x");
    EXPECT("-ERR increment would produce NaN or Infinity\r\n", "incrbyfloat", "k", "inf");
    RUN("set", "k", "x");
    EXPECT(NOT_FLOAT, "incrbyfloat", "k", "1");
    fake_proto(f, 3);
    EXPECT("$3\r\n1.5\r\n", "incrbyfloat", "new", "1.5");
}

Test(string_commands, increx_counts_within_bounds)
{
    EXPECT("*2\r\n:1\r\n:1\r\n", "increx", "k");
    EXPECT("*2\r\n:8\r\n:7\r\n", "increx", "k", "byint", "7", "ubound", "8");
    EXPECT("*2\r\n:8\r\n:0\r\n", "increx", "k", "ubound", "8", "ex", "10");
    EXPECT(":-1\r\n", "ttl", "k");
    EXPECT("*2\r\n:10\r\n:2\r\n", "increx", "k", "byint", "7", "ubound", "10", "saturate", "ex",
           "9");
    EXPECT(":9\r\n", "ttl", "k");
    EXPECT("*2\r\n:11\r\n:1\r\n", "increx", "k", "ex", "99", "enx");
    EXPECT(":9\r\n", "ttl", "k");
    EXPECT("*2\r\n:12\r\n:1\r\n", "increx", "k", "persist");
    EXPECT(":-1\r\n", "ttl", "k");
    EXPECT("*2\r\n:0\r\n:0\r\n", "increx", "none", "byint", "5", "ubound", "4");
    EXPECT(":0\r\n", "exists", "none");
    EXPECT("*2\r\n:13\r\n:1\r\n", "increx", "k", "pxat", "1");
    EXPECT(":0\r\n", "exists", "k");
    RUN("set", "k", "9223372036854775807");
    EXPECT("*2\r\n:9223372036854775807\r\n:0\r\n", "increx", "k");
    EXPECT("*2\r\n:9223372036854775807\r\n:0\r\n", "increx", "k", "saturate");
    EXPECT("-ERR increment or decrement would overflow\r\n", "increx", "k", "byint", "-1", "ubound",
           "-9223372036854775808", "saturate");
}

Test(string_commands, increx_in_floats)
{
    EXPECT("*2\r\n$3\r\n0.5\r\n$3\r\n0.5\r\n", "increx", "k", "byfloat", "0.5");
    fake_proto(f, 3);
    EXPECT("*2\r\n,1\r\n,0.5\r\n", "increx", "k", "byfloat", "2", "ubound", "1", "saturate");
    EXPECT("*2\r\n,1\r\n,0\r\n", "increx", "k", "byfloat", "2", "ubound", "1.5");
    EXPECT("-ERR value or increment would produce Infinity\r\n", "increx", "k", "byfloat", "inf");
    EXPECT("-ERR LBOUND is not a valid float\r\n", "increx", "k", "byfloat", "1", "lbound", "x");
    EXPECT(NOT_FLOAT, "increx", "k", "byfloat", "x");
}

Test(string_commands, increx_errors)
{
    EXPECT(SYNTAX, "increx", "k", "byint", "1", "byfloat", "1");
    EXPECT(SYNTAX, "increx", "k", "ex", "1", "px", "1");
    EXPECT(SYNTAX, "increx", "k", "persist", "enx");
    EXPECT("-ERR ENX flag requires an expiration\r\n", "increx", "k", "enx");
    EXPECT("-ERR LBOUND can't be greater than UBOUND\r\n", "increx", "k", "lbound", "2", "ubound",
           "1");
    EXPECT("-ERR UBOUND is not an integer or out of range\r\n", "increx", "k", "ubound", "1.5");
    EXPECT(NOT_INTEGER, "increx", "k", "byint", "x");
    EXPECT("-ERR invalid expire time in 'increx' command\r\n", "increx", "k", "ex", "0");
    EXPECT(":0\r\n", "exists", "k");
}

Test(string_commands, delex)
{
    EXPECT(":0\r\n", "delex", "k");
    EXPECT(":0\r\n", "delex", "k", "ifne", "x");
    RUN("set", "k", "Hello world");
    EXPECT(":0\r\n", "delex", "k", "ifeq", "x");
    EXPECT(":0\r\n", "delex", "k", "ifne", "Hello world");
    EXPECT(":0\r\n", "delex", "k", "ifdne", "b6acb9d84a38ff74");
    EXPECT(":1\r\n", "delex", "k", "ifdeq", "b6acb9d84a38ff74");
    RUN("set", "k", "v");
    EXPECT(":0\r\n", "delifeq", "k", "w");
    EXPECT(":1\r\n", "delifeq", "k", "v");
    RUN("set", "k", "v");
    EXPECT(":1\r\n", "delex", "k");
    EXPECT("-ERR wrong number of arguments for 'delex' command\r\n", "delex", "k", "ifeq");
    cr_expect_not_null(strstr(RUN("delex", "k", "nx", "x"), "Invalid condition"));
}

Test(string_commands, digest)
{
    EXPECT("$-1\r\n", "digest", "k");
    RUN("set", "k", "Hello world");
    EXPECT("$16\r\nb6acb9d84a38ff74\r\n", "digest", "k");
}

Test(string_commands, lcs)
{
    RUN("mset", "a", "ohmytext", "b", "mynewtext");
    EXPECT("$6\r\nmytext\r\n", "lcs", "a", "b");
    EXPECT(":6\r\n", "lcs", "a", "b", "len");
    EXPECT("*4\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
           "*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n",
           "lcs", "a", "b", "idx");
    fake_proto(f, 3);
    EXPECT("%2\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n"
           "$3\r\nlen\r\n:6\r\n",
           "lcs", "a", "b", "idx", "withmatchlen", "minmatchlen", "4");
    EXPECT("$0\r\n\r\n", "lcs", "a", "none");
    EXPECT(":0\r\n", "lcs", "none", "b", "len");
}

Test(string_commands, lcs_errors)
{
    RUN("mset", "a", "ohmytext", "b", "mynewtext");
    EXPECT("-ERR If you want both the length and indexes, please just use IDX.\r\n", "lcs", "a",
           "b", "len", "idx");
    EXPECT(SYNTAX, "lcs", "a", "b", "minmatchlen");
    EXPECT(NOT_INTEGER, "lcs", "a", "b", "minmatchlen", "x");
    fake_config(f)->proto_max_bulk_len = 9 * 10 * 4 - 1;
    EXPECT("-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n",
           "lcs", "a", "b");
    fake_config(f)->proto_max_bulk_len = 9 * 10 * 4;
    EXPECT(":6\r\n", "lcs", "a", "b", "len");
}
