/* SPDX-License-Identifier: GPL-2.0 */
/* The table of those who track every flow: exact, where the kernel's LRU map only comes near; that is in its favour. */
#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "sim.h"

struct lru_entry {
	uint64_t hash;
	uint32_t dest;
	uint32_t chain;	       /* next with the same head; 0: none */
	uint32_t newer, older; /* a ring through entry 0 */
};

struct sim_lru {
	struct lru_entry *entries; /* from 1; entry 0 ties the ring */
	uint32_t *heads;
	uint32_t room, used, mask;
};

struct sim_lru *lru_new(uint32_t entries)
{
	struct sim_lru *lru = xcalloc(1, sizeof(*lru));
	uint32_t heads = 1;

	while (heads < entries)
		heads *= 2;
	lru->entries = xcalloc((size_t)entries + 1, sizeof(*lru->entries));
	lru->heads = xcalloc(heads, sizeof(*lru->heads));
	lru->room = entries;
	lru->mask = heads - 1;
	return lru;
}

void lru_free(struct sim_lru *lru)
{
	if (!lru)
		return;
	free(lru->entries);
	free(lru->heads);
	free(lru);
}

uint32_t lru_used(const struct sim_lru *lru)
{
	return lru->used;
}

static void unlink_age(struct sim_lru *lru, uint32_t i)
{
	struct lru_entry *entry = &lru->entries[i];

	lru->entries[entry->newer].older = entry->older;
	lru->entries[entry->older].newer = entry->newer;
}

static void link_newest(struct sim_lru *lru, uint32_t i)
{
	struct lru_entry *root = &lru->entries[0], *entry = &lru->entries[i];

	entry->newer = 0;
	entry->older = root->older;
	lru->entries[root->older].newer = i;
	root->older = i;
}

static void unlink_chain(struct sim_lru *lru, uint32_t i)
{
	uint32_t *at = &lru->heads[lru->entries[i].hash & lru->mask];

	while (*at != i)
		at = &lru->entries[*at].chain;
	*at = lru->entries[i].chain;
}

static uint32_t find(struct sim_lru *lru, uint64_t hash)
{
	uint32_t i = lru->heads[hash & lru->mask];

	while (i && lru->entries[i].hash != hash)
		i = lru->entries[i].chain;
	if (i) {
		unlink_age(lru, i);
		link_newest(lru, i);
	}
	return i;
}

uint32_t lru_get(struct sim_lru *lru, uint64_t hash)
{
	uint32_t i = find(lru, hash);

	return i ? lru->entries[i].dest : 0;
}

void lru_put(struct sim_lru *lru, uint64_t hash, uint32_t dest)
{
	uint32_t i = find(lru, hash), *head;

	if (!i) {
		if (lru->used < lru->room) {
			i = ++lru->used;
		} else {
			i = lru->entries[0].newer; /* the oldest */
			unlink_age(lru, i);
			unlink_chain(lru, i);
		}
		head = &lru->heads[hash & lru->mask];
		lru->entries[i].hash = hash;
		lru->entries[i].chain = *head;
		*head = i;
		link_newest(lru, i);
	}
	lru->entries[i].dest = dest;
}
