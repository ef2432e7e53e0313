/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rtnetlink's side of nexthop.c: messages made and read, nothing remembered.
 *
 * Questions return 0, a positive errno with which the kernel refused (ENETUNREACH: no route; ENOENT: no such neighbour),
 * or a negative one when it could not be asked at all, which says nothing about the thing asked for.
 */
#ifndef SHUNT_NEXTHOP_NETLINK_H
#define SHUNT_NEXTHOP_NETLINK_H

#include <net/if.h>

#include "../lib/addr.h"
#include "../lib/err.h"
#include "nexthop.h"

struct mnl_socket;
struct nlmsghdr;

struct rtnl {
	struct mnl_socket *requests; /* the kernel answers before the send returns */
	struct mnl_socket *events;   /* subscribed to whatever can change an answer */
	uint32_t seq;
};

struct rtnl_route {
	uint8_t type; /* RTN_* */
	uint32_t ifindex;
	uint32_t mtu;		   /* 0: the route has none */
	struct shunt_addr gateway; /* family 0: on-link; may be of the other family (RFC 8950) */
};

struct rtnl_link {
	uint32_t ifindex;
	uint32_t mtu;
	bool loopback;
	bool running; /* up, and so is its carrier */
	bool ethernet;
	uint8_t mac[6];
	char name[IFNAMSIZ];
	char kind[16];	       /* "vlan", "bridge", "veth", ...; empty for a NIC */
	uint32_t parent;       /* of a VLAN device and some others: the device below; 0: not known */
	bool parent_elsewhere; /* which is in another network namespace, whose numbers say nothing here */
	bool has_xdp;	       /* an XDP program runs there, whoever's and in whichever mode */
	bool is_vlan;
	struct nexthop_tag tag; /* of a VLAN device; tpid 0: not known */
};

struct rtnl_neighbour {
	bool usable; /* the kernel itself would send to mac */
	bool fixed;  /* permanent or without ARP: never asked for */
	uint8_t mac[6];
};

int rtnl_open(struct rtnl *nl, struct shunt_err *err);
void rtnl_close(struct rtnl *nl);
int rtnl_events_fd(const struct rtnl *nl);

int rtnl_get_route(struct rtnl *nl, const struct shunt_addr *dst, struct rtnl_route *out);
int rtnl_read_link(const struct nlmsghdr *nlh, struct rtnl_link *out); /* 0 or -EBADMSG */
int rtnl_get_link(struct rtnl *nl, uint32_t ifindex, struct rtnl_link *out);
int rtnl_get_neighbour(struct rtnl *nl, uint32_t ifindex, const struct shunt_addr *addr, struct rtnl_neighbour *out);

/* Have the kernel treat the neighbour as in use: ask for it if unknown, confirm it if stale (NTF_USE). */
int rtnl_use_neighbour(struct rtnl *nl, uint32_t ifindex, const struct shunt_addr *addr);

/* Have the kernel ask a known neighbour at once whether it is still there, however lately it was heard of (NUD_PROBE). Its MAC stays. */
int rtnl_probe_neighbour(struct rtnl *nl, uint32_t ifindex, const struct shunt_addr *addr);

/* Who is told of events. */
struct rtnl_watcher {
	void (*neighbour)(void *arg, uint32_t ifindex, const struct shunt_addr *addr,
			  const struct rtnl_neighbour *neighbour);
	void (*route)(void *arg,
		      const struct shunt_prefix *dst); /* one to there, in whichever table, has come, changed or gone */
	void (*other)(void *arg); /* anything may have changed: links, addresses, rules; or events were lost */
	void *arg;
};

/* Read the events that are waiting, or many of them. */
void rtnl_drain(struct rtnl *nl, const struct rtnl_watcher *watcher);

#endif
