/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An apply of a model that follows the one in force: a backend failed, was drained, has another weight or next hop. Nothing is allocated,
 * freed or looked up by other things than before, so only the services that differ are written, in the order in which a whole
 * apply writes: destinations, then rings.
 */
#include <stdlib.h>

#include "../lib/xalloc.h"
#include "conn_world.h"
#include "datapath_priv.h"

bool datapath_follows(const struct datapath *dp, const struct model *model)
{
	return model->follows && model->follows == dp->serial && !dp->unfinished;
}

void datapath_write_expiry(struct datapath *dp, const struct model *model)
{
	uint32_t idle = 0;

	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *service = &model->services[i];
		uint32_t keep = service->idle_timeout > service->sticky ? service->idle_timeout : service->sticky;

		idle = keep > idle ? keep : idle;
	}
	__atomic_store_n(&dp->control->conn_expiry, shunt_conn_expiry(idle), __ATOMIC_RELEASE);
}

int datapath_follow(struct datapath *dp, const struct model *model, struct shunt_err *err)
{
	struct model part = *model;
	struct plan plan;
	int rc;

	part.services = xcalloc(model->changed_count + 1, sizeof(*part.services));
	part.service_count = model->changed_count;
	for (size_t i = 0; i < model->changed_count; i++)
		part.services[i] = model->services[model->changed[i]];
	rc = datapath_make_part(&plan, dp, &part, err);
	if (!rc) {
		datapath_write_expiry(dp, model);
		datapath_write_dests(dp, &plan, &part);
		datapath_update_leftovers(dp, model);
		datapath_want_rings(dp, &plan, &part);
		__atomic_store_n(&dp->control->generation, dp->control->generation + 1, __ATOMIC_RELEASE);
		plan_release(&plan);
		dp->serial = model->serial;
	}
	free(part.services);
	return rc;
}
