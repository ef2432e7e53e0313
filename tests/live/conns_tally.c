/* SPDX-License-Identifier: GPL-2.0 */
/* What happened since the last mark, in total and by server. Each loss is said on standard error at once, for whoever looks for its cause. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../user/lib/xalloc.h"
#include "conns_client.h"

static const char *const loss_names[] = {"reset", "stall", "wrong"};
_Static_assert(sizeof(loss_names) / sizeof(*loss_names) == LOSSES, "each way has a name");

static struct {
	unsigned int lost[LOSSES], failed[LOSSES];
	unsigned int expected, made, finished, unopened;
	unsigned long exchanges;
} counts;

static struct server **servers;
static unsigned int server_count;

struct server *tally_server(const char *name)
{
	struct server *server;

	for (unsigned int i = 0; i < server_count; i++) {
		if (!strcmp(servers[i]->name, name))
			return servers[i];
	}
	server = xcalloc(1, sizeof(*server));
	snprintf(server->name, sizeof(server->name), "%s", name);
	servers = xreallocarray(servers, server_count + 1, sizeof(struct server *));
	servers[server_count++] = server;
	return server;
}

void tally_made(struct conn *conn)
{
	counts.made++;
	conn->server->opened++;
	conn->server->open++;
}

void tally_exchange(void)
{
	counts.exchanges++;
}

void tally_finished(struct conn *conn)
{
	counts.finished++;
	conn->server->open--;
}

/* "ADDRESS PORT", as other tools take them. */
static const char *endpoint_text(const struct sockaddr_storage *addr, char *buf, socklen_t len)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)addr;
	char text[INET6_ADDRSTRLEN];
	bool is_v6 = addr->ss_family == AF_INET6;

	inet_ntop(addr->ss_family, is_v6 ? (const void *)&in6->sin6_addr : &in4->sin_addr, text, sizeof(text));
	snprintf(buf, len, "%s %u", text, ntohs(is_v6 ? in6->sin6_port : in4->sin_port));
	return buf;
}

/* An operation that failed leaves a socket without a peer, but each kind has its address from the beginning: of IPv6 there is one to. */
static void say_loss(const struct conn *conn, const char *kind, const char *how)
{
	struct sockaddr_storage from = {}, to = {};
	socklen_t len = sizeof(from), to_len = sizeof(to);
	char from_text[64], to_text[64];
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	getsockname(conn->fd, (struct sockaddr *)&from, &len);
	if (getpeername(conn->fd, (struct sockaddr *)&to, &to_len) < 0) {
		for (unsigned int i = 0; i < client.to_count; i++) {
			if (client.to[i].addr.ss_family == from.ss_family)
				to = client.to[i].addr;
		}
	}
	fprintf(stderr, "%jd.%03ld %s from %s to %s server %s how \"%s\"%s said %u age %ju ms, asked %ju ms ago\n",
		(intmax_t)wall.tv_sec, wall.tv_nsec / 1000000, kind, endpoint_text(&from, from_text, sizeof(from_text)),
		endpoint_text(&to, to_text, sizeof(to_text)), conn->server ? conn->server->name : "-", how,
		conn->brief ? " brief" : "", conn->said, (uintmax_t)(client.now - conn->opened),
		(uintmax_t)(conn->asked ? client.now - conn->asked : 0));
}

void tally_loss(struct conn *conn, enum loss loss, const char *how)
{
	if (!conn->server) {
		counts.failed[loss]++;
		return;
	}
	conn->server->open--;
	if (conn->server->forgiven) {
		conn->server->expected++;
		counts.expected++;
		return;
	}
	conn->server->lost++;
	counts.lost[loss]++;
	say_loss(conn, loss_names[loss], how);
}

void tally_unopened(const char *why)
{
	if (!counts.unopened++)
		fprintf(stderr, "a connection could not be opened from here: %s\n", why);
}

void tally_mark(void)
{
	memset(&counts, 0, sizeof(counts));
	for (unsigned int i = 0; i < server_count; i++) {
		struct server *server = servers[i];

		server->opened = server->lost = server->expected = 0;
	}
}

static json_t *losses_json(const unsigned int counts_of[LOSSES])
{
	json_t *object = json_object();

	for (int i = 0; i < LOSSES; i++)
		json_object_set_new(object, loss_names[i], json_integer(counts_of[i]));
	return object;
}

static json_t *servers_json(void)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < server_count; i++) {
		const struct server *s = servers[i];

		json_object_set_new(object, s->name,
				    json_pack("{s:i, s:i, s:i, s:i}", "open", s->open, "opened", s->opened, "lost",
					      s->lost, "expected", s->expected));
	}
	return object;
}

json_t *tally_report(void)
{
	return json_pack("{s:i, s:i, s:i, s:o, s:i, s:i, s:o, s:i, s:i, s:I, s:o}", "open", client.lasting,
			 "connecting", client.connecting, "old", client_old(), "lost", losses_json(counts.lost),
			 "expected", counts.expected, "made", counts.made, "failed", losses_json(counts.failed),
			 "finished", counts.finished, "unopened", counts.unopened, "exchanges",
			 (json_int_t)counts.exchanges, "servers", servers_json());
}
