/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an apply will write, worked out in memory before anything is written: ids, ring extents, the new VIP table. Every
 * shortage is found here. Pure: reads the directory and the VIP half in force, writes nothing but the plan.
 */
#ifndef SHUNT_DATAPATH_PLAN_H
#define SHUNT_DATAPATH_PLAN_H

#include "../lib/match.h"
#include "directory.h"
#include "model.h"

/* The ring of a pool that sources are sent to. */
struct plan_ring {
	uint32_t id; /* in shunt_svcdir */
	uint32_t base;
	bool is_new;	/* has no entry there yet */
	uint32_t *dest; /* as struct plan_service's, in this ring */
};

/* One per service of the model, in its order. */
struct plan_service {
	uint32_t id;
	uint32_t ring_base;
	uint32_t salt;
	uint32_t list;	  /* the first of two in shunt_sources, for IPv4; the next is for IPv6. 0: none */
	bool writes_list; /* it is a new one */
	bool is_new;	  /* has no entry in shunt_svcdir yet */
	uint32_t *dest; /* ids in the service's own ring, by index in the model's; DIRECTORY_NONE: it is not in there */
	struct plan_ring *pools; /* by index in the model's, likewise */
	size_t pool_count;
};

struct plan {
	struct plan_service *services;
	size_t service_count;
	bool *service_named, *dest_named; /* by id: the model has it; a pool is named as a service is */
	struct shunt_vip *vips;		  /* the VIP table to be, vip_slots entries */
	struct match match;		  /* its spans and ranges */
	uint32_t vip_count;
	uint64_t vip_multiplier;
	bool vips_differ;	    /* from those in force, spans and ranges included */
	struct shunt_quic_id *quic; /* the table of QUIC server ids to be, quic_slots entries */
	uint64_t quic_multiplier;
	bool quic_differ;
};

struct written_sources;

/* What there is to plan with. */
struct plan_inputs {
	const struct directory *dir;
	const struct config_limits *limits;
	const struct shunt_control *control;
	/* the halves in force */
	const struct shunt_vip *vips;
	const struct shunt_span *spans;
	const struct shunt_range *ranges;
	const struct written_sources *lists; /* by service id */
	uint32_t next_list;
	const struct shunt_quic_id *quic;
};

/* datapath_plan_vips.c: the part on VIPs, when services have their ids and rings. */
int plan_vips(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err);

/* 0; -ENOSPC: a table is too small, -EINVAL: a ring would change its size; with *err. To be released if 0. */
int plan_make(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err);
/* The same for services that are all there already, of a model that follows the one in force: no VIPs, no lists, no ids to be found. */
int plan_make_part(struct plan *plan, const struct plan_inputs *in, const struct model *part, struct shunt_err *err);
void plan_release(struct plan *plan);

/* datapath_quic.c: the part of plan_make() for QUIC; service and destination ids are planned already. */
int plan_quic(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err);

#define DATAPATH_ANEW "`shunt detach`, which stops forwarding, and a start make the maps anew"

#endif
