/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by demands*.c only. */
#ifndef SHUNT_DEMANDS_PRIV_H
#define SHUNT_DEMANDS_PRIV_H

#include <uv.h>

#include "demand.h"
#include "demands.h"
#include "hook.h"

/* A service, or a pool, that is on demand. */
struct unit {
	struct demands *of;
	char service[SHUNT_NAME_MAX], pool[CONFIG_POOL_MAX]; /* pool "": the service as a whole */
	struct demand demand;
	struct probe *hook; /* that runs */
	uint64_t since;	    /* Unix time of its last change of state */
	char reason[256];   /* of that, or of what failed since then */
	bool kept;	    /* by the present demands_sync() */
};

struct demands {
	struct daemon *d;
	const struct config *config; /* the effective one */
	struct unit **units;	     /* by service and pool */
	size_t count;
	struct probers probers; /* of hooks alone */
	uv_timer_t timer;
	uint64_t looked; /* loop time, at packets */
	char *path;	 /* of what is kept */
	json_t *kept;	 /* as it was at the start */
};

struct unit *demands_find(const struct demands *demands, const char *service, const char *pool);

/* demands_kept.c. */
json_t *demands_load(const char *path);
void demands_save(const struct demands *demands);
void demands_recall(struct unit *unit); /* what it was when the daemon before this one ended */

#endif
