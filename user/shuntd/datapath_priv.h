/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by datapath*.c only. */
#ifndef SHUNT_DATAPATH_PRIV_H
#define SHUNT_DATAPATH_PRIV_H

#include "datapath.h"
#include "datapath_plan.h"
#include "directory.h"
#include "events.h"

/* A ring, service's or pool's: what its slots are to say, and what this process remembers of them. Forgetting it costs time, nothing else. */
struct ring_track {
	const struct model_ring *ring; /* wanted, of the last apply: held; NULL: not known, there has been none */
	uint32_t base;
	uint32_t *dest; /* the ids that it means: by index in the service's dests */
	size_t dest_count;
	bool picks;	  /* its service picks: all slots are DIRTY for life, and every connection has an entry */
	uint32_t idle_s;  /* the service's idle_timeout */
	uint32_t keep_s;  /* how long its entries are kept: that, or longer for clients that stick */
	uint32_t drain_s; /* its drain_timeout; 0: none */
	uint64_t due_ms;  /* of datapath_ms(): when the next step is; RING_AT_REST: every slot is as wanted */
	uint8_t *marks;	  /* by slot, SLOT_*; NULL: no slot is DIRTY */
	uint32_t *since;  /* by slot, ms of datapath_ms(): when its PREP or its window began; likewise */
	double density;	  /* entries that a moved slot comes to, as far as is known; 0: not known */
	uint32_t waiting, prepared, moved, dirty; /* slots; see struct datapath_conns */
	uint64_t entries[SHUNT_CONN_STATES];	  /* as the last sweep met them */
	bool told_moving;			  /* it is known that slots are on their way */
};
#define RING_AT_REST UINT64_MAX
#define SLOT_MAY_SETTLE 1u /* it may have been settled when the sweep at hand began */
#define SLOT_MET 2u	   /* that sweep has met an entry of it */

/* A sweep of the table, in slices, so that the daemon does other things meanwhile. */
struct sweep {
	bool underway;
	uint32_t at;	   /* next bucket */
	uint64_t began_ms; /* the last one */
	uint64_t took_us, count;
	uint64_t entries; /* met by the one underway */
	uint64_t found;	  /* met by the last one that was finished */
	uint8_t *quiet;	  /* by pair of buckets: the last one met nothing there but what has gone */
	uint32_t *named;  /* by destination id: entries that the one underway has met */
	uint32_t *held;	  /* likewise, of the last one that was finished */
	uint32_t *live;	  /* likewise, of those named those that go on */
	bool *unheld;	  /* by destination id: when it began, no slot named it */
};

/* Entries of a service that found no room: the counter as it was when that was last told. */
struct refusals {
	uint64_t told, told_ms;
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
	__u64 *rings;
	struct shunt_bucket *conns;
	struct shunt_dest *dests;
	struct shunt_service_entry *svcdir;
	struct shunt_dest_entry *dstdir;
	struct shunt_pick *pick_services;
	uint64_t *pick_list; /* ids */
	int64_t *pick_live;
	uint32_t pick_half; /* of pick_list, in force */
	uint32_t *wakes; /* by id in svcdir: the place of its entry in wake_rings, 1 more than it is; 0: it has none */
	bool pick_half_quiet;	   /* an RCU wait has passed since it was put in force */
	struct directory dir;	   /* over svcdir and dstdir */
	struct ring_track *tracks; /* by id in svcdir */
	struct sweep sweep;
	bool *named; /* by destination id: in the model of the last apply */
	uint64_t *
		drains_s; /* by destination id: since when it drains, as dstdir's since, whether it is down meanwhile or not; 0: it does not */
	uint64_t *drain_told_s;	       /* by destination id: drains_s of the drain of which the end has been told */
	struct refusals *refusals;     /* by service id */
	bool unfinished;	       /* by the last apply, which the next one makes good */
	uint64_t serial;	       /* of the model of the last apply; 0: there has been none, or it went wrong */
	uint32_t leftovers;	       /* destinations in use that are not */
	uint64_t ahead_ms;	       /* tests let time pass: added to the clock */
	uint64_t checked_ms;	       /* when destinations' states were last looked at */
	struct written_sources *lists; /* by service id: of the VIPs in force */
	uint32_t next_list;	       /* no entry of shunt_sources is of this list or a later one */
	bool stale_lists;	       /* entries may be there that no VIP leads to */
	bool idle_half_quiet;	       /* an RCU wait has passed since the last flip: nobody reads the idle half */
	int rcu_map, rcu_inner;
	/* the last reading of the counters, summed over CPUs */
	struct shunt_counter *dest_counters;
	uint64_t *service_packets; /* by id in svcdir: sums of them, as last made */
	struct shunt_counter reason_counters[SHUNT_REASON_MAX];
};

/* An entry of a per-CPU map of counters, words 64-bit ones: summed over CPUs, from the kernel now (all 0 if that fails); and make it 0. */
int datapath_read_percpu(int fd, uint32_t key, uint64_t *sums, size_t words);
int datapath_clear_percpu(int fd, uint32_t key, size_t words);
#define DATAPATH_WORDS(counter) (sizeof(counter) / sizeof(uint64_t))

/* A destination of a backend that was removed: in use, but not in the model. */
static inline bool datapath_is_leftover(const struct datapath *dp, uint32_t id)
{
	return directory_dest_used(&dp->dir, id) && !dp->named[id];
}

