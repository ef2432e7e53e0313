/* SPDX-License-Identifier: GPL-2.0 */
/* What all kinds of check share. */
#include "health_probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../lib/log.h"

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

/* As VIPs are written. */
static const char *format_vip(const struct shunt_addr *vip, uint16_t port, char buf[SHUNT_ADDR_TEXT])
{
	char text[SHUNT_ADDR_TEXT];

	addr_format(vip, text);
	if (!port)
		snprintf(buf, SHUNT_ADDR_TEXT, "%.46s", text);
	else
		snprintf(buf, SHUNT_ADDR_TEXT, vip->family == SHUNT_FAMILY_IPV6 ? "[%.46s]:%u" : "%.46s:%u", text,
			 port);
	return buf;
}

/* What may be the matter is as long as it may be with an IPv6 address in front of it. */
void probe_result_silence(struct probe_result *result, const struct shunt_addr *vip, uint16_t port, uint32_t timeout)
{
	char text[SHUNT_ADDR_TEXT];

	probe_result_set(result, PROBE_FAIL,
			 "no answer from %s through the tunnel in %u ms: VIP on its lo? tunnel open? rp_filter off?",
			 format_vip(vip, port, text), timeout);
}

/* The source's port is chosen when it is known where to: there are as many for each target. */
static int set_road(int fd, const struct probe_road *road)
{
	const int one = 1;
	struct sockaddr_storage ss;

	if (road->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &road->mark, sizeof(road->mark)))
		return -errno;
	if (!road->from.family)
		return 0;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&road->from, 0, &ss)) ? -errno : 0;
}

int probe_socket(const struct probe_road *road, int type, int protocol)
{
	int family = road->to.family == SHUNT_FAMILY_IPV6 ? AF_INET6 : AF_INET;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), rc;

	if (fd < 0)
		return -errno;
	rc = set_road(fd, road);
	if (!rc)
		return fd;
	close(fd);
	return rc;
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

/* Thousands of probes at once are thousands of descriptors. What the hard limit allows is nobody else's to grant. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_warning("health checks: cannot raise the limit of open files to %llu: %s",
			    (unsigned long long)limit.rlim_max, strerror(errno));
}

int probers_open(struct probers *probers, uv_loop_t *loop, struct shunt_err *err)
{
	int ret = probe_http_open(&probers->http, loop, err);

	if (ret)
		return ret;
	probers->loop = loop;
	probers->icmp = probe_icmp_open(loop);
	probers->exec = probe_exec_open(loop);
	raise_descriptor_limit();
	return 0;
}

void probers_close(struct probers *probers)
{
	probe_http_close(probers->http);
	probe_icmp_close(probers->icmp);
	probe_exec_close(probers->exec);
}
