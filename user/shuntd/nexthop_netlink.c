/* SPDX-License-Identifier: GPL-2.0 */
#include "nexthop_netlink.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "nexthop_attr.h"
#include "shunt/maps.h"

#define REQUEST_SIZE 256
/* A link's description is the largest answer; without statistics and virtual functions 2 KiB would do. */
#define ANSWER_SIZE 16384

/* Events at a time, and how much of each is read: a neighbour's fits whole, and so does a route's with a dozen next hops. */
#define EVENT_BATCH 32
#define EVENT_SIZE 512
/* Batches per drain. Whoever writes routes faster than they are read gets the rest looked at next time; the daemon has other work. */
#define DRAIN_BATCHES 128

#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

typedef char request_buf[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
typedef char answer_buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));

static const unsigned int groups[] = {
	RTNLGRP_LINK,	    RTNLGRP_NEIGH,	RTNLGRP_NEXTHOP,   RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
};

static uint8_t to_af(const struct shunt_addr *addr)
{
	return addr->family == SHUNT_FAMILY_IPV6 ? AF_INET6 : AF_INET;
}

static size_t addr_bytes(const struct shunt_addr *addr)
{
	return addr->family == SHUNT_FAMILY_IPV6 ? 16 : 4;
}

static bool addr_from(struct shunt_addr *addr, uint8_t af, const void *bytes, size_t len)
{
	if (!(af == AF_INET && len == 4) && !(af == AF_INET6 && len == 16))
		return false;
	memset(addr, 0, sizeof(*addr));
	addr->family = af == AF_INET6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4;
	memcpy(addr->word, bytes, len);
	return true;
}

static int subscribe(struct mnl_socket *events)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		unsigned int group = groups[i];

		if (mnl_socket_setsockopt(events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

int rtnl_open(struct rtnl *nl, struct shunt_err *err)
{
	const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	int ret;

	memset(nl, 0, sizeof(*nl));
	nl->requests = mnl_socket_open2(NETLINK_ROUTE, flags);
	nl->events = mnl_socket_open2(NETLINK_ROUTE, flags);
	if (!nl->requests || !nl->events)
		ret = -errno;
	else if (mnl_socket_bind(nl->requests, 0, MNL_SOCKET_AUTOPID) < 0 ||
		 mnl_socket_bind(nl->events, 0, MNL_SOCKET_AUTOPID) < 0)
		ret = -errno;
	else
		ret = subscribe(nl->events);
	if (!ret)
		return 0;
	rtnl_close(nl);
	return shunt_fail(err, -ret, "rtnetlink", "cannot open and subscribe sockets: %s", strerror(-ret));
}

void rtnl_close(struct rtnl *nl)
{
	if (nl->requests)
		mnl_socket_close(nl->requests);
	if (nl->events)
		mnl_socket_close(nl->events);
	nl->requests = nl->events = NULL;
}

int rtnl_events_fd(const struct rtnl *nl)
{
	return mnl_socket_get_fd(nl->events);
}

static struct nlmsghdr *request(struct rtnl *nl, char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++nl->seq;
	return nlh;
}

/* Send nlh; leave the one message that answers it in answer. */
static int ask(struct rtnl *nl, const struct nlmsghdr *nlh, answer_buf answer)
{
	const struct nlmsghdr *reply = (const struct nlmsghdr *)answer;
	const struct nlmsgerr *verdict;
	ssize_t len;

	if (mnl_socket_sendto(nl->requests, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(nl->requests, answer, ANSWER_SIZE);
		if (len < 0)
			return -errno;
		if (!mnl_nlmsg_ok(reply, len))
			return -EBADMSG;
	} while (reply->nlmsg_seq != nlh->nlmsg_seq);

	if (reply->nlmsg_type != NLMSG_ERROR)
		return 0;
	if (mnl_nlmsg_get_payload_len(reply) < sizeof(*verdict))
		return -EBADMSG;
	verdict = mnl_nlmsg_get_payload(reply);
	/* Out of memory is the kernel's trouble, not an answer. */
	if (verdict->error == -ENOMEM || verdict->error == -ENOBUFS)
		return verdict->error;
	return -verdict->error;
}

static void read_metrics(struct rtnl_route *out, const struct nlattr *metrics)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, metrics)
	{
		if (mnl_attr_get_type(attr) == RTAX_MTU)
			attr_u32(attr, &out->mtu);
	}
}

static void read_via(struct rtnl_route *out, const struct nlattr *attr)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (len > sizeof(*via))
		addr_from(&out->gateway, via->rtvia_family, via->rtvia_addr, len - sizeof(*via));
}

