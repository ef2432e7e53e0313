/* SPDX-License-Identifier: GPL-2.0 */
#include "datapath_plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "datapath_priv.h"

#define ANEW DATAPATH_ANEW

struct extent {
	uint32_t base, size;
};

/* The next id that is free, from *next on. */
static int take_id(const struct plan_inputs *in, const char *name, uint32_t *next, uint32_t *id, struct shunt_err *err)
{
	while (*next < in->dir->service_max && directory_service_used(in->dir, *next))
		++*next;
	*id = (*next)++;
	if (*id < in->dir->service_max)
		return 0;
	return shunt_fail(
		err, ENOSPC, "limits.services",
		"service \"%s\" finds all %u in use (each pool that sources are sent to takes one more): delete "
		"services in a change before this one, or raise the limit (" ANEW ")",
		name, in->dir->service_max);
}

static uint32_t *no_dests(size_t count)
{
	uint32_t *ids = xcalloc(count + 1, sizeof(*ids));

	memset(ids, 0xff, (count + 1) * sizeof(*ids)); /* DIRECTORY_NONE */
	return ids;
}

static int plan_pool_ids(struct plan *plan, struct plan_service *service, const struct model_service *want,
			 const struct plan_inputs *in, uint32_t *next, struct shunt_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < want->pool_count; i++) {
		struct plan_ring *pool = &service->pools[i];

		pool->id = directory_pool(in->dir, service->id, want->pools[i].name);
		pool->is_new = pool->id == DIRECTORY_NONE;
		pool->dest = no_dests(want->dest_count);
		if (pool->is_new)
			rc = take_id(in, want->name, next, &pool->id, err);
		if (!rc)
			plan->service_named[pool->id] = true;
	}
	return rc;
}

static int plan_service_ids(struct plan *plan, const struct plan_inputs *in, const struct model *model,
			    struct shunt_err *err)
{
	uint32_t next = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < model->service_count; i++) {
		const struct model_service *want = &model->services[i];
		struct plan_service *service = &plan->services[i];

		service->dest = no_dests(want->dest_count);
		service->pools = xcalloc(want->pool_count, sizeof(*service->pools));
		service->pool_count = want->pool_count;
		service->id = directory_service(in->dir, want->name);
		service->is_new = service->id == DIRECTORY_NONE;
		if (service->is_new)
			rc = take_id(in, want->name, &next, &service->id, err);
		if (rc)
			return rc;
		plan->service_named[service->id] = true;
		rc = plan_pool_ids(plan, service, want, in, &next, err);
	}
	return rc;
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static struct extent *extents_in_use(const struct directory *dir, size_t *count)
{
	/* in room for one more, as gaps_between() needs it */
	struct extent *extents = xcalloc((size_t)dir->service_max + 1, sizeof(*extents));

	*count = 0;
	for (uint32_t id = 0; id < dir->service_max; id++)
		if (directory_service_used(dir, id))
			extents[(*count)++] = (struct extent){dir->services[id].ring_base, dir->services[id].ring_size};
	qsort(extents, *count, sizeof(*extents), compare_extents);
	return extents;
}

/* Turn the extents, in order, into the gaps before, between and after them, one more; a gap may be of no slots. */
static void gaps_between(struct extent *extents, size_t *count, uint32_t slots)
{
	uint32_t free_from = 0;

	for (size_t i = 0; i < *count; i++) {
		struct extent used = extents[i];

		extents[i] = (struct extent){free_from, used.base - free_from};
		free_from = used.base + used.size;
	}
	extents[(*count)++] = (struct extent){free_from, slots - free_from};
}

/* Looked for when the first is asked for. */
struct gaps {
	const struct directory *dir;
	struct extent *gap;
	size_t count;
	uint32_t slots; /* of all rings and gaps */
};

/* A new ring's slots, from the first gap that has them. A start with thousands of services finds one gap. */
static int gaps_take(struct gaps *gaps, const struct model_service *want, uint32_t *base, struct shunt_err *err)
{
	if (!gaps->gap) {
		gaps->gap = extents_in_use(gaps->dir, &gaps->count);
		gaps_between(gaps->gap, &gaps->count, gaps->slots);
	}
	for (size_t i = 0; i < gaps->count; i++) {
		if (gaps->gap[i].size < want->ring_size)
			continue;
		*base = gaps->gap[i].base;
		gaps->gap[i].base += want->ring_size;
		gaps->gap[i].size -= want->ring_size;
		return 0;
	}
	return shunt_fail(
		err, ENOSPC, "limits.ring_slots",
		"service \"%s\" finds no %u slots in a row free of %u: delete services in a change before this "
		"one, or raise the limit (" ANEW ")",
		want->name, want->ring_size, gaps->slots);
}

static int plan_ring(struct plan_service *service, const struct model_service *want, const struct plan_inputs *in,
		     struct gaps *gaps, struct shunt_err *err)
{
	const struct shunt_service_entry *entry = &in->dir->services[service->id];
	char where[SHUNT_NAME_MAX + 32];

	if (service->is_new) {
		service->salt = want->salt;
		return gaps_take(gaps, want, &service->ring_base, err);
	}
	service->ring_base = entry->ring_base;
	service->salt = entry->salt;
	if (entry->ring_size == want->ring_size)
		return 0;
	snprintf(where, sizeof(where), "services[%s].ring_size", want->name);
	return shunt_fail(err, EINVAL, where,
			  "%u, expected %u, which is fixed for the service's life: delete the service, then add it "
			  "again, in two changes",
			  want->ring_size, entry->ring_size);
}

