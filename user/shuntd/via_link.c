// SPDX-License-Identifier: GPL-2.0
#include "via_link.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>

#include "shunt/probe.h"

/* The room that a tunnel takes at most is 52 bytes; 1280 is the least that IPv6 allows, and fits every path. */
#define LINK_MTU 1280
/* Number of the table and of the rules that name it: before main's, and before those that VPNs make. */
#define TABLE 1456
#define ALIAS_MAX 256
#define ADDR_GEN_NONE 1
#define MESSAGE_MAX 2048

static const uint8_t families[] = {AF_INET, AF_INET6};

int via_link_open(struct via_link *link, struct shunt_err *err)
{
	int rc;

	*link = (struct via_link){.nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)};
	if (link->nl && !mnl_socket_bind(link->nl, 0, MNL_SOCKET_AUTOPID))
		return 0;
	rc = shunt_fail(err, errno, "rtnetlink", "no socket for checks through tunnels: %s", strerror(errno));
	via_link_close(link);
	return rc;
}

void via_link_close(struct via_link *link)
{
	if (link->nl)
		mnl_socket_close(link->nl);
	link->nl = NULL;
}

/* ---- messages ---- */

static struct nlmsghdr *message(char buf[MESSAGE_MAX], uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

/* The kernel answers before the send returns. With parse: an answer that it reads; else an acknowledgement. */
static int talk(struct via_link *link, struct nlmsghdr *nlh, mnl_cb_t parse, void *out)
{
	char answer[8192]; /* a link's, with all that it tells of it */
	ssize_t len;

	nlh->nlmsg_seq = ++link->seq;
	if (!parse)
		nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(link->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(link->nl, answer, sizeof(answer));
	if (len < 0)
		return -errno;
	if (mnl_cb_run(answer, len, link->seq, mnl_socket_get_portid(link->nl), parse, out) < 0)
		return -errno;
	return 0;
}

static struct nlmsghdr *link_message(char buf[MESSAGE_MAX], uint16_t type, uint16_t flags, uint32_t ifindex)
{
	struct nlmsghdr *nlh = message(buf, type, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	return nlh;
}

/* ---- the pair ---- */

static int read_alias(const struct nlmsghdr *nlh, void *out)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct ifinfomsg)) if (mnl_attr_get_type(attr) == IFLA_IFALIAS &&
								   !mnl_attr_validate(attr, MNL_TYPE_STRING))
		strncpy(out, mnl_attr_get_str(attr), ALIAS_MAX - 1);
	return MNL_CB_OK;
}

/* Empty: it has none, as one whose maker was killed at once. */
static int get_alias(struct via_link *link, uint32_t ifindex, char alias[ALIAS_MAX])
{
	char buf[MESSAGE_MAX];

	memset(alias, 0, ALIAS_MAX);
	return talk(link, link_message(buf, RTM_GETLINK, 0, ifindex), read_alias, alias);
}

static int create_pair(struct via_link *link)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = link_message(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *info, *data, *peer;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, VIA_LINK_NAME);
	mnl_attr_put_u32(nlh, IFLA_MTU, LINK_MTU);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, VIA_LINK_FAR);
	mnl_attr_put_u32(nlh, IFLA_MTU, LINK_MTU);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return talk(link, nlh, NULL, NULL);
}

static int set_alias(struct via_link *link, const char *owner)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = link_message(buf, RTM_NEWLINK, 0, link->near);

	mnl_attr_put(nlh, IFLA_IFALIAS, strnlen(owner, ALIAS_MAX - 1), owner);
	return talk(link, nlh, NULL, NULL);
}

/* No link-local address, so nothing speaks there. Where IPv6 is off this fails, and need not succeed. */
static void set_speechless(struct via_link *link, uint32_t ifindex)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = link_message(buf, RTM_NEWLINK, 0, ifindex);
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC), *inet6 = mnl_attr_nest_start(nlh, AF_INET6);

	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, spec);
	talk(link, nlh, NULL, NULL);
}

static int set_up(struct via_link *link, uint32_t ifindex)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = link_message(buf, RTM_NEWLINK, 0, ifindex);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_flags = ifi->ifi_change = IFF_UP | IFF_NOARP;
	return talk(link, nlh, NULL, NULL);
}

/* Without it there are neither scattered nor unsegmented packets: the kernel drops what depends on it. */
static int stop_offload(void)
{
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM};
	struct ifreq request = {.ifr_name = VIA_LINK_NAME, .ifr_data = (char *)&off};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	rc = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int delete_link(struct via_link *link, uint32_t ifindex)
{
	char buf[MESSAGE_MAX];

	return talk(link, link_message(buf, RTM_DELLINK, 0, ifindex), NULL, NULL);
}

/* ---- the way into it ---- */

static int add_route(struct via_link *link, uint8_t family)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = message(buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = family;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, TABLE);
	mnl_attr_put_u32(nlh, RTA_OIF, link->near);
	return talk(link, nlh, NULL, NULL);
}

