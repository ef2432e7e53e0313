/* SPDX-License-Identifier: GPL-2.0 */
#include "api_clients.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"

#define TICKS_A_SECOND 4
#define UNLIMITED 0

struct api_client {
	struct api_clients *clients;
	struct api_client *next, **at; /* at: what points here */
	int fd;			       /* libmicrohttpd's */
	unsigned int left;	       /* ticks */
};

/* To libmicrohttpd it looks as if the client had gone: it closes the connection, in whatever state that is. */
static void end(struct api_client *client)
{
	log_debug("api: a client took longer than %u s; its connection is closed",
		  client->clients->ticks / TICKS_A_SECOND);
	shutdown(client->fd, SHUT_RDWR);
	client->left = UNLIMITED;
}

static void on_tick(uv_timer_t *timer)
{
	struct api_clients *clients = timer->data;

	for (struct api_client *client = clients->first; client; client = client->next)
		if (client->left != UNLIMITED && --client->left == 0)
			end(client);
}

void api_clients_open(struct api_clients *clients, uv_loop_t *loop, unsigned int seconds)
{
	clients->first = NULL;
	clients->ticks = seconds * TICKS_A_SECOND;
	uv_timer_init(loop, &clients->timer);
	clients->timer.data = clients;
}

static void add(struct api_clients *clients, struct MHD_Connection *connection, void **socket_context)
{
	struct api_client *client = xcalloc(1, sizeof(*client));

	if (!clients->first)
		uv_timer_start(&clients->timer, on_tick, 1000 / TICKS_A_SECOND, 1000 / TICKS_A_SECOND);
	client->clients = clients;
	client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	client->left = clients->ticks;
	client->next = clients->first;
	client->at = &clients->first;
	if (client->next)
		client->next->at = &client->next;
	clients->first = client;
	*socket_context = client;
}

static void take_out(struct api_client *client)
{
	struct api_clients *clients = client->clients;

	*client->at = client->next;
	if (client->next)
		client->next->at = client->at;
	if (!clients->first)
		uv_timer_stop(&clients->timer);
	free(client);
}

void api_clients_notify(void *arg, struct MHD_Connection *connection, void **socket_context,
			enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		add(arg, connection, socket_context);
	else if (*socket_context)
		take_out(*socket_context);
}

static struct api_client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void api_client_restart(struct MHD_Connection *connection)
{
	struct api_client *client = client_of(connection);

	client->left = client->clients->ticks;
}

void api_client_unlimited(struct MHD_Connection *connection)
{
	client_of(connection)->left = UNLIMITED;
}
