/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of the watched a pass has to look at.
 *
 * What the kernel answers for an address depends on routes to prefixes that it is in, whichever table they are in and whatever rule leads there, so an event
 * of a route concerns those alone: of a full table that changes all the time, mostly nobody. An event of a neighbour changes nobody's route; who uses it is
 * resolved with the answer that there is. Everything else (links, addresses, rules, next hops that are objects, events that were lost) may
 * concern all, and so may what the kernel does not tell: they are asked for.
 */
#include "nexthop_priv.h"

/* Of the first that is not before addr. */
static size_t place_of(const struct nexthops *nh, const struct shunt_addr *addr)
{
	size_t low = 0, high = nh->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&nh->watched[middle].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void on_neighbour(void *arg, uint32_t ifindex, const struct shunt_addr *addr, const struct rtnl_neighbour *told)
{
	struct nexthops *nh = arg;

	nh->due.neighbours |= neighbour_matters(&nh->neighbours, ifindex, addr, told);
}

/* To mark the same again and again soon costs more than asking. */
static void on_route(void *arg, const struct shunt_prefix *dst)
{
	struct nexthops *nh = arg;

	for (size_t i = place_of(nh, &dst->addr); !nh->due.all && i < nh->count; i++) {
		if (!prefix_contains(dst, &nh->watched[i].addr))
			return;
		nh->watched[i].due = true;
		nh->due.all = ++nh->due.marked > nh->count;
	}
}

static void on_other(void *arg)
{
	struct nexthops *nh = arg;

	nh->due.all = true;
}

void due_read_events(struct nexthops *nh)
{
	const struct rtnl_watcher watcher = {on_neighbour, on_route, on_other, nh};

	rtnl_drain(&nh->nl, &watcher);
}

bool due_any(const struct nexthops *nh)
{
	return nh->due.all || nh->due.neighbours || nh->due.marked;
}

/* One that is held waits for its neighbour, or for time. */
enum due_work due_work(const struct due *due, const struct watched *w)
{
	if (due->all || w->due)
		return DUE_ROUTE;
	return due->neighbours || w->hold_until ? DUE_NEIGHBOUR : DUE_NOTHING;
}
