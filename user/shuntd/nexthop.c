/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Next hops: what is watched, what is known about it, and when to ask again.
 *
 * All answers come from passes. A pass asks the kernel for the route of every watched address, and once for each
 * neighbour and each link that those routes name: thousands of backends behind one gateway cost one neighbour. An event only
 * makes a pass due; while one is due the socket is not read at all, since what it would say is known already. So a router
 * that rewrites a full table costs ten passes a second at most, whatever it sends, and an overrun socket costs nothing.
 */
#include "nexthop.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "nexthop_neighbour.h"

/* Milliseconds. */
#define PASS_INTERVAL 100 /* from the end of one pass to the next, at least */
#define PASS_SETTLE 2	  /* a change comes as several events: wait for its last */
#define PASS_SHARE 9	  /* and a long pass is followed by a pause this many times as long */
#define PASS_RETRY 1000	  /* after one that the kernel would not answer */
#define PASS_IDLE 30000	  /* without any event: some things change silently, such as a path MTU that expires */
#define USE_TICK 1000	  /* how often neighbours are looked at for being due */

struct watched {
	struct shunt_addr addr;
	uint8_t mac[6];		     /* all zero: the neighbour's */
	uint32_t remembered_ifindex; /* 0: nothing is remembered, or the neighbour has answered since */
	uint8_t remembered[6];
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
	struct neighbours neighbours;
	struct rtnl_link *links; /* as of the present pass */
	size_t link_count;
	uint64_t pass_after; /* loop time before which no pass may begin */
	uint64_t passed_at;
};

#define VLAN_TAG_LEN 4

static const uint8_t no_mac[6];

static void pass_timer_cb(uv_timer_t *timer);

static void pass_schedule(struct nexthops *nh)
{
	uint64_t now = uv_now(nh->loop), wait = PASS_SETTLE;

	if (uv_is_active((uv_handle_t *)&nh->pass_timer))
		return;
	if (nh->pass_after > now + wait)
		wait = nh->pass_after - now;
	uv_poll_stop(&nh->events);
	uv_timer_start(&nh->pass_timer, pass_timer_cb, wait, 0);
}

static void use_timer_cb(uv_timer_t *timer)
{
	struct nexthops *nh = timer->data;
	uint64_t now = uv_now(nh->loop);

	neighbours_use(&nh->neighbours, now);
	if (now >= nh->passed_at + PASS_IDLE)
		pass_schedule(nh);
}

/* ---- one address ---- */

/* As rtnl_get_link(). */
static int link_ask(struct nexthops *nh, uint32_t ifindex, struct rtnl_link *out)
{
	int ret;

	for (size_t i = 0; i < nh->link_count; i++) {
		if (nh->links[i].ifindex == ifindex) {
			*out = nh->links[i];
			return 0;
		}
	}
	ret = rtnl_get_link(&nh->nl, ifindex, out);
	if (ret)
		return ret;
	nh->links = xreallocarray(nh->links, nh->link_count + 1, sizeof(*nh->links));
	nh->links[nh->link_count++] = *out;
	return 0;
}

__attribute__((format(printf, 2, 3))) static void unresolved(struct nexthop *out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->why, sizeof(out->why), fmt, args);
	va_end(args);
}

/* Does the route lead to one other host? The kernel refuses to resolve some types of route and names the others. */
static bool route_is_usable(const struct shunt_addr *addr, const struct rtnl_route *route, int refused,
			    struct nexthop *out)
{
	char text[SHUNT_ADDR_TEXT];

	addr_format(addr, text);
	if (refused == ENETUNREACH)
		unresolved(out, "no route to %s", text);
	else if (refused == EHOSTUNREACH)
		unresolved(out, "the route to %s is of type unreachable", text);
	else if (refused == EACCES)
		unresolved(out, "the route to %s is of type prohibit", text);
	else if (refused == EINVAL)
		unresolved(out, "the route to %s is of type blackhole", text);
	else if (refused)
		unresolved(out, "no route to %s: %s", text, strerror(refused));
	else if (route->type == RTN_LOCAL)
		unresolved(out, "%s is an address of this host", text);
	else if (route->type != RTN_UNICAST)
		unresolved(out, "%s is not the address of one host (route type %u)", text, route->type);
	else
		return true;
	return false;
}

/* Devices on top of others, to which native XDP cannot redirect (they have no ndo_xdp_xmit): packets would be lost without a
 * counter of ours. A template that goes out by the device below is what they need. */
static bool is_on_top(const struct rtnl_link *link)
{
	static const char *const kinds[] = {"bridge", "macvlan", "ipvlan", "vxlan", "dummy"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(link->kind, kinds[i]))
			return true;
	return false;
}

