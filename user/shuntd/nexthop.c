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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "events.h"
#include "nexthop_priv.h"
#include "shunt/maps.h"

/* Milliseconds. */
#define PASS_INTERVAL 100 /* from the end of one pass to the next, at least */
#define PASS_SETTLE 2	  /* a change comes as several events: wait for its last */
#define PASS_SHARE 9	  /* and a long pass is followed by a pause this many times as long */
#define PASS_RETRY 1000	  /* after one that the kernel would not answer */
#define PASS_IDLE 30000	  /* without any event: some things change silently, such as a path MTU that expires */
#define HOLD 3000     /* a next hop is kept for, while its successor is asked for: three questions, a second apart */
#define USE_TICK 1000 /* how often neighbours are looked at for being due */

/* RFC 1191, section 6.3, and RFC 8201, section 4: a path is asked for more again after ten minutes. */
#define PATH_MTU_LIFE 600000
#define PATH_MTU_LEAST4 576  /* what every host takes (RFC 1122); less is an attempt to make packets tiny */
#define PATH_MTU_LEAST6 1280 /* what every link takes (RFC 8200) */

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
	if (nh->held || now >= nh->passed_at + PASS_IDLE)
		pass_schedule(nh);
}

/* ---- passes ---- */

static bool nexthop_equal(const struct nexthop *a, const struct nexthop *b)
{
	return a->resolved == b->resolved && a->ifindex == b->ifindex && a->mtu == b->mtu &&
	       a->path_mtu == b->path_mtu && !memcmp(a->src_mac, b->src_mac, sizeof(a->src_mac)) &&
	       !memcmp(a->dst_mac, b->dst_mac, sizeof(a->dst_mac)) && a->tags == b->tags &&
	       !memcmp(a->tag, b->tag, sizeof(a->tag)) && addr_equal(&a->gateway, &b->gateway) &&
	       !strcmp(a->why, b->why);
}

static void pass_begin(struct nexthops *nh)
{
	nh->neighbours.pass++;
	nh->link_count = 0;
}

/* One event for all: behind one gateway they change together. What it means for each backend is told with its state. */
static void pass_tell(const struct nexthops *nh, size_t changes)
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
		events_say(JOURNAL_NEXTHOP, LOG_LEVEL_WARNING,
			   "next hops: %zu changed, %zu of %zu unresolved, the first: %s", changes, missing, nh->count,
			   first->nexthop.why);
	else
		events_say(JOURNAL_NEXTHOP, LOG_LEVEL_INFO, "next hops: %zu changed, all %zu resolved", changes,
			   nh->count);
}

/* A route that moves to a neighbour not heard of before: the old next hop serves until that one has answered, for without any the
 * backend would be out of its rings for a moment, which breaks its connections. Not where the old interface is down. */
static bool hold(struct nexthops *nh, struct watched *w)
{
	uint64_t now = uv_now(nh->loop);
	struct rtnl_link link;

	if (!w->asking || !w->nexthop.resolved || nexthop_link(nh, w->nexthop.ifindex, &link) || !link.running) {
		w->hold_until = 0;
		return false;
	}
	if (!w->hold_until)
		w->hold_until = now + HOLD;
	return now < w->hold_until;
}

static void note_change(struct nexthops *nh, size_t at, const struct shunt_addr *addr)
{
	if (!(at & (at - 1)))
		nh->changes = xreallocarray(nh->changes, at ? 2 * at : 1, sizeof(*nh->changes));
	nh->changes[at] = *addr;
	nh->change_count = at + 1;
}

/* Ask for everything. True: nothing was left out. */
static bool pass_run(struct nexthops *nh, size_t *changes)
{
	struct nexthop now;
	int ret;

	*changes = 0;
	nh->held = 0;
	pass_begin(nh);
	for (size_t i = 0; i < nh->count; i++) {
		struct watched *w = &nh->watched[i];

		ret = nexthop_resolve(nh, w, &now);
		if (ret < 0) {
			log_warning("next hops: cannot ask the kernel: %s; kept as they were, asking again",
				    strerror(-ret));
			return false;
		}
		if (hold(nh, w)) {
			nh->held++;
			continue;
		}
		if (nexthop_equal(&w->nexthop, &now))
			continue;
		w->nexthop = now;
		note_change(nh, (*changes)++, &w->addr);
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
	pass_tell(nh, changes);
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
		else if (memcmp(next[i].mac, next[kept - 1].mac, sizeof(next[i].mac)) > 0)
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
		ret = nexthop_resolve(nh, &next[i], &next[i].nexthop);
		if (ret < 0)
			nexthop_unresolved(&next[i].nexthop, "cannot ask the kernel: %s", strerror(-ret));
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
	if (nexthop_resolve(nh, w, &w->nexthop) < 0)
		pass_schedule(nh);
}

bool nexthops_learn_mtu(struct nexthops *nh, const struct shunt_addr *addr, uint32_t mtu)
{
	uint32_t least = addr->family == SHUNT_FAMILY_IPV6 ? PATH_MTU_LEAST6 : PATH_MTU_LEAST4;
	struct watched *w = watched_find(nh, addr);

	if (!w || mtu < least || (w->nexthop.resolved && mtu >= w->nexthop.mtu) || (w->path_mtu && mtu >= w->path_mtu))
		return false;
	w->path_mtu = mtu;
	w->path_until = uv_now(nh->loop) + PATH_MTU_LIFE;
	pass_schedule(nh);
	return true;
}

void nexthops_doubt(struct nexthops *nh, const struct shunt_addr *addr)
{
	const struct watched *w = watched_find(nh, addr);

	if (w && w->hop.family)
		neighbour_doubt(&nh->neighbours, w->hop_ifindex, &w->hop, uv_now(nh->loop));
}

const struct shunt_addr *nexthops_changes(const struct nexthops *nh, size_t *count)
{
	*count = nh->change_count;
	return nh->changes;
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
	free(nh->changes);
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
