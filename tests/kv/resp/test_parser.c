/* Texts and limits are those of redis-server 7.0, asked with the same bytes. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kv/resp/parser.h"

enum { BULK_BYTES_MAX = 512 * 1024 * 1024 };

static struct resp_parser parser;
static struct arena arena;
static struct resp_cmd cmd;

static void setup(void)
{
    resp_parser_init(&parser, BULK_BYTES_MAX);
    arena_init(&arena);
}

static void teardown(void)
{
    resp_parser_deinit(&parser);
    arena_deinit(&arena);
}

static void restart(void)
{
    teardown();
    setup();
}

TestSuite(parser, .init = setup, .fini = teardown);

static enum resp_status parse(struct slice in)
{
    cmd = (struct resp_cmd){ 0 };
    return resp_parse(&parser, in, &arena, &cmd);
}

static void expect_args(int argc, const char *const *args)
{
    cr_assert_eq(cmd.argc, argc);
    for (int i = 0; i < argc; i++)
        cr_assert(slice_eq(cmd.argv[i], slice_str(args[i])), "argument %d is '%.*s'", i,
                  (int)cmd.argv[i].len, cmd.argv[i].ptr);
}
#define EXPECT_ARGS(...)                                                                           \
    expect_args(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *),                          \
                (const char *[]){ __VA_ARGS__ })

/* From the start, whole and byte by byte. */
static void expect_error(struct slice in, const char *text)
{
    bool unauthenticated = parser.unauthenticated;
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        enum resp_status status = RESP_MORE;
        resp_parser_deinit(&parser);
        resp_parser_init(&parser, BULK_BYTES_MAX);
        parser.unauthenticated = unauthenticated;
        for (size_t len = bytewise ? 0 : in.len; len <= in.len && status == RESP_MORE; len++)
            status = parse(slice_of(in.ptr, len));
        cr_assert_eq(status, RESP_ERROR, "%.*s", in.len < 80 ? (int)in.len : 80, in.ptr);
        cr_assert_str_eq(cmd.error, text);
    }
}

Test(parser, a_command_in_one_piece)
{
    struct slice in = SLICE("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\nmore");
    cr_assert_eq(parse(in), RESP_OK);
    EXPECT_ARGS("SET", "key", "value");
    cr_assert_eq(cmd.used, in.len - 4);
    cr_assert(cmd.argv[1].ptr > in.ptr && cmd.argv[1].ptr < in.ptr + in.len, "no copy");
    cr_assert_null(parser.args);
}

Test(parser, a_pipeline)
{
    struct slice in = SLICE("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\nPING\r\n*1\r\n$");
    cr_assert_eq(parse(in), RESP_OK);
    EXPECT_ARGS("PING");
    in = slice_of(in.ptr + cmd.used, in.len - cmd.used);
    cr_assert_eq(parse(in), RESP_OK);
    EXPECT_ARGS("GET", "");
    in = slice_of(in.ptr + cmd.used, in.len - cmd.used);
    cr_assert_eq(parse(in), RESP_OK);
    EXPECT_ARGS("PING");
    in = slice_of(in.ptr + cmd.used, in.len - cmd.used);
    cr_assert_eq(parse(in), RESP_MORE);
}

/* Cut at every byte, and the bytes move between the calls. */
Test(parser, a_command_in_two_pieces)
{
    struct slice in = SLICE("*4\r\n$3\r\nSET\r\n$12\r\ntwelve bytes\r\n$0\r\n\r\n$1\r\nx\r\n");
    for (size_t cut = 0; cut < in.len; cut++) {
        char *first = malloc(cut + 1), *second = malloc(in.len);
        memcpy(first, in.ptr, cut);
        memcpy(second, in.ptr, in.len);
        cr_assert_eq(parse(slice_of(first, cut)), RESP_MORE);
        cr_assert_gt(resp_parser_wants(&parser), cut);
        cr_assert_leq(resp_parser_wants(&parser), in.len);
        free(first);
        cr_assert_eq(parse(slice_of(second, in.len)), RESP_OK, "cut at %zu", cut);
        EXPECT_ARGS("SET", "twelve bytes", "", "x");
        cr_assert_eq(cmd.used, in.len);
        cr_assert_null(parser.args, "an idle parser holds no memory");
        free(second);
    }
}

