/* udp: a UDP socket as a connection. Each datagram is one data event; what the event writes is one
 * datagram back to its sender, sent in the write stage. */
#ifndef EVIO_UDP_H
#define EVIO_UDP_H

struct evio_loop;
struct evio_conn;

int evio_udp_open(struct evio_loop *l, int fd, int addr_index); /* takes fd */
void evio_udp_ready(struct evio_conn *c);
void evio_udp_flush(struct evio_conn *c);
void evio_udp_release(struct evio_conn *c);

#endif