int rtnl_get_route(struct rtnl *nl, const struct shunt_addr *dst, struct rtnl_route *out)
{
	request_buf buf;
	answer_buf answer;
	struct nlmsghdr *nlh = request(nl, buf, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	const struct nlattr *attr;
	int ret;

	rtm->rtm_family = to_af(dst);
	rtm->rtm_dst_len = addr_bytes(dst) * 8;
	mnl_attr_put(nlh, RTA_DST, addr_bytes(dst), dst->word);
	ret = ask(nl, nlh, answer);
	if (ret)
		return ret;

	nlh = (struct nlmsghdr *)answer;
	rtm = mnl_nlmsg_get_payload(nlh);
	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	out->type = rtm->rtm_type;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == RTA_OIF)
			attr_u32(attr, &out->ifindex);
		else if (type == RTA_GATEWAY)
			addr_from(&out->gateway, rtm->rtm_family, mnl_attr_get_payload(attr),
				  mnl_attr_get_payload_len(attr));
		else if (type == RTA_VIA)
			read_via(out, attr);
		else if (type == RTA_METRICS)
			read_metrics(out, attr);
	}
	return 0;
}

int rtnl_get_link(struct rtnl *nl, uint32_t ifindex, struct rtnl_link *out)
{
	request_buf buf;
	answer_buf answer;
	struct nlmsghdr *nlh = request(nl, buf, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	int ret;

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	ret = ask(nl, nlh, answer);
	if (ret)
		return ret;

	return rtnl_read_link((struct nlmsghdr *)answer, out);
}

/* False: not about a neighbour in IPv4 or IPv6. */
static bool read_neighbour(const struct nlmsghdr *nlh, uint32_t *ifindex, struct shunt_addr *addr,
			   struct rtnl_neighbour *out)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	bool has_addr = false, has_mac = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm))
		return false;
	memset(out, 0, sizeof(*out));
	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == NDA_DST)
			has_addr = addr_from(addr, ndm->ndm_family, mnl_attr_get_payload(attr),
					     mnl_attr_get_payload_len(attr));
		else if (type == NDA_LLADDR)
			has_mac = attr_mac(attr, out->mac);
	}
	*ifindex = ndm->ndm_ifindex;
	out->usable = nlh->nlmsg_type == RTM_NEWNEIGH && has_mac && (ndm->ndm_state & NUD_USABLE);
	out->fixed = out->usable && (ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP));
	return has_addr;
}

static struct nlmsghdr *neighbour_request(struct rtnl *nl, char *buf, uint16_t type, uint16_t flags, uint8_t ntf,
					  uint32_t ifindex, const struct shunt_addr *addr)
{
	struct nlmsghdr *nlh = request(nl, buf, type, flags);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = to_af(addr);
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_flags = ntf;
	mnl_attr_put(nlh, NDA_DST, addr_bytes(addr), addr->word);
	return nlh;
}

int rtnl_get_neighbour(struct rtnl *nl, uint32_t ifindex, const struct shunt_addr *addr, struct rtnl_neighbour *out)
{
	request_buf buf;
	answer_buf answer;
	struct shunt_addr told;
	uint32_t told_ifindex;
	int ret;

	ret = ask(nl, neighbour_request(nl, buf, RTM_GETNEIGH, 0, 0, ifindex, addr), answer);
	if (ret)
		return ret;
	return read_neighbour((struct nlmsghdr *)answer, &told_ifindex, &told, out) ? 0 : -EBADMSG;
}

