/* value: one reply of RESP2 or RESP3 as a tree, with a reader written for the tests alone, so
 * that the server's own code is not its judge. It accepts what the protocol allows and nothing
 * else. */
#ifndef TESTS_SUPPORT_VALUE_H
#define TESTS_SUPPORT_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/bytes.h"

enum { VALUE_DEPTH_MAX = 16 };

struct value {
    char type; /* the first byte on the wire: + - : $ * _ # , ( ! = % ~ > */
    bool null; /* $-1, *-1 or _ */
    bool flag; /* # */
    long long integer;
    double number;
    char *text; /* + - $ ! = ( , : as sent, NUL added; verbatim with its "txt:" */
    size_t text_len;
    struct value **item;      /* maps: key, value, key, value */
    size_t count;             /* of item */
    struct value *attributes; /* a % that came as | before this, or NULL */
};

/* Reads one value from the start of `in`. Returns the bytes it took, 0: more are needed, -1: not
 * RESP (`error` says why). */
long value_read(const char *in, size_t len, struct value **out, const char **error);
void value_free(struct value *v);
/* In one line: +OK -ERR.. :1 "bulk" nil (bulk) nil* (array) null (RESP3) [a, b] {k: v} ~[] >[]
 * ,1.5 #t (123 =txt:x !ERR */
void value_print(const struct value *v, struct bytes *out);
bool value_equal(const struct value *a, const struct value *b);
/* Order for sorting arrays: by type, then text, then integer. For qsort over struct value *. */
int value_compare(const void *a, const void *b);
/* Of a map (or a flat array of pairs): the value under a text key, or NULL. */
struct value *value_get(const struct value *v, const char *key);
bool value_is_error(const struct value *v);
bool value_text_is(const struct value *v, const char *text);

#endif
