/* front: what the library's example programs share: flags, addresses, signals, and the run. */
#ifndef CMD_FRONT_FRONT_H
#define CMD_FRONT_FRONT_H

#include <stdbool.h>

#include "evio/evio.h"

struct front {
    const char *name, *help; /* help: the whole text of --help */
    bool takes_udp, takes_text;
    /* defaults, then what the flags say */
    const char *port; /* "-1": none */
    const char *udp_port, *unix_path, *text;
    bool reuseport;
    struct evio_options options;
};

/* Serves until SIGINT or SIGTERM; prints the addresses when it listens. A peer that does not read what it
 * is sent is not read from. Returns main's exit status. */
int front_run(struct front *f, const struct evio_events *events, int argc, char **argv);

#endif
