#include "kv/session/events.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kv/engine/engine.h"
#include "kv/engine/worker.h"
#include "kv/server.h"
#include "kv/session/session.h"

enum {
    KEEPALIVE_PROBES = 3,
    WAITING_INPUT_MAX = 1024 * 1024, /* bytes kept of a client that is blocked or paused */
};

static const char too_many[] = "-ERR max number of clients reached\r\n";
static const char denied[] =
    "-DENIED Redis is running in protected mode: no password is set, so only connections from this "
    "machine are accepted. Set a password (CONFIG SET requirepass, or --requirepass), or turn "
    "protected mode off (CONFIG SET protected-mode no, or --protected-mode no) if only trusted "
    "hosts can reach this port.\r\n";

static bool is_local(const struct evio_conn *c)
{
    socklen_t len;
    const struct sockaddr *sa = evio_conn_remote_addr(c, &len);
    if (!sa || sa->sa_family == AF_UNIX || sa->sa_family == AF_UNSPEC)
        return true;
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127);
}

static enum evio_action turn_away(struct evio_conn *c, const char *text)
{
    struct worker *w = evio_loop_udata(evio_conn_loop(c));
    atomic_fetch_add(&w->server->rejected_connections, 1);
    evio_conn_write(c, text, strlen(text));
    return EVIO_CLOSE;
}

static enum evio_action opened(struct evio_conn *c)
{
    struct worker *w = evio_loop_udata(evio_conn_loop(c));
    struct config *config = w->server->config;
    evio_conn_set_context(c, NULL);
    if (atomic_load(&w->server->stopping))
        return EVIO_CLOSE;
    if (config->protected_mode && !*config->requirepass && !is_local(c))
        return turn_away(c, denied);
    if (atomic_fetch_add(&w->server->connected_clients, 1) >= config->maxclients) {
        atomic_fetch_sub(&w->server->connected_clients, 1);
        return turn_away(c, too_many);
    }
    struct session *s = session_new(w, c);
    if (!s) {
        atomic_fetch_sub(&w->server->connected_clients, 1);
        return EVIO_CLOSE;
    }
    evio_conn_set_context(c, s);
    s->local_peer = is_local(c);
    if (config->tcp_keepalive && !s->is_unix) {
        int idle_s = (int)config->tcp_keepalive;
        int interval_s = idle_s / KEEPALIVE_PROBES > 0 ? idle_s / KEEPALIVE_PROBES : 1;
        evio_conn_set_keepalive(c, idle_s, interval_s, KEEPALIVE_PROBES);
    }
    if (config->timeout)
        evio_conn_set_idle_ms(c, config->timeout * 1000);
    return EVIO_NONE;
}

static void closed(struct evio_conn *c, int reason)
{
    struct session *s = evio_conn_context(c);
    (void)reason;
    if (!s)
        return;
    atomic_fetch_sub(&s->worker->server->connected_clients, 1);
    if (s->round) /* its arguments lie in the input: it must outlive the calls in flight */
        s->input_pin = evio_conn_ref(c);
    s->conn = NULL;
    engine_session_closed(s);
}

static enum evio_action data(struct evio_conn *c)
{
    struct session *s = evio_conn_context(c);
    if (!s)
        return EVIO_NONE;
    if (s->blocked && evio_conn_eof(c))
        return EVIO_CLOSE;
    /* Nothing of it is run for now, so it would only pile up; resumed when a round has parsed it. */
    if ((s->blocked || s->paused) && evio_conn_input(c).len > WAITING_INPUT_MAX)
        evio_conn_pause_read(c);
    engine_session_ready(s);
    return EVIO_NONE;
}

static void high_water(struct evio_conn *c)
{
    struct session *s = evio_conn_context(c);
    if (!s)
        return;
    s->stalled = true;
    counter_add(&s->worker->stats.output_stalls, 1);
    evio_conn_pause_read(c);
}

static void low_water(struct evio_conn *c)
{
    struct session *s = evio_conn_context(c);
    if (!s)
        return;
    s->stalled = false;
    if (s->round)
        return; /* goes on when its calls have been answered */
    if (!atomic_load(&s->worker->server->stopping))
        evio_conn_resume_read(c);
    engine_session_ready(s);
    evio_loop_wake(s->worker->loop); /* this is behind prewrite */
}

void session_events(struct evio_events *events)
{
    events->opened = opened;
    events->closed = closed;
    events->data = data;
    events->high_water = high_water;
    events->low_water = low_water;
}
