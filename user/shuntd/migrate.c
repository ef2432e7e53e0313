/* SPDX-License-Identifier: GPL-2.0 */
#include "migrate.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "directory.h"

bool migrate_is_anew(const char *name, bool keeps_shape)
{
	static const char *const anew[] = {"shunt_control", "shunt_dstdir", "shunt_cstat"};

	for (size_t i = 0; i < sizeof(anew) / sizeof(anew[0]); i++)
		if (!strcmp(name, anew[i]))
			return true;
	return !keeps_shape && (!strcmp(name, "shunt_conns") || !strcmp(name, "shunt_frags"));
}

_Static_assert(offsetof(struct shunt_control, quic_multiplier) + 16 == MIGRATE_CONTROL_1_SIZE,
	       "the fields of format 1 are where they were");

void migrate_control(const void *old, const struct shunt_control *sizes, struct shunt_control *out)
{
	*out = (struct shunt_control){0};
	memcpy(out, old, MIGRATE_CONTROL_1_SIZE);
	out->format = SHUNT_FORMAT;
	out->conn_buckets = sizes->conn_buckets;
	out->fragment_buckets = sizes->fragment_buckets;
	out->conn_expiry = 0; /* was padding */
}

static int check(const struct migrate_dests *from, const struct shunt_dest_entry *dstdir, struct shunt_err *err)
{
	struct directory dir;
	int rc;

	directory_init(&dir, from->svcdir, from->control->services, dstdir, from->control->destinations);
	rc = directory_check(&dir, from->control->ring_slots, err);
	directory_release(&dir);
	return rc;
}

/* Destinations that slots of a pool's ring name are in that ring. */
static void note_pool(const struct migrate_dests *from, uint32_t pool, struct shunt_dest_entry *dstdir)
{
	const struct shunt_service_entry *ring = &from->svcdir[pool];

	for (uint32_t slot = 0; slot < ring->ring_size; slot++) {
		uint32_t id = shunt_slot_current(from->rings[ring->ring_base + slot]);

		if (id < from->control->destinations && dstdir[id].family &&
		    from->dstdir[id].service == ring->owner - 1)
			dstdir[id].ring = pool;
	}
}

int migrate_dstdir(const struct migrate_dests *from, uint64_t now, struct shunt_dest_entry *out, struct shunt_err *err)
{
	int rc;

	for (uint32_t id = 0; id < from->control->destinations; id++) {
		const struct migrate_dest_entry_1 *old = &from->dstdir[id];

		out[id] = (struct shunt_dest_entry){0};
		if (!old->family)
			continue;
		memcpy(out[id].addr, old->addr, sizeof(out[id].addr));
		out[id].ring = old->service;
		out[id].family = old->family;
		out[id].since = now;
	}
	rc = check(from, out, err);
	if (rc)
		return rc;
	for (uint32_t id = 0; id < from->control->services; id++)
		if (from->svcdir[id].name[0] && from->svcdir[id].owner)
			note_pool(from, id, out);
	return 0;
}

static void note_named(const struct migrate_dests *from, const struct shunt_service_entry *ring, bool *named)
{
	for (uint32_t slot = 0; slot < ring->ring_size; slot++) {
		uint32_t id = shunt_slot_current(from->rings[ring->ring_base + slot]);

		if (id < from->control->destinations)
			named[id] = true;
	}
}

uint32_t migrate_guessed(const struct migrate_dests *from, const struct shunt_dest_entry *dstdir)
{
	bool *named = xcalloc(from->control->destinations, sizeof(*named));
	bool *has_pools = xcalloc(from->control->services + 1, sizeof(*has_pools));
	uint32_t guessed = 0;

	for (uint32_t id = 0; id < from->control->services; id++) {
		const struct shunt_service_entry *ring = &from->svcdir[id];

		if (!ring->name[0])
			continue;
		note_named(from, ring, named);
		if (ring->owner)
			has_pools[ring->owner - 1] = true;
	}
	for (uint32_t id = 0; id < from->control->destinations; id++)
		guessed += dstdir[id].family && !named[id] && has_pools[from->dstdir[id].service];
	free(named);
	free(has_pools);
	return guessed;
}

/* One word of an entry, with one store. */
typedef uint64_t __attribute__((may_alias)) map_word;
_Static_assert(offsetof(struct shunt_dest, ring_base) % sizeof(map_word) == 0 &&
		       offsetof(struct shunt_dest, ring_size) == offsetof(struct shunt_dest, ring_base) + 4,
	       "ring_base and ring_size are one word");

void migrate_dests(struct shunt_dest *dests, const struct shunt_service_entry *svcdir,
		   const struct shunt_dest_entry *dstdir, uint32_t count)
{
	for (uint32_t id = 0; id < count; id++) {
		struct shunt_dest ring = {0};

		if (!dstdir[id].family)
			continue;
		ring.ring_base = svcdir[dstdir[id].ring].ring_base;
		ring.ring_size = svcdir[dstdir[id].ring].ring_size;
		__atomic_store_n((map_word *)&dests[id].ring_base, *(const map_word *)&ring.ring_base,
				 __ATOMIC_RELEASE);
	}
}
