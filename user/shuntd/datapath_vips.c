/* SPDX-License-Identifier: GPL-2.0 */
/* The VIP table's halves, spans, ranges and QUIC server ids included: written while nobody reads them, in force by one store. */
#include <string.h>

#include "datapath_priv.h"

void datapath_write_vips(struct datapath *dp, struct plan *plan)
{
	struct shunt_control *control = dp->control;
	const struct match *match = &plan->match;
	uint32_t idle = !control->vip_half;

	if (!plan->vips_differ && !plan->quic_differ)
		return;
	datapath_write_quic(dp, plan, idle);
	memcpy(dp->vips + (size_t)idle * control->vip_slots, plan->vips, control->vip_slots * sizeof(*plan->vips));
	if (match->span_count)
		memcpy(dp->spans + (size_t)idle * control->span_slots, match->spans,
		       match->span_count * sizeof(*match->spans));
	if (match->range_count)
		memcpy(dp->ranges + (size_t)idle * control->range_slots, match->ranges,
		       match->range_count * sizeof(*match->ranges));
	control->vip_multiplier[idle] = plan->vip_multiplier;
	control->vip_spans[idle] = match->span_count;
	control->vip_ranges[idle] = match->range_count;
	control->vip_count[idle] = plan->vip_count;
	control->vip_prefixes[idle] = match->prefix_count;
	dp->idle_half_quiet = false;
	__atomic_store_n(&control->vip_half, idle, __ATOMIC_RELEASE);
}

void datapath_usage(const struct datapath *dp, struct datapath_usage *out)
{
	uint32_t half = dp->control->vip_half;

	*out = (struct datapath_usage){
		.vips = dp->control->vip_count[half],
		.vips_max = dp->limits.vips,
		.prefixes = dp->control->vip_prefixes[half],
		.prefixes_max = dp->limits.prefixes,
		.port_ranges = dp->control->vip_ranges[half],
		.port_ranges_max = dp->limits.port_ranges,
		.services_max = dp->limits.services,
		.destinations_max = dp->limits.destinations,
		.ring_slots_max = dp->limits.ring_slots,
		.sources_max = dp->limits.sources,
	};
	for (uint32_t id = 0; id < dp->control->services; id++) {
		if (!directory_service_used(&dp->dir, id))
			continue;
		out->services++;
		out->sources += dp->lists[id].rules ? dp->lists[id].rules->count : 0;
		out->ring_slots += dp->svcdir[id].ring_size;
	}
	for (uint32_t id = 0; id < dp->control->destinations; id++)
		out->destinations += directory_dest_used(&dp->dir, id);
}
