/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Next hops: what is watched, what is known about it, and when to ask again.
 *
 * All answers come from passes. A pass asks the kernel for the routes that are due (nexthop_due.c), and once for each
 * neighbour and each link that they name: thousands of backends behind one gateway cost one neighbour. An event only
 * makes a pass due, for those that it concerns; once all are, the socket is not read before the pass, since what it would say is known
 * already. So a router that rewrites a full table costs ten passes a second at most, whatever it sends, and an overrun socket costs one.
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
#define PASS_IDLE \
	30000 /* from one that asks for all to the next: some things change silently, such as a path MTU that expires */
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
	uv_timer_start(&nh->pass_timer, pass_timer_cb, wait, 0);
}

static void pass_schedule_all(struct nexthops *nh)
{
	nh->due.all = true;
	uv_poll_stop(&nh->events);
	pass_schedule(nh);
}

static void use_timer_cb(uv_timer_t *timer)
{
	struct nexthops *nh = timer->data;
	uint64_t now = uv_now(nh->loop);

	neighbours_use(&nh->neighbours, now);
	if (now >= nh->whole_at + PASS_IDLE)
		pass_schedule_all(nh);
	else if (nh->held)
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
	nh->neighbours.news = false;
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

/* 0, or negative: the kernel could not be asked. */
static int look_at(struct nexthops *nh, struct watched *w, enum due_work work, size_t *changes)
{
	struct nexthop now;
	int ret = nexthop_resolve(nh, w, work == DUE_ROUTE, &now);

	if (ret < 0)
		return ret;
	w->due = false;
	if (hold(nh, w)) {
		nh->held++;
		return 0;
	}
	if (nexthop_equal(&w->nexthop, &now))
		return 0;
	w->nexthop = now;
	note_change(nh, (*changes)++, &w->addr);
	return 0;
}

/* Of a neighbour that one was found to have, those have to know that were not looked at. */
static void pass_end(struct nexthops *nh, const struct due *done)
{
	if (done->all) {
		neighbours_forget(&nh->neighbours);
		nh->whole_at = uv_now(nh->loop);
	} else if (!done->neighbours) {
		nh->due.neighbours |= nh->neighbours.news;
	}
}

/* Ask for what is due. True: nothing was left out. */
static bool pass_run(struct nexthops *nh, size_t *changes)
{
	const struct due due = nh->due;

	*changes = 0;
	nh->held = 0;
	nh->due = (struct due){0};
	pass_begin(nh);
	for (size_t i = 0; i < nh->count; i++) {
		enum due_work work = due_work(&due, &nh->watched[i]);
		int ret = work == DUE_NOTHING ? 0 : look_at(nh, &nh->watched[i], work, changes);

		if (ret == 0)
			continue;
		log_warning("next hops: cannot ask the kernel: %s; kept as they were, asking again", strerror(-ret));
		nh->due.all = true;
		return false;
	}
	pass_end(nh, &due);
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
	due_read_events(nh);
	whole = pass_run(nh, &changes);
	uv_poll_start(&nh->events, UV_READABLE, events_cb);
	uv_update_time(nh->loop);
	nh->passed_at = uv_now(nh->loop);
	nh->pass_after = nh->passed_at + PASS_SHARE * (uv_hrtime() - began) / 1000000;
	pause = whole ? PASS_INTERVAL : PASS_RETRY;
	if (nh->pass_after < nh->passed_at + pause)
		nh->pass_after = nh->passed_at + pause;
	if (due_any(nh))
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
	if (status < 0)
		nh->due.all = true;
	else
		due_read_events(nh);
	if (nh->due.all)
		pass_schedule_all(nh);
	else if (due_any(nh))
		pass_schedule(nh);
}

/* ---- what is watched ---- */

static int watched_compare(const void *a, const void *b)
{
	return addr_compare(&((const struct watched *)a)->addr, &((const struct watched *)b)->addr);
}

/* What is asked to be watched: little, since many of them are sorted whenever one of them changes. */
struct wanted {
	struct shunt_addr addr;
	uint8_t mac[6];
};

static int wanted_compare(const void *a, const void *b)
{
	return addr_compare(&((const struct wanted *)a)->addr, &((const struct wanted *)b)->addr);
}

/* Sorted, each address once. The configuration has one MAC for it; of several the highest, so that the order does not matter. */
static struct wanted *wanted_build(const struct shunt_addr *addrs, const uint8_t (*macs)[6], size_t *count)
{
	struct wanted *wanted = xcalloc(*count ? *count : 1, sizeof(*wanted));
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		wanted[i].addr = addrs[i];
		if (macs)
			memcpy(wanted[i].mac, macs[i], sizeof(wanted[i].mac));
	}
	qsort(wanted, *count, sizeof(*wanted), wanted_compare);
	for (size_t i = 0; i < *count; i++) {
		if (!kept || !addr_equal(&wanted[kept - 1].addr, &wanted[i].addr))
			wanted[kept++] = wanted[i];
		else if (memcmp(wanted[i].mac, wanted[kept - 1].mac, sizeof(wanted[i].mac)) > 0)
			memcpy(wanted[kept - 1].mac, wanted[i].mac, sizeof(wanted[i].mac));
	}
	*count = kept;
	return wanted;
}

