/* SPDX-License-Identifier: GPL-2.0 */
/* One packet's backend, by the rules and by what others do. */
#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "sim.h"

struct sim_memory sim_memory;

/* Entries that the limited LRU makes in a second: five times what the traffic needs, as Katran's limit is to its own. */
#define LIMIT_PER_SECOND 2500

void choose_open(struct sim *sim)
{
	struct conn_world *w = &sim->world;

	w->expiry = shunt_conn_expiry(sim->services[0].idle);
	w->counts = sim->result.counts;
	if (sim->c.algorithm == SIM_RULES) {
		w->bucket_count = sim->c.entries / SHUNT_CONN_WAYS;
		w->buckets = xcalloc(w->bucket_count, sizeof(*w->buckets));
		sim_memory.ways = w->buckets->entry;
		sim_memory.way_count = sim->c.entries;
		sim_memory.makers = xcalloc(sim->c.entries, sizeof(*sim_memory.makers));
	} else if (sim->c.algorithm != SIM_RING) {
		sim->lru = lru_new(sim->c.entries);
	}
	sim_memory.or_mask = sim->c.broken == BREAK_FAIL ? ~SHUNT_SLOT_FAIL : ~0ull;
}

void choose_close(struct sim *sim)
{
	free(sim->world.buckets);
	free(sim_memory.makers);
	sim_memory = (struct sim_memory){0};
	lru_free(sim->lru);
}

__u64 *choose_slot(const struct sim *sim, uint32_t service, uint64_t hash)
{
	const struct conn_world *w = &sim->world;

	return &w->slots[w->ring_base[service] + shunt_tag_slot(shunt_flow_tag(hash), w->ring_size[service])];
}

static bool has_no_entry(struct sim *sim, uint64_t hash)
{
	return conn_find(&sim->world, hash).at == CONN_NOWHERE;
}

static uint32_t choose_by_rules(struct sim *sim, uint32_t service, uint64_t hash, enum conn_kind kind)
{
	__u64 *slot = choose_slot(sim, service, hash);

	if (!(*slot & SHUNT_SLOT_DIRTY))
		return shunt_slot_current(*slot);
	if (sim->c.broken == BREAK_ANCHOR && kind != CONN_OPEN && has_no_entry(sim, hash))
		return shunt_slot_current(*slot);
	sim_memory.hash = hash;
	sim->world.has_read = false;
	return conn_choose(&sim->world, slot, hash, kind);
}

/* Is there still an entry to be had this second? */
static bool lru_may_insert(struct sim *sim)
{
	if (sim->c.algorithm == SIM_LRU)
		return true;
	if (sim->now / SIM_SECOND != sim->limit_second) {
		sim->limit_second = sim->now / SIM_SECOND;
		sim->limit_used = 0;
	}
	return sim->limit_used++ < LIMIT_PER_SECOND * sim->scale;
}

static uint32_t choose_by_lru(struct sim *sim, uint32_t service, uint64_t hash, enum conn_kind kind)
{
	uint32_t dest = kind == CONN_OPEN ? 0 : lru_get(sim->lru, hash);

	if (dest)
		return dest;
	dest = shunt_slot_current(*choose_slot(sim, service, hash));
	if (lru_may_insert(sim))
		lru_put(sim->lru, hash, dest);
	return dest;
}

uint32_t choose(struct sim *sim, uint32_t service, uint64_t hash, enum conn_kind kind)
{
	if (sim->c.algorithm == SIM_RULES)
		return choose_by_rules(sim, service, hash, kind);
	if (sim->c.algorithm == SIM_RING)
		return shunt_slot_current(*choose_slot(sim, service, hash));
	return choose_by_lru(sim, service, hash, kind);
}

uint32_t choose_for_icmp(struct sim *sim, uint32_t service, uint64_t hash, enum conn_kind kind)
{
	const __u64 *slot = choose_slot(sim, service, hash);
	uint32_t dest = 0;

	if (sim->c.algorithm == SIM_RULES)
		return conn_look(&sim->world, slot, hash, kind);
	if (sim->c.algorithm != SIM_RING)
		dest = lru_get(sim->lru, hash);
	return dest ? dest : shunt_slot_current(*slot);
}

bool choose_is_collision(struct sim *sim, uint64_t hash)
{
	struct conn_found found;

	if (sim->c.algorithm != SIM_RULES)
		return false;
	found = conn_find(&sim->world, hash);
	if (found.at == CONN_NOWHERE)
		return false;
	return sim_memory.makers[conn_way(&sim->world, hash, found.at) - sim_memory.ways] != hash;
}
