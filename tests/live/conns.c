/* SPDX-License-Identifier: GPL-2.0 */
/* conns server | client | ask: see conns.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "../../user/lib/addr.h"
#include "conns.h"

enum { EVENTS = 256, FILES = 1 << 17 };

static const char usage[] =
	"usage: conns server --name NAME --port PORT [--health PORT]\n"
	"           SIGUSR1 closes the health port, SIGUSR2 opens it\n"
	"       conns client --control PATH --to ADDR --port PORT --from ADDR [--connections N] [--interval MIN MAX]\n"
	"           [--idle PERCENT MAX] [--stall MS] [--seed N] (--to and --from can be repeated; times in ms)\n"
	"       conns ask PATH report | mark | round | renew | forgive NAME | set connections|brief|churn N | stop\n";

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("conns: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

unsigned int number_option(const char *option, const char *text, unsigned int min, unsigned int max)
{
	unsigned int number;

	if (!text || number_parse(text, min, max, &number))
		die("%s %s: expected a number from %u to %u", option, text ? text : "", min, max);
	return number;
}

uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int loop_make(void)
{
	int loop = epoll_create1(EPOLL_CLOEXEC);

	if (loop < 0)
		die("epoll_create1: %s", strerror(errno));
	return loop;
}

void loop_add(int loop, int fd, uint32_t events, struct watch *watch)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl: %s", strerror(errno));
}

void loop_run_once(int loop, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(loop, events, EVENTS, timeout_ms);

	if (count < 0 && errno != EINTR)
		die("epoll_wait: %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
}

/* As many as may be: not every root may raise the hard limit. */
static void allow_many_files(void)
{
	struct rlimit limit = {.rlim_cur = FILES, .rlim_max = FILES};

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void need_files(unsigned int count)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < count)
		die("%u files must be open, %ju may be: raise the hard limit (ulimit -Hn)", count,
		    (uintmax_t)limit.rlim_cur);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (!strcmp(mode, "ask"))
		return ask_main(argc - 1, argv + 1);
	allow_many_files();
	if (!strcmp(mode, "server"))
		return server_main(argc - 1, argv + 1);
	if (!strcmp(mode, "client"))
		return client_main(argc - 1, argv + 1);
	fputs(usage, stderr);
	return 2;
}
