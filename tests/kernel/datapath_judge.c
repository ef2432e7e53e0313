/* SPDX-License-Identifier: GPL-2.0 */
/* What the maps are to say. */
#include "datapath_fixture.h"

const struct shunt_vip *fixture_lookup(const struct fixture *f, const struct config_vip *vip)
{
	const struct shunt_vip *half = f->vips + (size_t)f->control->vip_half * f->size.vip_slots;
	uint32_t key = htons(vip->port) | (uint32_t)vip->proto << 16 | (uint32_t)vip->addr.family << 24, at;
	uint64_t word[2];

	memcpy(word, vip->addr.word, sizeof(word));
	at = shunt_vip_slot(word[0], word[1], key, f->control->vip_multiplier[f->control->vip_half],
			    f->size.vip_slots - 1);
	for (int probe = 0; probe < SHUNT_VIP_PROBES; probe++, at = (at + 1) % f->size.vip_slots) {
		if (!half[at].family)
			return NULL;
		if (!memcmp(half[at].addr, vip->addr.word, sizeof(half[at].addr)) &&
		    half[at].port == htons(vip->port) && half[at].proto == vip->proto &&
		    half[at].family == vip->addr.family)
			return &half[at];
	}
	return NULL;
}

/* The address of a VIP has an entry, which says whether a service at it wants echo. 1 if this is the first VIP that has the address. */
static uint32_t fixture_judge_address(const struct fixture *f, const struct model *m, const struct config_vip *vip)
{
	struct config_vip key = fixture_vip(vip->addr, 0, IPPROTO_ICMP);
	const struct config_vip *first = NULL;
	const struct shunt_vip *entry;
	bool echo = false;

	if (vip->addr.family == SHUNT_FAMILY_IPV6)
		key.proto = IPPROTO_ICMPV6;
	for (size_t i = 0; i < m->service_count; i++) {
		for (size_t j = 0; j < m->services[i].vip_count; j++) {
			if (!addr_equal(&m->services[i].vips[j].addr, &vip->addr))
				continue;
			echo = echo || m->services[i].echo;
			first = first ?: &m->services[i].vips[j];
		}
	}
	entry = fixture_lookup(f, &key);
	assert_non_null(entry);
	assert_int_equal(entry->flags, echo ? SHUNT_VIP_ECHO : 0);
	return first == vip;
}

uint32_t fixture_judge_dest(const struct fixture *f, uint32_t ring, const struct model_dest *want,
			    const struct model *m)
{
	struct shunt_dest template;
	uint32_t found = 0;

	for (uint32_t id = 0; id < f->size.destinations; id++) {
		if (f->dstdir[id].family != want->addr.family || f->dstdir[id].ring != ring ||
		    memcmp(f->dstdir[id].addr, want->addr.word, sizeof(want->addr.word)))
			continue;
		assert_int_equal(found, 0);
		found = id;
	}
	assert_int_not_equal(found, 0);
	model_template(&template, want, want->addr.family == SHUNT_FAMILY_IPV6 ? &m->source6 : &m->source4);
	template.ring_base = f->svcdir[ring].ring_base;
	template.ring_size = f->svcdir[ring].ring_size;
	if (template.state != SHUNT_DEST_UP && f->dests[found].state == SHUNT_DEST_DEAD) /* its time is over */
		template.state = SHUNT_DEST_DEAD;
	assert_memory_equal(&f->dests[found], &template, sizeof(template));
	return found;
}

static void fixture_judge_hash(const struct shunt_vip *vip, const struct config_hash *hash)
{
	static const uint32_t inputs[] = {[CONFIG_HASH_NO_SOURCE_PORT] = SHUNT_HASH_NO_SOURCE_PORT,
					  [CONFIG_HASH_SOURCE] = SHUNT_HASH_SOURCE,
					  [CONFIG_HASH_DESTINATION_PORT] = SHUNT_HASH_DESTINATION_PORT};

	assert_int_equal(vip->flags & SHUNT_HASH_INPUTS, inputs[hash->inputs]);
	assert_int_equal(!!(vip->flags & SHUNT_VIP_SPECIAL),
			 hash->inputs != CONFIG_HASH_5_TUPLE || vip->flags & (SHUNT_VIP_SOURCES | SHUNT_VIP_QUIC));
	if (hash->inputs == CONFIG_HASH_SOURCE)
		assert_int_equal(vip->hash_prefix, hash->ipv4 | hash->ipv6 << 8);
}

