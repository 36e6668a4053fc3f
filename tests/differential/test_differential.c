/* The same generated commands to this server and to redis-server: the same replies, and the same
 * keys after them. TEST_SEED repeats a run; TEST_SCALE makes it longer or shorter. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/gen.h"
#include "tests/support/proc.h"
#include "tests/support/rng.h"
#include "tests/support/same.h"
#include "tests/support/wire.h"

enum {
    SEGMENTS =
        40, /* each starts with empty servers, so that one difference does not hide the next */
    SEGMENT_COMMANDS = 150,
    BATCH_MAX = 64,
    FINDINGS_MAX = 12,
    DATABASES = 16,
};

struct duel {
    struct wire *want, *got; /* redis-server, this server */
    struct gen gen;
    struct rng rng; /* of the batches */
    int proto;
    int findings;
    struct bytes report;
    struct bytes told; /* what was reported already: one finding of a kind is enough */
};

static void read_reply(struct wire *w, struct same_reply *r)
{
    *r = (struct same_reply){ 0 };
    r->value = wire_read_raw(w, &r->raw);
}

/* The commands of the segment that named a key of this one, up to it. */
static void report_history(struct duel *d, const struct args *all, int at)
{
    enum { SHOWN_MAX = 8 };
    int shown[SHOWN_MAX], count = 0;
    for (int i = at - 1; i >= 0 && count < SHOWN_MAX; i--) {
        bool related = args_word_is(&all[i], 0, "SELECT") || args_word_is(&all[i], 0, "SWAPDB");
        for (int x = 1; x < all[at].count && !related; x++) {
            for (int y = 1; y < all[i].count && !related; y++)
                related = all[at].word[x].len == all[i].word[y].len && all[i].word[y].len > 0 &&
                          memcmp(all[at].word[x].ptr, all[i].word[y].ptr, all[i].word[y].len) == 0;
        }
        if (related)
            shown[count++] = i;
    }
    while (count-- > 0) {
        bytes_add_str(&d->report, "    after ");
        args_print(&all[shown[count]], &d->report);
        bytes_add_str(&d->report, "\n");
    }
}

static void report_value(struct duel *d, const char *what, const struct value *v)
{
    enum { SHOWN_BYTES = 400 };
    struct bytes b = { 0 };
    value_print(v, &b);
    bytes_printf(&d->report, "    %s %.*s\n", what, SHOWN_BYTES, b.ptr);
    bytes_free(&b);
}

/* True if a difference of this command with such a reply is new. */
static bool is_new(struct duel *d, const struct args *command, const struct same_reply *got)
{
    enum { REPLY_BYTES = 24 };
    struct bytes kind = { 0 }, text = { 0 };
    value_print(got->value, &text);
    bytes_printf(&kind, "|%s %.*s|", command->word[0].ptr, REPLY_BYTES, text.ptr);
    for (size_t i = 0; i < kind.len; i++)
        kind.ptr[i] = (char)tolower((unsigned char)kind.ptr[i]);
    bool known = d->told.ptr && strstr(d->told.ptr, kind.ptr);
    if (!known)
        bytes_add(&d->told, kind.ptr, kind.len);
    bytes_free(&kind);
    bytes_free(&text);
    return !known;
}

static void report(struct duel *d, const struct args *all, int at, const struct same_reply *want,
                   const struct same_reply *got)
{
    if (!is_new(d, &all[at], got))
        return;
    d->findings++;
    bytes_add_str(&d->report, "  ");
    args_print(&all[at], &d->report);
    bytes_add_str(&d->report, "\n");
    report_value(d, "want", want->value);
    report_value(d, "got ", got->value);
    report_history(d, all, at);
}

/* Sends all[from..to) to both in one go, reads all replies. False after the first difference. */
static bool run_batch(struct duel *d, const struct args *all, int from, int to)
{
    struct bytes request = { 0 };
    bool same = true;
    for (int i = from; i < to; i++)
        args_encode(&all[i], &request);
    wire_send(d->want, request.ptr, request.len);
    wire_send(d->got, request.ptr, request.len);
    bytes_free(&request);
    for (int i = from; i < to; i++) {
        struct same_reply want, got;
        read_reply(d->want, &want);
        read_reply(d->got, &got);
        if (same && !same_replies(&all[i], &want, &got)) {
            report(d, all, i, &want, &got);
            same = false;
        }
        same_reply_free(&want);
        same_reply_free(&got);
    }
    return same;
}

