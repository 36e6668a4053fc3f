/* dial: connections that this side opens. */
#ifndef EVIO_DIAL_H
#define EVIO_DIAL_H

#include <stdint.h>

struct evio_conn;

void evio_dial_connected(struct evio_conn *c, int64_t res); /* the CONNECT completion */
void evio_dial_release(struct evio_conn *c);                /* at the connection's end */

#endif
