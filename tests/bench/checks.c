/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What health checks cost: 5,000 of a kind at an interval of 2 s, against servers of this host in a process of their own, as CPU time
 * of the checking process. The targets are addresses of loopback, in a network namespace of its own, so that ports of other processes
 * are out of the way; that includes what the kernel does in this process's system calls, both ends of a handshake among it.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/lib/log.h"
#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/health.h"

#define TARGETS 5000
#define INTERVAL 2000
#define WARM_UP 4000  /* ms: all are up, and spread by the jitter */
#define MEASURE 10000 /* ms */
#define PORT 8000

static struct health *health;
static unsigned int changes;

static void fail(const char *what)
{
	fprintf(stderr, "checks: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the servers ---- */

/* An answer for whatever comes, and the end; the client's reset ends a TCP check before that. */
static void serve_tcp(int listener)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
	int poll = epoll_create1(0), count, fd;
	char buf[1024];

	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		count = epoll_wait(poll, events, 256, -1);
		for (int i = 0; i < count; i++) {
			fd = events[i].data.fd;
			if (fd == listener) {
				event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
				if (event.data.fd >= 0)
					epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
				continue;
			}
			if (read(fd, buf, sizeof(buf)) > 0)
				send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
			close(fd);
		}
	}
}

/* The question, as an answer, from the address that was asked: the flag QR is all that a DNS check needs of it. */
static void serve_udp(int fd)
{
	const int on = 1, room = 8 << 20;
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct sockaddr_in from;
	uint8_t buf[1024];
	struct iovec iov;
	ssize_t len;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	for (;;) {
		struct msghdr msg = {.msg_name = &from,
				     .msg_namelen = sizeof(from),
				     .msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};

		iov = (struct iovec){buf, sizeof(buf)};
		len = recvmsg(fd, &msg, 0);
		if (len < 3)
			continue;
		buf[2] |= 0x80;
		iov.iov_len = len;
		sendmsg(fd, &msg, 0);
	}
}

static int bound(int type)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || (type == SOCK_STREAM && listen(fd, 4096)))
		fail("a server");
	return fd;
}

static pid_t serve(void (*server)(int fd), int fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	server(fd);
	_exit(0);
}

/* ---- the checks ---- */

static struct config *config_of(enum config_check_type type)
{
	struct config *config = xcalloc(1, sizeof(*config));
	struct config_service *service = xcalloc(1, sizeof(*service));

	config->services = service;
	config->service_count = 1;
	strcpy(service->name, "bench");
	service->check = (struct config_check){
		.type = type,
		.port = PORT,
		.query = (char *)"www.example.org",
		.send = (char *)"ping",
		.path = (char *)"/",
		.expect_min = 200,
		.expect_max = 399,
		.interval = INTERVAL,
		.jitter = 10,
		.timeout = 1000,
		.rise = 2,
		.fall = 3,
	};
	service->backends = xcalloc(TARGETS, sizeof(*service->backends));
	service->backend_count = TARGETS;
	for (unsigned int i = 0; i < TARGETS; i++)
		service->backends[i].addr = (struct shunt_addr){
			.word[0] = htonl(INADDR_LOOPBACK + 256 * (i / 250) + i % 250), .family = SHUNT_FAMILY_IPV4};
	return config;
}

static void changed(void *arg, const char *service, const struct shunt_addr *backend,
		    const struct health_status *status)
{
	(void)arg, (void)service, (void)backend, (void)status;
	changes++;
}

static uint64_t cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ull + usage.ru_utime.tv_usec +
	       usage.ru_stime.tv_usec;
}

static void run_for(uv_loop_t *loop, uint64_t ms)
{
	for (uint64_t end = uv_hrtime() + ms * 1000000; uv_hrtime() < end;)
		uv_run(loop, UV_RUN_ONCE);
}

static unsigned int up_of(const struct config *config)
{
	unsigned int up = 0;

	for (unsigned int i = 0; i < TARGETS; i++)
		up += health_get(health, "bench", &config->services->backends[i].addr)->state == HEALTH_UP;
	return up;
}

static void measure(uv_loop_t *loop, enum config_check_type type)
{
	struct config *config = config_of(type), nothing = {};
	uint64_t cpu, from;
	double share;

	health_sync(health, config, NULL, NULL);
	run_for(loop, WARM_UP);
	changes = 0;
	cpu = cpu_us();
	from = uv_hrtime();
	run_for(loop, MEASURE);
	share = (cpu_us() - cpu) / ((uv_hrtime() - from) / 1e3);
	printf("%-6s %5.1f %% of a core, %4.1f us a check; %u of %u up, %u changes of state\n", config_check_name(type),
	       100 * share, share * 1e6 * INTERVAL / 1e3 / TARGETS, up_of(config), TARGETS, changes);
	health_sync(health, &nothing, NULL, NULL);
	free(config->services->backends);
	free(config->services);
	free(config);
}

static void own_network(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET))
		fail("a network namespace (must run as root)");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo))
		fail("lo");
	close(fd);
}

int main(void)
{
	static const enum config_check_type types[] = {CONFIG_CHECK_TCP, CONFIG_CHECK_HTTP, CONFIG_CHECK_DNS,
						       CONFIG_CHECK_UDP, CONFIG_CHECK_ICMP};
	struct shunt_err err;
	pid_t servers[2];
	uv_loop_t loop;

	own_network();
	servers[0] = serve(serve_tcp, bound(SOCK_STREAM));
	servers[1] = serve(serve_udp, bound(SOCK_DGRAM));
	uv_loop_init(&loop);
	log_set_level(LOG_LEVEL_ERROR);
	if (health_open(&health, &loop, changed, NULL, &err))
		fail(shunt_err_text(&err));
	printf("%d checks, one every %d ms each\n", TARGETS, INTERVAL);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		measure(&loop, types[i]);
	health_close(health);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	for (int i = 0; i < 2; i++) {
		kill(servers[i], SIGKILL);
		waitpid(servers[i], NULL, 0);
	}
	return 0;
}
