/* SPDX-License-Identifier: GPL-2.0 */
/* What nexthop.c (when to ask), nexthop_due.c (for which addresses) and nexthop_resolve.c (what to ask for one) share. */
#ifndef SHUNT_NEXTHOP_PRIV_H
#define SHUNT_NEXTHOP_PRIV_H

#include <uv.h>

#include "nexthop.h"
#include "nexthop_neighbour.h"

struct watched {
	struct shunt_addr addr;
	uint32_t path_mtu;	     /* learned; 0: nothing is */
	uint64_t path_until;	     /* loop time */
	uint8_t mac[6];		     /* all zero: the neighbour's */
	uint32_t remembered_ifindex; /* 0: nothing is remembered, or the neighbour has answered since */
	uint8_t remembered[6];
	struct shunt_addr hop; /* the neighbour that it was last resolved with, on hop_ifindex; family 0: none */
	uint32_t hop_ifindex;
	bool due;    /* its route may be another one, or its path */
	bool asked;  /* the two below are the kernel's answer */
	int refused; /* errno with which it resolves no route; 0: it does */
	struct rtnl_route route;
	bool asking;	     /* the route's neighbour has not answered, and may yet */
	uint64_t hold_until; /* loop time; 0: the next hop is not held */
	struct nexthop nexthop;
};

struct nexthops {
	uv_loop_t *loop;
	uv_poll_t events;
	uv_timer_t pass_timer, use_timer;
	int open_handles;
	struct rtnl nl;
	void (*changed)(void *arg);
	void *arg;
	struct watched *watched; /* sorted by address */
	size_t count;
	struct shunt_addr *changes; /* of the last pass that had any, sorted */
	size_t change_count;
	struct neighbours neighbours;
	struct rtnl_link *links; /* as of the present pass */
	size_t link_count;
	uint64_t pass_after; /* loop time before which no pass may begin */
	uint64_t passed_at;
	uint64_t whole_at; /* of the last pass that asked for everything */
	size_t held;	   /* next hops, by the present pass */
	struct due {
		bool all;	 /* everything is to be asked for */
		bool neighbours; /* some neighbour has changed, or has been heard of */
		size_t marked;	 /* how often one of the watched was said to be due */
	} due;			 /* for the next pass */
};

/* Events make due what they concern (nexthop_due.c). */
void due_read_events(struct nexthops *nh);
bool due_any(const struct nexthops *nh);

/* What a pass has to do for one of the watched. */
enum due_work { DUE_NOTHING, DUE_NEIGHBOUR, DUE_ROUTE };
enum due_work due_work(const struct due *due, const struct watched *w);

/* 0: *out is what holds now. Negative: the kernel could not be asked. anew: for the route as well, whose answer stands otherwise. */
int nexthop_resolve(struct nexthops *nh, struct watched *w, bool anew, struct nexthop *out);

/* As rtnl_get_link(), which is asked once in a pass. */
int nexthop_link(struct nexthops *nh, uint32_t ifindex, struct rtnl_link *out);

__attribute__((format(printf, 2, 3))) void nexthop_unresolved(struct nexthop *out, const char *fmt, ...);

#endif
