/* SPDX-License-Identifier: GPL-2.0 */
/* How large the maps are: what the configuration's limits ask for, and whether maps that are there have it. */
#include <errno.h>

#include "datapath.h"
#include "datapath_priv.h"
#include "quictable.h"
#include "viptable.h"

#define ANEW DATAPATH_ANEW

/* A power of two, and two at least: a bucket has a neighbour. */
static uint32_t buckets_of(uint32_t entries)
{
	uint32_t buckets = 2;

	while ((uint64_t)buckets * SHUNT_CONN_WAYS < entries)
		buckets <<= 1;
	return buckets;
}

void datapath_sizes(const struct config_limits *limits, struct shunt_control *out)
{
	*out = (struct shunt_control){
		.vip_slots = viptable_slots(limits->vips),
		.span_slots = 2 * limits->prefixes,
		.range_slots = limits->port_ranges,
		.ring_slots = limits->ring_slots,
		.destinations = limits->destinations + 1, /* id 0 is never used */
		.services = limits->services,
		.conn_buckets = buckets_of(limits->connections),
		.fragment_buckets = buckets_of(limits->fragments),
		.sources = datapath_source_entries(limits),
		.quic_slots = quictable_slots(limits->quic_ids),
	};
}

int datapath_verify(const struct shunt_control *have, const struct config_limits *limits, uint64_t seed,
		    struct shunt_err *err)
{
	struct shunt_control want;

	if (have->magic != SHUNT_MAGIC || have->format != SHUNT_FORMAT)
		return shunt_fail(err, EPROTO, "shunt_control",
				  "the pinned maps are of format %u (magic %#llx), expected %u (%#llx); " ANEW,
				  have->format, (unsigned long long)have->magic, SHUNT_FORMAT,
				  (unsigned long long)SHUNT_MAGIC);
	datapath_sizes(limits, &want);
	const struct {
		const char *limit;
		uint32_t have, want;
	} sizes[] = {
		{"limits.vips", have->vip_slots, want.vip_slots},
		{"limits.services", have->services, want.services},
		{"limits.destinations", have->destinations, want.destinations},
		{"limits.ring_slots", have->ring_slots, want.ring_slots},
		{"limits.connections", have->conn_buckets, want.conn_buckets},
		{"limits.prefixes", have->span_slots, want.span_slots},
		{"limits.port_ranges", have->range_slots, want.range_slots},
		{"limits.sources", have->sources, want.sources},
		{"limits.fragments", have->fragment_buckets, want.fragment_buckets},
		{"limits.quic_ids", have->quic_slots, want.quic_slots},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].have != sizes[i].want)
			return shunt_fail(err, EEXIST, sizes[i].limit,
					  "needs a map of %u entries, the pinned one has %u; set it back, or " ANEW,
					  sizes[i].want, sizes[i].have);
	if (have->seed != seed)
		return shunt_fail(err, EEXIST, "seed",
				  "%#llx, but the pinned maps were made with %#llx; set it back, or " ANEW,
				  (unsigned long long)seed, (unsigned long long)have->seed);
	return 0;
}