Test(parser, many_arguments_and_lengths)
{
    static const int counts[] = { 1, 9, 10, 31, 32, 99, 100, 1024, 1025, 5000 };
    static const size_t lengths[] = { 0, 9, 10, 99, 100, 999, 1000, 70000 };
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        char *text = malloc(5000 * 32 + 80000);
        int count = counts[c];
        size_t last = lengths[c % (sizeof(lengths) / sizeof(lengths[0]))];
        size_t len = (size_t)snprintf(text, 32, "*%d\r\n", count);
        for (int i = 1; i < count; i++)
            len += (size_t)snprintf(text + len, 32, "$5\r\n%05d\r\n", i);
        len += (size_t)snprintf(text + len, 32, "$%zu\r\n", last);
        memset(text + len, 'v', last);
        len += last;
        memcpy(text + len, "\r\n", 2);
        len += 2;
        /* Whole, and after the parser has seen all but the last byte. */
        for (int round = 0; round < 2; round++) {
            if (round == 1)
                cr_assert_eq(parse(slice_of(text, len - 1)), RESP_MORE);
            cr_assert_eq(parse(slice_of(text, len)), RESP_OK);
            cr_assert_eq(cmd.argc, count);
            cr_assert_eq(cmd.used, len);
            for (int i = 1; i < count; i++) {
                char expect[16];
                snprintf(expect, sizeof(expect), "%05d", i);
                cr_assert(slice_eq(cmd.argv[i - 1], slice_str(expect)));
            }
            cr_assert_eq(cmd.argv[count - 1].len, last);
            arena_reset(&arena);
        }
        free(text);
    }
}

Test(parser, empty_requests)
{
    static const char *const empty[] = {
        "*0\r\n", "*-1\r\n", "*-10\r\n", "\r\n", "\n", " \t \r\n"
    };
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        char text[64];
        size_t len = (size_t)snprintf(text, sizeof(text), "%sPING\r\n", empty[i]);
        cr_assert_eq(parse(slice_of(text, len)), RESP_EMPTY);
        cr_assert_eq(cmd.used, strlen(empty[i]));
        cr_assert_eq(parse(slice_of(text + cmd.used, len - cmd.used)), RESP_OK);
        EXPECT_ARGS("PING");
    }
    cr_assert_eq(parse(SLICE("")), RESP_MORE);
}

Test(parser, counts_that_are_none)
{
    const char *text = "Protocol error: invalid multibulk length";
    expect_error(SLICE("*\r\n"), text);
    expect_error(SLICE("*x\r\n"), text);
    expect_error(SLICE("*01\r\n"), text);
    expect_error(SLICE("*+1\r\n"), text);
    expect_error(SLICE("* 1\r\n"), text);
    expect_error(SLICE("*-0\r\n"), text);
    expect_error(SLICE("*2147483648\r\n"), text);
    expect_error(SLICE("*9999999999999999999999\r\n"), text);
    expect_error(SLICE("*1\n$4\r\nPING\r\n"), text);
    restart();
    cr_assert_eq(parse(SLICE("*2147483647\r\n")), RESP_MORE);
    cr_assert_null(parser.args, "a claim reserves nothing");
    cr_assert_null(arena.current);
    /* Nor does it once arguments come: what is held follows what has come. */
    cr_assert_eq(parse(SLICE("*2147483647\r\n$4\r\nPING\r\n$4\r\nPING\r\n")), RESP_MORE);
    cr_assert_eq(parser.arg_count, 2);
    cr_assert_leq(parser.arg_cap, 16);
}

