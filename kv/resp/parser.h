/* parser: requests as RESP arrays of bulk strings, or inline commands (the protocol's page:
 * redis.io/docs "RESP protocol spec"). A pure module: no socket, no reply. One parser a
 * connection; the connection's loop calls it.
 *
 * Zero-copy: arguments of a complete RESP command point into `in`. It is incremental: after
 * RESP_MORE the caller calls again with the same bytes (perhaps moved elsewhere) and more behind
 * them, and what was seen is not scanned again. Claimed counts and lengths reserve nothing before
 * the bytes are there. An idle parser holds no memory. */
#ifndef KV_RESP_PARSER_H
#define KV_RESP_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "kv/base/arena.h"
#include "kv/base/slice.h"

enum {
    RESP_ARGS_MAX = INT32_MAX,    /* of a request; beyond: "invalid multibulk length" */
    RESP_ARGS_UNAUTH_MAX = 10,    /* before authentication */
    RESP_BULK_UNAUTH_MAX = 16384, /* before authentication */
    RESP_INLINE_BYTES_MAX = 64 * 1024
};

enum resp_status {
    RESP_OK,    /* one command: *out is filled, out->used bytes belong to it */
    RESP_EMPTY, /* an empty line or "*0", "*-1": nothing to run, out->used bytes to skip */
    RESP_MORE,  /* incomplete */
    RESP_ERROR, /* out->error: the text after "ERR ", "Protocol error: ..."; close the connection */
    RESP_NOMEM,
};

struct resp_arg {
    size_t offset, len; /* from the start of the command */
};

struct resp_parser {
    size_t bulk_max_bytes; /* proto-max-bulk-len, 512 MB */
    bool unauthenticated;  /* the two UNAUTH limits hold ("unauthenticated multibulk length") */
    /* private: where a partial command stopped */
    size_t pos;      /* start of the line or body that is being awaited */
    size_t scan;     /* of that line, bytes before this one have been looked at */
    size_t bulk_len; /* of the argument that is being awaited */
    int64_t args_expected;
    int32_t arg_count, arg_cap;
    struct resp_arg *args;
    uint8_t state;
    char error_buf[64];
};

struct resp_cmd {
    struct slice *argv; /* in the arena */
    int argc;
    size_t used;
    const char *error; /* lives as long as the parser */
};

void resp_parser_init(struct resp_parser *p, size_t bulk_max_bytes);
void resp_parser_deinit(struct resp_parser *p);
/* Forgets a partial command: the next call starts at the beginning of a command. Not after an error. */
void resp_parser_forget(struct resp_parser *p);
/* argv, and the bytes of inline arguments, are allocated in `a`. */
enum resp_status resp_parse(struct resp_parser *p, struct slice in, struct arena *a,
                            struct resp_cmd *out);
/* After RESP_MORE: how many bytes the command needs at least, counted from its start. A hint for
 * the reader. */
size_t resp_parser_wants(const struct resp_parser *p);

#endif
