/* events: what the event loop tells of connections, turned into sessions. On the connection's loop. */
#ifndef KV_SESSION_EVENTS_H
#define KV_SESSION_EVENTS_H

#include "evio/evio.h"

/* Sets opened, closed, data and the water marks. The loops' udata are their workers. */
void session_events(struct evio_events *events);

#endif