Test(parser, lengths_that_are_none)
{
    const char *text = "Protocol error: invalid bulk length";
    expect_error(SLICE("*1\r\n$-1\r\n"), text);
    expect_error(SLICE("*1\r\n$\r\n"), text);
    expect_error(SLICE("*1\r\n$04\r\nPING\r\n"), text);
    expect_error(SLICE("*2\r\n$4\r\nPING\r\n$ 1\r\n"), text);
    expect_error(SLICE("*1\r\n$536870913\r\n"), text);
    restart();
    cr_assert_eq(parse(SLICE("*1\r\n$536870912\r\n")), RESP_MORE);
    cr_assert_eq(resp_parser_wants(&parser), 16 + 536870912 + 2u);

    /* The limit holds for complete commands as well. */
    resp_parser_deinit(&parser);
    resp_parser_init(&parser, 4);
    cr_assert_eq(parse(SLICE("*1\r\n$4\r\nPING\r\n")), RESP_OK);
    cr_assert_eq(parse(SLICE("*1\r\n$5\r\nHELLO\r\n")), RESP_ERROR);
    cr_assert_str_eq(cmd.error, text);
}

Test(parser, the_sign_of_a_bulk)
{
    expect_error(SLICE("*1\r\nx4\r\n"), "Protocol error: expected '$', got 'x'");
    expect_error(SLICE("*1\r\n\r\n"), "Protocol error: expected '$', got ' '");
    expect_error(SLICE("*1\r\n\n4\r\n"), "Protocol error: expected '$', got ' '");
    expect_error(SLICE("*1\r\n\xff\r\n"), "Protocol error: expected '$', got '\xff'");
    restart();
    /* Not told before the line is there. */
    cr_assert_eq(parse(SLICE("*1\r\nx4\r")), RESP_MORE);
}

Test(parser, limits_before_authentication)
{
    parser.unauthenticated = true;
    expect_error(SLICE("*11\r\n"), "Protocol error: unauthenticated multibulk length");
    expect_error(SLICE("*1\r\n$16385\r\n"), "Protocol error: unauthenticated bulk length");
    restart();
    parser.unauthenticated = true;
    struct slice ten =
        SLICE("*10\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n"
              "$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n");
    cr_assert_eq(parse(ten), RESP_OK);
    EXPECT_ARGS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    cr_assert_eq(parse(SLICE("*1\r\n$16384\r\n")), RESP_MORE);
}

Test(parser, an_error_is_for_good)
{
    cr_assert_eq(parse(SLICE("*x\r\n")), RESP_ERROR);
    cr_assert_eq(parse(SLICE("*1\r\n$4\r\nPING\r\n")), RESP_ERROR);
    cr_assert_str_eq(cmd.error, "Protocol error: invalid multibulk length");
}

/* The bytes behind a CR and behind a body are not looked at. */
Test(parser, line_ends_are_not_checked)
{
    cr_assert_eq(parse(SLICE("*2\rx$4\rxECHOxx$2\rx\r\nxx")), RESP_OK);
    EXPECT_ARGS("ECHO", "\r\n");
}

Test(parser, lines_without_end)
{
    enum { LIMIT = RESP_INLINE_BYTES_MAX };
    static const struct {
        const char *start, *error;
        char fill;
    } cases[] = {
        { "", "Protocol error: too big inline request", 'a' },
        { "", "Protocol error: too big inline request", '\0' },
        { "*", "Protocol error: too big mbulk count string", '1' },
        { "*1\r\n$", "Protocol error: too big bulk count string", '1' },
        { "*1\r\n$", "Protocol error: too big bulk count string", '\0' },
    };
    char *text = malloc(LIMIT + 64);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t start = strlen(cases[i].start), len = (start > 1 ? 4 : 0) + LIMIT;
        memset(text, cases[i].fill, LIMIT + 64);
        memcpy(text, cases[i].start, start);
        restart();
        cr_assert_eq(parse(slice_of(text, len)), RESP_MORE);
        cr_assert_eq(parse(slice_of(text, len + 1)), RESP_ERROR);
        cr_assert_str_eq(cmd.error, cases[i].error);
        expect_error(slice_of(text, len + 1), cases[i].error);
        /* An end that comes later makes no difference. */
        memcpy(text + len + 1, "\r\n", 2);
        restart();
        cr_assert_eq(parse(slice_of(text, len + 3)), RESP_ERROR);
    }
    /* The longest line that is one. */
    memset(text, ' ', LIMIT);
    memcpy(text, "PING", 4);
    text[LIMIT] = '\n';
    restart();
    cr_assert_eq(parse(slice_of(text, LIMIT + 1)), RESP_OK);
    EXPECT_ARGS("PING");
    free(text);
}

