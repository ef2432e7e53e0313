/* SPDX-License-Identifier: GPL-2.0 */
#include "preview.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"

/* A ring of a service, by its pool. */
struct ring_view {
	const struct model_service *service;
	const char *pool;
	const struct model_ring *ring; /* NULL: the service has none of that pool, or is not there */
};

static json_t *uint_json(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static struct ring_view view_of(const struct model_service *service, const char *pool)
{
	struct ring_view view = {service, pool, NULL};

	if (service && strcmp(pool, CONFIG_POOL_DEFAULT) == 0)
		view.ring = service->ring;
	for (size_t i = 0; service && i < service->pool_count; i++)
		if (strcmp(service->pools[i].name, pool) == 0)
			view.ring = service->pools[i].ring;
	return view;
}

/* By index of from's backends: that of the same one in to's; RING_NONE: it is not there. */
static uint32_t *translate(const struct model_service *from, const struct model_service *to)
{
	uint32_t *index = xcalloc(from->dest_count + 1, sizeof(*index));

	for (size_t i = 0; i < from->dest_count; i++) {
		size_t j = 0;

		while (j < to->dest_count && !addr_equal(&from->dests[i].addr, &to->dests[j].addr))
			j++;
		index[i] = j < to->dest_count ? (uint32_t)j : RING_NONE;
	}
	return index;
}

static bool same_backends(const struct model_service *a, const struct model_service *b)
{
	if (a->dest_count != b->dest_count)
		return false;
	for (size_t i = 0; i < a->dest_count; i++)
		if (!addr_equal(&a->dests[i].addr, &b->dests[i].addr))
			return false;
	return true;
}

static uint32_t count_moved(const struct ring_view *was, const struct ring_view *is)
{
	uint32_t moved = 0, *now;

	if (was->ring == is->ring && same_backends(was->service, is->service))
		return 0;
	now = translate(was->service, is->service);
	for (uint32_t slot = 0; slot < was->ring->size; slot++) {
		uint32_t dest = was->ring->slots[slot];

		moved += dest != RING_NONE &&
			 (slot >= is->ring->size || now[dest] == RING_NONE || now[dest] != is->ring->slots[slot]);
	}
	free(now);
	return moved;
}

/* The slots of each backend. NULL: there is no ring. */
static uint32_t *count_slots(const struct ring_view *view)
{
	uint32_t *slots;

	if (!view->ring)
		return NULL;
	slots = xcalloc(view->service->dest_count + 1, sizeof(*slots));
	for (uint32_t slot = 0; slot < view->ring->size; slot++)
		if (view->ring->slots[slot] != RING_NONE)
			slots[view->ring->slots[slot]]++;
	return slots;
}

static void add_backend(json_t *backends, const struct shunt_addr *backend, const char *pool, uint32_t from,
			uint32_t to)
{
	char addr[SHUNT_ADDR_TEXT];

	if (from != to)
		json_array_append_new(backends, json_pack("{s:s, s:s, s:o, s:o}", "address", addr_format(backend, addr),
							  "pool", pool, "from", uint_json(from), "to", uint_json(to)));
}

static uint32_t slots_of(const struct ring_view *view, const uint32_t *slots, const struct shunt_addr *backend)
{
	for (size_t i = 0; slots && i < view->service->dest_count; i++)
		if (addr_equal(&view->service->dests[i].addr, backend))
			return slots[i];
	return 0;
}

static bool has_backend(const struct ring_view *view, const struct shunt_addr *backend)
{
	for (size_t i = 0; view->ring && i < view->service->dest_count; i++)
		if (addr_equal(&view->service->dests[i].addr, backend))
			return true;
	return false;
}

static void add_backends(json_t *backends, const struct ring_view *was, const struct ring_view *is)
{
	uint32_t *before = count_slots(was), *after = count_slots(is);

	for (size_t i = 0; after && i < is->service->dest_count; i++) {
		const struct shunt_addr *addr = &is->service->dests[i].addr;

		add_backend(backends, addr, is->pool, slots_of(was, before, addr), after[i]);
	}
	for (size_t i = 0; before && i < was->service->dest_count; i++)
		if (!has_backend(is, &was->service->dests[i].addr))
			add_backend(backends, &was->service->dests[i].addr, was->pool, before[i], 0);
	free(before);
	free(after);
}

/* What is summed up over a service's rings. */
struct sums {
	uint64_t slots, moved;
	json_t *backends;
};

static void add_ring(struct sums *sums, const struct model_service *was, const struct model_service *is,
		     const char *pool)
{
	struct ring_view before = view_of(was, pool), after = view_of(is, pool);

	if (before.ring && before.ring == after.ring && same_backends(was, is)) {
		sums->slots += after.ring->size;
		return;
	}
	add_backends(sums->backends, &before, &after);
	if (before.ring && after.ring)
		sums->moved += count_moved(&before, &after);
	if ((before.ring && after.ring) || !was || !is)
		sums->slots += (after.ring ? after.ring : before.ring)->size;
}

static bool picks(const struct model_service *service)
{
	return config_picks(service->algorithm, service->sticky);
}

/* NULL: the same slots for the same flows. */
static json_t *service_json(const struct model_service *was, const struct model_service *is)
{
	const struct model_service *any = is ? is : was;
	const char *change = !was ? "added" : !is ? "removed" : "changed";
	bool rehashed = was && is && !config_hash_equal(&was->hash, &is->hash);
	bool repicked = was && is && picks(was) != picks(is);
	struct sums sums = {.backends = json_array()};

	add_ring(&sums, was, is, CONFIG_POOL_DEFAULT);
	for (size_t i = 0; i < any->pool_count; i++)
		add_ring(&sums, was, is, any->pools[i].name);
	for (size_t i = 0; was && is && i < was->pool_count; i++)
		if (!view_of(is, was->pools[i].name).ring)
			add_ring(&sums, was, is, was->pools[i].name);
	if (was && is && !sums.moved && !rehashed && !repicked && !json_array_size(sums.backends)) {
		json_decref(sums.backends);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:b, s:o}", "name", any->name, "change", change, "slots",
			 uint_json(sums.slots), "moved", uint_json(sums.moved), "rehashed", rehashed, "backends",
			 sums.backends);
}

static void add_service(json_t *list, const struct model_service *was, const struct model_service *is)
{
	json_t *service = service_json(was, is);

	if (service)
		json_array_append_new(list, service);
}

json_t *preview_services(const struct model *before, const struct model *after)
{
	json_t *list = json_array();
	size_t at = 0;

	for (size_t i = 0; i < after->service_count; i++)
		add_service(list, model_find_service(before, after->services[i].name, &at), &after->services[i]);
	at = 0;
	for (size_t i = 0; i < before->service_count; i++)
		if (!model_find_service(after, before->services[i].name, &at))
			add_service(list, &before->services[i], NULL);
	return list;
}