static bool link_is_usable(const struct shunt_addr *addr, const struct rtnl_link *link, struct nexthop *out)
{
	char text[SHUNT_ADDR_TEXT];

	addr_format(addr, text);
	if (link->loopback)
		unresolved(out, "the route to %s leads to the loopback interface", text);
	else if (!link->ethernet)
		unresolved(out, "%s is routed to %s, not an Ethernet interface", text, link->name);
	else if (is_on_top(link))
		unresolved(out, "%s is routed to %s, a %s device: XDP cannot redirect there", text, link->name,
			   link->kind);
	else
		return true;
	return false;
}

/* One step down from a VLAN device, with its tag. 0, negative: the kernel could not be asked, or positive: unresolved. */
static int vlan_descend(struct nexthops *nh, struct rtnl_link *link, struct nexthop *out)
{
	const struct rtnl_link upper = *link;
	int ret;

	if (link->parent_elsewhere) {
		unresolved(out, "the device below %s is in another network namespace", link->name);
		return EXDEV;
	}
	if (!link->parent || !link->tag.tpid) {
		unresolved(out, "the kernel does not say which VLAN of which device %s is", link->name);
		return ENODATA;
	}
	if (out->tags == NEXTHOP_TAGS) {
		unresolved(out, "%s would add VLAN tag number %d; expected at most %d", link->name, out->tags + 1,
			   NEXTHOP_TAGS);
		return E2BIG;
	}
	memmove(out->tag + 1, out->tag, (NEXTHOP_TAGS - 1) * sizeof(*out->tag));
	out->tag[0] = upper.tag;
	out->tags++;
	ret = link_ask(nh, upper.parent, link);
	if (ret > 0)
		unresolved(out, "the device below %s is gone", upper.name);
	return ret;
}

/* The MAC that the packets go to: of the configuration, or of the neighbour. */
static int resolve_mac(struct nexthops *nh, struct watched *w, const struct rtnl_link *link, struct nexthop *out)
{
	const struct shunt_addr *hop = out->gateway.family ? &out->gateway : &w->addr;
	const struct neighbour *n;
	char text[SHUNT_ADDR_TEXT];
	int ret;

	if (memcmp(w->mac, no_mac, sizeof(no_mac))) {
		memcpy(out->dst_mac, w->mac, sizeof(out->dst_mac));
		out->resolved = true;
		return 0;
	}
	ret = neighbour_get(&nh->neighbours, link->ifindex, hop, uv_now(nh->loop), &n);
	if (ret)
		return ret;
	if (n->known)
		w->remembered_ifindex = 0;
	out->resolved = n->known || w->remembered_ifindex == link->ifindex;
	addr_format(hop, text);
	if (out->resolved)
		memcpy(out->dst_mac, n->known ? n->mac : w->remembered, sizeof(out->dst_mac));
	else if (n->refused == ENOBUFS)
		unresolved(out, "%s on %s: neighbour table full (gc_thresh3)", text, link->name);
	else if (n->refused)
		unresolved(out, "neighbour %s on %s: %s", text, link->name, strerror(n->refused));
	else
		unresolved(out, "neighbour %s on %s has not answered yet", text, link->name);
	return 0;
}

/* The device that a route names, and the one that packets go out by. As vlan_descend(). */
static int links_ask(struct nexthops *nh, uint32_t ifindex, struct rtnl_link *top, struct rtnl_link *bottom,
		     struct nexthop *out)
{
	int ret = link_ask(nh, ifindex, top);

	if (ret > 0)
		unresolved(out, "interface %u is gone", ifindex);
	if (ret)
		return ret;
	*bottom = *top;
	while (!ret && bottom->is_vlan)
		ret = vlan_descend(nh, bottom, out);
	return ret;
}

/* Redirection takes frames of the MTU and one tag: a second tag comes out of it, or packets would be lost uncounted. */
static uint32_t mtu_of(const struct rtnl_route *route, const struct rtnl_link *top, const struct rtnl_link *bottom,
		       uint8_t tags)
{
	uint32_t mtu = route->mtu && route->mtu < top->mtu ? route->mtu : top->mtu;
	uint32_t room = bottom->mtu - (tags > 1 ? (tags - 1) * VLAN_TAG_LEN : 0);

	return room < mtu ? room : mtu;
}

