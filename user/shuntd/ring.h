/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A service's ring, as a pure function of configuration, seed and health: the same on every node.
 *
 * Base ring: weighted Maglev (NSDI 2016, section 3.4) over the configured backends, in the order of their addresses, so the
 * order in the file does not matter. A backend that is not available keeps its base slots; each of them falls to its own
 * next choice: the first available backend in the slot's own random sequence of base slots, a draw by weight without
 * replacement, which is what weighted rendezvous hashing draws, in integers. So a change of one backend's health moves exactly
 * the slots it leaves or regains.
 *
 * With pools: Maglev over the pools by share says which pool a slot is of, and Maglev over the backends of each pool, by weight, whose
 * it is among the pool's slots. So shares are exact to a slot whatever backends there are, and what changes within a pool moves no slot of
 * another. A slot falls to others of its pool as long as one is available, else to those of the others.
 */
#ifndef SHUNT_RING_H
#define SHUNT_RING_H

#include "../lib/addr.h"

#define RING_NONE UINT32_MAX

struct ring_backend {
	struct shunt_addr addr;
	uint32_t weight; /* 0: has no slots in the base ring */
	uint32_t pool;	 /* index in the pools; 0 where there are none */
};

struct ring_pool {
	const char *name;
	uint32_t share; /* 0: has no slots; nor has a pool of which all weights are 0 */
};

/* Fill base[size] with indexes into backends (RING_NONE throughout when all weights are 0). size: a prime > 1. salt: the
 * service's. */
void ring_build(uint32_t *base, uint32_t size, const struct ring_backend *backends, size_t count, uint64_t seed,
		uint32_t salt);

/* The same for a service with pools, which are in the order of their names. Backends whose pool is not below pool_count have no slots. */
void ring_build_pools(uint32_t *base, uint32_t size, const struct ring_backend *backends, size_t count,
		      const struct ring_pool *pools, size_t pool_count, uint64_t seed, uint32_t salt);

/* Fill ring[size] from base: available[i] says whether backend i may get new connections. RING_NONE throughout when none may;
 * when the only available ones have weight 0 they stay unused. */
void ring_resolve(uint32_t *ring, const uint32_t *base, uint32_t size, const bool *available, size_t count,
		  uint64_t seed, uint32_t salt);

/* The same for a ring of ring_build_pools(), of the same backends. */
void ring_resolve_pools(uint32_t *ring, const uint32_t *base, uint32_t size, const bool *available,
			const struct ring_backend *backends, size_t count, uint64_t seed, uint32_t salt);

/* Slots are in one of so many turns, each in about as many slots as the others, of every backend: from 0. */
#define RING_TURNS 10
uint32_t ring_turn(uint32_t slot, uint64_t seed, uint32_t salt);

/* A service's salt, from its name. */
uint32_t ring_salt(const char *service);

#endif
