/* merge: what becomes one reply, for every way to merge, of parts' replies written by hand. */
#include <criterion/criterion.h>

#include "tests/kv/engine/rounds.h"
#include "tests/support/inside.h"

enum { LOOPS = 3 };

static void merged_text(struct call *c, int64_t sum)
{
    reply_status(c->out, sum == 6 ? "six" : "other");
}

/* The reply to a call with a part on each of LOOPS shards; by_key: which part has which of the keys. "?": failed. */
static void merge(struct worker *w, const struct cmd_spec *spec, const char *const *parts,
                  const uint16_t *by_key, int key_count, bool visits, char *got)
{
    struct cmd cmd = { .spec = spec };
    struct round *r = round_begin(w);
    struct outbuf out = { 0 };
    struct reply reply;
    struct queued *q = rounds_call(r, &cmd, ""), *all[LOOPS];
    q->parts = all;
    q->part_count = LOOPS;
    q->key_count = key_count;
    uint16_t part_of_key[8] = { 0 };
    for (int i = 0; i < key_count; i++)
        part_of_key[i] = by_key[i];
    q->part_of_key = part_of_key;
    for (int i = 0; i < LOOPS; i++) {
        all[i] = visits ? rounds_visit(r, &cmd, "", i) : rounds_hop(r, &cmd, "", i);
        struct outbuf *b = visits ? &r->visits[i].out : &r->hops[i].out;
        outbuf_begin(b, &reply, 2);
        reply_raw(&reply, "+before\r\n", 9); /* of another call in the same hop */
        reply_raw(&reply, parts[i], strlen(parts[i]));
        outbuf_end(b, &reply);
        all[i]->reply_off = 9;
        all[i]->reply_len = strlen(parts[i]);
    }
    outbuf_begin(&out, &reply, 2);
    merge_parts(r, q, &reply);
    outbuf_end(&out, &reply);
    if (reply.failed)
        snprintf(got, 256, "?");
    else
        snprintf(got, 256, "%.*s", (int)out.len, out.data);
    outbuf_deinit(&out);
    round_free(r);
}

static void expect(const struct cmd_spec *spec, const char *a, const char *b, const char *c,
                   const char *want)
{
    static const uint16_t by_key[] = { 2, 0, 2, 1 };
    struct inside in;
    char got[256];
    inside_init(&in, LOOPS, NULL);
    const char *parts[LOOPS] = { a, b, c };
    for (int visits = 0; visits < 2; visits++) {
        merge(in.server->workers[1], spec, parts, by_key, 4, visits, got);
        cr_assert_str_eq(got, want);
    }
    inside_stop(&in);
}

Test(merge, sums_are_added_and_may_be_said_in_other_words)
{
    struct cmd_spec sum = { .merge = MERGE_SUM };
    struct cmd_spec told = { .merge = MERGE_SUM, .merged = merged_text };
    expect(&sum, ":1\r\n", ":0\r\n", ":4000000000\r\n", ":4000000001\r\n");
    expect(&sum, ":-1\r\n", ":0\r\n", ":-12\r\n", ":-13\r\n");
    expect(&told, ":1\r\n", ":2\r\n", ":3\r\n", "+six\r\n");
}

Test(merge, of_replies_that_are_alike_the_first_is_taken)
{
    struct cmd_spec first = { .merge = MERGE_FIRST };
    expect(&first, "+OK\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n");
    expect(&first, "+a\r\n", "+b\r\n", "+c\r\n", "+a\r\n");
}

Test(merge, elements_come_in_the_order_of_the_keys)
{
    struct cmd_spec by_key = { .merge = MERGE_BY_KEY };
    expect(&by_key, "*1\r\n$2\r\nk1\r\n", "*1\r\n$-1\r\n", "*2\r\n:0\r\n*1\r\n$1\r\nx\r\n",
           "*4\r\n:0\r\n$2\r\nk1\r\n*1\r\n$1\r\nx\r\n$-1\r\n");
}

Test(merge, arrays_and_texts_are_joined)
{
    struct cmd_spec concat = { .merge = MERGE_CONCAT }, text = { .merge = MERGE_TEXT };
    expect(&concat, "*1\r\n:1\r\n", "*0\r\n", "*2\r\n:2\r\n:3\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n");
    expect(&text, "$2\r\na\n\r\n", "$0\r\n\r\n", "$3\r\nbc\n\r\n", "$5\r\na\nbc\n\r\n");
    expect(&text, "=6\r\ntxt:a\n\r\n", "=4\r\ntxt:\r\n", "=7\r\ntxt:bc\n\r\n",
           "=9\r\ntxt:a\nbc\n\r\n");
}

Test(merge, an_error_of_one_part_is_the_reply)
{
    static const uint8_t all[] = { MERGE_SUM, MERGE_FIRST, MERGE_BY_KEY, MERGE_CONCAT, MERGE_TEXT };
    for (size_t i = 0; i < sizeof(all); i++) {
        struct cmd_spec spec = { .merge = all[i] };
        expect(&spec, "*0\r\n", "-ERR second\r\n", "-ERR third\r\n", "-ERR second\r\n");
        expect(&spec, "*0\r\n", "*0\r\n", "", "?"); /* its worker ran out of memory */
    }
}
