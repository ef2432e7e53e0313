/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What became of backends from one model to the next, told as events, each with its reason: the one place that tells of states, whatever
 * they come from (checks, next hops, operators). Backends of a service that was added or removed as a whole are not told one by one,
 * and at a start only those that need somebody to look after them.
 */
#ifndef SHUNT_TRANSITIONS_H
#define SHUNT_TRANSITIONS_H

#include "model.h"

struct transitions {
	const char *cause; /* of what only a configuration changes: "SIGHUP" */
	/* What checks say of a backend; NULL: nobody checks it. */
	const struct health_status *(*checked)(void *arg, const char *service, const struct shunt_addr *backend);
	void *arg;
};

/* before: NULL at a start. */
void transitions_tell(const struct transitions *t, const struct model *before, const struct model *after);

#endif
