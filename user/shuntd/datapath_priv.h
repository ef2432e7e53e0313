/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by datapath*.c only. */
#ifndef SHUNT_DATAPATH_PRIV_H
#define SHUNT_DATAPATH_PRIV_H

#include "datapath.h"
#include "datapath_plan.h"
#include "directory.h"

/* What a ring's slots say because this process wrote them: ring, in terms of the ids dest. */
struct written_ring {
	const struct model_ring *ring; /* held; NULL: not known */
	uint32_t base;
	uint32_t *dest; /* by index in the service's dests */
	size_t dest_count;
};

/* A service's list in shunt_sources, and what it says. */
struct written_sources {
	const struct config_sources *rules; /* held; NULL: none */
	uint32_t list;
};

struct datapath {
	struct datapath_fds fds;
	struct config_limits limits;
	/* the maps, mmap()ed: of the sizes that *control says */
	struct shunt_control *control;
	struct shunt_vip *vips;
	struct shunt_span *spans;
	struct shunt_range *ranges;
	struct shunt_quic_id *quic;
	uint64_t *rings;
	struct shunt_dest *dests;
	struct shunt_service_entry *svcdir;
	struct shunt_dest_entry *dstdir;
	struct directory dir;	       /* over svcdir and dstdir */
	struct written_ring *written;  /* by id in svcdir, as the last apply left them; all unknown if that failed */
	struct written_sources *lists; /* by service id: of the VIPs in force */
	uint32_t next_list;	       /* no entry of shunt_sources is of this list or a later one */
	bool stale_lists;	       /* entries may be there that no VIP leads to */
	bool idle_half_quiet;	       /* an RCU wait has passed since the last flip: nobody reads the idle half */
	int rcu_map, rcu_inner;
	/* the last reading of the counters, summed over CPUs */
	struct shunt_counter *dest_counters;
	struct shunt_counter reason_counters[SHUNT_REASON_MAX];
};

/* What a destination has counted, from the kernel; and make it 0. */
int datapath_read_dest(struct datapath *dp, uint32_t id, struct shunt_counter *out);
int datapath_clear_dest(struct datapath *dp, uint32_t id);

/* Write the idle half, QUIC server ids included, and flip, if anything is to change. */
void datapath_write_vips(struct datapath *dp, struct plan *plan);
/* No entry of shunt_frags names a destination but those of named[], by id. Nothing may add others any more. */
int datapath_forget_fragments(struct datapath *dp, const bool *named);
/* Write the QUIC server ids into a half that nobody reads, and make plan->vips lead there. */
void datapath_write_quic(struct datapath *dp, struct plan *plan, uint32_t half);
/* Make a service's counters of QUIC 0. */
int datapath_clear_quic(struct datapath *dp, uint32_t service);

/* Until every program that was running has ended; 0 only then. */
int datapath_wait(struct datapath *dp);

/* datapath_sources.c. What limits need in entries. */
uint32_t datapath_source_entries(const struct config_limits *limits);
/* What the map has, as another daemon left it. */
int datapath_open_sources(struct datapath *dp, struct shunt_err *err);
/* Write the plan's new lists, to which nothing leads yet; 0, or a failure that leaves nothing behind but entries to be freed. */
int datapath_write_sources(struct datapath *dp, const struct plan *plan, const struct model *model,
			   struct shunt_err *err);
/* The plan's lists are in force. */
void datapath_note_sources(struct datapath *dp, const struct plan *plan, const struct model *model);
/* Free all entries of lists that are not, after a wait. */
int datapath_free_sources(struct datapath *dp);
void datapath_forget_sources(struct datapath *dp);

/* Write all slots, but for those of rings that are known to say what they should. */
void datapath_write_rings(struct datapath *dp, const struct plan *plan, const struct model *model);
/* After an apply of all of model that went through. */
void datapath_note_rings(struct datapath *dp, const struct plan *plan, const struct model *model);
void datapath_forget_rings(struct datapath *dp);

#endif
