/* SPDX-License-Identifier: GPL-2.0 */
/* The client's parts: conns_life.c is one connection, conns_tally.c what is counted, conns_control.c who asks, conns_client.c how many
 * connections there are. */
#ifndef LIVE_CONNS_CLIENT_H
#define LIVE_CONNS_CLIENT_H

#include <jansson.h>

#include "conns.h"

/* How a connection can end that should not. */
enum loss { LOSS_RESET, LOSS_STALL, LOSS_WRONG, LOSSES };

/* One run of a server. */
struct server {
	char name[CONNS_NAME_MAX];
	bool forgiven;
	unsigned int open, opened, lost, expected;
};

enum conn_state { CONN_CONNECTING, CONN_ASKED, CONN_IDLE, CONN_CLOSING };

struct conn {
	struct watch watch; /* first: the watch is the connection */
	struct timer timer;
	int fd;
	unsigned int index; /* in the client's conns */
	enum conn_state state;
	bool brief; /* ends after one exchange */
	bool lazy;  /* is silent for longer than others */
	bool owes;  /* an exchange to the round that was asked for */
	uint32_t number, said;
	struct server *server; /* NULL until the first answer */
	uint64_t opened, asked;
	size_t got;
	struct answer in;
};

struct client {
	int loop;
	uint64_t now; /* ms, of this turn of the loop */
	struct conn **conns;
	unsigned int count, room;
	unsigned int connecting, lasting, brief; /* of those */
	unsigned int owing;			 /* with owes */

	/* what is wanted */
	unsigned int connections;	     /* lasting ones */
	uint32_t renew;			     /* lasting ones with a smaller number are to be replaced */
	unsigned int brief_rate, churn_rate; /* a second */
	unsigned int interval_min, interval_max, idle_percent, idle_max, stall; /* ms */
	struct endpoint *to, *from;
	unsigned int to_count, from_count;
	const char *control;
};

extern struct client client;

unsigned int random_below(unsigned int bound);

unsigned int client_old(void); /* how many are still to be replaced */

/* conns_life.c */
uint32_t conn_next_number(void);
void conn_open(bool brief);
void conn_finish(struct conn *conn); /* an idle one: by FIN */
void conn_timer(struct timer *timer);

/* conns_tally.c */
struct server *tally_server(const char *name);
void tally_made(struct conn *conn); /* its first answer has come */
void tally_exchange(void);
void tally_finished(struct conn *conn); /* as it should */
void tally_loss(struct conn *conn, enum loss loss,
		const char *how);     /* before the first answer: a handshake that failed */
void tally_unopened(const char *why); /* this host had no socket or port for it */
void tally_mark(void);
json_t *tally_report(void);

/* conns_control.c */
void control_open(const char *path);
void control_round_over(void);

#endif
