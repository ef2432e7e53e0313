/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Destinations: their entries in the directory, their templates, their states; from the first packet that may go there to when
 * nothing names them any more. A backend that the model has not any more keeps its id, its template and its connections: it drains, until a sweep has found
 * that no slot and no entry names it, or its time is over. A backend that is in several rings has a destination in each, which all say the same.
 */
#include <errno.h>
#include <string.h>
#include <net/ethernet.h>

#include "datapath_priv.h"

/* A map's memory, read and written 8 bytes at a time whatever type lies there. */
typedef uint64_t __attribute__((may_alias)) map_word;

#define DEST_DECIDES (offsetof(struct shunt_dest_entry, family) / sizeof(map_word))

/*
 * Bring a template up to date while packets copy it. Stores are of whole words, and dest->hdr begins on one, so the next
 * hop's MAC changes at once, as do state and ifindex together. A packet that meets the change half-way mixes an old and a
 * new next hop (or outer source): at worst it is lost on its way, as if it had left a moment earlier on a path that is gone. It
 * cannot reach a wrong backend, because the one field that says which, the outer destination, never changes for an id (without an
 * outer header it is the MAC, and that is one word).
 * A next hop that becomes known must not be used before it is all there: ifindex comes last; one that is lost: first.
 */
static void write_template(struct shunt_dest *dest, const struct shunt_dest *want)
{
	map_word *to = (map_word *)dest;
	const map_word *from = (const map_word *)want;

	if (!want->ifindex)
		__atomic_store_n(&to[0], from[0], __ATOMIC_RELEASE);
	for (size_t i = 1; i < sizeof(*dest) / sizeof(*to); i++)
		if (to[i] != from[i])
			__atomic_store_n(&to[i], from[i], __ATOMIC_RELEASE);
	__atomic_store_n(&to[0], from[0], __ATOMIC_RELEASE);
}

_Static_assert(offsetof(struct shunt_dest, state) / 8 == 0 && offsetof(struct shunt_dest, ifindex) / 8 == 0,
	       "state and ifindex share the first word");
_Static_assert(offsetof(struct shunt_dest, hdr) % 8 == 0, "the next hop's MAC lies in one word");

/* Since first: a daemon that comes between the two must not end a grace that has only begun. */
void datapath_set_state(struct datapath *dp, uint32_t id, enum shunt_dest_state state)
{
	if (dp->dests[id].state == state)
		return;
	__atomic_store_n(&dp->dstdir[id].since, datapath_ms(dp) / 1000, __ATOMIC_RELEASE);
	__atomic_store_n(&dp->dests[id].state, (uint8_t)state, __ATOMIC_RELEASE);
	if (state == SHUNT_DEST_DEAD || state == SHUNT_DEST_DOWN)
		datapath_touch_ring(dp, dp->dstdir[id].ring);
}

/* A backend that fails now and then while it drains has not begun anew each time. */
static void note_drain(struct datapath *dp, uint32_t id, bool drains)
{
	bool has_begun = dp->dests[id].state == SHUNT_DEST_DRAIN; /* perhaps before this daemon did */

	if (!drains)
		dp->drains_s[id] = 0;
	else if (!dp->drains_s[id])
		dp->drains_s[id] = has_begun ? dp->dstdir[id].since : datapath_ms(dp) / 1000;
}

/* The model knows what is live and what is not; that what is not live has died, or has been cut off, time has told. */
static enum shunt_dest_state state_of(enum shunt_dest_state have, enum shunt_dest_state want)
{
	bool is_over = have == SHUNT_DEST_DEAD && want != SHUNT_DEST_UP;

	return is_over ? SHUNT_DEST_DEAD : want;
}

static void write_dest(struct datapath *dp, uint32_t id, uint32_t ring, const struct model_dest *want,
		       const struct shunt_prefix *source)
{
	struct shunt_dest_entry entry = {.ring = ring, .family = want->addr.family, .since = datapath_ms(dp) / 1000};
	struct shunt_dest dest;

	if (!directory_dest_used(&dp->dir, id)) {
		memcpy(entry.addr, want->addr.word, sizeof(entry.addr));
		datapath_publish(&dp->dstdir[id], &entry, sizeof(entry), DEST_DECIDES);
	}
	model_template(&dest, want, source);
	dest.ring_base = dp->svcdir[ring].ring_base;
	dest.ring_size = dp->svcdir[ring].ring_size;
	datapath_set_state(dp, id, state_of(dp->dests[id].state, dest.state));
	note_drain(dp, id, want->state == BACKEND_DRAIN);
	dest.state = dp->dests[id].state;
	write_template(&dp->dests[id], &dest);
}

