/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections. Before a packet its flow's slot becomes dirty, and gets a word, destination states, perhaps an entry and others around it, all
 * from the frame alone, so that it fares the same when it is run again; after it everything is as it was.
 *
 * What must become of the packet is said here without the program's rules (include/shunt/conn_rules.h): where docs/connections.md has a
 * plain word on it, that; of the rest, that it goes to somebody who can have it, and that the flow's next packet goes there, too.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "packets.h"

enum { PAIR = 2 * SHUNT_CONN_WAYS, RING_MAX = 251, WAYS_MAX = 64, FIN = 1, SYN = 2, RST = 4, ACK = 16, FLAGS_AT = 13 };
enum { EXPIRED = 2000 }; /* ticks */

/* What was done before the packet, and what is known of it. */
static struct {
	bool is_dirty, is_error, is_tcp, is_syn, is_reset, is_group, is_quic;
	enum config_udp udp;
	const struct target *current, *anchor, *entry;
	uint8_t current_state, anchor_state, entry_state; /* of the destinations */
	bool entry_is_over;				  /* closing or expired */
	uint32_t tag, home, slots;
	uint64_t *ring, *slot;
	uint64_t ring_before[RING_MAX], ways_before[WAYS_MAX];
	uint64_t ring_was[RING_MAX]; /* the daemon's */
	uint8_t state_was[DESTINATIONS];
} plan;
static bool is_planned;

/* What has come up. */
enum sight { FOLLOWED, MADE, REFUSED, DISPLACED, ENDED, SIGHTS };
static uint64_t seen[SIGHTS];

static const struct target *choices[3]; /* where it may go */
static uint32_t choice_count, chosen;

/* ---- drawn from the frame */

static uint64_t noise;

static uint32_t pick(uint32_t n)
{
	noise = shunt_mix64(noise + 0x9e3779b97f4a7c15ull);
	return (noise >> 32) * n >> 32;
}

static void seed_pick(const struct frame *in)
{
	noise = in->len;
	for (uint32_t i = 0; i + 8 <= in->len && i < 80; i += 8) {
		uint64_t word;

		memcpy(&word, in->byte + i, sizeof(word));
		noise = shunt_mix64(noise ^ word);
	}
}

static uint32_t ticks(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec * 1000000000ull + t.tv_nsec) >> SHUNT_CONN_TICK_SHIFT;
}

/* For services that have UDP VIPs, and no QUIC: the others keep. */
void draw_udp(json_t *services)
{
	static const char *const words[] = {"keep", "rehash", "track"};
	bool has_udp[SERVICES] = {false};

	for (uint32_t i = 0; i < drawn_vip_count; i++)
		has_udp[drawn_vips[i].service] |= drawn_vips[i].proto == IPPROTO_UDP;
	for (int i = 0; i < SERVICES; i++)
		if (has_udp[i] && !drawn_quic(i))
			json_object_set_new(json_array_get(services, i), "udp", json_string(words[below(3)]));
}

/* ---- before the packet */

/* The flow that decides, if any does. */
static bool flow_of(const struct frame *in, const struct reading *r, struct flow *flow)
{
	bool is_icmp = r->flow.proto == (r->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP), echo;
	struct reading quote;

	if (r->faults || !r->is_ip || r->fragment == FRAGMENT_LATER)
		return false;
	*flow = r->flow;
	plan.is_error = is_icmp;
	if (!is_icmp)
		return r->has_ports;
	if (!has_vip(&r->flow.dst, &echo))
		return false;
	read_quote(in, r, &quote);
	*flow = quote.flow;
	return !quote.faults;
}

static const struct target *any_target(const struct world *w, const struct model_service *service)
{
	return &w->targets[service - w->model->services][pick(service->dest_count)];
}

/* Its state is any, unless the oracle of QUIC has a say in it. */
static uint8_t draw_state(const struct world *w, const struct target *target)
{
	static const uint8_t states[] = {SHUNT_DEST_UP, SHUNT_DEST_UP, SHUNT_DEST_DRAIN, SHUNT_DEST_DOWN,
					 SHUNT_DEST_DEAD};

	if (!target)
		return SHUNT_DEST_FREE;
	if (!plan.is_quic && target->soundness != NOT_IN_USE)
		w->dests[target->id].state = states[pick(sizeof(states))];
	return w->dests[target->id].state;
}