/* 0: *out is what holds now. Negative: the kernel could not be asked. */
static int resolve(struct nexthops *nh, struct watched *w, struct nexthop *out)
{
	struct rtnl_link top, bottom;
	struct rtnl_route route;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = rtnl_get_route(&nh->nl, &w->addr, &route);
	if (ret < 0)
		return ret;
	if (!route_is_usable(&w->addr, &route, ret, out))
		return 0;
	ret = links_ask(nh, route.ifindex, &top, &bottom, out);
	if (ret)
		return ret < 0 ? ret : 0;
	if (!link_is_usable(&w->addr, &bottom, out))
		return 0;
	out->ifindex = bottom.ifindex;
	out->gateway = route.gateway;
	out->mtu = mtu_of(&route, &top, &bottom, out->tags);
	memcpy(out->src_mac, top.mac, sizeof(out->src_mac));
	return resolve_mac(nh, w, &top, out);
}

static bool nexthop_equal(const struct nexthop *a, const struct nexthop *b)
{
	return a->resolved == b->resolved && a->ifindex == b->ifindex && a->mtu == b->mtu &&
	       !memcmp(a->src_mac, b->src_mac, sizeof(a->src_mac)) &&
	       !memcmp(a->dst_mac, b->dst_mac, sizeof(a->dst_mac)) && a->tags == b->tags &&
	       !memcmp(a->tag, b->tag, sizeof(a->tag)) && addr_equal(&a->gateway, &b->gateway) &&
	       !strcmp(a->why, b->why);
}

/* ---- passes ---- */

static void pass_begin(struct nexthops *nh)
{
	nh->neighbours.pass++;
	nh->link_count = 0;
}

static void pass_log(const struct nexthops *nh, size_t changes)
{
	const struct watched *first = NULL;
	size_t missing = 0;

	for (size_t i = 0; i < nh->count; i++) {
		if (nh->watched[i].nexthop.resolved)
			continue;
		if (!missing++)
			first = &nh->watched[i];
	}
	if (first)
		log_warning("next hops: %zu changed, %zu of %zu unresolved, the first: %s", changes, missing, nh->count,
			    first->nexthop.why);
	else
		log_info("next hops: %zu changed, all %zu resolved", changes, nh->count);
}

/* Ask for everything. True: nothing was left out. */
static bool pass_run(struct nexthops *nh, size_t *changes)
{
	struct nexthop now;
	int ret;

	*changes = 0;
	pass_begin(nh);
	for (size_t i = 0; i < nh->count; i++) {
		struct watched *w = &nh->watched[i];

		ret = resolve(nh, w, &now);
		if (ret < 0) {
			log_warning("next hops: cannot ask the kernel: %s; kept as they were, asking again",
				    strerror(-ret));
			return false;
		}
		if (nexthop_equal(&w->nexthop, &now))
			continue;
		w->nexthop = now;
		++*changes;
	}
	neighbours_forget(&nh->neighbours);
	return true;
}

static void events_cb(uv_poll_t *poll, int status, int events);

static void pass_timer_cb(uv_timer_t *timer)
{
	struct nexthops *nh = timer->data;
	uint64_t began = uv_hrtime(), pause;
	size_t changes;
	bool whole;

	/* Drained before asking, so that no event is dropped that the answers do not know of. */
	rtnl_drain(&nh->nl, neighbour_matters, &nh->neighbours);
	whole = pass_run(nh, &changes);
	uv_poll_start(&nh->events, UV_READABLE, events_cb);
	uv_update_time(nh->loop);
	nh->passed_at = uv_now(nh->loop);
	nh->pass_after = nh->passed_at + PASS_SHARE * (uv_hrtime() - began) / 1000000;
	pause = whole ? PASS_INTERVAL : PASS_RETRY;
	if (nh->pass_after < nh->passed_at + pause)
		nh->pass_after = nh->passed_at + pause;
	if (!whole)
		pass_schedule(nh);
	if (!changes)
		return;
	pass_log(nh, changes);
	nh->changed(nh->arg);
}

/* An overrun of the socket is reported as an error, after which libuv has stopped polling: the pass reads and starts again. */
static void events_cb(uv_poll_t *poll, int status, int events)
{
	struct nexthops *nh = poll->data;

	(void)events;
	if (status < 0 || rtnl_drain(&nh->nl, neighbour_matters, &nh->neighbours))
		pass_schedule(nh);
}

/* ---- what is watched ---- */

static int watched_compare(const void *a, const void *b)
{
	return addr_compare(&((const struct watched *)a)->addr, &((const struct watched *)b)->addr);
}