static struct watched *watched_find(const struct nexthops *nh, const struct shunt_addr *addr)
{
	struct watched key = {.addr = *addr};

	return nh->count ? bsearch(&key, nh->watched, nh->count, sizeof(key), watched_compare) : NULL;
}

/* What is new is asked for. at: where the one before was, or would be, among those of before; both are sorted. */
static void watch_one(struct nexthops *nh, struct watched *w, const struct wanted *wanted, size_t *at)
{
	int ret;

	while (*at < nh->count && addr_compare(&nh->watched[*at].addr, &wanted->addr) < 0)
		++*at;
	if (*at < nh->count && addr_equal(&nh->watched[*at].addr, &wanted->addr) &&
	    !memcmp(nh->watched[*at].mac, wanted->mac, sizeof(wanted->mac))) {
		*w = nh->watched[*at];
		return;
	}
	w->addr = wanted->addr;
	memcpy(w->mac, wanted->mac, sizeof(w->mac));
	ret = nexthop_resolve(nh, w, true, &w->nexthop);
	if (ret == 0)
		return;
	nexthop_unresolved(&w->nexthop, "cannot ask the kernel: %s", strerror(-ret));
	nh->due.all = true;
}

void nexthops_watch(struct nexthops *nh, const struct shunt_addr *addrs, const uint8_t (*macs)[6], size_t count)
{
	struct wanted *wanted = wanted_build(addrs, macs, &count);
	struct watched *next = xcalloc(count ? count : 1, sizeof(*next));
	size_t at = 0;

	pass_begin(nh);
	for (size_t i = 0; i < count; i++)
		watch_one(nh, &next[i], &wanted[i], &at);
	free(wanted);
	free(nh->watched);
	nh->watched = next;
	nh->count = count;
	/* What asking for the new ones told of the old ones' neighbours. Which of those nobody needs now, the next pass over all finds. */
	nh->due.neighbours |= nh->neighbours.news;
	if (due_any(nh))
		pass_schedule(nh);
}

void nexthops_remember(struct nexthops *nh, const struct shunt_addr *addr, uint32_t ifindex, const uint8_t mac[6])
{
	struct watched *w = watched_find(nh, addr);

	if (!w || w->nexthop.resolved)
		return;
	w->remembered_ifindex = ifindex;
	memcpy(w->remembered, mac, sizeof(w->remembered));
	if (nexthop_resolve(nh, w, false, &w->nexthop) < 0)
		pass_schedule_all(nh);
}

bool nexthops_learn_mtu(struct nexthops *nh, const struct shunt_addr *addr, uint32_t mtu)
{
	uint32_t least = addr->family == SHUNT_FAMILY_IPV6 ? PATH_MTU_LEAST6 : PATH_MTU_LEAST4;
	struct watched *w = watched_find(nh, addr);

	if (!w || mtu < least || (w->nexthop.resolved && mtu >= w->nexthop.mtu) || (w->path_mtu && mtu >= w->path_mtu))
		return false;
	w->path_mtu = mtu;
	w->path_until = uv_now(nh->loop) + PATH_MTU_LIFE;
	w->due = true;
	nh->due.marked++;
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
	nh->passed_at = nh->whole_at = uv_now(loop);
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