static uint64_t draw_entry(uint32_t tag, uint32_t dest)
{
	static const uint32_t ages[] = {0, 2, 10, 40, EXPIRED};

	return shunt_conn_entry(tag, dest, pick(SHUNT_CONN_STATES),
				ticks() - ages[pick(sizeof(ages) / sizeof(ages[0]))]);
}

/* One that nothing takes the place of; or only what begins, if its slot has the anchor that it names. */
static uint64_t draw_neighbour(uint32_t tag, uint32_t dest)
{
	uint32_t anchor = shunt_slot_anchor(plan.ring[shunt_tag_slot(tag, plan.slots)]);

	if (pick(2) || !anchor)
		return shunt_conn_entry(tag, dest, SHUNT_CONN_EST, ticks());
	return shunt_conn_entry(tag, anchor, SHUNT_CONN_ANCH, ticks() - pick(10));
}

/* Ways up to the last one that is used; no empty one is before it. Half of the time there is no room. */
static void draw_ways(const struct world *w, const struct model_service *service)
{
	bool is_crowd = pick(2);
	uint32_t used = is_crowd ? PAIR : pick(PAIR + 1), own = pick(2) ? pick(PAIR) : PAIR;

	plan.entry = NULL;
	for (uint32_t i = 0; i < used; i++) {
		uint64_t *way = &w->conns[(plan.home ^ i / SHUNT_CONN_WAYS) * SHUNT_CONN_WAYS + i % SHUNT_CONN_WAYS];
		uint32_t tag = pick(1u << SHUNT_CONN_TAG_BITS), dest = any_target(w, service)->id;

		if (i == own) {
			*way = draw_entry(plan.tag, dest);
			plan.entry = world_target(dest);
			plan.entry_is_over = shunt_conn_state(*way) == SHUNT_CONN_CLOSING ||
					     shunt_conn_age(*way, ticks()) >= EXPIRED;
			continue;
		}
		tag ^= tag == plan.tag;
		*way = is_crowd	 ? draw_neighbour(tag, dest)
		       : pick(4) ? draw_entry(tag, dest)
				 : shunt_conn_gone(ticks());
	}
}

static void draw_slot(const struct world *w, const struct model_service *service)
{
	uint64_t word = *plan.slot & SHUNT_SLOT_DEST_MASK;

	plan.is_dirty = pick(4);
	plan.anchor = plan.is_dirty && pick(4) ? any_target(w, service) : plan.current;
	if (!plan.anchor)
		plan.anchor = any_target(w, service);
	word |= (uint64_t)plan.anchor->id << SHUNT_SLOT_ANCHOR_SHIFT;
	word |= pick(8) * SHUNT_SLOT_REANCHOR; /* and FAIL, and PREP */
	if (plan.anchor == plan.current)
		word &= ~SHUNT_SLOT_REANCHOR; /* there is nothing to follow */
	if (plan.is_dirty)
		word |= SHUNT_SLOT_DIRTY;
	word |= (uint64_t)pick(1 << SHUNT_SLOT_FILTER_BITS) << SHUNT_SLOT_FILTER_SHIFT;
	if (plan.entry)
		word |= shunt_slot_filter(plan.tag);
	*plan.slot = word;
}

static void note_packet(const struct frame *in, const struct reading *r, const struct flow *flow,
			const struct model_service *service)
{
	uint8_t flags = in->byte[r->l4 + FLAGS_AT];

	plan.is_tcp = flow->proto == IPPROTO_TCP;
	plan.is_syn = plan.is_tcp && !plan.is_error && (flags & (SYN | ACK | RST | FIN)) == SYN;
	plan.is_reset = plan.is_tcp && flags & RST;
	plan.is_quic = service->quic;
	plan.udp = service->udp;
}

