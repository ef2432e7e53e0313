/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `shunt backend-setup`: what a backend needs, as a plan of shell lines, each with the reason for it. Making the plan changes
 * nothing; every line can be run again without harm.
 */
#ifndef SHUNT_SETUP_H
#define SHUNT_SETUP_H

#include "../lib/addr.h"
#include "cmd.h"
#include "shunt/decap.h"
#include "shunt/maps.h"

enum setup_mode { SETUP_KERNEL, SETUP_AGENT };

struct setup_request {
	const char *ifname;
	enum setup_mode mode;
	struct shunt_addr *vips;
	size_t vip_count;
	struct shunt_addr local4, local6; /* where balancers send to; family 0: none of that family */
	struct shunt_prefix sources[SHUNT_DECAP_SOURCES];
	size_t source_count;
	const char *program; /* this one's path, for the line that runs the agent */
	const char *pin_dir; /* likewise; NULL: the agent's default */
	uint32_t kinds;	     /* SHUNT_DECAP_KIND_*; 0: the mode's default, ipip or (the agent's) all */
	uint16_t gue_port;
	const char *mss, *path_mtu, *reply; /* for the agent, in its words; NULL: its default */
};

struct setup_step {
	char *command; /* NULL: nothing to run, only advice */
	char *why;
};

struct setup_plan {
	struct setup_step *steps;
	size_t count;
};

/* setup_plan.c. Pure. */
void setup_plan_make(struct setup_plan *plan, const struct setup_request *request);
void setup_plan_free(struct setup_plan *plan);

/* cmd_setup.c */
int cmd_backend_setup(struct cli *cli, int argc, char **argv);

#endif