Test(parser, a_nul_hides_the_end_of_its_line)
{
    cr_assert_eq(parse(SLICE("PI\0NG\r\nPING\r\n")), RESP_MORE);
    restart();
    cr_assert_eq(parse(SLICE("*\0"
                             "1\r\n$4\r\nPING\r\n")),
                 RESP_MORE);
    restart();
    cr_assert_eq(parse(SLICE("*1\r\n$4\0\r\nPING\r\n")), RESP_MORE);
}

Test(parser, inline_words)
{
    cr_assert_eq(parse(SLICE("SET  key\tvalue \r\nx")), RESP_OK);
    EXPECT_ARGS("SET", "key", "value");
    cr_assert_eq(cmd.used, 17);
    cr_assert_eq(parse(SLICE("PING\n")), RESP_OK);
    EXPECT_ARGS("PING");
    cr_assert_eq(parse(SLICE("ECHO \"a b\" 'c d' \"\" ''\n")), RESP_OK);
    EXPECT_ARGS("ECHO", "a b", "c d", "", "");
    cr_assert_eq(parse(SLICE("ECHO \"a\\x41\\xzz\\n\\r\\t\\b\\a\\q\\\"\"\n")), RESP_OK);
    EXPECT_ARGS("ECHO", "aAxzz\n\r\t\b\aq\"");
    cr_assert_eq(parse(SLICE("ECHO 'a\\'b\\n\\x41'\n")), RESP_OK);
    EXPECT_ARGS("ECHO", "a'b\\n\\x41");
    cr_assert_eq(parse(SLICE("ECHO a\"b c\" d\\x41\\\n")), RESP_OK);
    EXPECT_ARGS("ECHO", "ab c", "d\\x41\\");
    /* Every white space parts words where a word would start, but only some of it ends one. */
    cr_assert_eq(parse(SLICE("ECHO \va\vb\fc\rd\r\n")), RESP_OK);
    EXPECT_ARGS("ECHO", "a\vb\fc", "d");
    cr_assert_eq(parse(SLICE("ECHO \"\\xfF\\x00\"\n")), RESP_OK);
    cr_assert(slice_eq(cmd.argv[1], SLICE("\xff\0")));
}

Test(parser, inline_quotes_must_close)
{
    const char *text = "Protocol error: unbalanced quotes in request";
    expect_error(SLICE("PING \"\r\n"), text);
    expect_error(SLICE("ECHO 'a\n"), text);
    expect_error(SLICE("ECHO \"a\"b\n"), text);
    expect_error(SLICE("ECHO 'a''b'\n"), text);
    expect_error(SLICE("ECHO \"a\\\n"), text);
    expect_error(SLICE("ECHO \"a\\\"\n"), text);
}

/* A scan from the start at each call would take minutes here. */
Test(parser, one_byte_at_a_time_is_linear, .timeout = 60)
{
    enum { ARGS = 20000, BODY = 1000 * 1000 };
    char *text = malloc(ARGS * 16 + BODY + 64);
    size_t len = (size_t)snprintf(text, 32, "*%d\r\n", ARGS + 1);
    for (int i = 0; i < ARGS; i++)
        len += (size_t)snprintf(text + len, 16, "$1\r\n%d\r\n", i % 10);
    len += (size_t)snprintf(text + len, 32, "$%d\r\n", BODY);
    memset(text + len, 'v', BODY + 2);
    len += BODY + 2;
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(parse(slice_of(text, i)), RESP_MORE);
    cr_assert_eq(parse(slice_of(text, len)), RESP_OK);
    cr_assert_eq(cmd.argc, ARGS + 1);
    cr_assert_eq(cmd.argv[ARGS].len, BODY);
    free(text);
}
