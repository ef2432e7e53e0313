/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing rings. Slots are compared with what is wanted, so that an apply that another daemon began, and was killed in, is
 * finished whatever it left. That reads all slots of all services, most of which say what this process wrote the last time.
 *
 * So each apply that goes through is noted, and the next passes over a ring of which ring object, place and destinations'
 * ids are as noted. That is safe: from one apply to the next the ring keeps its slots to itself, nobody but this process
 * writes them, a ring object never changes, and the note holds it, so no other can come to lie at its address. A note never
 * outlives the next apply, a failed apply leaves none, and a new daemon has none.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "datapath_priv.h"

/* A ring to write: where, and what. */
struct target {
	uint32_t id, base; /* of the service, or of its pool */
	const struct model_ring *ring;
	const uint32_t *dest;
	size_t dest_count;
};

static bool is_written(const struct datapath *dp, const struct target *to)
{
	const struct written_ring *written = &dp->written[to->id];

	return written->ring == to->ring && written->base == to->base && written->dest_count == to->dest_count &&
	       !memcmp(written->dest, to->dest, to->dest_count * sizeof(*to->dest));
}

static void write_ring(struct datapath *dp, const struct target *to)
{
	uint64_t *ring = dp->rings + to->base;

	if (is_written(dp, to))
		return;
	for (uint32_t slot = 0; slot < to->ring->size; slot++) {
		uint32_t choice = to->ring->slots[slot];
		uint64_t word = choice == RING_NONE ? 0 : shunt_slot_clean(to->dest[choice]);

		if (ring[slot] != word)
			__atomic_store_n(&ring[slot], word, __ATOMIC_RELEASE);
	}
}

static void note_ring(struct datapath *dp, const struct target *from)
{
	size_t bytes = from->dest_count * sizeof(*from->dest);
	struct written_ring *written = &dp->written[from->id];

	*written = (struct written_ring){
		.ring = model_ring_hold(from->ring),
		.base = from->base,
		.dest = xcalloc(from->dest_count, sizeof(*from->dest)),
		.dest_count = from->dest_count,
	};
	if (bytes)
		memcpy(written->dest, from->dest, bytes);
}

/* Of the service, and of its pools. */
static void each_ring(struct datapath *dp, const struct plan_service *service, const struct model_service *want,
		      void (*with)(struct datapath *dp, const struct target *target))
{
	with(dp, &(struct target){service->id, service->ring_base, want->ring, service->dest, want->dest_count});
	for (size_t i = 0; i < want->pool_count; i++)
		with(dp, &(struct target){service->pools[i].id, service->pools[i].base, want->pools[i].ring,
					  service->dest, want->dest_count});
}

void datapath_write_rings(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++)
		each_ring(dp, &plan->services[i], &model->services[i], write_ring);
}

void datapath_note_rings(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	datapath_forget_rings(dp);
	for (size_t i = 0; i < model->service_count; i++)
		each_ring(dp, &plan->services[i], &model->services[i], note_ring);
}

void datapath_forget_rings(struct datapath *dp)
{
	for (uint32_t id = 0; dp->written && id < dp->control->services; id++) {
		model_ring_release(dp->written[id].ring);
		free(dp->written[id].dest);
		dp->written[id] = (struct written_ring){.ring = NULL};
	}
}
