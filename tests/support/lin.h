/* lin: was this history linearizable? A search in the manner of Wing and Gong with Lowe's memory of
 * the configurations seen: is there one order of all operations that gives every reply, in which
 * each operation takes effect between its call and its return, and each client's operations in the
 * order it sent them (also when it pipelined them)?
 *
 * The model: a few keys, each missing or an integer. Pure; one thread. */
#ifndef TESTS_SUPPORT_LIN_H
#define TESTS_SUPPORT_LIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/bytes.h"

#define LIN_NIL INT64_MIN /* a missing key; also what GET of one gives */

enum { LIN_KEYS_MAX = 6, LIN_CLIENTS_MAX = 16 };

enum lin_kind {
    LIN_GET,    /* key[0] -> reply[0] */
    LIN_SET,    /* key[0] = arg[0] */
    LIN_GETSET, /* reply[0] is the old value */
    LIN_SETNX,  /* -> 0 or 1 */
    LIN_INCR,   /* -> the new value */
    LIN_GETDEL,
    LIN_DEL,      /* keys -> how many there were */
    LIN_EXISTS,   /* keys -> how many */
    LIN_MGET,     /* keys -> reply[i] */
    LIN_MSET,     /* key[i] = arg[i] */
    LIN_MSETNX,   /* -> 0 or 1 */
    LIN_RENAME,   /* key[0] to key[1] -> 1, 0: no such key */
    LIN_RENAMENX, /* -> 1, 0: the target exists, -1: no such key */
    LIN_COPY,     /* key[0] to key[1] -> 1, 0 */
    LIN_COPY_REPLACE,
    LIN_FLUSH, /* every key goes */
    LIN_DBSIZE,
    LIN_KINDS
};

struct lin_op {
    uint8_t kind; /* enum lin_kind */
    uint8_t key_count;
    uint8_t key[LIN_KEYS_MAX]; /* no key twice */
    int64_t arg[LIN_KEYS_MAX];
    int64_t reply[LIN_KEYS_MAX];
    int64_t call_ns, return_ns; /* monotonic, one clock for all clients */
};

/* One client's operations in the order it sent them. */
struct lin_client {
    struct lin_op *op;
    size_t count;
};

/* The keys all start missing. True: linearizable. False: `why` (if not NULL) gets the place: how
 * far any order came, the state there, and each client's next operations. */
bool lin_check(const struct lin_client *client, int client_count, struct bytes *why);

void lin_op_print(const struct lin_op *op, struct bytes *out);

/* What the model itself answers: applies op to state[LIN_KEYS_MAX] and writes reply. For tests
 * of the checker. */
void lin_apply(struct lin_op *op, int64_t *state);

#endif