static void fixture_judge_source(const struct fixture *f, uint32_t list, const struct shunt_prefix *prefix,
				 uint32_t expected)
{
	struct shunt_source_key key = {32 + prefix->len, list, {0}};
	uint32_t action;

	memcpy(key.addr, prefix->addr.word, sizeof(key.addr));
	assert_int_equal(bpf_map_lookup_elem(f->fds.sources, &key, &action), 0);
	assert_int_equal(action, expected);
}

/* A slot names destinations of its ring that are there, and its flags agree with what it says. */
static void judge_slot(const struct fixture *f, uint32_t ring, uint64_t word)
{
	const uint32_t ids[] = {shunt_slot_current(word), shunt_slot_anchor(word)};
	bool is_moved = ids[0] != ids[1];

	for (int i = 0; i < 2; i++) {
		if (!ids[i])
			continue;
		assert_true(ids[i] < f->size.destinations);
		assert_int_not_equal(f->dstdir[ids[i]].family, 0);
		assert_int_equal(f->dstdir[ids[i]].ring, ring);
		assert_int_not_equal(f->dests[ids[i]].state, SHUNT_DEST_FREE);
	}
	assert_int_equal(is_moved, !!(word & SHUNT_SLOT_REANCHOR));
	if (is_moved)
		assert_false(word & SHUNT_SLOT_PREP);
	if (!(word & SHUNT_SLOT_DIRTY))
		assert_true(word == shunt_slot_clean(ids[0]));
}

static void judge_ring(const struct fixture *f, uint32_t id, const struct model_ring *want, const uint32_t *ids,
		       bool moving)
{
	const uint64_t *slots = f->rings + f->svcdir[id].ring_base;

	for (uint32_t slot = 0; slot < want->size; slot++) {
		uint64_t word = want->slots[slot] == RING_NONE ? 0 : shunt_slot_clean(ids[want->slots[slot]]);

		if (moving)
			judge_slot(f, id, slots[slot]);
		else
			assert_true(slots[slot] == word);
	}
}

uint32_t fixture_pool_id(const struct fixture *f, uint32_t service, const char *pool)
{
	uint32_t found = UINT32_MAX;

	for (uint32_t id = 0; id < f->size.services; id++) {
		if (strcmp(f->svcdir[id].name, pool) || f->svcdir[id].owner != service + 1)
			continue;
		assert_int_equal(found, UINT32_MAX);
		found = id;
	}
	assert_int_not_equal(found, UINT32_MAX);
	return found;
}

static uint32_t fixture_source_value(const struct fixture *f, const struct shunt_vip *vip,
				     const struct config_sources *want, const struct config_source_rule *rule)
{
	if (rule->action == CONFIG_SOURCE_POOL)
		return SHUNT_SOURCE_RING +
		       f->svcdir[fixture_pool_id(f, vip->service, want->pools[rule->pool].name)].ring_base;
	return rule->action == CONFIG_SOURCE_ALLOW ? SHUNT_SOURCE_ALLOW : SHUNT_SOURCE_DENY;
}

/* Of the VIP's family. That there are no others is for fixture_judge() to count. */
static void fixture_judge_sources(const struct fixture *f, const struct shunt_vip *vip,
				  const struct config_sources *want)
{
	const uint32_t list = vip->sources + (vip->family == SHUNT_FAMILY_IPV6);

	assert_int_equal(!!(vip->flags & SHUNT_VIP_SOURCES), want != NULL);
	if (!want)
		return;
	fixture_judge_source(f, list, &(struct shunt_prefix){.len = 0},
			     want->counts[CONFIG_SOURCE_ALLOW] ? SHUNT_SOURCE_DENY : SHUNT_SOURCE_ALLOW);
	for (size_t i = 0; i < want->count; i++)
		if (want->rules[i].prefix.addr.family == vip->family)
			fixture_judge_source(f, list, &want->rules[i].prefix,
					     fixture_source_value(f, vip, want, &want->rules[i]));
}

