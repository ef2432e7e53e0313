/* SPDX-License-Identifier: GPL-2.0 */
/* The server: says back what it is told, with its name. And a port that only health checks use, which can be closed and opened. */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../../user/lib/xalloc.h"
#include "conns.h"

struct listener {
	struct watch watch; /* first: the watch is the listener */
	int fd;		    /* -1: closed */
	unsigned int port;
};

struct visitor {
	struct watch watch; /* first */
	int fd;
	size_t got;
	struct message in;
};

static void accept_visitors(struct watch *watch, uint32_t events);
static void accept_checks(struct watch *watch, uint32_t events);

static struct listener service = {.watch.ready = accept_visitors, .fd = -1};
static struct listener health = {.watch.ready = accept_checks, .fd = -1};
static char name[CONNS_NAME_MAX];
static int loop;

static void visitor_end(struct visitor *visitor)
{
	close(visitor->fd);
	free(visitor);
}

static bool say_back(struct visitor *visitor)
{
	struct answer answer = {.said = visitor->in};

	memcpy(answer.name, name, sizeof(name));
	return send(visitor->fd, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer);
}

static void hear(struct watch *watch, uint32_t events)
{
	struct visitor *visitor = (struct visitor *)watch;
	ssize_t len;

	(void)events;
	len = recv(visitor->fd, (char *)&visitor->in + visitor->got, sizeof(visitor->in) - visitor->got, 0);
	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) {
		visitor_end(visitor);
		return;
	}
	visitor->got += (size_t)len;
	if (visitor->got < sizeof(visitor->in))
		return;
	visitor->got = 0;
	if (!say_back(visitor))
		visitor_end(visitor);
}

static void accept_visitors(struct watch *watch, uint32_t events)
{
	struct listener *listener = (struct listener *)watch;
	const int on = 1;
	int fd;

	(void)events;
	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct visitor *visitor = xcalloc(1, sizeof(*visitor));

		visitor->watch.ready = hear;
		visitor->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		loop_add(loop, fd, EPOLLIN, &visitor->watch);
	}
}

static void accept_checks(struct watch *watch, uint32_t events)
{
	struct listener *listener = (struct listener *)watch;
	int fd;

	(void)events;
	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

/* One socket for both families, on all addresses. */
static void listener_open(struct listener *listener)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)listener->port)};
	const int on = 1, off = 0;

	if (listener->fd >= 0 || !listener->port)
		return;
	listener->fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener->fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener->fd, 4096) < 0)
		die("port %u: %s", listener->port, strerror(errno));
	loop_add(loop, listener->fd, EPOLLIN, &listener->watch);
}

static void on_signal(struct watch *watch, uint32_t events);

static struct {
	struct watch watch; /* first */
	int fd;
} signals = {.watch.ready = on_signal};

static void on_signal(struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)watch;
	(void)events;
	if (read(signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR2) {
		listener_open(&health);
	} else if (health.fd >= 0) {
		close(health.fd);
		health.fd = -1;
	}
}

static void signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals.fd < 0)
		die("signalfd: %s", strerror(errno));
	loop_add(loop, signals.fd, EPOLLIN, &signals.watch);
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
						{"port", required_argument, NULL, 'p'},
						{"health", required_argument, NULL, 'h'},
						{}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n' && strlen(optarg) < sizeof(name))
			memcpy(name, optarg, strlen(optarg));
		else if (option == 'p')
			service.port = number_option("--port", optarg, 1, 65535);
		else if (option == 'h')
			health.port = number_option("--health", optarg, 1, 65535);
		else
			die("server: expected --name of up to %d characters, --port, --health", CONNS_NAME_MAX - 1);
	}
	if (!name[0] || !service.port || optind < argc)
		die("server: expected --name and --port, and no words besides options");
}

int server_main(int argc, char **argv)
{
	read_options(argc, argv);
	loop = loop_make();
	signals_open();
	listener_open(&service);
	listener_open(&health);
	for (;;)
		loop_run_once(loop, -1);
}
