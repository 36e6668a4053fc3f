/* fake_call: runs command handlers without a server: some shards, a clock that stands still until
 * told, and the reply as the bytes that a client would see. One thread, which holds all shards.
 *
 * A command runs once, over all its keys; splitting by shard is the engine's and is tested there.
 * ROUTE_SHARD goes where the row says, ROUTE_ALL to the shard that fake_on() named. */
#ifndef TESTS_SUPPORT_FAKE_CALL_H
#define TESTS_SUPPORT_FAKE_CALL_H

#include <stdint.h>

#include "kv/base/slice.h"
#include "kv/commands/spec.h"

struct fake;
struct config;

#define FAKE_START_MS INT64_C(1700000000000) /* where the clock stands at first */

/* Aborts when out of memory. specs: the group under test. */
struct fake *fake_new(const struct cmd_spec *specs, int shard_count);
void fake_free(struct fake *f);
void fake_db(struct fake *f, int db);
void fake_proto(struct fake *f, int proto);
void fake_on(struct fake *f, int shard_index);
void fake_sleep(struct fake *f, int64_t ms);
int64_t fake_now_ms(const struct fake *f);
struct config *fake_config(struct fake *f);
/* Words up to NULL; the first names a command, of a group other than `specs` if fake_also() was
 * given it. The reply is valid until the next call. An arity that does not fit the row fails the
 * test. */
const char *fake_run(struct fake *f, ...) __attribute__((sentinel));
void fake_also(struct fake *f, const struct cmd_spec *specs);
/* One argument in bytes, behind the words. */
const char *fake_run_bytes(struct fake *f, struct slice last, ...) __attribute__((sentinel));

#endif
