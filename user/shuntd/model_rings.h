/* SPDX-License-Identifier: GPL-2.0 */
/* The rings of one build of the model: which there are, and where they come from. */
#ifndef SHUNT_MODEL_RINGS_H
#define SHUNT_MODEL_RINGS_H

#include "model.h"

/* A ring is named by the pool of sources that it is of, or: */
#define MODEL_RING_OWN ""	    /* the service's: of the pools with shares, or the default one */
#define MODEL_RING_BACKUP "/backup" /* the service's when they have failed: of its backup pools; no pool's name */

/* A hash table with about one service a chain, all its rings in it. */
struct model_cache {
	struct cached_ring **chains;
	uint32_t mask;
};

/* What is not passed on from one to the other is of nobody any more. */
struct ring_pass {
	struct model_cache before, *cache;
	uint64_t seed;
};
void ring_pass_begin(struct ring_pass *pass, struct model_cache *cache, uint64_t seed, size_t services);
void ring_pass_end(struct ring_pass *pass);

/* levels: by backend, 0 to RING_TURNS, how much of its part it has. RING_TURNS of those that have no part, so that a ring that is whole is seen
 * to be. The ring is the caller's to release. */
const struct model_ring *ring_pass_resolve(struct ring_pass *pass, const struct config_service *service,
					   const char *ring, const uint8_t *levels);
/* One that is not asked for now, but will be. */
void ring_pass_keep(struct ring_pass *pass, const struct config_service *service, const char *ring);

/* All of a service that is what it was. */
void ring_pass_inherit(struct ring_pass *pass, const struct model_service *service);

/* Has the ring slots for backends of this pool? */
bool model_ring_serves(const struct config_service *service, const char *ring, const char *pool);

#endif
