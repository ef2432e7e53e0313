/* SPDX-License-Identifier: GPL-2.0 */
/* Which rings are told of when they have nobody: wake_rings (include/shunt/maps.h), which follows what is asleep. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "datapath_priv.h"

static int write_wake(struct datapath *dp, uint32_t base, bool wakes)
{
	const uint64_t never = 0;

	if (wakes)
		return bpf_map_update_elem(dp->fds.wake_rings, &base, &never, BPF_ANY);
	return bpf_map_delete_elem(dp->fds.wake_rings, &base);
}

/* wants: by id in svcdir. A ring's place is another one's when it has been freed, so what goes goes first. */
static void make_true(struct datapath *dp, const bool *wants)
{
	int failed = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t id = 0; id < dp->control->services; id++) {
			uint32_t *place = &dp->wakes[id], base = dp->svcdir[id].ring_base;
			bool stays = *place && wants[id] && *place == base + 1;

			if (!pass && *place && !stays) {
				failed |= write_wake(dp, *place - 1, false);
				*place = 0;
			} else if (pass && wants[id] && !stays) {
				failed |= write_wake(dp, base, true);
				*place = base + 1;
			}
		}
	}
	if (failed)
		log_warning("wake_rings: cannot be written: %s; some services may not wake by packets",
			    strerror(errno));
}

void datapath_write_wakes(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	bool *wants = xcalloc(dp->control->services, sizeof(*wants));

	for (size_t i = 0; i < model->service_count; i++) {
		wants[plan->services[i].id] = model->services[i].wakes;
		for (size_t j = 0; j < model->services[i].pool_count; j++)
			wants[plan->services[i].pools[j].id] = model->services[i].pools[j].wakes;
	}
	make_true(dp, wants);
	free(wants);
}

bool datapath_ring_names(const struct datapath *dp, uint32_t ring_base, const char **service, const char **pool)
{
	for (uint32_t id = 0; id < dp->control->services; id++) {
		uint32_t owner;

		if (!directory_service_used(&dp->dir, id) || dp->svcdir[id].ring_base != ring_base)
			continue;
		owner = directory_service_of(&dp->dir, id);
		*service = dp->svcdir[owner].name;
		*pool = owner == id ? "" : dp->svcdir[id].name;
		return true;
	}
	return false;
}
