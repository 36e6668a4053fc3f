#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kv/resp/reply.h"

/* Collects what it is given; supplies room of room_bytes, or of what is asked. */
struct sink {
    char *data, *room;
    size_t len, room_bytes, calls, fail_at, asked_max;
};

static struct sink sink;
static struct reply r;

static void take(void)
{
    size_t len = (size_t)(r.pos - r.start);
    sink.data = realloc(sink.data, sink.len + len + 1);
    cr_assert_not_null(sink.data);
    if (len)
        memcpy(sink.data + sink.len, r.start, len);
    sink.len += len;
    sink.data[sink.len] = '\0';
    r.pos = r.start;
}

static void more(struct reply *reply, size_t min_bytes)
{
    cr_assert_eq(reply, &r);
    cr_assert_eq(reply->owner, &sink);
    take();
    if (min_bytes > sink.asked_max)
        sink.asked_max = min_bytes;
    if (++sink.calls == sink.fail_at) {
        reply->failed = true;
        return;
    }
    /* Exactly that: a write behind it is seen by AddressSanitizer. */
    size_t bytes = min_bytes > sink.room_bytes ? min_bytes : sink.room_bytes;
    free(sink.room);
    sink.room = malloc(bytes ? bytes : 1);
    reply->start = reply->pos = sink.room;
    reply->end = sink.room + bytes;
}

static void start(int proto, size_t room_bytes)
{
    free(sink.data);
    free(sink.room);
    sink = (struct sink){ .room_bytes = room_bytes };
    r = (struct reply){ .more = more, .owner = &sink, .proto = (uint8_t)proto };
}

static void expect(const char *text)
{
    take();
    cr_assert_str_eq(sink.data, text);
    cr_assert_not(r.failed);
}

/* One call after the other, with any room: the bytes must be the same. */
static void write_all(void)
{
    reply_ok(&r);
    reply_status(&r, "PONG");
    reply_int(&r, 7);
    reply_int(&r, -12345678901);
    reply_int(&r, INT64_MIN);
    reply_bulk(&r, SLICE("0123456789"));
    reply_bulk(&r, slice_of(NULL, 0));
    reply_bulk(&r, SLICE("a\0b"));
    reply_bulk_str(&r, "str");
    reply_bulk_int(&r, -42);
    reply_bulk_fmt(&r, "%s=%d", "field", 1000);
    reply_null(&r);
    reply_null_array(&r);
    reply_array(&r, 0);
    reply_array(&r, 1234567);
    reply_map(&r, 2);
    reply_set(&r, 3);
    reply_push(&r, 4);
    reply_bool(&r, true);
    reply_bool(&r, false);
    reply_double(&r, 0.5);
    reply_double(&r, -INFINITY);
    reply_long_double(&r, 10.6L, true);
    reply_long_double(&r, 10.6L, false);
    reply_big_number(&r, SLICE("12345678901234567890"));
    reply_verbatim(&r, "txt", SLICE("some text"));
    reply_error(&r, "ERR one");
    reply_errorf(&r, "ERR unknown command '%s'", "fo\ro\nx");
    reply_raw(&r, ":1\r\n", 4);
}

static const char expected_resp2[] =
    "+OK\r\n+PONG\r\n:7\r\n:-12345678901\r\n:-9223372036854775808\r\n$10\r\n0123456789\r\n"
    "$0\r\n\r\n$3\r\na\0b\r\n$3\r\nstr\r\n$3\r\n-42\r\n$10\r\nfield=1000\r\n$-1\r\n*-1\r\n*0\r\n"
    "*1234567\r\n*4\r\n*3\r\n*4\r\n:1\r\n:0\r\n$3\r\n0.5\r\n$4\r\n-inf\r\n$4\r\n10.6\r\n"
    "$4\r\n10.6\r\n$20\r\n12345678901234567890\r\n$9\r\nsome text\r\n-ERR one\r\n"
    "-ERR unknown command 'fo o x'\r\n:1\r\n";
static const char expected_resp3[] =
    "+OK\r\n+PONG\r\n:7\r\n:-12345678901\r\n:-9223372036854775808\r\n$10\r\n0123456789\r\n"
    "$0\r\n\r\n$3\r\na\0b\r\n$3\r\nstr\r\n$3\r\n-42\r\n$10\r\nfield=1000\r\n_\r\n_\r\n*0\r\n"
    "*1234567\r\n%2\r\n~3\r\n>4\r\n#t\r\n#f\r\n,0.5\r\n,-inf\r\n,10.6\r\n$4\r\n10.6\r\n"
    "(12345678901234567890\r\n=13\r\ntxt:some text\r\n-ERR one\r\n"
    "-ERR unknown command 'fo o x'\r\n:1\r\n";