int rtnl_use_neighbour(struct rtnl *nl, uint32_t ifindex, const struct shunt_addr *addr)
{
	request_buf buf;
	answer_buf answer;

	return ask(nl, neighbour_request(nl, buf, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK, NTF_USE, ifindex, addr),
		   answer);
}

int rtnl_probe_neighbour(struct rtnl *nl, uint32_t ifindex, const struct shunt_addr *addr)
{
	request_buf buf;
	answer_buf answer;
	struct nlmsghdr *nlh = neighbour_request(nl, buf, RTM_NEWNEIGH, NLM_F_REPLACE | NLM_F_ACK, 0, ifindex, addr);

	((struct ndmsg *)mnl_nlmsg_get_payload(nlh))->ndm_state = NUD_PROBE;
	return ask(nl, nlh, answer);
}

/* False: not about a destination in IPv4 or IPv6. */
static bool read_destination(const struct nlmsghdr *nlh, struct shunt_prefix *dst)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	bool has_addr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return false;
	*dst = (struct shunt_prefix){.len = rtm->rtm_dst_len};
	dst->addr.family = rtm->rtm_family == AF_INET6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4;
	has_addr = !dst->len;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		if (mnl_attr_get_type(attr) == RTA_DST)
			has_addr = addr_from(&dst->addr, rtm->rtm_family, mnl_attr_get_payload(attr),
					     mnl_attr_get_payload_len(attr));
	}
	return has_addr && dst->len <= addr_bits(&dst->addr);
}

static void tell_neighbour(const struct nlmsghdr *nlh, const struct rtnl_watcher *watcher)
{
	struct rtnl_neighbour neighbour;
	struct shunt_addr addr;
	uint32_t ifindex;

	if (read_neighbour(nlh, &ifindex, &addr, &neighbour))
		watcher->neighbour(watcher->arg, ifindex, &addr, &neighbour);
}

/* What was cut says only that something has changed. */
static void tell_event(const struct nlmsghdr *nlh, size_t len, const struct rtnl_watcher *watcher)
{
	uint16_t type = len < sizeof(*nlh) ? NLMSG_NOOP : nlh->nlmsg_type;
	bool whole = len >= sizeof(*nlh) && mnl_nlmsg_ok(nlh, len);
	struct shunt_prefix dst;

	if (type == RTM_GETNEIGH) /* the kernel asks for a resolver in userspace */
		return;
	if (whole && (type == RTM_NEWNEIGH || type == RTM_DELNEIGH))
		tell_neighbour(nlh, watcher);
	else if (whole && (type == RTM_NEWROUTE || type == RTM_DELROUTE) && read_destination(nlh, &dst))
		watcher->route(watcher->arg, &dst);
	else
		watcher->other(watcher->arg);
}

void rtnl_drain(struct rtnl *nl, const struct rtnl_watcher *watcher)
{
	char buf[EVENT_BATCH][EVENT_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct iovec iov[EVENT_BATCH];
	struct mmsghdr batch[EVENT_BATCH] = {};
	int got;

	for (size_t i = 0; i < EVENT_BATCH; i++) {
		iov[i] = (struct iovec){buf[i], EVENT_SIZE};
		batch[i].msg_hdr.msg_iov = &iov[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	for (int rounds = 0; rounds < DRAIN_BATCHES; rounds++) {
		got = recvmmsg(rtnl_events_fd(nl), batch, EVENT_BATCH, MSG_DONTWAIT, NULL);
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (got < 0 && errno != EINTR)
			watcher->other(
				watcher->arg); /* ENOBUFS: events were lost; the queue itself is still to be read */
		for (int i = 0; i < got; i++)
			tell_event((struct nlmsghdr *)buf[i], batch[i].msg_len, watcher);
	}
}
