/* words: a line of a configuration file cut into words: separated by blanks, "in double quotes"
 * with the escapes \n \r \t \b \a \\ \" and \xHH, or 'in single quotes' where only \' is
 * special. Pure. */
#ifndef KV_ADMIN_WORDS_H
#define KV_ADMIN_WORDS_H

#include "kv/base/slice.h"

/* Cuts in place: the words overwrite the line, each ends in a zero byte and may hold others.
 * Returns how many there are (at most max are stored), -1 if a quote is not closed or is
 * followed by something other than a blank. */
int words_split(char *line, struct slice *words, int max);

#endif
