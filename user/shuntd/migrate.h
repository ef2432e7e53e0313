/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an earlier format's maps say, in this format: a function for each map whose format has changed, and each step. Pure;
 * attach_migrate.c opens, pins and puts in force.
 *
 * From 1 to 2: shunt_control has grown at its end; entries of shunt_dstdir name rings instead of services and say since when; what
 * was unused in shunt_dests says the ring; shunt_cstat is new. shunt_conns and shunt_frags have two buckets at least now, and may be of another
 * size altogether: nobody wrote to the first, and the other is a memory of seconds. All else says in format 2 what it said in format 1.
 */
#ifndef SHUNT_MIGRATE_H
#define SHUNT_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/err.h"
#include "shunt/maps.h"

#define MIGRATE_FROM 1u /* the format that can be taken over */

#define MIGRATE_CONTROL_1_SIZE 144

struct migrate_dest_entry_1 {
	__be32 addr[4];
	__u32 service;
	__u8 family;
	__u8 pad[3];
};
_Static_assert(sizeof(struct migrate_dest_entry_1) == 24, "shunt_dstdir of format 1");

/* Is this map not used on, but made anew? keeps_shape: the pinned one is of the size that is asked for. */
bool migrate_is_anew(const char *name, bool keeps_shape);

void migrate_control(const void *old, const struct shunt_control *sizes, struct shunt_control *out);

/* What tells which ring a destination is in. */
struct migrate_dests {
	const struct shunt_control *control;
	const struct shunt_service_entry *svcdir;
	const struct migrate_dest_entry_1 *dstdir;
	const uint64_t *rings;
};

/* Fill out, of as many entries. Their ring is the pool's if its slots name them, else the service's: nothing else tells. since: now, s.
 * -EPROTO: damaged. */
int migrate_dstdir(const struct migrate_dests *from, uint64_t now, struct shunt_dest_entry *out, struct shunt_err *err);

/* How many of these no slot names, though their service has pools: their ring is a guess. */
uint32_t migrate_guessed(const struct migrate_dests *from, const struct shunt_dest_entry *dstdir);

/* In place, while programs of both formats read the rest. */
void migrate_dests(struct shunt_dest *dests, const struct shunt_service_entry *svcdir,
		   const struct shunt_dest_entry *dstdir, uint32_t count);

#endif
