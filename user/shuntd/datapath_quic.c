/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QUIC server ids: planned with the VIPs, written with them, in force with them. An id of a backend that is gone is
 * out of force before the RCU wait after which its destination's id is free, so a packet can follow it to nobody
 * else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "datapath_priv.h"
#include "quictable.h"

/* Whose destinations are several has connections in several rings. An id names the server, so either will do, always the same one. */
static uint32_t dest_of(const struct plan_service *service, const struct model_dest *dest, size_t index)
{
	return model_dest_is_own(dest) ? service->dest[index] : service->pools[dest->pool].dest[index];
}

/* All of the model's, in a list to be freed. */
static struct shunt_quic_id *list_ids(const struct plan *plan, const struct model *model, size_t *count)
{
	struct shunt_quic_id *list = NULL;

	*count = 0;
	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *want = &model->services[i];

		for (size_t j = 0; j < want->dest_count; j++) {
			const struct model_dest *dest = &want->dests[j];

			if (!dest->server_id_count)
				continue;
			list = xreallocarray(list, *count + dest->server_id_count, sizeof(*list));
			for (size_t k = 0; k < dest->server_id_count; k++)
				list[(*count)++] = quictable_entry(&dest->server_ids[k], plan->services[i].id,
								   dest_of(&plan->services[i], dest, j));
		}
	}
	return list;
}

int plan_quic(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err)
{
	size_t bytes = in->control->quic_slots * sizeof(*plan->quic), count;
	struct shunt_quic_id *list = list_ids(plan, model, &count);
	int rc = -ENOSPC;

	plan->quic = xcalloc(in->control->quic_slots, sizeof(*plan->quic));
	if (count <= in->limits->quic_ids)
		rc = quictable_build(plan->quic, in->control->quic_slots, list, count, &plan->quic_multiplier);
	free(list);
	if (rc)
		return shunt_fail(err, -rc, "limits.quic_ids",
				  "%zu QUIC server ids do not fit a table for %u: raise the limit (" DATAPATH_ANEW ")",
				  count, in->limits->quic_ids);
	plan->quic_differ = memcmp(plan->quic, in->quic, bytes) != 0;
	/* Of an empty table it says nothing. */
	if (count && plan->quic_multiplier != in->control->quic_multiplier[in->control->vip_half])
		plan->quic_differ = true;
	return 0;
}

void datapath_write_quic(struct datapath *dp, struct plan *plan, uint32_t half)
{
	struct shunt_control *control = dp->control;

	memcpy(dp->quic + (size_t)half * control->quic_slots, plan->quic, control->quic_slots * sizeof(*plan->quic));
	control->quic_multiplier[half] = plan->quic_multiplier;
	for (uint32_t slot = 0; slot < control->vip_slots; slot++)
		if (plan->vips[slot].flags & SHUNT_VIP_QUIC)
			plan->vips[slot].quic = (plan->vips[slot].quic & ~SHUNT_QUIC_HALF) | half * SHUNT_QUIC_HALF;
}

bool datapath_quic_choices(struct datapath *dp, const char *service, uint64_t choices[SHUNT_QUIC_CHOICE_COUNT])
{
	uint32_t id = directory_service(&dp->dir, service);
	uint64_t sums[DATAPATH_WORDS(struct shunt_quic_counter)] = {0};
	int rc = id == DIRECTORY_NONE ? -ENOENT : datapath_read_percpu(dp->fds.qstat, id, sums, DATAPATH_WORDS(sums));

	memcpy(choices, sums, SHUNT_QUIC_CHOICE_COUNT * sizeof(*choices));
	return !rc;
}
