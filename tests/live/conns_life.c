/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One connection: connect, then ask and wait for the answer, be silent for a while, ask again. A brief one asks once. Those that end
 * by FIN wait for the server's FIN, so a connection that breaks while it closes is seen, too.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../../user/lib/xalloc.h"
#include "conns_client.h"

static void owe_no_more(struct conn *conn)
{
	if (!conn->owes)
		return;
	conn->owes = false;
	if (--client.owing == 0)
		control_round_over();
}

static void conn_free(struct conn *conn)
{
	struct conn *last = client.conns[--client.count];

	client.conns[conn->index] = last;
	last->index = conn->index;
	if (!conn->server)
		client.connecting--;
	if (conn->brief)
		client.brief--;
	else
		client.lasting--;
	owe_no_more(conn);
	timer_stop(&conn->timer);
	close(conn->fd);
	free(conn);
}

static void conn_lost(struct conn *conn, enum loss loss, const char *how)
{
	const struct linger reset = {.l_onoff = 1};

	tally_loss(conn, loss, how);
	setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* no retries for what nobody waits for */
	conn_free(conn);
}

static void conn_ask(struct conn *conn)
{
	struct message message = {CONNS_MAGIC, conn->number, ++conn->said, 0};

	conn->state = CONN_ASKED;
	conn->asked = client.now;
	conn->got = 0;
	timer_set(&conn->timer, client.stall);
	if (send(conn->fd, &message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		conn_lost(conn, LOSS_RESET, strerror(errno));
}

void conn_finish(struct conn *conn)
{
	conn->state = CONN_CLOSING;
	timer_set(&conn->timer, client.stall);
	shutdown(conn->fd, SHUT_WR);
}

static void conn_rest(struct conn *conn)
{
	unsigned int max = conn->lazy ? client.idle_max : client.interval_max;

	conn->state = CONN_IDLE;
	timer_set(&conn->timer, client.interval_min + random_below(max - client.interval_min + 1));
}

static void conn_connected(struct conn *conn)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &conn->watch};
	socklen_t len = sizeof(int);
	int error = 0;

	getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		conn_lost(conn, error == ETIMEDOUT ? LOSS_STALL : LOSS_RESET, strerror(error));
		return;
	}
	epoll_ctl(client.loop, EPOLL_CTL_MOD, conn->fd, &event);
	conn_ask(conn);
}

/* A whole answer is here. */
static void conn_answered(struct conn *conn)
{
	struct message *said = &conn->in.said;

	conn->in.name[CONNS_NAME_MAX - 1] = '\0';
	if (said->magic != CONNS_MAGIC || said->conn != conn->number || said->seq != conn->said ||
	    (conn->server && strcmp(conn->server->name, conn->in.name))) {
		conn_lost(conn, LOSS_WRONG, conn->in.name);
		return;
	}
	if (!conn->server) {
		conn->server = tally_server(conn->in.name);
		client.connecting--;
		tally_made(conn);
	}
	tally_exchange();
	owe_no_more(conn);
	if (conn->brief)
		conn_finish(conn);
	else
		conn_rest(conn);
}

static void conn_read(struct conn *conn)
{
	ssize_t len = recv(conn->fd, (char *)&conn->in + conn->got, sizeof(conn->in) - conn->got, 0);

	if (len < 0) {
		if (errno != EAGAIN)
			conn_lost(conn, errno == ETIMEDOUT ? LOSS_STALL : LOSS_RESET, strerror(errno));
	} else if (len == 0) {
		if (conn->state != CONN_CLOSING) {
			conn_lost(conn, LOSS_RESET, "closed by the server");
			return;
		}
		tally_finished(conn);
		conn_free(conn);
	} else if (conn->state != CONN_ASKED) {
		conn_lost(conn, LOSS_WRONG, "data that was not asked for");
	} else {
		conn->got += (size_t)len;
		if (conn->got == sizeof(conn->in))
			conn_answered(conn);
	}
}

static void conn_ready(struct watch *watch, uint32_t events)
{
	struct conn *conn = (struct conn *)watch;

	(void)events;
	if (conn->state == CONN_CONNECTING)
		conn_connected(conn);
	else
		conn_read(conn);
}

void conn_timer(struct timer *timer)
{
	struct conn *conn = (struct conn *)((char *)timer - offsetof(struct conn, timer));

	if (conn->state == CONN_IDLE)
		conn_ask(conn);
	else
		conn_lost(conn, LOSS_STALL, conn->state == CONN_CONNECTING ? "no SYN-ACK" : "no answer");
}

/* A socket on its way; -1 with errno. */
static int connect_start(const struct endpoint *to, const struct endpoint *from)
{
	const int on = 1;
	int fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* The port is chosen with the destination in view: the same one serves for several. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!bind(fd, (const struct sockaddr *)&from->addr, from->len) &&
	    (!connect(fd, (const struct sockaddr *)&to->addr, to->len) || errno == EINPROGRESS))
		return fd;
	close(fd);
	return -1;
}

static const struct endpoint *source_for(const struct endpoint *to)
{
	const struct endpoint *from;

	do
		from = &client.from[random_below(client.from_count)];
	while (from->addr.ss_family != to->addr.ss_family);
	return from;
}

static uint32_t number; /* of connections so far */

uint32_t conn_next_number(void)
{
	return number + 1;
}

void conn_open(bool brief)
{
	const struct endpoint *to = &client.to[random_below(client.to_count)];
	int fd = connect_start(to, source_for(to));
	struct conn *conn;

	if (fd < 0) {
		tally_unopened(strerror(errno));
		return;
	}
	conn = xcalloc(1, sizeof(*conn));
	conn->watch.ready = conn_ready;
	conn->fd = fd;
	conn->brief = brief;
	conn->lazy = random_below(100) < client.idle_percent;
	conn->number = ++number;
	conn->opened = client.now;
	if (client.count == client.room) {
		client.room += 4096;
		client.conns = xreallocarray(client.conns, client.room, sizeof(*client.conns));
	}
	conn->index = client.count;
	client.conns[client.count++] = conn;
	client.connecting++;
	if (brief)
		client.brief++;
	else
		client.lasting++;
	timer_set(&conn->timer, client.stall);
	loop_add(client.loop, fd, EPOLLOUT, &conn->watch);
}