static const struct shunt_prefix *source_of(const struct model *model, uint8_t family)
{
	return family == SHUNT_FAMILY_IPV6 ? &model->source6 : &model->source4;
}

/* ids: by index in the service's, of those that are in the ring. */
static void write_ring_dests(struct datapath *dp, uint32_t ring, const uint32_t *ids, const struct model_service *want,
			     const struct model *model)
{
	for (size_t i = 0; i < want->dest_count; i++)
		if (ids[i] != DIRECTORY_NONE)
			write_dest(dp, ids[i], ring, &want->dests[i], source_of(model, want->dests[i].addr.family));
}

void datapath_write_dests(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *want = &model->services[i];
		const struct plan_service *service = &plan->services[i];

		write_ring_dests(dp, service->id, service->dest, want, model);
		for (size_t j = 0; j < want->pool_count; j++)
			write_ring_dests(dp, service->pools[j].id, service->pools[j].dest, want, model);
	}
}

/* The tunnel that a template was made for. */
static struct config_encap encap_of(const struct shunt_dest *dest)
{
	static const enum config_encap_type types[] = {
		[SHUNT_ENCAP_IP] = CONFIG_ENCAP_AUTO,	  [SHUNT_ENCAP_GUE0] = CONFIG_ENCAP_GUE,
		[SHUNT_ENCAP_GUE1] = CONFIG_ENCAP_GUE,	  [SHUNT_ENCAP_GRE] = CONFIG_ENCAP_GRE,
		[SHUNT_ENCAP_L2DSR] = CONFIG_ENCAP_L2DSR,
	};

	return (struct config_encap){types[dest->encap], dest->encap == SHUNT_ENCAP_GUE1, ntohs(dest->port)};
}

/* A next hop that is not known now is kept as it was: its neighbour may be one that was configured by MAC. */
static void write_leftover(struct datapath *dp, uint32_t id, const struct model *model)
{
	const struct shunt_dest_entry *entry = &dp->dstdir[id];
	struct model_dest want = {.addr.family = entry->family, .encap = encap_of(&dp->dests[id])};
	struct shunt_dest dest;

	memcpy(want.addr.word, entry->addr, sizeof(want.addr.word));
	if (dp->dests[id].state == SHUNT_DEST_UP)
		datapath_set_state(dp, id, SHUNT_DEST_DRAIN);
	note_drain(dp, id, true);
	for (size_t i = 0; i < model->leftover_count && !want.nexthop.resolved; i++)
		if (addr_equal(&model->leftovers[i].addr, &want.addr))
			want.nexthop = model->leftovers[i].nexthop;
	if (!want.nexthop.resolved)
		return;
	model_template(&dest, &want, source_of(model, entry->family));
	dest.ring_base = dp->dests[id].ring_base;
	dest.ring_size = dp->dests[id].ring_size;
	dest.state = dp->dests[id].state;
	write_template(&dp->dests[id], &dest);
}

void datapath_write_leftovers(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	for (uint32_t id = 0; id < dp->control->destinations; id++)
		if (directory_dest_used(&dp->dir, id) && !plan->dest_named[id] &&
		    plan->service_named[dp->dstdir[id].ring])
			write_leftover(dp, id, model);
}

void datapath_update_leftovers(struct datapath *dp, const struct model *model)
{
	for (uint32_t id = 0; dp->leftovers && id < dp->control->destinations; id++)
		if (datapath_is_leftover(dp, id))
			write_leftover(dp, id, model);
}

/* No packet can meet it any more. What it counted stays with its service, noted before it is cleared, so that totals never fall. */
int datapath_free_dest(struct datapath *dp, uint32_t id)
{
	struct shunt_service_entry *service = &dp->svcdir[directory_service_of(&dp->dir, dp->dstdir[id].ring)];
	uint64_t counted[DATAPATH_WORDS(struct shunt_counter)]; /* packets, bytes */
	int rc;

	rc = datapath_read_percpu(dp->fds.dstat, id, counted, DATAPATH_WORDS(counted));
	if (rc)
		return rc;
	service->retired_packets += counted[0];
	service->retired_bytes += counted[1];
	rc = datapath_clear_percpu(dp->fds.dstat, id, DATAPATH_WORDS(counted));
	if (rc)
		return rc;
	dp->dest_counters[id] = (struct shunt_counter){0};
	dp->pick_live[id] = 0;
	memset(&dp->dests[id], 0, sizeof(dp->dests[id]));
	dp->drains_s[id] = 0;
	__atomic_store_n((map_word *)&dp->dstdir[id] + DEST_DECIDES, 0, __ATOMIC_RELEASE);
	return 0;
}
