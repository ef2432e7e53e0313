/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing rings. Slots are compared with what is wanted, so that an apply that another daemon began, and was killed in, is
 * finished whatever it left. That reads all slots of all services, most of which say what this process wrote the last time.
 *
 * So each apply that goes through is noted, and the next passes over a service of which ring object, place and destinations'
 * ids are as noted. That is safe: from one apply to the next the service keeps its slots to itself, nobody but this process
 * writes them, a ring object never changes, and the note holds it, so no other can come to lie at its address. A note never
 * outlives the next apply, a failed apply leaves none, and a new daemon has none.
 */
#include <stdlib.h>
#include <string.h>

#include "datapath_priv.h"

static bool is_written(const struct datapath *dp, const struct plan_service *service, const struct model_service *want)
{
	const struct written_ring *written = &dp->written[service->id];

	return written->ring == want->ring && written->base == service->ring_base &&
	       written->dest_count == want->dest_count &&
	       !memcmp(written->dest, service->dest, want->dest_count * sizeof(*service->dest));
}

void datapath_write_ring(struct datapath *dp, const struct plan_service *service, const struct model_service *want)
{
	uint64_t *ring = dp->rings + service->ring_base;

	if (is_written(dp, service, want))
		return;
	for (uint32_t slot = 0; slot < want->ring_size; slot++) {
		uint32_t choice = want->ring->slots[slot];
		uint64_t word = choice == RING_NONE ? 0 : shunt_slot_clean(service->dest[choice]);

		if (ring[slot] != word)
			__atomic_store_n(&ring[slot], word, __ATOMIC_RELEASE);
	}
}

void datapath_note_rings(struct datapath *dp, struct plan *plan, const struct model *model)
{
	datapath_forget_rings(dp);
	for (size_t i = 0; i < model->service_count; i++) {
		struct plan_service *service = &plan->services[i];

		dp->written[service->id] = (struct written_ring){
			.ring = model_ring_hold(model->services[i].ring),
			.base = service->ring_base,
			.dest = service->dest,
			.dest_count = model->services[i].dest_count,
		};
		service->dest = NULL;
	}
}

void datapath_forget_rings(struct datapath *dp)
{
	for (uint32_t id = 0; dp->written && id < dp->control->services; id++) {
		model_ring_release(dp->written[id].ring);
		free(dp->written[id].dest);
		dp->written[id] = (struct written_ring){.ring = NULL};
	}
}
