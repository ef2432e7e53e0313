/* SPDX-License-Identifier: GPL-2.0 */
/* The maps' sizes, from the limits, and whether pinned maps have them. */
#include <errno.h>

#include "datapath_priv.h"
#include "quictable.h"
#include "viptable.h"

void datapath_sizes(const struct config_limits *limits, struct shunt_control *out)
{
	uint32_t buckets = 1;

	while ((uint64_t)buckets * SHUNT_CONN_WAYS < limits->connections && buckets < 1u << 31)
		buckets <<= 1;
	*out = (struct shunt_control){
		.vip_slots = viptable_slots(limits->vips),
		.ring_slots = limits->ring_slots,
		.destinations = limits->destinations + 1, /* id 0 is never used */
		.services = limits->services,
		.conn_buckets = buckets,
		.quic_slots = quictable_slots(limits->quic_ids),
	};
}

int datapath_verify(const struct shunt_control *have, const struct config_limits *limits, uint64_t seed,
		    struct shunt_err *err)
{
	struct shunt_control want;

	if (have->magic != SHUNT_MAGIC || have->format != SHUNT_FORMAT)
		return shunt_fail(err, EPROTO, "shunt_control",
				  "the pinned maps are of format %u (magic %#llx), expected %u (%#llx); " DATAPATH_ANEW,
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
		{"limits.quic_ids", have->quic_slots, want.quic_slots},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].have != sizes[i].want)
			return shunt_fail(
				err, EEXIST, sizes[i].limit,
				"needs a map of %u entries, the pinned one has %u; set it back, or " DATAPATH_ANEW,
				sizes[i].want, sizes[i].have);
	if (have->seed != seed)
		return shunt_fail(err, EEXIST, "seed",
				  "%#llx, but the pinned maps were made with %#llx; set it back, or " DATAPATH_ANEW,
				  (unsigned long long)seed, (unsigned long long)have->seed);
	return 0;
}
