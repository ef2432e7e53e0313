/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the client is asked, over a Unix socket: one request a connection, one answer. All are answered at once but "round", which waits
 * until every connection that is open now has had an answer to something that it said after now, or is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../user/lib/xalloc.h"
#include "conns_client.h"

enum { REQUEST_MAX = 256, ANSWER_MAX = 65536, ROUNDS_MAX = 8 };

static struct control {
	struct watch watch; /* first */
	int fd;
	int rounds[ROUNDS_MAX]; /* who waits for the round */
	unsigned int waiting;
} control;

static void answer(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		fprintf(stderr, "conns: answer: %s\n", strerror(errno));
	close(fd);
}

static void answer_report(int fd)
{
	json_t *report = tally_report();
	char *text = json_dumps(report, JSON_COMPACT);

	answer(fd, text ? text : "error: no report");
	free(text);
	json_decref(report);
}

void control_round_over(void)
{
	while (control.waiting)
		answer(control.rounds[--control.waiting], "{}");
}

/* A round that is under way begins anew, for all that wait for it. */
static void begin_round(int fd)
{
	if (control.waiting == ROUNDS_MAX) {
		answer(fd, "error: too many wait for a round");
		return;
	}
	control.rounds[control.waiting++] = fd;
	client.owing = 0;
	for (unsigned int i = 0; i < client.count; i++) {
		struct conn *conn = client.conns[i];

		conn->owes = conn->server && conn->state != CONN_CLOSING;
		client.owing += conn->owes;
	}
	if (!client.owing)
		control_round_over();
}

static bool set(const char *what, const char *text)
{
	unsigned int number;
	char *end;

	number = text ? (unsigned int)strtoul(text, &end, 10) : 0;
	if (!text || *end || number > 1000000)
		return false;
	if (!strcmp(what, "connections"))
		client.connections = number;
	else if (!strcmp(what, "brief"))
		client.brief_rate = number;
	else if (!strcmp(what, "churn"))
		client.churn_rate = number;
	else
		return false;
	return true;
}

static void carry_out(int fd, char *request)
{
	char *rest, *verb = strtok_r(request, " ", &rest), *what = strtok_r(NULL, " ", &rest);

	if (!verb) {
		answer(fd, "error: nothing asked");
	} else if (!strcmp(verb, "report")) {
		answer_report(fd);
	} else if (!strcmp(verb, "round")) {
		begin_round(fd);
	} else if (!strcmp(verb, "renew")) {
		client.renew = conn_next_number();
		answer(fd, "{}");
	} else if (!strcmp(verb, "mark")) {
		tally_mark();
		answer(fd, "{}");
	} else if (!strcmp(verb, "forgive") && what && strlen(what) < CONNS_NAME_MAX) {
		tally_server(what)->forgiven = true;
		answer(fd, "{}");
	} else if (!strcmp(verb, "set") && what && set(what, strtok_r(NULL, " ", &rest))) {
		answer(fd, "{}");
	} else if (!strcmp(verb, "stop")) {
		answer(fd, "{}");
		exit(0);
	} else {
		answer(fd,
		       "error: expected report, mark, round, renew, forgive NAME, set connections|brief|churn N, stop");
	}
}

/* The request is there with the connection, or as good as. */
static void asked(struct watch *watch, uint32_t events)
{
	char request[REQUEST_MAX] = {};
	int fd;

	(void)watch;
	(void)events;
	fd = accept4(control.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (recv(fd, request, sizeof(request) - 1, 0) > 0)
		carry_out(fd, request);
	else
		close(fd);
}

static int control_socket(const char *path, struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (fd < 0 || strlen(path) >= sizeof(addr->sun_path))
		die("%s: no socket can be made of it", path);
	memcpy(addr->sun_path, path, strlen(path));
	return fd;
}

void control_open(const char *path)
{
	struct sockaddr_un addr;

	control.fd = control_socket(path, &addr);
	control.watch.ready = asked;
	unlink(path);
	if (bind(control.fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(control.fd, 16) < 0)
		die("%s: %s", path, strerror(errno));
	loop_add(client.loop, control.fd, EPOLLIN, &control.watch);
}

/* conns ask PATH WORD... */
int ask_main(int argc, char **argv)
{
	static char text[ANSWER_MAX];
	char request[REQUEST_MAX] = "";
	struct sockaddr_un addr;
	ssize_t len;
	int fd;

	if (argc < 3)
		die("ask: expected the socket and what to ask");
	fd = control_socket(argv[1], &addr);
	for (int i = 2; i < argc; i++) {
		if (strlen(request) + strlen(argv[i]) + 2 > sizeof(request))
			die("ask: too long");
		strcat(strcat(request, i > 2 ? " " : ""), argv[i]);
	}
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || send(fd, request, strlen(request), 0) < 0)
		die("%s: %s", argv[1], strerror(errno));
	len = recv(fd, text, sizeof(text) - 1, 0);
	if (len <= 0)
		die("%s: no answer", argv[1]);
	puts(text);
	return !strncmp(text, "error", 5);
}