void conns_prepare(const struct world *w, const struct frame *in, const struct reading *r)
{
	const struct model_service *service;
	struct flow flow;
	uint64_t hash;
	int nth;

	choice_count = 0;
	is_planned = false;
	service = flow_of(in, r, &flow) ? world_service(w, &flow.dst, flow.dport, flow.proto) : NULL;
	if (!service || !service->dest_count)
		return;
	nth = service - w->model->services;
	if (r->fragment && (service->quic || hashes_part(nth))) /* where it went must be known, for those that follow */
		return;
	is_planned = true;
	hash = hash_of(&w->keys, nth, service->salt, &flow);
	plan.tag = shunt_flow_tag(hash);
	plan.home = (uint32_t)hash & (w->conn_buckets - 1);
	plan.ring = w->rings + w->ring_base[nth];
	plan.slots = service->ring_size;
	plan.slot = plan.ring + shunt_tag_slot(plan.tag, plan.slots);
	plan.is_group = hashes_part(nth);
	memcpy(plan.ring_was, plan.ring, plan.slots * sizeof(*plan.ring));
	for (uint32_t id = 1; id < DESTINATIONS; id++)
		plan.state_was[id] = w->dests[id].state;
	seed_pick(in);
	note_packet(in, r, &flow, service);
	plan.current = world_target(shunt_slot_current(*plan.slot));
	draw_ways(w, service);
	draw_slot(w, service);
	draw_state(w, plan.entry);
	draw_state(w, plan.anchor);
	plan.current_state = draw_state(w, plan.current);
	plan.entry_state = plan.entry ? w->dests[plan.entry->id].state : SHUNT_DEST_FREE;
	plan.anchor_state = w->dests[plan.anchor->id].state;
	memcpy(plan.ring_before, plan.ring, plan.slots * sizeof(*plan.ring));
	memcpy(plan.ways_before, w->conns, w->conn_buckets * SHUNT_CONN_WAYS * sizeof(*w->conns));
}

void conns_restore(const struct world *w)
{
	if (!is_planned)
		return;
	memset(w->conns, 0, w->conn_buckets * SHUNT_CONN_WAYS * sizeof(*w->conns));
	memcpy(plan.ring, plan.ring_was, plan.slots * sizeof(*plan.ring));
	for (uint32_t id = 1; id < DESTINATIONS; id++)
		w->dests[id].state = plan.state_was[id];
}

/* ---- after it: where it may have gone */

static bool is_live(uint8_t state)
{
	return state == SHUNT_DEST_UP || state == SHUNT_DEST_DRAIN;
}

static bool is_gone(uint8_t state)
{
	return state == SHUNT_DEST_DEAD || state == SHUNT_DEST_FREE;
}

static bool has_entry(const struct world *w)
{
	for (uint32_t i = 0; i < PAIR; i++) {
		uint64_t entry = w->conns[(plan.home ^ i / SHUNT_CONN_WAYS) * SHUNT_CONN_WAYS + i % SHUNT_CONN_WAYS];

		if (shunt_conn_dest(entry) && shunt_conn_tag(entry) == plan.tag)
			return true;
	}
	return false;
}

static const struct target *of_syn(const struct world *w)
{
	if (plan.entry)
		return is_live(plan.entry_state) && !plan.entry_is_over ? plan.entry : plan.current;
	return has_entry(w) || !plan.current || plan.current == plan.anchor || is_gone(plan.anchor_state) ? plan.current
													  : plan.anchor;
}

static const struct target *of_tcp(void)
{
	if (plan.entry)
		return is_gone(plan.entry_state) ? plan.current : plan.entry;
	return is_gone(plan.anchor_state) ? plan.current : plan.anchor;
}

static const struct target *of_udp(void)
{
	if (plan.entry)
		return is_live(plan.entry_state) || (!plan.current && !is_gone(plan.entry_state)) ? plan.entry
												  : plan.current;
	if (plan.udp == CONFIG_UDP_TRACK || is_gone(plan.anchor_state))
		return plan.current;
	return is_live(plan.anchor_state) || !plan.current ? plan.anchor : plan.current;
}

static bool is_untouched(void)
{
	return !plan.is_dirty || plan.is_error || (!plan.is_tcp && plan.udp == CONFIG_UDP_REHASH);
}

/* How many places there are where the packet may have gone; conns_try() says which of them conns_choice() names. */
uint32_t conns_choices(const struct world *w)
{
	choice_count = 1;
	if (!is_planned || !plan.is_dirty || (!plan.is_tcp && plan.udp == CONFIG_UDP_REHASH)) {
		choices[0] = is_planned ? plan.current : NULL;
	} else if (plan.is_syn && !plan.is_group) {
		choices[0] = of_syn(w);
	} else if (plan.is_tcp && !plan.is_syn) {
		choices[0] = of_tcp();
	} else if (!plan.is_tcp && (!plan.is_quic || plan.is_error)) {
		choices[0] = of_udp();
	} else {
		choices[0] = plan.current;
		choices[choice_count++] = plan.anchor;
		if (plan.entry)
			choices[choice_count++] = plan.entry;
	}
	return choice_count;
}

