/* Any bytes as requests, before and after authentication. The property: whole, cut in two at any
 * byte, and byte by byte, they give the same commands and the same end. Each call of the parser
 * gets a copy of exactly the bytes it may look at, so that AddressSanitizer sees a read behind
 * them, and a use of the bytes of the call before. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kv/resp/parser.h"

enum {
    BULK_BYTES_MAX = 1024 * 1024,
    EVERY_CUT_BYTES_MAX = 256, /* longer inputs are cut at this many places */
    BYTEWISE_BYTES_MAX = 4096,
};

/* What came out, as bytes to be compared. */
struct record {
    char *data;
    size_t len, cap;
};

struct feed {
    struct resp_parser parser;
    struct arena *arena;
    const uint8_t *data;
    size_t start; /* of the command that is being awaited */
    bool over;
    struct record out;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void record_add(struct record *r, const void *data, size_t len)
{
    if (r->len + len > r->cap) {
        r->cap = (r->len + len) * 2;
        r->data = realloc(r->data, r->cap);
        assert(r->data);
    }
    if (len)
        memcpy(r->data + r->len, data, len);
    r->len += len;
}

static void record_size(struct record *r, size_t value)
{
    record_add(r, &value, sizeof(value));
}

static void record_command(struct record *r, enum resp_status status, const struct resp_cmd *cmd)
{
    record_size(r, status);
    if (status == RESP_ERROR) {
        record_add(r, cmd->error, strlen(cmd->error));
        return;
    }
    record_size(r, cmd->used);
    if (status == RESP_EMPTY)
        return;
    assert(cmd->argc > 0);
    for (int i = 0; i < cmd->argc; i++) {
        record_size(r, cmd->argv[i].len);
        record_add(r, cmd->argv[i].ptr, cmd->argv[i].len);
    }
}

/* Everything up to data[limit] has arrived. */
static void feed_until(struct feed *f, size_t limit)
{
    while (!f->over) {
        struct resp_cmd cmd = { 0 };
        size_t len = limit - f->start;
        char *copy = malloc(len ? len : 1);
        assert(copy);
        memcpy(copy, f->data + f->start, len);
        /* With no bytes at all, not even one may be read. */
        struct slice in = slice_of(len ? copy : copy + 1, len);
        enum resp_status status = resp_parse(&f->parser, in, f->arena, &cmd);
        if (status == RESP_MORE) {
            assert(f->parser.arg_count <= (int64_t)len);
            assert(f->parser.arg_cap <= 16 || f->parser.arg_cap < 2 * f->parser.arg_count);
            assert(resp_parser_wants(&f->parser) > 0);
            free(copy);
            return;
        }
        assert(status != RESP_NOMEM);
        assert(status == RESP_ERROR || (cmd.used > 0 && cmd.used <= len));
        record_command(&f->out, status, &cmd);
        arena_reset(f->arena);
        free(copy);
        f->start += cmd.used;
        f->over = status == RESP_ERROR;
    }
}

static struct record run(struct arena *arena, const uint8_t *data, size_t len, size_t cut,
                         size_t step, bool unauthenticated)
{
    struct feed f = { .data = data, .arena = arena };
    resp_parser_init(&f.parser, BULK_BYTES_MAX);
    f.parser.unauthenticated = unauthenticated;
    for (; cut < len; cut += step)
        feed_until(&f, cut);
    feed_until(&f, len);
    record_size(&f.out, f.start);
    resp_parser_deinit(&f.parser);
    return f.out;
}

static void check_same(struct arena *arena, struct record whole, const uint8_t *data, size_t len,
                       size_t cut, size_t step, bool unauthenticated)
{
    struct record parts = run(arena, data, len, cut, step, unauthenticated);
    if (whole.len != parts.len || memcmp(whole.data, parts.data, whole.len) != 0)
        abort();
    free(parts.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena arena;
    arena_init(&arena);
    size_t stride = len / EVERY_CUT_BYTES_MAX + 1;
    for (int unauthenticated = 0; unauthenticated < 2; unauthenticated++) {
        struct record whole = run(&arena, data, len, len, 1, unauthenticated);
        for (size_t cut = 0; cut < len; cut += stride)
            check_same(&arena, whole, data, len, cut, len, unauthenticated);
        if (len <= BYTEWISE_BYTES_MAX)
            check_same(&arena, whole, data, len, 0, 1, unauthenticated);
        free(whole.data);
    }
    arena_deinit(&arena);
    return 0;
}
