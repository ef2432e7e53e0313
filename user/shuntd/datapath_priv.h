/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by datapath.c and datapath_stats.c only. */
#ifndef SHUNT_DATAPATH_PRIV_H
#define SHUNT_DATAPATH_PRIV_H

#include "datapath.h"
#include "directory.h"

struct datapath {
	struct datapath_fds fds;
	struct config_limits limits;
	/* the maps, mmap()ed: of the sizes that *control says */
	struct shunt_control *control;
	struct shunt_vip *vips;
	uint64_t *rings;
	struct shunt_dest *dests;
	struct shunt_service_entry *svcdir;
	struct shunt_dest_entry *dstdir;
	struct directory dir; /* over svcdir and dstdir */
	uint32_t vip_count;   /* in the half in force */
	bool idle_half_quiet; /* an RCU wait has passed since the last flip: nobody reads the idle half */
	int rcu_map, rcu_inner;
	/* the last reading of the counters, summed over CPUs */
	struct shunt_counter *dest_counters;
	struct shunt_counter reason_counters[SHUNT_REASON_MAX];
};

/* What a destination has counted, from the kernel; and make it 0. */
int datapath_read_dest(struct datapath *dp, uint32_t id, struct shunt_counter *out);
int datapath_clear_dest(struct datapath *dp, uint32_t id);

#endif
