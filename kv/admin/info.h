/* info: INFO's sections. Counters are read relaxed; the keyspace's figures need the shards, so
 * the caller holds all of them. */
#ifndef KV_ADMIN_INFO_H
#define KV_ADMIN_INFO_H

#include "kv/base/slice.h"

struct call;

/* Writes the reply for INFO [section ...]. */
void info_reply(struct call *c, const struct slice *sections, int count);

#endif