static size_t fixture_source_count(const struct fixture *f)
{
	struct shunt_source_key key, next;
	size_t count = 0;

	for (int rc = bpf_map_get_next_key(f->fds.sources, NULL, &next); !rc;
	     rc = bpf_map_get_next_key(f->fds.sources, &key, &next)) {
		key = next;
		count++;
	}
	return count;
}

/* How a packet finds the destination of a server id; 0: not at all. */
static uint32_t fixture_find_id(const struct fixture *f, const struct shunt_vip *vip, const struct config_server_id *id)
{
	uint32_t half = !!(vip->quic & SHUNT_QUIC_HALF), mask = f->size.quic_slots - 1;
	struct shunt_quic_id want = quictable_entry(id, vip->service, 0);
	uint32_t at = shunt_vip_slot(want.word[0], want.word[1], want.service, f->control->quic_multiplier[half], mask);

	for (int probe = 0; probe < SHUNT_QUIC_PROBES; probe++) {
		const struct shunt_quic_id *entry = &f->quic[half * f->size.quic_slots + ((at + probe) & mask)];

		if (!entry->dest)
			return 0;
		if (entry->word[0] == want.word[0] && entry->word[1] == want.word[1] && entry->service == want.service)
			return entry->dest;
	}
	return 0;
}

static void fixture_judge_quic(const struct fixture *f, const struct model_service *want, const struct shunt_vip *vip,
			       const uint32_t *ids)
{
	bool is_quic = want->quic && vip->proto == IPPROTO_UDP;

	assert_int_equal(!!(vip->flags & SHUNT_VIP_QUIC), is_quic);
	assert_int_equal(vip->quic, is_quic ? want->quic | f->control->vip_half * SHUNT_QUIC_HALF : 0);
	for (size_t d = 0; is_quic && d < want->dest_count; d++)
		for (size_t i = 0; i < want->dests[d].server_id_count; i++)
			assert_int_equal(fixture_find_id(f, vip, &want->dests[d].server_ids[i]), ids[d]);
}

/* A service's destinations in one of its rings, pool or MODEL_POOL_DEFAULT: ids by index, 0 for those that are not in it. */
static void judge_dests(const struct fixture *f, const struct model *m, const struct model_service *want, size_t pool,
			uint32_t ring, uint32_t *ids)
{
	for (size_t d = 0; d < want->dest_count; d++) {
		const struct model_dest *dest = &want->dests[d];
		bool is_in = dest->pool == pool || (pool == MODEL_POOL_DEFAULT && dest->in_both);

		ids[d] = is_in ? fixture_judge_dest(f, ring, dest, m) : 0;
	}
}

/* The rings of the service's pools; an id in any that every backend has, own first. */
static void judge_pools(const struct fixture *f, const struct model *m, const struct model_service *want,
			uint32_t service, uint32_t *ids, bool moving)
{
	uint32_t in_pool[want->dest_count + 1];

	for (size_t p = 0; p < want->pool_count; p++) {
		uint32_t ring = fixture_pool_id(f, service, want->pools[p].name);

		judge_dests(f, m, want, p, ring, in_pool);
		judge_ring(f, ring, want->pools[p].ring, in_pool, moving);
		for (size_t d = 0; d < want->dest_count; d++)
			ids[d] = ids[d] ?: in_pool[d];
	}
}

