/* SPDX-License-Identifier: GPL-2.0 */
/* What two files of services cannot both have: a service's name, and a VIP. On trees, so that each is known with its line. */
#ifndef SHUNT_CONFIG_CLAIMS_H
#define SHUNT_CONFIG_CLAIMS_H

#include "config.h"

struct config_claim {
	const char *service;
	size_t part;	       /* which of the files, as the caller numbers them */
	const json_t *value;   /* the service, or the element of its vips */
	struct config_vip vip; /* of a VIP; else all 0 */
};

/* Two services of different parts that have the same name, or VIPs of which neither is more specific. part_of: by service. What cannot be read
 * is left to who reads it. false: there are none. */
bool config_claims_conflict(const json_t *services, const size_t *part_of, struct config_claim pair[2]);

/* Is it for want of what this file's services have in force that other cannot have its claim? */
bool config_claims_held(const struct config *present, const char *file, const struct config_claim *other);

#endif