/* The same one command to both: part of the comparison of all keys. */
static bool run_line(struct duel *d, const char *line)
{
    struct args a = { 0 };
    args_split(&a, line);
    bool same = run_batch(d, &a, 0, 1);
    args_free(&a);
    return same;
}

static bool compare_key(struct duel *d, const struct value *key)
{
    static const char *const asks[][2] = {
        { "GET", NULL }, { "PEXPIRETIME", NULL }, { "TYPE", NULL }, { "OBJECT", "ENCODING" }
    };
    struct args all[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
    for (int i = 0; i < 4; i++) {
        args_push_str(&all[i], asks[i][0]);
        if (asks[i][1])
            args_push_str(&all[i], asks[i][1]);
        args_push(&all[i], key->text, key->text_len);
    }
    bool same = run_batch(d, all, 0, 4);
    for (int i = 0; i < 4; i++)
        args_free(&all[i]);
    return same;
}

/* Keys that are past their time may still be counted for a moment; they go in the background. */
static bool count_settles(struct wire *w)
{
    enum { TRIES = 5000 };
    for (int i = 0; i < TRIES; i++) {
        struct value *keys = wire_call(w, "KEYS *");
        size_t count = keys->count;
        value_free(keys);
        if ((size_t)wire_integer(w, "DBSIZE") == count)
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}

static bool compare_counts(struct duel *d)
{
    if (count_settles(d->want) && count_settles(d->got))
        return true;
    d->findings++;
    bytes_add_str(&d->report, "  DBSIZE does not become the number of KEYS *\n");
    return false;
}

static void compare_keyspace(struct duel *d)
{
    bool same = true;
    for (int db = 0; db < DATABASES && same; db++) {
        char line[32];
        snprintf(line, sizeof(line), "SELECT %d", db);
        same = run_line(d, line) && compare_counts(d) && run_line(d, "KEYS *");
        struct value *keys = wire_call(d->want, "KEYS *");
        for (size_t i = 0; i < keys->count && same; i++)
            same = compare_key(d, keys->item[i]);
        value_free(keys);
        if (!same)
            bytes_printf(&d->report, "    in database %d, after all of a segment\n", db);
    }
}

static void run_segment(struct duel *d)
{
    struct args all[SEGMENT_COMMANDS] = { 0 };
    char hello[16];
    snprintf(hello, sizeof(hello), "HELLO %d", d->proto);
    for (int i = 0; i < SEGMENT_COMMANDS; i++)
        gen_command(&d->gen, &all[i]);
    run_line(d, "RESET");
    run_line(d, hello);
    run_line(d, "FLUSHALL");
    bool same = true;
    for (int at = 0; at < SEGMENT_COMMANDS && same;) {
        int left = SEGMENT_COMMANDS - at;
        int count = rng_chance(&d->rng, 40) ? 1 : 1 + (int)rng_below(&d->rng, BATCH_MAX);
        count = count < left ? count : left;
        same = run_batch(d, all, at, at + count);
        at += count;
    }
    if (same)
        compare_keyspace(d);
    for (int i = 0; i < SEGMENT_COMMANDS; i++)
        args_free(&all[i]);
}

static void run_duel(int loops, int proto)
{
    if (!proc_have("redis-server"))
        cr_skip_test("redis-server is not installed");
    struct proc_spec reference = { .reference = true };
    struct proc *redis = proc_start(&reference), *ours = proc_start_loops(loops);
    struct duel d = { .want = wire_open(redis), .got = wire_open(ours), .proto = proto };
    uint64_t seed = test_seed();
    gen_init(&d.gen, seed, proto);
    rng_init(&d.rng, seed + 1);
    int segments = test_scaled(SEGMENTS);
    for (int i = 0; i < segments && d.findings < FINDINGS_MAX; i++)
        run_segment(&d);
    cr_assert(d.findings == 0, "TEST_SEED=%" PRIu64 " loops %d RESP%d, %d differences:\n%s", seed,
              loops, proto, d.findings, d.report.ptr);
    bytes_free(&d.told);
    wire_close(d.want);
    wire_close(d.got);
    proc_stop(ours);
    proc_stop(redis);
}

Test(differential, one_loop_resp2)
{
    run_duel(1, 2);
}

Test(differential, one_loop_resp3)
{
    run_duel(1, 3);
}

Test(differential, two_loops_resp2)
{
    run_duel(2, 2);
}

Test(differential, two_loops_resp3)
{
    run_duel(2, 3);
}

Test(differential, four_loops_resp2)
{
    run_duel(4, 2);
}

Test(differential, four_loops_resp3)
{
    run_duel(4, 3);
}