static void judge_service(const struct fixture *f, const struct model *m, const struct model_service *want, bool moving)
{
	uint32_t ids[want->dest_count + 1];

	for (size_t i = 0; i < want->vip_count; i++) {
		const struct shunt_vip *vip = fixture_lookup(f, &want->vips[i]);

		assert_non_null(vip);
		assert_string_equal(f->svcdir[vip->service].name, want->name);
		assert_int_equal(vip->ring_base, f->svcdir[vip->service].ring_base);
		assert_int_equal(vip->ring_size, want->ring_size);
		assert_int_equal(vip->salt, want->salt);
		fixture_judge_hash(vip, &want->hash);
		fixture_judge_sources(f, vip, want->sources);
		assert_int_equal(f->svcdir[vip->service].owner, 0);
		judge_dests(f, m, want, MODEL_POOL_DEFAULT, vip->service, ids);
		judge_ring(f, vip->service, want->ring, ids, moving);
		judge_pools(f, m, want, vip->service, ids, moving);
		fixture_judge_quic(f, want, vip, ids);
	}
}

static void fixture_judge_unused(const struct fixture *f, uint32_t id)
{
	static const struct shunt_dest empty;
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter counters[cpus], zero = {0};

	assert_memory_equal(&f->dests[id], &empty, sizeof(empty));
	assert_int_equal(bpf_map_lookup_elem(f->fds.dstat, &id, counters), 0);
	for (int i = 0; i < cpus; i++)
		assert_memory_equal(&counters[i], &zero, sizeof(zero));
}

static void judge_vips(const struct fixture *f, const struct model *m)
{
	uint32_t vips = 0, sources = 0, ids = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		const struct model_service *s = &m->services[i];

		vips += s->vip_count;
		for (size_t j = 0; j < s->vip_count; j++)
			vips += fixture_judge_address(f, m, &s->vips[j]);
		for (size_t j = 0; j < s->dest_count; j++)
			ids += s->dests[j].server_id_count;
		sources += s->sources ? s->sources->count + 2 : 0;
	}
	assert_int_equal(fixture_source_count(f), sources);
	for (uint32_t i = 0; i < f->size.vip_slots; i++)
		vips -= f->vips[(size_t)f->control->vip_half * f->size.vip_slots + i].family != 0;
	assert_int_equal(vips, 0);
	for (uint32_t i = 0; i < f->size.quic_slots; i++)
		ids -= f->quic[(size_t)f->control->vip_half * f->size.quic_slots + i].dest != 0;
	assert_int_equal(ids, 0);
}

/* Of as many as the model has, and others. */
static void judge_directories(const struct fixture *f, uint32_t services, uint32_t dests, bool moving)
{
	uint32_t used = 0, up = 0;

	for (uint32_t id = 0; id < f->size.destinations; id++) {
		used += f->dstdir[id].family != 0;
		up += f->dests[id].state == SHUNT_DEST_UP;
		if (!f->dstdir[id].family)
			fixture_judge_unused(f, id);
	}
	if (moving)
		assert_true(used >= dests && up <= dests);
	else
		assert_int_equal(used, dests);
	for (uint32_t a = 0; a < f->size.services; a++) {
		services -= f->svcdir[a].name[0] != '\0';
		for (uint32_t b = 0; b < a; b++)
			if (f->svcdir[a].name[0] && f->svcdir[b].name[0])
				assert_true(f->svcdir[a].ring_base + f->svcdir[a].ring_size <= f->svcdir[b].ring_base ||
					    f->svcdir[b].ring_base + f->svcdir[b].ring_size <= f->svcdir[a].ring_base);
	}
	assert_int_equal(services, 0);
}

static void judge(const struct fixture *f, const struct model *m, bool moving)
{
	uint32_t services = 0, dests = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		judge_service(f, m, &m->services[i], moving);
		services += 1 + m->services[i].pool_count;
		dests += m->services[i].dest_count;
		for (size_t d = 0; d < m->services[i].dest_count; d++)
			dests += m->services[i].dests[d].in_both;
	}
	judge_vips(f, m);
	judge_directories(f, services, dests, moving);
	assert_int_equal(f->control->icmp_rate, m->icmp_rate);
}

void fixture_judge(const struct fixture *f, const struct model *m)
{
	judge(f, m, false);
}

void fixture_judge_moving(const struct fixture *f, const struct model *m)
{
	judge(f, m, true);
}