/* datapath_check.c. plan_make() with what the maps are. */
int datapath_make_plan(struct plan *plan, const struct datapath *dp, const struct model *model, struct shunt_err *err);
int datapath_make_part(struct plan *plan, const struct datapath *dp, const struct model *part, struct shunt_err *err);

/* datapath_follow.c. Is the model of the last apply the one that this one follows? And make the maps say it then. */
bool datapath_follows(const struct datapath *dp, const struct model *model);
int datapath_follow(struct datapath *dp, const struct model *model, struct shunt_err *err);
/* What packets may count on of any service: raised before its ring can need it, lowered whenever. */
void datapath_write_expiry(struct datapath *dp, const struct model *model);

/* Write the idle half, QUIC server ids included, and flip, if anything is to change. */
void datapath_write_vips(struct datapath *dp, struct plan *plan);
/* No entry of shunt_frags names any of these, by id. Nothing may add others any more. */
int datapath_forget_fragments(struct datapath *dp, const bool *gone);
/* Write the QUIC server ids into a half that nobody reads, and make plan->vips lead there. */
void datapath_write_quic(struct datapath *dp, struct plan *plan, uint32_t half);

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

/* CLOCK_MONOTONIC, with dp->ahead_ms: in ms, and as entries of the connection table say it. */
uint64_t datapath_ms(const struct datapath *dp);
uint32_t datapath_ticks(const struct datapath *dp);

/* Write an entry of a directory so that it is in use only when it is whole: the word deciding, of its size / 8, comes last. */
void datapath_publish(void *entry, const void *want, size_t size, size_t deciding);
/* A service's destinations for this backend, one for each ring that it is in: those of the model, if there are others. The first; the one after
 * id; DIRECTORY_NONE: there is none. */
uint32_t datapath_first_dest(const struct datapath *dp, const char *service, const struct shunt_addr *backend);
uint32_t datapath_next_dest(const struct datapath *dp, uint32_t id);

/* datapath_dests.c. Write the model's destinations: directory, template, state. */
void datapath_write_dests(struct datapath *dp, const struct plan *plan, const struct model *model);
/* Those in use that the model does not name: they drain, their next hops kept as model->leftovers knows them. */
void datapath_write_leftovers(struct datapath *dp, const struct plan *plan, const struct model *model);
/* Those that are so already. */
void datapath_update_leftovers(struct datapath *dp, const struct model *model);
void datapath_set_state(struct datapath *dp, uint32_t id, enum shunt_dest_state state);
/* Free a destination that nothing names any more; after datapath_wait(). */
int datapath_free_dest(struct datapath *dp, uint32_t id);

/* datapath_rings.c. Write down what the rings are to say, and begin to make them say it. */
void datapath_want_rings(struct datapath *dp, const struct plan *plan, const struct model *model);
/* Take rings a step further whose time has come; ms until the next one's has, RING_AT_REST: there is none. */
uint64_t datapath_step_rings(struct datapath *dp);
/* A destination has failed, or died: what its ring's slots wait for may be so, though the ring is to be the same. */
void datapath_touch_ring(struct datapath *dp, uint32_t ring);
void datapath_forget_ring(struct datapath *dp, uint32_t ring);
/* Slots by flags, of a ring that is in use. */
void datapath_count_ring(struct datapath *dp, uint32_t ring);
/* The memory that a ring with DIRTY slots needs; free it when there are none. */
void datapath_remember_slots(struct datapath *dp, struct ring_track *track, uint32_t size);
void datapath_forget_slots(struct ring_track *track);

/* datapath_picks.c. Make services pick as the model says. */
void datapath_write_picks(struct datapath *dp, const struct plan *plan, const struct model *model);
/* Say how many connections destinations have, as the sweep has met them. */
void datapath_count_live(struct datapath *dp);

/* datapath_wakes.c. Have packets told that find nobody in the rings of which the model says so. */
void datapath_write_wakes(struct datapath *dp, const struct plan *plan, const struct model *model);

/* datapath_events.c. An event of a destination's backend. */
struct journal_event datapath_dest_event(const struct datapath *dp, uint32_t id, enum journal_kind kind,
					 enum log_level level);
/* It is about to be dead, after so many seconds as it is. */
void datapath_tell_cut_off(const struct datapath *dp, uint32_t id, uint32_t after_s);
/* After a sweep: the drains that it shows to be over. */
void datapath_tell_drained(struct datapath *dp);
/* A ring's slots have been counted: do they move, or rest, as they did not before? */
void datapath_tell_moving(struct datapath *dp, uint32_t ring);
/* What found no room: as it is when the maps are taken over, and what has been added since. */
void datapath_note_refused(struct datapath *dp);
void datapath_tell_refused(struct datapath *dp, uint32_t ring);

/* datapath_sweep.c. Take away the marks of destinations that slots of their rings name. */
void datapath_unmark_named(struct datapath *dp, bool *marks);
/* Begin a sweep, or go on with the one underway. */
void datapath_sweep(struct datapath *dp);
bool datapath_wants_sweep(const struct datapath *dp);
/* How long a slot of this ring records its connections before its anchor follows, ms. */
uint64_t datapath_window_ms(const struct ring_track *track);
/* Take out all entries that name any of these, by id, at once. */
void datapath_purge(struct datapath *dp, const bool *gone);
/* After a sweep: the removed destinations that it shows to be named by nothing. */
void datapath_free_unheld(struct datapath *dp);

#endif
