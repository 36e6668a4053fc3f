/* client_names: the texts that clients give themselves (names, library versions), and how they are checked. Pure. */
#ifndef KV_COMMANDS_CLIENT_NAMES_H
#define KV_COMMANDS_CLIENT_NAMES_H

#include <stdbool.h>

#include "kv/base/slice.h"

struct call;

/* Printable, no blanks; empty is fine. */
bool client_text_ok(struct slice text);
/* The same; if not, the error about client names is written. */
bool client_name_ok(struct call *c, struct slice name);
/* How many bytes of what a client sent are shown in an error, for %.*s. */
int client_shown(struct slice s);

#endif
