/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The neighbours that next hops need: their last MAC, which outlives the kernel's entry, and when to ask for them again.
 *
 * Encapsulated packets never pass the host's own stack, so nothing there keeps a neighbour alive or notices that its MAC has
 * changed. These functions stand in for that traffic: they tell the kernel at intervals that each one is in use.
 */
#ifndef SHUNT_NEXTHOP_NEIGHBOUR_H
#define SHUNT_NEXTHOP_NEIGHBOUR_H

#include "nexthop_netlink.h"

#define NEIGHBOUR_CHAINS 4096

struct neighbour {
	struct neighbour *next; /* of its chain */
	struct shunt_addr addr;
	uint32_t ifindex;
	bool known;  /* mac is one that it had once */
	bool usable; /* and the kernel stands by it */
	bool fixed;  /* permanent: nothing to ask for */
	uint8_t mac[6];
	int refused;	   /* errno with which the kernel would not even ask for it; 0: it does */
	uint32_t pass;	   /* the last pass that asked for it */
	uint32_t retry;	   /* ms, while it is not usable: the present pause */
	uint64_t use_at;   /* ms; 0: new, not yet planned */
	uint64_t doubt_at; /* ms: not to be doubted again before */
};

struct neighbours {
	struct rtnl *nl;
	uint32_t pass;	/* the present one: each neighbour is asked for once in it */
	bool news;	/* asking has told of one what was not known of it: set here, cleared by who acts on it */
	uint64_t draws; /* random numbers drawn */
	struct neighbour *chains[NEIGHBOUR_CHAINS];
};

/* Up to date as of this pass; 0, or negative: the kernel could not be asked. now: milliseconds. */
int neighbour_get(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr, uint64_t now,
		  const struct neighbour **out);

/* Does this event tell something new? Most tell of timers only: stale, probed, reachable again. */
bool neighbour_matters(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr,
		       const struct rtnl_neighbour *told);

/* Tell the kernel of all that are due. */
void neighbours_use(struct neighbours *all, uint64_t now);

/* Nothing comes back from where it leads: is it still there? Asked at most every DOUBT ms, for however many backends. */
void neighbour_doubt(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr, uint64_t now);

/* Drop those that this pass did not ask for. */
void neighbours_forget(struct neighbours *all);
void neighbours_free(struct neighbours *all);

#endif
