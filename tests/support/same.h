/* same: may this reply stand for that one? Byte for byte, but for what two right servers answer
 * differently: time left, order of a set of keys, numbers of clients, versions. */
#ifndef TESTS_SUPPORT_SAME_H
#define TESTS_SUPPORT_SAME_H

#include <stdbool.h>

#include "tests/support/bytes.h"
#include "tests/support/value.h"

/* One reply with its bytes on the wire. */
struct same_reply {
    struct value *value;
    struct bytes raw;
};

bool same_replies(const struct args *command, struct same_reply *want, struct same_reply *got);
void same_reply_free(struct same_reply *r);

#endif