/* Of the service's size, since they are of one life with it. */
static int plan_pool_rings(struct plan_service *service, const struct model_service *want, const struct plan_inputs *in,
			   struct gaps *gaps, struct shunt_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < want->pool_count; i++) {
		struct plan_ring *pool = &service->pools[i];

		if (pool->is_new)
			rc = gaps_take(gaps, want, &pool->base, err);
		else
			pool->base = in->dir->services[pool->id].ring_base;
	}
	return rc;
}

static int plan_rings(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err)
{
	struct gaps gaps = {.dir = in->dir, .slots = in->limits->ring_slots};
	int rc = 0;

	for (size_t i = 0; !rc && i < model->service_count; i++) {
		rc = plan_ring(&plan->services[i], &model->services[i], in, &gaps, err);
		if (!rc)
			rc = plan_pool_rings(&plan->services[i], &model->services[i], in, &gaps, err);
	}
	free(gaps.gap);
	return rc;
}

/* A ring whose destinations are planned. */
struct planned_ring {
	uint32_t id;
	bool is_new;	/* and so has no destinations yet */
	uint32_t *dest; /* to be filled */
};

static int plan_dest_id(struct plan *plan, const struct plan_inputs *in, const struct planned_ring *ring,
			const struct model_service *want, size_t i, uint32_t *next, struct shunt_err *err)
{
	uint32_t id = ring->is_new ? DIRECTORY_NONE : directory_dest(in->dir, ring->id, &want->dests[i].addr);

	if (id == DIRECTORY_NONE) {
		while (*next < in->dir->dest_max && directory_dest_used(in->dir, *next))
			++*next;
		if (*next == in->dir->dest_max)
			return shunt_fail(
				err, ENOSPC, "limits.destinations",
				"service \"%s\" finds all %u in use (removed backends keep theirs while they have "
				"connections: `shunt conn` shows them): delete backends in a change before this one, "
				"or raise the limit (" ANEW ")",
				want->name, in->dir->dest_max - 1);
		id = (*next)++;
	}
	ring->dest[i] = id;
	plan->dest_named[id] = true;
	return 0;
}

/* Of one backend, in all rings that it is in. */
static int plan_dest(struct plan *plan, const struct plan_inputs *in, const struct plan_service *service,
		     const struct model_service *want, size_t i, uint32_t *next, struct shunt_err *err)
{
	const struct model_dest *dest = &want->dests[i];
	const struct plan_ring *pool = dest->pool == MODEL_POOL_DEFAULT ? NULL : &service->pools[dest->pool];
	int rc = 0;

	if (model_dest_is_own(dest))
		rc = plan_dest_id(plan, in, &(struct planned_ring){service->id, service->is_new, service->dest}, want,
				  i, next, err);
	if (!rc && pool)
		rc = plan_dest_id(plan, in, &(struct planned_ring){pool->id, pool->is_new, pool->dest}, want, i, next,
				  err);
	return rc;
}

static int plan_dest_ids(struct plan *plan, const struct plan_inputs *in, const struct model *model,
			 struct shunt_err *err)
{
	uint32_t next = 1; /* 0 says "none" in a slot */
	int rc = 0;

	for (size_t i = 0; !rc && i < model->service_count; i++)
		for (size_t j = 0; !rc && j < model->services[i].dest_count; j++)
			rc = plan_dest(plan, in, &plan->services[i], &model->services[i], j, &next, err);
	return rc;
}

/* A list in force stays as it is: other prefixes are another list. */
static void plan_sources(struct plan *plan, const struct plan_inputs *in, const struct model *model)
{
	uint32_t next = in->next_list;

	for (size_t i = 0; i < model->service_count; i++) {
		struct plan_service *service = &plan->services[i];
		const struct config_sources *want = model->services[i].sources;

		if (!want)
			continue;
		service->writes_list = !config_sources_equal(in->lists[service->id].rules, want);
		service->list = service->writes_list ? next : in->lists[service->id].list;
		next += service->writes_list ? 2 : 0;
	}
}

/* Ids and rings, of services and destinations. */
static int plan_ids(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err)
{
	int rc;

	*plan = (struct plan){.service_count = model->service_count};
	plan->services = xcalloc(model->service_count, sizeof(*plan->services));
	plan->service_named = xcalloc(in->dir->service_max, sizeof(*plan->service_named));
	plan->dest_named = xcalloc(in->dir->dest_max, sizeof(*plan->dest_named));

	rc = plan_service_ids(plan, in, model, err);
	if (!rc)
		rc = plan_rings(plan, in, model, err);
	if (!rc)
		rc = plan_dest_ids(plan, in, model, err);
	return rc;
}

int plan_make_part(struct plan *plan, const struct plan_inputs *in, const struct model *part, struct shunt_err *err)
{
	int rc = plan_ids(plan, in, part, err);

	if (rc)
		plan_release(plan);
	return rc;
}

int plan_make(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err)
{
	int rc = plan_ids(plan, in, model, err);

	if (!rc) {
		plan_sources(plan, in, model);
		rc = plan_vips(plan, in, model, err);
	}
	if (!rc)
		rc = plan_quic(plan, in, model, err);
	if (rc)
		plan_release(plan);
	return rc;
}

void plan_release(struct plan *plan)
{
	for (size_t i = 0; i < plan->service_count; i++) {
		struct plan_service *service = &plan->services[i];

		free(service->dest);
		for (size_t j = 0; j < service->pool_count; j++)
			free(service->pools[j].dest);
		free(service->pools);
	}
	free(plan->services);
	free(plan->service_named);
	free(plan->dest_named);
	free(plan->vips);
	match_release(&plan->match);
	free(plan->quic);
}
