/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Next hops over rtnetlink (libmnl): for each watched address the egress interface, its MAC and the neighbour's MAC. A route over VLAN
 * devices is one over the interface below them, with their tags.
 *
 * Routes are asked for (RTM_GETROUTE), never mirrored: an edge node may hold a full table. Notifications make the watched
 * addresses that they concern be asked for again, together, at most every 100 ms. A neighbour that is not known is asked for
 * (NTF_USE) again and again, with backoff; one that was known and turns FAILED or is deleted keeps its last MAC until
 * another is known, since health checks decide about backends. A route that moves to a neighbour not heard of before is
 * followed when that one has answered, or after three seconds. A route that has gone unresolves at once.
 */
#ifndef SHUNT_NEXTHOP_H
#define SHUNT_NEXTHOP_H

#include <uv.h>

#include "../lib/addr.h"
#include "../lib/err.h"

#define NEXTHOP_TAGS 2

/* A VLAN tag; priority and DEI are 0. */
struct nexthop_tag {
	uint16_t tpid; /* 0x8100 or 0x88a8 */
	uint16_t vid;
};

struct nexthop {
	bool resolved;
	uint32_t ifindex;
	uint32_t mtu;	   /* bytes of IP packet: the least of route, interface and what is known of the path */
	uint32_t path_mtu; /* learned from a router on the way (RFC 1191, RFC 8201); 0: nothing is */
	struct nexthop_tag tag[NEXTHOP_TAGS]; /* outermost first */
	uint8_t tags;
	uint8_t src_mac[6], dst_mac[6];
	struct shunt_addr gateway; /* family 0: on-link */
	char why[128];		   /* not resolved: the reason, e.g. "no route to 10.1.0.11" */
};

struct nexthops;

/* changed() is called from the loop, once for any number of addresses that changed; never from within the calls below. */
int nexthops_open(struct nexthops **nexthops, uv_loop_t *loop, void (*changed)(void *arg), void *arg,
		  struct shunt_err *err);
void nexthops_close(struct nexthops *nexthops); /* closes its handles; run the loop once more before freeing it */

/* Make exactly these addresses the watched ones (duplicates allowed). New ones are asked for at once: their routes and what the
 * neighbour table already holds are known when the call returns. mac: NULL, or per address a MAC that overrides the
 * neighbour's (all zero: none). */
void nexthops_watch(struct nexthops *nexthops, const struct shunt_addr *addrs, const uint8_t (*macs)[6], size_t count);

/* What an earlier daemon knew of a watched address: used while its own route leads out of that interface and its neighbour has not
 * answered yet. */
void nexthops_remember(struct nexthops *nexthops, const struct shunt_addr *addr, uint32_t ifindex,
		       const uint8_t mac[6]);

/* A router says that the path to addr takes packets of at most mtu bytes. Holds for ten minutes. False: not believed, or not new. */
bool nexthops_learn_mtu(struct nexthops *nexthops, const struct shunt_addr *addr, uint32_t mtu);

/* Nothing comes back from a watched address: have the kernel ask its neighbour whether it is still there. What shunt sends never passes the
 * kernel's stack, which so would not notice by itself. */
void nexthops_doubt(struct nexthops *nexthops, const struct shunt_addr *addr);

/* The addresses, sorted, whose next hops changed by what changed() was last called for; good until it is called again. */
const struct shunt_addr *nexthops_changes(const struct nexthops *nh, size_t *count);
/* Of a watched address. */
const struct nexthop *nexthops_get(const struct nexthops *nexthops, const struct shunt_addr *addr);

#endif
