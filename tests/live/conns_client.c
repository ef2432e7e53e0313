/* SPDX-License-Identifier: GPL-2.0 */
/* The client: how many connections there are to be, of which kind, and when they are opened. */
#include <getopt.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/lib/addr.h"
#include "../../user/lib/xalloc.h"
#include "conns_client.h"

enum {
	CONNECTING_MAX = 256,	 /* handshakes at a time */
	OPENS_PER_SECOND = 4000, /* at most, of those that replace what is missing */
	RENEWALS_PER_SECOND = 1000
};

struct client client = {.interval_min = 2000, .interval_max = 6000, .idle_max = 6000, .stall = 20000};

static uint64_t random_state;

/* xorshift64*; what it is for needs no more. */
unsigned int random_below(unsigned int bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned int)((random_state * 0x2545f4914f6cdd1dull >> 32) * bound >> 32);
}

/* How many of a rate fall into the time since the last call; what is less than one is kept. */
static unsigned int due(unsigned int rate, unsigned int elapsed, uint64_t *thousandths)
{
	unsigned int whole;

	*thousandths += (uint64_t)rate * elapsed;
	whole = (unsigned int)(*thousandths / 1000);
	*thousandths %= 1000;
	return whole;
}

static void finish_some(unsigned int count)
{
	/* Most are idle, so one is found soon; if not, there is another time. */
	for (unsigned int tries = 4 * count; count && tries && client.count; tries--) {
		struct conn *conn = client.conns[random_below(client.count)];

		if (conn->brief || conn->state != CONN_IDLE)
			continue;
		conn_finish(conn);
		count--;
	}
}

static bool is_old(const struct conn *conn)
{
	return !conn->brief && conn->number < client.renew;
}

unsigned int client_old(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < client.count; i++)
		count += is_old(client.conns[i]);
	return count;
}

/* Replaces up to so many of the old ones. */
static void renew_some(unsigned int count)
{
	unsigned int busy = 0;

	for (unsigned int i = 0; i < client.count && count; i++) {
		struct conn *conn = client.conns[i];

		if (!is_old(conn))
			continue;
		busy++;
		if (conn->state == CONN_IDLE) {
			conn_finish(conn);
			count--;
		}
	}
	if (!busy)
		client.renew = 0;
}

/* Closing and opening at their rates; what is missing of the lasting ones is replaced. */
static void pace(unsigned int elapsed)
{
	static uint64_t brief_rest, churn_rest, renew_rest, open_rest;
	unsigned int count = due(client.brief_rate, elapsed, &brief_rest);

	while (count-- && client.connecting < 4 * CONNECTING_MAX)
		conn_open(true);
	finish_some(due(client.churn_rate, elapsed, &churn_rest));
	if (client.renew)
		renew_some(due(RENEWALS_PER_SECOND, elapsed, &renew_rest));
	count = due(OPENS_PER_SECOND, elapsed, &open_rest);
	while (count-- && client.lasting < client.connections && client.connecting < CONNECTING_MAX)
		conn_open(false);
}

static struct endpoint *endpoint_add(struct endpoint **list, unsigned int *count, const char *text)
{
	struct shunt_addr addr;
	struct endpoint *endpoint;

	if (addr_parse(text, &addr))
		die("%s: not an address", text);
	*list = xreallocarray(*list, *count + 1, sizeof(**list));
	endpoint = &(*list)[(*count)++];
	endpoint->len = addr_to_sockaddr(&addr, 0, &endpoint->addr);
	return endpoint;
}

static void set_port(struct endpoint *endpoint, uint16_t port)
{
	struct sockaddr_in6 *addr = (struct sockaddr_in6 *)&endpoint->addr;

	addr->sin6_port = htons(port); /* where IPv4 has it, too */
}

static void must_have_source(const struct endpoint *to)
{
	for (unsigned int i = 0; i < client.from_count; i++) {
		if (client.from[i].addr.ss_family == to->addr.ss_family)
			return;
	}
	die("client: a --to without a --from of its family");
}

/* An option of two numbers: the second one is the next argument. */
static const char *second(int argc, char **argv)
{
	return optind < argc ? argv[optind++] : NULL;
}

static void read_option(int option, int argc, char **argv, unsigned int *port)
{
	switch (option) {
	case 'c':
		client.control = optarg;
		break;
	case 't':
		endpoint_add(&client.to, &client.to_count, optarg);
		break;
	case 'f':
		endpoint_add(&client.from, &client.from_count, optarg);
		break;
	case 'p':
		*port = number_option("--port", optarg, 1, 65535);
		break;
	case 'n':
		client.connections = number_option("--connections", optarg, 0, 100000);
		break;
	case 'i':
		client.interval_min = number_option("--interval", optarg, 1, WHEEL_MS);
		client.interval_max = number_option("--interval", second(argc, argv), client.interval_min, WHEEL_MS);
		break;
	case 'l':
		client.idle_percent = number_option("--idle", optarg, 0, 100);
		client.idle_max = number_option("--idle", second(argc, argv), 1, WHEEL_MS);
		break;
	case 's':
		client.stall = number_option("--stall", optarg, 1000, WHEEL_MS);
		break;
	case 'r':
		random_state = number_option("--seed", optarg, 0, UINT32_MAX);
		break;
	default:
		die("client: no such option; conns alone prints them");
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"control", required_argument, NULL, 'c'},     {"to", required_argument, NULL, 't'},
		{"from", required_argument, NULL, 'f'},	       {"port", required_argument, NULL, 'p'},
		{"connections", required_argument, NULL, 'n'}, {"interval", required_argument, NULL, 'i'},
		{"idle", required_argument, NULL, 'l'},	       {"stall", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'r'},	       {}};
	unsigned int port = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(option, argc, argv, &port);
	if (!client.control || !client.to_count || !port || optind < argc)
		die("client: expected --control, --to, --from and --port, and no words besides options");
	for (unsigned int i = 0; i < client.to_count; i++) {
		set_port(&client.to[i], (uint16_t)port);
		must_have_source(&client.to[i]);
	}
	if (client.idle_max < client.interval_min)
		die("client: --idle: expected at least the shortest --interval");
	need_files(client.connections + 6 * CONNECTING_MAX);
	random_state = (random_state + 1) * 0x9e3779b97f4a7c15ull;
}

int client_main(int argc, char **argv)
{
	uint64_t paced;

	read_options(argc, argv);
	client.loop = loop_make();
	control_open(client.control);
	client.now = paced = clock_ms();
	wheel_start(client.now);
	for (;;) {
		loop_run_once(client.loop, TICK_MS);
		client.now = clock_ms();
		wheel_run(client.now, conn_timer);
		if (client.now - paced >= 2 * TICK_MS) {
			pace((unsigned int)(client.now - paced));
			paced = client.now;
		}
	}
}
