/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies of configurations. An edit of one service in ten thousand makes another configuration, of which nearly all is as before: so services
 * that were read once are never changed, and copies share what their members point at. That makes copies cheap, and tells without
 * comparing anything that two services say the same. Who does want to change one takes it for himself first: config_own().
 */
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

/* What copies of one service hold. It has a place in memory of its own for as long as anybody holds it, and that is its name. */
struct config_shared {
	unsigned int holders; /* plain: all are in one thread */
	struct config_service service;
};

static void *copy_array(const void *from, size_t count, size_t size)
{
	void *to = xcalloc(count, size);

	if (count)
		memcpy(to, from, count * size);
	return to;
}

static void copy_parts(struct config_service *to, const struct config_service *from)
{
	*to = *from;
	to->shared = NULL;
	config_check_copy(&to->check, &from->check);
	config_sources_hold(to->sources);
	to->pools = copy_array(from->pools, from->pool_count, sizeof(*from->pools));
	to->vips = copy_array(from->vips, from->vip_count, sizeof(*from->vips));
	to->backends = copy_array(from->backends, from->backend_count, sizeof(*from->backends));
	config_discover_copy(to, from);
	config_demand_copy(to, from);
}

static void free_parts(struct config_service *service)
{
	config_sources_release(service->sources);
	config_check_clear(&service->check);
	config_discover_clear(service);
	config_demand_clear(service);
	free(service->pools);
	free(service->vips);
	free(service->backends);
}

struct config_shared *config_shared_hold(struct config_shared *shared)
{
	if (shared)
		shared->holders++;
	return shared;
}

void config_shared_release(struct config_shared *shared)
{
	if (!shared || --shared->holders)
		return;
	free_parts(&shared->service);
	free(shared);
}

void config_share(struct config *config)
{
	for (size_t i = 0; i < config->service_count; i++) {
		struct config_service *service = &config->services[i];

		if (service->shared)
			continue;
		service->shared = xcalloc(1, sizeof(*service->shared));
		service->shared->holders = 1;
		service->shared->service = *service;
	}
}

void config_own(struct config_service *service)
{
	const struct config_service was = *service;

	if (!was.shared)
		return;
	copy_parts(service, &was);
	config_shared_release(was.shared);
}

bool config_is_copy(const struct config_service *a, const struct config_service *b)
{
	return a->shared && a->shared == b->shared;
}

void config_copy_service(struct config_service *to, const struct config_service *from)
{
	if (!from->shared) {
		copy_parts(to, from);
		return;
	}
	*to = *from;
	config_shared_hold(to->shared);
}

struct config *config_copy(const struct config *config)
{
	struct config *copy = copy_array(config, 1, sizeof(*config));

	copy->interfaces = copy_array(config->interfaces, config->interface_count, sizeof(*config->interfaces));
	copy->services = xcalloc(config->service_count, sizeof(*config->services));
	for (size_t i = 0; i < config->service_count; i++)
		config_copy_service(&copy->services[i], &config->services[i]);
	config_groups_copy(copy, config);
	return copy;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->service_count; i++) {
		if (config->services[i].shared)
			config_shared_release(config->services[i].shared);
		else
			free_parts(&config->services[i]);
	}
	config_groups_free(config);
	free(config->services);
	free(config->interfaces);
	free(config);
}

/* What both have at their ends goes by itself, so that a service that is added or removed in the middle moves no other. */
void config_differing(const struct config *a, const struct config *b, struct config view[2])
{
	size_t first = 0, end_a = a->service_count, end_b = b->service_count;
	const struct config *of[2] = {a, b};
	size_t end[2];

	while (first < end_a && first < end_b && config_is_copy(&a->services[first], &b->services[first]))
		first++;
	while (end_a > first && end_b > first && config_is_copy(&a->services[end_a - 1], &b->services[end_b - 1]))
		end_a--, end_b--;
	end[0] = end_a;
	end[1] = end_b;
	for (int v = 0; v < 2; v++) {
		view[v] = *of[v];
		view[v].service_count = 0;
		view[v].services = xcalloc(end[v] - first + 1, sizeof(*view[v].services));
		for (size_t i = first; i < end[v]; i++)
			if (end_a != end_b || !config_is_copy(&a->services[i], &b->services[i]))
				view[v].services[view[v].service_count++] = of[v]->services[i];
	}
}

static bool same_addresses(const struct config_service *a, const struct config_service *b)
{
	if (a->backend_count != b->backend_count)
		return false;
	for (size_t i = 0; i < a->backend_count; i++) {
		const struct config_backend *x = &a->backends[i], *y = &b->backends[i];

		if (!addr_equal(&x->addr, &y->addr) || x->has_mac != y->has_mac ||
		    memcmp(x->mac, y->mac, sizeof(x->mac)))
			return false;
	}
	return true;
}

bool config_same_addresses(const struct config *a, const struct config *b)
{
	if (a == b)
		return true;
	if (a->service_count != b->service_count)
		return false;
	for (size_t i = 0; i < a->service_count; i++)
		if (!config_is_copy(&a->services[i], &b->services[i]) &&
		    !same_addresses(&a->services[i], &b->services[i]))
			return false;
	return true;
}

static bool same_bytes(const void *a, size_t count_a, const void *b, size_t count_b, size_t size)
{
	return count_a == count_b && (!count_a || !memcmp(a, b, count_a * size));
}

/* What a service says by itself: without what members point at. */
static void set_plain(struct config_service *plain, const struct config_service *service)
{
	memcpy(plain, service, sizeof(*plain)); /* with its padding */
	memset(&plain->check, 0, sizeof(plain->check));
	plain->sources = NULL;
	plain->pools = NULL;
	plain->vips = NULL;
	plain->backends = NULL;
	plain->discover = NULL;
	plain->demands = NULL;
	plain->shared = NULL;
}

/* Everything is compared, members that are not known here too: false may mean that nobody can say, true is the same. */
static bool says_the_same(const struct config_service *a, const struct config_service *b)
{
	struct config_service x, y;

	set_plain(&x, a);
	set_plain(&y, b);
	return !memcmp(&x, &y, sizeof(x)) && !a->discover_count && !a->demand_count &&
	       same_bytes(a->backends, a->backend_count, b->backends, b->backend_count, sizeof(*a->backends)) &&
	       same_bytes(a->vips, a->vip_count, b->vips, b->vip_count, sizeof(*a->vips)) &&
	       same_bytes(a->pools, a->pool_count, b->pools, b->pool_count, sizeof(*a->pools)) &&
	       config_sources_equal(a->sources, b->sources) && config_check_equal(&a->check, &b->check);
}

/* The tree of a service depends on its group, too. */
static bool same_groups(const struct config *a, const struct config *b)
{
	json_t *left = json_object(), *right = json_object();
	bool same;

	config_groups_to_json(a, left);
	config_groups_to_json(b, right);
	same = json_equal(left, right);
	json_decref(left);
	json_decref(right);
	return same;
}

void config_adopt(struct config *next, const struct config *present)
{
	struct config_names *names;

	if (!same_groups(next, present))
		return;
	names = config_names_new(present);
	for (size_t i = 0; i < next->service_count; i++) {
		struct config_service *service = &next->services[i];
		const struct config_service *was = config_names_find(names, service->name);

		if (!was || config_is_copy(was, service) || !says_the_same(was, service))
			continue;
		if (service->shared)
			config_shared_release(service->shared);
		else
			free_parts(service);
		config_copy_service(service, was);
	}
	free(names);
}