Test(reply, every_kind_in_any_room)
{
    for (size_t room = 0; room < 600; room += room < 100 ? 1 : 97) {
        start(2, room);
        write_all();
        take();
        cr_assert_eq(sink.len, sizeof(expected_resp2) - 1);
        cr_assert_arr_eq(sink.data, expected_resp2, sink.len, "room of %zu", room);
        cr_assert_eq(r.error_count, 2);
        start(3, room);
        write_all();
        take();
        cr_assert_eq(sink.len, sizeof(expected_resp3) - 1);
        cr_assert_arr_eq(sink.data, expected_resp3, sink.len, "room of %zu", room);
    }
}

Test(reply, attributes)
{
    start(3, 64);
    reply_attribute(&r, 1);
    expect("|1\r\n");
}

/* Large values go out in pieces; nobody is asked for all of the room at once. */
Test(reply, large_values)
{
    enum { BYTES = 1024 * 1024 };
    char *value = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        value[i] = (char)(i * 7 + i / 251);
    start(2, 1000);
    reply_bulk(&r, slice_of(value, BYTES));
    take();
    cr_assert_eq(sink.len, 10 + BYTES + 2);
    cr_assert_arr_eq(sink.data, "$1048576\r\n", 10);
    cr_assert_eq(memcmp(sink.data + 10, value, BYTES), 0);
    cr_assert_arr_eq(sink.data + 10 + BYTES, "\r\n", 2);
    cr_assert_leq(sink.asked_max, 64 * 1024);
    free(value);
}

Test(reply, after_a_failure_all_is_dropped)
{
    for (size_t fail_at = 1; fail_at < 20; fail_at++) {
        start(2, 30);
        sink.fail_at = fail_at;
        write_all();
        cr_assert(r.failed);
        cr_assert_eq(r.pos, r.start, "nothing behind the gap");
        cr_assert_eq(sink.calls, fail_at, "asked once only");
    }
}

Test(reply, errors)
{
    start(2, 64);
    reply_error(&r, "ERR a\r\nb\r\n");
    expect("-ERR a  b\r\n");
    start(2, 64);
    reply_errorf(&r, "%s", "ERR \n");
    expect("-ERR \r\n");
    start(2, 64);
    reply_wrong_type(&r);
    reply_syntax_error(&r);
    reply_not_integer(&r);
    reply_not_float(&r);
    reply_no_memory(&r);
    reply_wrong_arity(&r, "client|list");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
           "-ERR syntax error\r\n-ERR value is not an integer or out of range\r\n"
           "-ERR value is not a valid float\r\n"
           "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
           "-ERR wrong number of arguments for 'client|list' command\r\n");
    cr_assert_eq(r.error_count, 6);
}

Test(reply, help)
{
    static const char *const lines[] = { "FREQ <key>", "    Return it.", NULL };
    start(3, 64);
    reply_help(&r, "object", lines);
    expect("*5\r\n+OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"
           "+FREQ <key>\r\n+    Return it.\r\n+HELP\r\n+    Prints this help.\r\n");
}

Test(reply, measuring_what_was_written)
{
    static const char *const whole[] = {
        "+OK\r\n",
        "-ERR x\r\n",
        ":1\r\n",
        "$3\r\nabc\r\n",
        "$0\r\n\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "_\r\n",
        "#t\r\n",
        ",0.5\r\n",
        "(1\r\n",
        "*0\r\n",
        "=7\r\ntxt:abc\r\n",
        "!5\r\nERR x\r\n",
        "*2\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n",
        "%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n:2\r\n",
        ">2\r\n+x\r\n+y\r\n",
        "|1\r\n+a\r\n+b\r\n:5\r\n",
        "*1\r\n|1\r\n+a\r\n*1\r\n:1\r\n:5\r\n",
    };
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        char text[128];
        size_t len = strlen(whole[i]);
        size_t all = (size_t)snprintf(text, sizeof(text), "%s+OK\r\n", whole[i]);
        cr_assert_eq(reply_measure(slice_of(text, all)), len, "%s", whole[i]);
        cr_assert_eq(reply_measure(slice_of(text, len)), len, "%s at the end", whole[i]);
        for (size_t cut = 0; cut < len; cut++) {
            /* On the heap, so that a read behind the cut is seen by AddressSanitizer. */
            char *part = malloc(cut ? cut : 1);
            memcpy(part, text, cut);
            cr_assert_eq(reply_measure(slice_of(part, cut)), 0, "%s at %zu", whole[i], cut);
            free(part);
        }
    }
    cr_assert_eq(reply_measure(SLICE("hello\r\n")), 0);
    cr_assert_eq(reply_measure(SLICE("*9223372036854775807\r\n:1\r\n")), 0);
    cr_assert_eq(reply_measure(SLICE("%4611686018427387904\r\n:1\r\n")), 0);
    cr_assert_eq(reply_measure(SLICE("$9223372036854775807\r\nabc\r\n")), 0);
}