void conns_try(uint32_t which)
{
	chosen = which;
}

const struct target *conns_choice(const struct target *by_ring)
{
	return is_planned ? choices[chosen] : by_ring;
}

/* ---- after it: what it has left */

static const char *check_slots(void)
{
	uint32_t told = 0;

	for (uint32_t i = 0; i < plan.slots; i++) {
		uint64_t before = plan.ring_before[i], now = plan.ring[i], more = now & ~before;
		bool is_own = &plan.ring[i] == plan.slot;

		if (before & ~now || more & ~(SHUNT_SLOT_FAIL | SHUNT_SLOT_FILTER_MASK))
			return "changed of a slot what only the daemon may";
		if (more && is_untouched())
			return "changed a slot, but should not";
		if (is_own ? more & SHUNT_SLOT_FILTER_MASK & ~shunt_slot_filter(plan.tag)
			   : more & SHUNT_SLOT_FILTER_MASK)
			return "set another's bit of a filter";
		told += more && !is_own;
		seen[REFUSED] += is_own && more & SHUNT_SLOT_FAIL;
	}
	seen[DISPLACED] += told;
	return told > 1 ? "told more than one other slot" : NULL;
}

/* In a window, who goes by the anchor without an entry has told so. */
static bool is_forgotten(const struct world *w)
{
	if (!plan.is_dirty || plan.is_error || !plan.is_tcp || plan.is_reset || plan.entry)
		return false;
	if (!(*plan.slot & SHUNT_SLOT_REANCHOR) || *plan.slot & SHUNT_SLOT_FAIL || choices[chosen] != plan.anchor)
		return false;
	return !has_entry(w);
}

const char *conns_check(const struct world *w, bool is_forwarded)
{
	uint32_t changes = 0;
	const char *wrong = is_planned ? check_slots() : NULL;

	for (uint32_t i = 0; is_planned && !wrong && i < w->conn_buckets * SHUNT_CONN_WAYS; i++) {
		uint64_t entry = w->conns[i];

		if (entry == plan.ways_before[i])
			continue;
		if (is_untouched())
			return "changed an entry, but should not";
		if (!entry || (shunt_conn_dest(entry) && shunt_conn_tag(entry) != plan.tag))
			return "made an entry of another flow";
		if (plan.is_tcp && !plan.is_syn && plan.entry && shunt_conn_dest(entry) != plan.entry->id)
			return "took a connection's entry";
		changes++;
		seen[shunt_conn_dest(entry) ? MADE : ENDED] += !plan.entry || !shunt_conn_dest(entry);
	}
	seen[FOLLOWED] += plan.entry && choices[chosen] == plan.entry;
	if (is_planned && is_forwarded && is_forgotten(w))
		return "neither made an entry nor told the slot that there was no room";
	return changes > 1 ? "changed more than one entry" : wrong;
}

/* How much of it has not come up. */
int conns_summary(bool enough)
{
	static const char *const names[] = {"entries followed", "entries made", "entries refused", "displaced",
					    "ended"};
	int missing = 0;

	for (int i = 0; i < SIGHTS; i++) {
		printf("  %-16s %" PRIu64 "\n", names[i], seen[i]);
		missing += enough && !seen[i];
	}
	if (missing)
		printf("not ok - not all that becomes of connections came up\n");
	return missing;
}

static uint32_t id_of(const struct target *target)
{
	return target ? target->id : 0;
}

void conns_explain(void)
{
	if (!is_planned)
		return;
	printf("  slot: %s, current %u (state %u), anchor %u (%u), flags %#llx; entry %u (%u)%s of tag %#x in bucket "
	       "%u\n",
	       plan.is_dirty ? "dirty" : "clean", id_of(plan.current), plan.current_state, id_of(plan.anchor),
	       plan.anchor_state, (unsigned long long)(plan.ring_before[plan.slot - plan.ring] >> 40 & 15),
	       id_of(plan.entry), plan.entry_state, plan.entry_is_over ? ", over," : "", plan.tag, plan.home);
}

bool conns_next(const struct frame *in, const struct reading *r, struct frame *next)
{
	if (!is_planned || plan.is_error || !pick(2))
		return false;
	memcpy(next, in, sizeof(*next));
	if (plan.is_syn && !plan.is_group)
		next->byte[r->l4 + FLAGS_AT] = ACK;
	return true;
}
