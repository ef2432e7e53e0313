/* SPDX-License-Identifier: GPL-2.0 */
/* Which tunnels are taken, and the MSS that fits through them: from the operator's words and the interface's MTU. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent.h"

/* What IPv4 and every network must carry: an MSS below (RFC 9293, 3.7.1) helps nobody. */
#define MSS_MIN 536
#define MTU_MIN 576
#define IP4_HEADERS 40 /* IP and TCP, no options */
#define IP6_HEADERS 60

const char *const agent_kind_names[AGENT_KINDS] = {"ipip", "gue", "gre", "l2dsr"};

/* Between the outer IP header and the inner packet, at most: for gue UDP and variant 0's base header. */
static const unsigned int kind_overhead[AGENT_KINDS] = {0, 12, 4, 0};

static int parse_number(const char *text, const char *option, long min, long max, long *out, struct shunt_err *err)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	if (end == text || *end || errno || *out < min || *out > max)
		return shunt_fail(err, EINVAL, option, "\"%s\" is not a number from %ld to %ld", text, min, max);
	return 0;
}

static int add_kind(struct agent_rules *rules, const char *name, struct shunt_err *err)
{
	for (int i = 0; i < AGENT_KINDS; i++)
		if (!strcmp(name, agent_kind_names[i])) {
			rules->kinds |= 1u << i;
			return 0;
		}
	return shunt_fail(err, EINVAL, "--tunnel", "\"%s\" is no kind of tunnel (expected ipip, gue, gre or l2dsr)",
			  name);
}

int agent_tunnels_resolve(struct agent_rules *rules, const struct agent_request *request, struct shunt_err *err)
{
	long port = SHUNT_DECAP_GUE_PORT;
	int rc = 0;

	rules->kinds = request->kind_count ? 0 : SHUNT_DECAP_KINDS_ALL;
	for (size_t i = 0; i < request->kind_count && !rc; i++)
		rc = add_kind(rules, request->kinds[i], err);
	if (!rc && request->gue_port)
		rc = parse_number(request->gue_port, "--gue-port", 1, 65535, &port, err);
	rules->gue_port = port;
	return rc;
}

/* As far as the words alone tell. *mss: -1 for auto, 0 for off; *path_mtu: 0 if it was not given. */
static int parse_mss(const struct agent_request *request, long *mss, long *path_mtu, struct shunt_err *err)
{
	const char *text = request->mss ? request->mss : "auto";
	int rc;

	*path_mtu = 0;
	*mss = strcmp(text, "off") ? -1 : 0;
	if (strcmp(text, "auto") && strcmp(text, "off") && parse_number(text, "--mss", MSS_MIN, UINT16_MAX, mss, NULL))
		return shunt_fail(err, EINVAL, "--mss", "\"%s\" is neither auto nor off nor a number from %d to %d",
				  text, MSS_MIN, UINT16_MAX);
	if (request->path_mtu && *mss >= 0)
		return shunt_fail(err, EINVAL, "--path-mtu", "is only of use with --mss auto");
	if (request->reply && !*mss)
		return shunt_fail(err, EINVAL, "--reply",
				  "names the interface of the MSS clamp, which --mss off leaves out");
	rc = request->path_mtu ? parse_number(request->path_mtu, "--path-mtu", MTU_MIN, UINT16_MAX, path_mtu, err) : 0;
	return rc;
}

int agent_mss_check(const struct agent_request *request, struct shunt_err *err)
{
	long mss, path_mtu;

	return parse_mss(request, &mss, &path_mtu, err);
}

static int query_device(const char *ifname, unsigned long what, struct ifreq *answer, struct shunt_err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	strncpy(answer->ifr_name, ifname, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, what, answer))
		rc = shunt_fail(err, errno, ifname, "cannot be asked for its type and MTU: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static unsigned int largest_overhead(const struct agent_rules *rules)
{
	unsigned int largest = 0, outer = 20;

	for (size_t i = 0; i < rules->tunnel_count; i++)
		if (rules->addrs[i].family == SHUNT_FAMILY_IPV6)
			outer = 40;
	for (int i = 0; i < AGENT_KINDS; i++)
		if (rules->kinds & 1u << i & ~SHUNT_DECAP_KIND_L2DSR && outer + kind_overhead[i] > largest)
			largest = outer + kind_overhead[i];
	return largest;
}

static int mss_from_mtu(struct agent_rules *rules, long mtu, const char *where, struct shunt_err *err)
{
	long room = mtu - largest_overhead(rules);

	if (room < MTU_MIN)
		return shunt_fail(
			err, EMSGSIZE, where,
			"an MTU of %ld less %u bytes of tunnel is less than the %d that every network carries "
			"(expected a larger one, or --mss off)",
			mtu, largest_overhead(rules), MTU_MIN);
	rules->mss.ipv4 = room > UINT16_MAX ? UINT16_MAX : room - IP4_HEADERS;
	rules->mss.ipv6 = room > UINT16_MAX ? UINT16_MAX : room - IP6_HEADERS;
	return 0;
}

int agent_mss_resolve(struct agent_rules *rules, const struct agent_request *request, const char *ifname,
		      struct shunt_err *err)
{
	const char *reply = request->reply ? request->reply : ifname;
	struct ifreq device = {}, mtu = {};
	long mss, path_mtu;
	int rc = parse_mss(request, &mss, &path_mtu, err);

	rules->mss = (struct agent_mss){};
	if (rc || !mss)
		return rc;
	rc = query_device(reply, SIOCGIFHWADDR, &device, err);
	if (rc)
		return rc;
	if (device.ifr_hwaddr.sa_family != ARPHRD_ETHER && device.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		return shunt_fail(
			err, EINVAL, reply,
			"is no Ethernet device, and the MSS clamp reads Ethernet frames only (--mss off does without)");
	rules->mss = (struct agent_mss){.ipv4 = mss, .ipv6 = mss, .ifindex = if_nametoindex(reply)};
	if (mss > 0)
		return 0;
	if (!path_mtu) {
		rc = query_device(ifname, SIOCGIFMTU, &mtu, err);
		path_mtu = mtu.ifr_mtu;
	}
	return rc ? rc : mss_from_mtu(rules, path_mtu, request->path_mtu ? "--path-mtu" : ifname, err);
}
