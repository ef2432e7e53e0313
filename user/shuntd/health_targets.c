/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which targets there are. A commit changes a few services of many: those that are copies of what was there before are passed over, with all
 * their targets.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "health_priv.h"
#include "shunt/hash.h"

#define CARRY_WINDOW 64

static uint64_t hash_key(const char *service, const struct shunt_addr *addr)
{
	uint64_t halves[2], hash = addr->family;

	memcpy(halves, addr->word, sizeof(halves));
	for (; *service; service++)
		hash = (hash ^ (uint8_t)*service) * 0x100000001b3ull;
	return shunt_mix64(shunt_mix64(hash ^ halves[0]) ^ halves[1]);
}

static struct target **chain_of(const struct health *health, const char *service, const struct shunt_addr *addr)
{
	return &health->chains[hash_key(service, addr) & health->chain_mask];
}

struct target *target_find(const struct health *health, const char *service, const struct shunt_addr *addr)
{
	struct target *t = health->chains ? *chain_of(health, service, addr) : NULL;

	while (t && (!addr_equal(&t->addr, addr) || strcmp(t->service, service)))
		t = t->next;
	return t;
}

static void chain_in(struct health *health, struct target *t)
{
	struct target **chain = chain_of(health, t->service, &t->addr);

	t->next = *chain;
	*chain = t;
}

/* About one target a chain. */
static void make_room(struct health *health, size_t targets)
{
	struct target **before = health->chains, *t, *next;
	size_t chains = before ? health->chain_mask + 1 : 0, room = 1;

	if (targets <= chains)
		return;
	while (room < targets)
		room <<= 1;
	health->chains = xcalloc(room, sizeof(*health->chains));
	health->chain_mask = room - 1;
	for (size_t i = 0; i < chains; i++)
		for (t = before[i]; t; t = next) {
			next = t->next;
			chain_in(health, t);
		}
	free(before);
}

static void forget(struct health *health, struct target *t)
{
	struct target **at = chain_of(health, t->service, &t->addr);

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	health->target_count--;
	target_remove(t);
}

/* Those of one service, as it is now. */
struct sync {
	struct health *health;
	enum health_state (*initial)(void *arg, const char *service, const struct shunt_addr *backend);
	void *arg;
};

static struct target *target_keep(const struct sync *sync, const struct config_service *service,
				  const struct shunt_addr *addr)
{
	struct target *t = target_find(sync->health, service->name, addr);

	if (t) {
		target_set_check(t, service);
	} else {
		make_room(sync->health, sync->health->target_count + 1);
		t = target_new(sync->health, service, addr,
			       sync->initial ? sync->initial(sync->arg, service->name, addr) : HEALTH_CHECKING);
		sync->health->target_count++;
		chain_in(sync->health, t);
	}
	t->kept = true;
	return t;
}

static void sync_service(const struct sync *sync, struct watched_service *out, const struct config_service *service)
{
	out->shared = config_shared_hold(service->shared);
	out->count = service->backend_count;
	out->targets = xcalloc(out->count + 1, sizeof(*out->targets));
	for (size_t i = 0; i < service->backend_count; i++)
		out->targets[i] = target_keep(sync, service, &service->backends[i].addr);
}

/* Taken out of before, from where it was, or near where the last one was. Missing one that is further away costs time, nothing else. */
static bool carry_over(struct health *health, size_t i, size_t *at, const struct config_service *service,
		       struct watched_service *out)
{
	struct watched_service *before = health->services;
	size_t count = service->shared ? health->service_count : 0, end;

	if (i < count && before[i].shared == service->shared)
		*at = i;
	end = *at + CARRY_WINDOW < count ? *at + CARRY_WINDOW : count;
	for (size_t j = *at; j < end; j++) {
		if (before[j].shared != service->shared)
			continue;
		*at = j + 1;
		*out = before[j];
		before[j] = (struct watched_service){.shared = NULL};
		return true;
	}
	return false;
}

/* What nobody kept goes. */
static void drop(struct health *health, struct watched_service *services, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < services[i].count; j++)
			if (!services[i].targets[j]->kept)
				forget(health, services[i].targets[j]);
		free(services[i].targets);
		config_shared_release(services[i].shared);
	}
	free(services);
}

void health_sync(struct health *health, const struct config *config,
		 enum health_state (*initial)(void *arg, const char *service, const struct shunt_addr *backend),
		 void *arg)
{
	struct watched_service *next = xcalloc(config->service_count + 1, sizeof(*next));
	bool *anew = xcalloc(config->service_count + 1, sizeof(*anew));
	const struct sync sync = {health, initial, arg};
	size_t at = 0;

	for (size_t i = 0; i < config->service_count; i++)
		anew[i] = !carry_over(health, i, &at, &config->services[i], &next[i]);
	for (size_t i = 0; i < config->service_count; i++)
		if (anew[i])
			sync_service(&sync, &next[i], &config->services[i]);
	drop(health, health->services, health->service_count);
	for (size_t i = 0; i < config->service_count; i++)
		for (size_t j = 0; anew[i] && j < next[i].count; j++)
			next[i].targets[j]->kept = false;
	free(anew);
	health->services = next;
	health->service_count = config->service_count;
}

const struct health_status *health_get(const struct health *health, const char *service,
				       const struct shunt_addr *backend)
{
	const struct target *t = target_find(health, service, backend);

	return t ? &t->status : NULL;
}

void targets_release(struct health *health)
{
	drop(health, health->services, health->service_count);
	free(health->chains);
	health->services = NULL;
	health->chains = NULL;
	health->service_count = health->target_count = 0;
}