/* Sorted, each address once. The configuration has one MAC for it; of several the highest, so that the order does not matter. */
static size_t watched_build(struct watched *next, const struct shunt_addr *addrs, const uint8_t (*macs)[6],
			    size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		next[i].addr = addrs[i];
		if (macs)
			memcpy(next[i].mac, macs[i], sizeof(next[i].mac));
	}
	qsort(next, count, sizeof(*next), watched_compare);
	for (size_t i = 0; i < count; i++) {
		if (!kept || !addr_equal(&next[kept - 1].addr, &next[i].addr))
			next[kept++] = next[i];
		else if (memcmp(next[i].mac, next[kept - 1].mac, sizeof(no_mac)) > 0)
			memcpy(next[kept - 1].mac, next[i].mac, sizeof(next[i].mac));
	}
	return kept;
}

static struct watched *watched_find(const struct nexthops *nh, const struct shunt_addr *addr)
{
	struct watched key = {.addr = *addr};

	return nh->count ? bsearch(&key, nh->watched, nh->count, sizeof(key), watched_compare) : NULL;
}

void nexthops_watch(struct nexthops *nh, const struct shunt_addr *addrs, const uint8_t (*macs)[6], size_t count)
{
	struct watched *next = xcalloc(count ? count : 1, sizeof(*next));
	int ret;

	count = watched_build(next, addrs, macs, count);
	pass_begin(nh);
	for (size_t i = 0; i < count; i++) {
		const struct watched *old = watched_find(nh, &next[i].addr);

		if (old && !memcmp(old->mac, next[i].mac, sizeof(old->mac))) {
			next[i] = *old;
			continue;
		}
		ret = resolve(nh, &next[i], &next[i].nexthop);
		if (ret < 0)
			unresolved(&next[i].nexthop, "cannot ask the kernel: %s", strerror(-ret));
	}
	free(nh->watched);
	nh->watched = next;
	nh->count = count;
	/* What asking for the new ones told of the old ones' neighbours, and which of those nobody needs now. */
	pass_schedule(nh);
}

void nexthops_remember(struct nexthops *nh, const struct shunt_addr *addr, uint32_t ifindex, const uint8_t mac[6])
{
	struct watched *w = watched_find(nh, addr);

	if (!w || w->nexthop.resolved)
		return;
	w->remembered_ifindex = ifindex;
	memcpy(w->remembered, mac, sizeof(w->remembered));
	if (resolve(nh, w, &w->nexthop) < 0)
		pass_schedule(nh);
}

const struct nexthop *nexthops_get(const struct nexthops *nh, const struct shunt_addr *addr)
{
	const struct watched *w = watched_find(nh, addr);

	return w ? &w->nexthop : NULL;
}

/* ---- life ---- */

int nexthops_open(struct nexthops **nexthops, uv_loop_t *loop, void (*changed)(void *arg), void *arg,
		  struct shunt_err *err)
{
	struct nexthops *nh = xcalloc(1, sizeof(*nh));
	int ret;

	*nexthops = NULL;
	nh->loop = loop;
	nh->changed = changed;
	nh->arg = arg;
	ret = rtnl_open(&nh->nl, err);
	if (ret)
		goto out_free;
	ret = uv_poll_init(loop, &nh->events, rtnl_events_fd(&nh->nl));
	if (ret) {
		ret = shunt_fail(err, -ret, "rtnetlink", "cannot be watched: %s", uv_strerror(ret));
		goto out_rtnl;
	}
	uv_timer_init(loop, &nh->pass_timer);
	uv_timer_init(loop, &nh->use_timer);
	nh->events.data = nh->pass_timer.data = nh->use_timer.data = nh;
	nh->open_handles = 3;
	nh->passed_at = uv_now(loop);
	nh->neighbours.nl = &nh->nl;
	nh->neighbours.draws = uv_hrtime();
	uv_poll_start(&nh->events, UV_READABLE, events_cb);
	uv_timer_start(&nh->use_timer, use_timer_cb, USE_TICK, USE_TICK);
	*nexthops = nh;
	return 0;

out_rtnl:
	rtnl_close(&nh->nl);
out_free:
	free(nh);
	return ret;
}

static void closed_cb(uv_handle_t *handle)
{
	struct nexthops *nh = handle->data;

	if (--nh->open_handles)
		return;
	neighbours_free(&nh->neighbours);
	free(nh->watched);
	free(nh->links);
	free(nh);
}

void nexthops_close(struct nexthops *nh)
{
	if (!nh)
		return;
	uv_close((uv_handle_t *)&nh->events, closed_cb);
	uv_close((uv_handle_t *)&nh->pass_timer, closed_cb);
	uv_close((uv_handle_t *)&nh->use_timer, closed_cb);
	rtnl_close(&nh->nl);
}
