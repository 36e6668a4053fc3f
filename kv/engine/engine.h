/* engine: batches, inboxes, the gate, lanes and holds: all that crosses threads, and nothing else does. One engine a worker.
 *
 * A ROUND is what one worker has read from its sessions and not yet answered: up to ROUND_CALLS_MAX calls. Its calls travel
 * to their shards as HOPS, one message a shard; a call over several shards is split into parts that travel with
 * the hops (scatter), or becomes a HOLD: a message to each of its shards. Each shard that comes to it stays there, and
 * whoever brings the last one runs the call with all of them in its hands.
 *
 * Order. Everything that goes to more than one inbox is pushed under the GATE and is run only when its `armed` flag is set,
 * which happens after the last push. So all inboxes hold all rounds and holds in one order, and whoever has seen
 * the effect of one part stands behind every other part in every queue. What goes to one inbox only
 * needs neither. A session's next calls are not even parsed while a hold of its own is under way.
 *
 * Threads. A shard is worked by whoever has taken its LANE: most often the worker that has just sent something to it, since
 * no loop keeps its shard to itself between two messages. So a hop costs no wake-up unless somebody else is
 * at the shard, nobody spins, no thread ever blocks, and more loops than CPUs do not crawl.
 *
 * Memory: a round, its hops, holds and arguments (which point into the connections' input buffers, pinned meanwhile) are
 * the home worker's; the worker that runs a hop fills the hop's reply buffer and sends the same message back.
 * Failure: out of memory closes the connection concerned. */
#ifndef KV_ENGINE_ENGINE_H
#define KV_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

struct evio_loop;
struct session;
struct worker;

enum { ROUND_CALLS_MAX = 512 };

int engine_start(struct worker *w); /* before any loop runs; 0 or -ENOMEM */
void engine_stop(struct worker *w); /* after the last turn of its loop */
/* The prewrite of the worker's loop: takes back what other workers have done, runs what they have sent, parses what the
 * sessions have sent, sends or runs it, and queues the replies. */
void engine_turn(struct worker *w);
/* The session has input to parse (or its end), is no longer blocked, paused or stalled. Its own worker. */
void engine_session_ready(struct session *s);
/* Its connection has closed: s->conn is NULL. Frees it, now or when nothing of it is in flight. */
void engine_session_closed(struct session *s);

#endif
