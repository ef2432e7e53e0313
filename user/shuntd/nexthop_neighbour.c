/* SPDX-License-Identifier: GPL-2.0 */
#include "nexthop_neighbour.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "shunt/hash.h"

/* Milliseconds. */
#define REFRESH 30000	/* between confirmations of a known neighbour, give or take a third */
#define RETRY 1000	/* an unknown one is asked for after this, then doubling... */
#define RETRY_MAX 30000 /* ...up to this */
#define DOUBT 5000 /* between questions that doubts lead to: each takes the kernel three seconds where nobody answers */

static struct neighbour **chain_of(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr)
{
	uint64_t halves[2];

	memcpy(halves, addr->word, sizeof(halves));
	return &all->chains[shunt_mix64(shunt_mix64(halves[0] + ifindex) + halves[1]) % NEIGHBOUR_CHAINS];
}

static struct neighbour *find(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr)
{
	struct neighbour *n = *chain_of(all, ifindex, addr);

	while (n && (n->ifindex != ifindex || !addr_equal(&n->addr, addr)))
		n = n->next;
	return n;
}

static struct neighbour *add(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr)
{
	struct neighbour **chain = chain_of(all, ifindex, addr);
	struct neighbour *n = xcalloc(1, sizeof(*n));

	n->addr = *addr;
	n->ifindex = ifindex;
	n->next = *chain;
	*chain = n;
	return n;
}

/* Known ones at random around REFRESH, so that those learned together are not asked for together for ever. */
static void plan(struct neighbours *all, struct neighbour *n, uint64_t now)
{
	if (n->usable) {
		n->retry = 0;
		n->use_at = now + REFRESH * 2 / 3 + shunt_mix64(++all->draws) % (REFRESH * 2 / 3);
		return;
	}
	n->retry = n->retry ? n->retry * 2 : RETRY;
	if (n->retry > RETRY_MAX)
		n->retry = RETRY_MAX;
	n->use_at = now + n->retry;
}

static void use(struct neighbours *all, struct neighbour *n, uint64_t now)
{
	n->refused = n->fixed ? 0 : abs(rtnl_use_neighbour(all->nl, n->ifindex, &n->addr));
	plan(all, n, now);
}

static bool differs(const struct neighbour *n, const struct rtnl_neighbour *told)
{
	return n->usable != told->usable || n->fixed != told->fixed ||
	       (told->usable && memcmp(n->mac, told->mac, sizeof(n->mac)));
}

int neighbour_get(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr, uint64_t now,
		  const struct neighbour **out)
{
	struct neighbour *n = find(all, ifindex, addr);
	struct rtnl_neighbour told = {};
	bool was_usable;
	int ret;

	*out = n;
	if (n && n->pass == all->pass)
		return 0;
	ret = rtnl_get_neighbour(all->nl, ifindex, addr, &told);
	if (ret < 0)
		return ret;
	if (n)
		all->news |= differs(n, &told);
	else
		n = add(all, ifindex, addr);
	*out = n;
	was_usable = n->usable;
	n->pass = all->pass;
	n->usable = told.usable;
	n->fixed = told.fixed;
	if (n->usable) {
		n->known = true;
		memcpy(n->mac, told.mac, sizeof(n->mac));
	}
	if (n->usable && (!was_usable || !n->use_at))
		plan(all, n, now);
	else if (!n->usable && (was_usable || !n->use_at))
		use(all, n, now);
	return 0;
}

bool neighbour_matters(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr,
		       const struct rtnl_neighbour *told)
{
	const struct neighbour *n = find(all, ifindex, addr);

	return n && differs(n, told);
}

void neighbours_use(struct neighbours *all, uint64_t now)
{
	for (size_t i = 0; i < NEIGHBOUR_CHAINS; i++)
		for (struct neighbour *n = all->chains[i]; n; n = n->next)
			if (now >= n->use_at)
				use(all, n, now);
}

void neighbour_doubt(struct neighbours *all, uint32_t ifindex, const struct shunt_addr *addr, uint64_t now)
{
	struct neighbour *n = find(all, ifindex, addr);

	if (!n || !n->usable || n->fixed || now < n->doubt_at)
		return;
	n->doubt_at = now + DOUBT;
	rtnl_probe_neighbour(all->nl, ifindex,
			     addr); /* what the kernel has not (any more), it is asked for elsewhere */
}

void neighbours_forget(struct neighbours *all)
{
	for (size_t i = 0; i < NEIGHBOUR_CHAINS; i++) {
		struct neighbour **at = &all->chains[i], *n;

		while ((n = *at)) {
			if (n->pass == all->pass) {
				at = &n->next;
				continue;
			}
			*at = n->next;
			free(n);
		}
	}
}

void neighbours_free(struct neighbours *all)
{
	all->pass++;
	neighbours_forget(all);
}
