/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Models that follow one another. One backend that fails among 200,000 makes another model, of which all but a service is as before: such
 * services are shared by both, and the model says which are not, and whether anything differs but what can be written over in its
 * place. So who applies a model, or tells what is different, has to look at those alone.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "model_priv.h"

struct model_shared {
	unsigned int holders;	  /* plain: all are in one thread */
	struct config_shared *of; /* held, so that nothing else gets its place in memory */
	struct model_service service;
};

static uint64_t last_serial;

static bool same_prefix(const struct shunt_prefix *a, const struct shunt_prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

void model_succeed(struct model_succession *s, struct model *model, const struct model_inputs *inputs)
{
	const struct model *before = inputs->same_world ? inputs->before : NULL;

	*s = (struct model_succession){.model = model, .before = before, .now = inputs->now};
	s->in_place = before && before->service_count == model->service_count &&
		      before->icmp_rate == model->icmp_rate && same_prefix(&before->source4, &model->source4) &&
		      same_prefix(&before->source6, &model->source6);
	model->serial = ++last_serial;
	model->follows = s->in_place ? before->serial : 0;
	model->changed = xcalloc(model->service_count + 1, sizeof(*model->changed));
}

bool model_inherit(struct model_succession *s, size_t i, const struct config_service *config)
{
	struct model_service *service = &s->model->services[i];

	s->was = s->before ? model_find_service(s->before, config->name, &s->at) : NULL;
	if (s->was && s->was->next_step && s->was->next_step <= s->now)
		return false;
	if (!s->was || s->was->stale || !config->shared || s->was->of != config->shared)
		return false;
	if (s->was != &s->before->services[i])
		s->model->follows = 0;
	*service = *s->was;
	service->shared->holders++;
	return true;
}

static bool same_server_ids(const struct model_dest *a, const struct model_dest *b)
{
	return a->server_id_count == b->server_id_count &&
	       (!a->server_id_count ||
		!memcmp(a->server_ids, b->server_ids, a->server_id_count * sizeof(*a->server_ids)));
}

static bool same_dests(const struct model_service *a, const struct model_service *b)
{
	if (a->dest_count != b->dest_count)
		return false;
	for (size_t i = 0; i < a->dest_count; i++) {
		const struct model_dest *x = &a->dests[i], *y = &b->dests[i];

		if (!addr_equal(&x->addr, &y->addr) || x->pool != y->pool || x->in_both != y->in_both ||
		    !same_server_ids(x, y))
			return false;
	}
	return true;
}

static bool same_picks(const struct model_service *a, const struct model_service *b)
{
	return a->pick_count == b->pick_count &&
	       (!a->pick_count || !memcmp(a->picks, b->picks, a->pick_count * sizeof(*a->picks)));
}

static bool same_vips(const struct model_service *a, const struct model_service *b)
{
	if (a->vip_count != b->vip_count)
		return false;
	for (size_t i = 0; i < a->vip_count; i++)
		if (vip_compare(&a->vips[i], &b->vips[i]))
			return false;
	return true;
}

static bool same_pools(const struct model_service *a, const struct model_service *b)
{
	if (a->pool_count != b->pool_count)
		return false;
	for (size_t i = 0; i < a->pool_count; i++)
		if (strcmp(a->pools[i].name, b->pools[i].name) || a->pools[i].wakes || b->pools[i].wakes)
			return false;
	return true;
}

/* All but states, next hops, tunnels, rings and times. Whether a ring wakes somebody is written for all at once. */
static bool is_in_place(const struct model_service *a, const struct model_service *b)
{
	return !a->wakes && !b->wakes && !strcmp(a->name, b->name) && a->ring_size == b->ring_size &&
	       a->echo == b->echo && a->algorithm == b->algorithm && a->sticky == b->sticky &&
	       config_hash_equal(&a->hash, &b->hash) && a->hash.ipv4 == b->hash.ipv4 && a->hash.ipv6 == b->hash.ipv6 &&
	       a->quic == b->quic && a->udp == b->udp && config_sources_equal(a->sources, b->sources) &&
	       same_vips(a, b) && same_pools(a, b) && same_dests(a, b) && same_picks(a, b);
}

void model_note_changed(struct model_succession *s, size_t i, const struct config_service *config)
{
	struct model_service *service = &s->model->services[i];

	service->of = config->shared;
	service->shared = xcalloc(1, sizeof(*service->shared));
	service->shared->holders = 1;
	service->shared->of = config_shared_hold(config->shared);
	service->shared->service = *service;
	s->model->changed[s->model->changed_count++] = i;
	if (s->model->follows && (s->was != &s->before->services[i] || !is_in_place(s->was, service)))
		s->model->follows = 0;
}

static void free_service(const struct model_service *service)
{
	for (size_t j = 0; j < service->dest_count; j++)
		free(service->dests[j].server_ids);
	free(service->vips);
	free(service->dests);
	free(service->picks);
	free(service->standings);
	model_ring_release(service->ring);
	for (size_t j = 0; j < service->pool_count; j++)
		model_ring_release(service->pools[j].ring);
	free(service->pools);
	config_sources_release(service->sources);
}

static void release(struct model_shared *shared)
{
	if (--shared->holders)
		return;
	free_service(&shared->service);
	config_shared_release(shared->of);
	free(shared);
}

void model_free(struct model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->service_count; i++) {
		if (model->services[i].shared)
			release(model->services[i].shared);
		else /* made by hand, for tests */
			free_service(&model->services[i]);
	}
	free(model->services);
	free(model->leftovers);
	free(model->changed);
	free(model);
}

struct model_service *model_find(struct model *model, const char *service)
{
	size_t at = model->found; /* again first: its backends are asked for in a row */

	if (!model_find_service(model, service, &at))
		return NULL;
	model->found = at - 1;
	return &model->services[model->found];
}

void model_touch(struct model *model, const char *service)
{
	struct model_service *at = model_find(model, service);

	if (at)
		at->stale = true;
}

static int compare_addrs(const void *a, const void *b)
{
	return addr_compare(a, b);
}

void model_touch_addrs(struct model *model, const struct shunt_addr *addrs, size_t count)
{
	for (size_t i = 0; i < model->service_count; i++) {
		struct model_service *service = &model->services[i];

		for (size_t j = 0; j < service->dest_count && !service->stale; j++)
			service->stale = bsearch(&service->dests[j].addr, addrs, count, sizeof(*addrs), compare_addrs);
	}
}

void model_touch_all(struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++)
		model->services[i].stale = true;
}
