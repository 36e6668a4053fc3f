/* args: the syntax of a command's arguments, as written in its row, taken apart for COMMAND DOCS.
 *
 * Grammar, words separated by blanks or brackets:
 *
 *     name              a value; lower case
 *     TOKEN             a word that is typed as it stands; upper case
 *     TOKEN name        a value behind its token
 *     TOKEN name name   several values behind a token: a block
 *     [ ... ]           optional
 *     < ... >           grouped
 *     a | b             one of them, inside brackets
 *     x [x ...]         x any number of times, at least once; x may be several words: "key value [key value ...]"
 *     <...>...          the group any number of times
 *
 * Pure. The tree lies in the arena. */
#ifndef KV_COMMANDS_ARGS_H
#define KV_COMMANDS_ARGS_H

#include <stdbool.h>

#include "kv/base/arena.h"

enum { ARGS_NAME_BYTES = 64, ARGS_DEPTH_MAX = 8 };

enum arg_kind {
    ARG_VALUE,
    ARG_TOKEN, /* "pure-token" */
    ARG_BLOCK,
    ARG_ONEOF,
};

struct arg {
    char name[ARGS_NAME_BYTES];
    char token[ARGS_NAME_BYTES]; /* "": none */
    enum arg_kind kind;
    bool optional, multiple;
    struct arg *children, *next;
    int child_count;
};

/* *count arguments from the returned one on. NULL: there are none, or, with *count -1, the syntax is wrong or memory is out. */
struct arg *args_parse(struct arena *a, const char *syntax, int *count);
/* What kind of value goes by that name, in COMMAND DOCS's words: "string", "integer", "key", ... command: full name. */
const char *args_value_type(const char *command, const char *name);

#endif
