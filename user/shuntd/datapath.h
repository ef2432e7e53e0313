/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only writer of maps. Holds them open and mmap()ed, knows from shunt_svcdir and shunt_dstdir what they say, and makes them
 * say what a model says. attach.c loads the program and pins; this file never attaches.
 */
#ifndef SHUNT_DATAPATH_H
#define SHUNT_DATAPATH_H

#include "model.h"
#include "shunt/reasons.h"

struct datapath;

/* File descriptors of the maps, by their names; attach.c hands them over. */
struct datapath_fds {
	int control, vips, spans, ranges, quic, rings, dests, conns, frags, dstat, rstat, qstat, cstat, sources, svcdir,
		dstdir, pick_services, pick_list, pick_live, wake_rings;
};

/* The sizes that limits ask for, in *out's fields for them; the other fields are 0. */
void datapath_sizes(const struct config_limits *limits, struct shunt_control *out);

/* Are have, the pinned maps' control, of our format (else -EPROTO) and of these limits and seed (else -EEXIST)? *err names what
 * differs and the mend. */
int datapath_verify(const struct shunt_control *have, const struct config_limits *limits, uint64_t seed,
		    struct shunt_err *err);

/* Take over the maps: mmap, verify shunt_control (fresh maps, magic 0, are initialised from limits and seed), read the
 * directories. -EPROTO, -EEXIST as datapath_verify(); -EPROTO also for directories that are damaged. Does not own the fds. */
int datapath_open(struct datapath **dp, const struct datapath_fds *fds, const struct config_limits *limits,
		  uint64_t seed, struct shunt_err *err);
void datapath_close(struct datapath *dp);

/* Make the maps say what model says. All or nothing: -ENOSPC (a full table, named in *err with the limit to raise) or -EINVAL (a
 * ring's size would change) before anything is written. Order: destinations, rings, services; then, after an RCU wait, services that are no
 * longer named are freed, with all of their connections. What is freed can be given out again by the next apply, not by this one.
 *
 * Rings are not there when this returns: slots that connections are in move by datapath_tick(), in seconds. Backends that are no longer named
 * keep their connections, and their ids, until datapath_tick() finds that they have none, or their service's drain_timeout is over. */
int datapath_apply(struct datapath *dp, const struct model *model, struct shunt_err *err);
/* Would datapath_apply() find room for it? 0, or what that would return, with its words. Writes nothing. */
int datapath_check(const struct datapath *dp, const struct model *model, struct shunt_err *err);

/* After the first apply, to be called as long after the last call as that has returned, in ms: takes rings to what the last apply wants of them, sweeps the
 * connection table, ends what is down or drains for too long, and frees ids of backends that nothing names any more. */
uint32_t datapath_tick(struct datapath *dp);
/* The addresses of all destinations in use, or only of those removed: next hops are to be known of all. *out is the caller's. */
size_t datapath_addresses(const struct datapath *dp, bool only_removed, struct shunt_addr **out);
/* The daemon is there: for who finds the maps without one. Once a second. */
void datapath_alive(struct datapath *dp);

uint64_t datapath_generation(const struct datapath *dp);

/* What the maps said of a destination when they were taken over or last written; SHUNT_DEST_FREE: not there. */
enum shunt_dest_state datapath_dest_state(const struct datapath *dp, const char *service,
					  const struct shunt_addr *backend);
/* Where the maps send its packets: egress interface and next hop's MAC. false: not there, or not resolved. */
bool datapath_dest_egress(const struct datapath *dp, const char *service, const struct shunt_addr *backend,
			  uint32_t *ifindex, uint8_t mac[6]);
/* Any of its destinations that can be reached: one for each ring, all with the same template. false: none, or not there. */
bool datapath_dest_id(const struct datapath *dp, const char *service, const struct shunt_addr *backend, uint32_t *id);
/* Whose ring begins at this slot: a service's own (*pool ""), or a pool's. false: nobody's. */
bool datapath_ring_names(const struct datapath *dp, uint32_t ring_base, const char **service, const char **pool);
bool datapath_has_service(const struct datapath *dp, const char *service);

