/* glob: Redis's patterns (KEYS, SCAN MATCH, CONFIG GET): * ? [a-c] [^a] \x. Pure.
 * Bounded: a pattern of many stars costs at most pattern length times text length.
 * An empty text is matched by "" and "*" alone, not by "**": so do Redis's commands. */
#ifndef KV_BASE_GLOB_H
#define KV_BASE_GLOB_H

#include <stdbool.h>

#include "kv/base/slice.h"

bool glob_match(struct slice pattern, struct slice text, bool nocase);

#endif
