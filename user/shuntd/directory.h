/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which service and which destination an id is: shunt_svcdir and shunt_dstdir with an index over them. Reads only; pure.
 */
#ifndef SHUNT_DIRECTORY_H
#define SHUNT_DIRECTORY_H

#include "../lib/addr.h"
#include "../lib/err.h"
#include "shunt/maps.h"

#define DIRECTORY_NONE UINT32_MAX

/* Hash chains over ids. */
struct directory_index {
	uint32_t *head, *next;
	uint32_t mask;
};

struct directory {
	const struct shunt_service_entry *services;
	const struct shunt_dest_entry *dests;
	uint32_t service_max, dest_max;
	struct directory_index by_name, by_addr, rings_of, dests_of; /* the latter: by service */
};

/* The arrays stay the caller's and must outlive the directory. To be checked, then indexed, before anything is looked up. */
void directory_init(struct directory *dir, const struct shunt_service_entry *services, uint32_t service_max,
		    const struct shunt_dest_entry *dests, uint32_t dest_max);
void directory_release(struct directory *dir);

/* Do all entries name what exists: ring slots below ring_slots, services below service_max? -EPROTO with *err if not. */
int directory_check(const struct directory *dir, uint32_t ring_slots, struct shunt_err *err);

/* Read the (checked) arrays, at first and after they changed. Destinations and pools of a service that is free are not found. */
void directory_reindex(struct directory *dir);

/* Ids, or DIRECTORY_NONE. */
uint32_t directory_service(const struct directory *dir, const char *name);
uint32_t directory_pool(const struct directory *dir, uint32_t service, const char *pool);
/* Of a service's or pool's ring. */
uint32_t directory_dest(const struct directory *dir, uint32_t ring, const struct shunt_addr *addr);
/* A service's ids for this address: the first; the one after id. Several, when the backend is, or was, in several rings. */
uint32_t directory_dest_first(const struct directory *dir, uint32_t service, const struct shunt_addr *addr);
uint32_t directory_dest_next(const struct directory *dir, uint32_t id);
/* All that a service has, in the order of ids: rings, its own among them, and destinations, in whichever ring. The first (after:
 * DIRECTORY_NONE); the one after id. */
uint32_t directory_ring_after(const struct directory *dir, uint32_t service, uint32_t after);
uint32_t directory_dest_after(const struct directory *dir, uint32_t service, uint32_t after);
/* The service that a ring, which is in use, is of: itself, or the pool's. */
uint32_t directory_service_of(const struct directory *dir, uint32_t ring);

/* Of services, and of their pools. */
bool directory_service_used(const struct directory *dir, uint32_t id);
bool directory_dest_used(const struct directory *dir, uint32_t id);

#endif
