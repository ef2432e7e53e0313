/* SPDX-License-Identifier: GPL-2.0 */
/* The half of an apply that reads only: what it would write to these maps, and whether they have room for it. */
#include "datapath_priv.h"

static struct plan_inputs inputs_of(const struct datapath *dp)
{
	const struct shunt_control *control = dp->control;

	return (struct plan_inputs){
		.dir = &dp->dir,
		.limits = &dp->limits,
		.control = control,
		.vips = dp->vips + (size_t)control->vip_half * control->vip_slots,
		.spans = dp->spans + (size_t)control->vip_half * control->span_slots,
		.ranges = dp->ranges + (size_t)control->vip_half * control->range_slots,
		.lists = dp->lists,
		.next_list = dp->next_list,
		.quic = dp->quic + (size_t)control->vip_half * control->quic_slots,
	};
}

int datapath_make_plan(struct plan *plan, const struct datapath *dp, const struct model *model, struct shunt_err *err)
{
	const struct plan_inputs in = inputs_of(dp);

	return plan_make(plan, &in, model, err);
}

int datapath_make_part(struct plan *plan, const struct datapath *dp, const struct model *part, struct shunt_err *err)
{
	const struct plan_inputs in = inputs_of(dp);

	return plan_make_part(plan, &in, part, err);
}

int datapath_check(const struct datapath *dp, const struct model *model, struct shunt_err *err)
{
	struct plan plan;
	int rc = datapath_make_plan(&plan, dp, model, err);

	if (!rc)
		plan_release(&plan);
	return rc;
}