/* Counters, summed over CPUs. false: no such destination or service. retired: what went to destinations that are gone, or
 * removed. */
bool datapath_dest_counter(struct datapath *dp, const char *service, const struct shunt_addr *backend,
			   struct shunt_counter *out);
/* Connections that a destination of a service that picks has now, as far as is known: those that went quiet have gone after idle_timeout. */
uint64_t datapath_dest_connections(const struct datapath *dp, const char *service, const struct shunt_addr *backend);
bool datapath_service_retired(struct datapath *dp, const char *service, struct shunt_counter *out);
/* Packets that services have had so far, all at once: sums what was read last; what is asked for then is from this sum. 0: no such service. */
void datapath_count_services(struct datapath *dp);
uint64_t datapath_service_packets(const struct datapath *dp, const char *service);
void datapath_reason_counter(struct datapath *dp, enum shunt_reason reason, struct shunt_counter *out);
/* How the backends of a QUIC service's packets were chosen, read from the kernel now. false: no such service; then all are 0. */
bool datapath_quic_choices(struct datapath *dp, const char *service, uint64_t choices[SHUNT_QUIC_CHOICE_COUNT]);
/* Read all destination counters from the kernel at once; the calls above answer from this reading. */
int datapath_counters_refresh(struct datapath *dp);

/* ---- connections while rings change (docs/connections.md) */

/* Of a service: its ring and its pools' together. Entries are as the last sweep met them, which is some seconds ago. */
struct datapath_conns {
	uint32_t slots;
	uint32_t waiting;     /* slots that will move when the table has room for their connections */
	uint32_t prepared;    /* slots that will move in a moment */
	uint32_t moved;	      /* slots whose connections without an entry are not where new ones go */
	uint32_t dirty;	      /* slots that may have entries; the others' packets do not know of the table */
	uint32_t window_ends; /* s from now until the last moved slot's window ends, if nothing prolongs it; 0: none */
	uint64_t entries[SHUNT_CONN_STATES];   /* by enum shunt_conn_state */
	uint64_t counts[SHUNT_CONN_COUNT_MAX]; /* packets, by enum shunt_conn_count */
	double density; /* entries that one of its moved slots has come to lately, in the ring that had most; 0: not known */
};
bool datapath_service_conns(struct datapath *dp, const char *service, struct datapath_conns *out);

/* What holds a destination in place. */
struct datapath_hold {
	struct shunt_addr addr;
	enum shunt_dest_state state;
	bool removed;	  /* not in the configuration any more: goes when nothing holds it */
	uint32_t slots;	  /* that send new connections to it */
	uint32_t anchors; /* whose connections without an entry are its */
	uint64_t entries; /* that name it, as the last sweep met them */
	uint32_t for_s;	  /* for how long it has had that state, s */
	uint32_t
		ends_in; /* s until what it has is cut off (drain_timeout, or the grace of what is down); 0: never, or has been */
};
bool datapath_dest_hold(struct datapath *dp, const char *service, const struct shunt_addr *backend,
			struct datapath_hold *out);
/* Destinations of a service that are not up: fills up to max, returns how many there are. */
size_t datapath_holds(struct datapath *dp, const char *service, struct datapath_hold *out, size_t max);

/* Slots of the service's own ring that send new connections to its backends now, by the backend's index. false: no such service in the maps. */
bool datapath_own_slots(const struct datapath *dp, const struct config_service *service, uint32_t *slots);

/* The connection table as a whole, as the last sweep met it. */
struct datapath_table {
	uint64_t entries, entries_max;
	uint64_t sweeps;   /* since this daemon began */
	uint32_t swept_ms; /* how long the last one took */
};
void datapath_table(const struct datapath *dp, struct datapath_table *out);

/* Entries in use and their limits. */
struct datapath_usage {
	uint32_t vips, vips_max, services, services_max, destinations, destinations_max, ring_slots, ring_slots_max,
		prefixes, prefixes_max, port_ranges, port_ranges_max, sources, sources_max;
};
void datapath_usage(const struct datapath *dp, struct datapath_usage *out);

#endif
