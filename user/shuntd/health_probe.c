/* SPDX-License-Identifier: GPL-2.0 */
/* What all kinds of check share. */
#include "health_probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void probe_result_set(struct probe_result *result, enum probe_verdict verdict, const char *fmt, ...)
{
	va_list args;

	result->verdict = verdict;
	va_start(args, fmt);
	vsnprintf(result->reason, sizeof(result->reason), fmt, args);
	va_end(args);
	for (char *c = result->reason; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

enum probe_verdict probe_errno_verdict(int code)
{
	switch (code) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL: /* no free port towards the target */
	case EAGAIN:	    /* no free port at all, no room to send, no process */
		return PROBE_UNKNOWN;
	default:
		return PROBE_FAIL;
	}
}

void probe_result_errno(struct probe_result *result, const char *call, int code)
{
	probe_result_set(result, probe_errno_verdict(code), "%s: %s", call, strerror(code));
}

int probe_socket(const struct probe_road *road, int type, int protocol)
{
	int family = road->to.family == SHUNT_FAMILY_IPV6 ? AF_INET6 : AF_INET;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : fd;
}

bool probe_random(void *out, size_t size)
{
	return getrandom(out, size, GRND_NONBLOCK) == (ssize_t)size;
}

void probe_cancel(struct probe *probe)
{
	probe->cancel(probe);
}

void probe_finish(struct probe *probe, const struct probe_result *result)
{
	struct probe_caller caller = probe->caller;

	probe_cancel(probe);
	caller.done(caller.arg, result);
}

struct probe *probe_start(struct probers *probers, const struct probe_target *target, const struct probe_caller *caller,
			  struct probe_result *result)
{
	static struct probe *(*const starts[])(struct probers *, const struct probe_target *,
					       const struct probe_caller *, struct probe_result *) = {
		[CONFIG_CHECK_TCP] = probe_tcp_start,	 [CONFIG_CHECK_HTTP] = probe_http_start,
		[CONFIG_CHECK_HTTPS] = probe_http_start, [CONFIG_CHECK_DNS] = probe_dns_start,
		[CONFIG_CHECK_UDP] = probe_udp_start,	 [CONFIG_CHECK_ICMP] = probe_icmp_start,
		[CONFIG_CHECK_EXEC] = probe_exec_start,
	};

	return starts[target->check->type](probers, target, caller, result);
}

int probers_open(struct probers *probers, uv_loop_t *loop, struct shunt_err *err)
{
	int ret = probe_http_open(&probers->http, loop, err);

	if (ret)
		return ret;
	probers->loop = loop;
	probers->icmp = probe_icmp_open(loop);
	probers->exec = probe_exec_open(loop);
	return 0;
}

void probers_close(struct probers *probers)
{
	probe_http_close(probers->http);
	probe_icmp_close(probers->icmp);
	probe_exec_close(probers->exec);
}
