/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clients of a socket, and how long each may take. libmicrohttpd's own timeout begins anew with every byte, so that a client
 * who sends one now and then would keep its connection for ever. Here a request has a time in which to come, from the connection's
 * start or the end of the request before, and its answer has as much again in which to be taken.
 *
 * Time is counted in ticks of the loop's timer, which does not catch up: what the daemon itself took for something else is nobody's
 * fault.
 */
#ifndef SHUNT_API_CLIENTS_H
#define SHUNT_API_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include <microhttpd.h>
#include <uv.h>

struct api_client;

struct api_clients {
	struct api_client *first;
	unsigned int ticks; /* that each may take */
	uv_timer_t timer;   /* runs while there are clients */
};

/* seconds: that a request, and then its answer, may take. The timer is the caller's to close. */
void api_clients_open(struct api_clients *clients, uv_loop_t *loop, unsigned int seconds);

/* For MHD_OPTION_NOTIFY_CONNECTION; arg is the clients. */
void api_clients_notify(void *arg, struct MHD_Connection *connection, void **socket_context,
			enum MHD_ConnectionNotificationCode code);

/* Its time begins anew: an answer is ready, or has been taken. */
void api_client_restart(struct MHD_Connection *connection);

/* For an answer without an end: from now on it may take for ever, until the next restart. */
void api_client_unlimited(struct MHD_Connection *connection);

#endif