static int rule(struct via_link *link, uint16_t type, uint16_t flags, uint8_t family)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = message(buf, type, flags);
	struct fib_rule_hdr *hdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*hdr));

	hdr->family = family;
	hdr->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(nlh, FRA_TABLE, TABLE);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, TABLE);
	mnl_attr_put_u32(nlh, FRA_FWMARK, SHUNT_PROBE_MARK);
	mnl_attr_put_u32(nlh, FRA_FWMASK, SHUNT_PROBE_MARK_MASK);
	return talk(link, nlh, NULL, NULL);
}

static int add_way(struct via_link *link, uint8_t family)
{
	int rc = add_route(link, family);

	if (!rc)
		rc = rule(link, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family);
	return rc == -EEXIST ? 0 : rc;
}

/* A host without IPv6 has no VIPs of it to check: that one of the two families is there will do. */
int via_link_mend(struct via_link *link)
{
	int rc4 = add_way(link, AF_INET), rc6 = add_way(link, AF_INET6);

	return rc4 && rc6 ? rc4 : 0;
}

static void remove_rules(struct via_link *link)
{
	for (size_t i = 0; i < sizeof(families); i++)
		rule(link, RTM_DELRULE, 0, families[i]);
}

/* ---- what via_link.h offers ---- */

static bool is_foreign(const char *alias, const char *owner)
{
	return alias[0] && strncmp(alias, owner, ALIAS_MAX - 1) != 0;
}

/* Routes go with the interface that they lead to. */
int via_link_remove(struct via_link *link, const char *owner, struct shunt_err *err)
{
	uint32_t near = if_nametoindex(VIA_LINK_NAME);
	char alias[ALIAS_MAX];
	int rc = 0;

	link->near = link->far = 0;
	if (near)
		rc = get_alias(link, near, alias);
	if (!rc && near && is_foreign(alias, owner))
		return 0;
	if (!rc && near)
		rc = delete_link(link, near);
	if (rc && rc != -ENODEV)
		return shunt_fail(err, -rc, VIA_LINK_NAME, "cannot be removed: %s", strerror(-rc));
	remove_rules(link);
	return 0;
}

static int make(struct via_link *link, const char *owner)
{
	int rc = create_pair(link);

	if (rc)
		return rc;
	link->near = if_nametoindex(VIA_LINK_NAME);
	link->far = if_nametoindex(VIA_LINK_FAR);
	if (!link->near || !link->far)
		return -ENODEV;
	rc = set_alias(link, owner);
	if (!rc)
		rc = stop_offload();
	set_speechless(link, link->near);
	set_speechless(link, link->far);
	if (!rc)
		rc = set_up(link, link->far);
	if (!rc)
		rc = set_up(link, link->near);
	return rc ? rc : via_link_mend(link);
}

int via_link_make(struct via_link *link, const char *owner, struct shunt_err *err)
{
	int rc = via_link_remove(link, owner, err);

	if (rc)
		return rc;
	rc = make(link, owner);
	if (!rc)
		return 0;
	if (rc == -EEXIST)
		return shunt_fail(
			err, EBUSY, VIA_LINK_NAME,
			"belongs to another daemon, whose pin directory is its alias; expected one daemon that "
			"checks through tunnels in a network namespace");
	via_link_remove(link, owner, NULL);
	return shunt_fail(err, -rc, VIA_LINK_NAME, "the interface for checks through tunnels cannot be made: %s",
			  strerror(-rc));
}

static int read_route(const struct nlmsghdr *nlh, void *out)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct via_route *route = out;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return MNL_CB_OK;
	route->is_local = rtm->rtm_type == RTN_LOCAL;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		uint16_t type = mnl_attr_get_type(attr), len = mnl_attr_get_payload_len(attr);

		if (type == RTA_OIF && len == sizeof(uint32_t))
			route->ifindex = mnl_attr_get_u32(attr);
		if (type == RTA_PREFSRC && len == (rtm->rtm_family == AF_INET6 ? 16 : 4)) {
			route->source.family = rtm->rtm_family == AF_INET6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4;
			memcpy(route->source.word, mnl_attr_get_payload(attr), len);
		}
	}
	return MNL_CB_OK;
}

int via_link_route(struct via_link *link, const struct shunt_addr *dst, uint32_t mark, struct via_route *route)
{
	bool is_v6 = dst->family == SHUNT_FAMILY_IPV6;
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = message(buf, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = is_v6 ? AF_INET6 : AF_INET;
	rtm->rtm_dst_len = is_v6 ? 128 : 32;
	mnl_attr_put(nlh, RTA_DST, is_v6 ? 16 : 4, dst->word);
	mnl_attr_put_u32(nlh, RTA_MARK, mark);
	*route = (struct via_route){0};
	return talk(link, nlh, read_route, route);
}
