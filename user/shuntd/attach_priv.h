/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by attach.c (load, maps, pins), attach_links.c (the set of interfaces) and attach_xdp.c (one interface) only. */
#ifndef SHUNT_ATTACH_PRIV_H
#define SHUNT_ATTACH_PRIV_H

#include <xdp/libxdp.h>

#include "attach.h"
#include "shunt/hash.h"
#include "shunt.skel.h"

/* An interface that is to run our program. */
struct attach_link {
	struct attach_status status;
	uint32_t main_id; /* what it ran when last looked at: ours, or a dispatcher with ours in it */
	bool fresh;	  /* put there by the last attach_interfaces() */
};

struct attach {
	char *pin_dir;
	int lock;		 /* pin_dir, locked */
	uint32_t control_id;	 /* of shunt_control: a program that uses it is ours; 0: none is */
	struct shunt_bpf *plain; /* the maps, and the program as it stands alone on an interface */
	struct shunt_bpf *part; /* the same for libxdp, which loads it as it needs it: mostly as part of a dispatcher */
	struct xdp_program *prog; /* libxdp's view of part */
	struct datapath_fds fds;
	struct shunt_control sizes;
	uint64_t seed;
	bool adopted;
	bool strays_gone; /* interfaces of an earlier daemon's configuration have been looked for */
	struct attach_link *links;
	size_t link_count;
};

/* A program object, opened, its knobs and map sizes set: to be given its maps, then loaded. */
int attach_open_object(struct shunt_bpf **out, const struct shunt_control *sizes, uint64_t seed, struct shunt_err *err);

/* The maps of one that is loaded, for datapath.c. */
struct datapath_fds attach_object_fds(const struct shunt_bpf *skel);

/* Make the interface of link->status.ifindex and .name run our program, this very one, and fill in the rest of *link. *fresh: it ran
 * none of ours before. */
int attach_xdp_put(struct attach *attach, struct attach_link *link, enum config_mode mode, bool *fresh,
		   struct shunt_err *err);

/* Take all programs of ours off an interface; 0 too when there is none. */
int attach_xdp_take_off(struct attach *attach, uint32_t ifindex, const char *name, struct shunt_err *err);

/* Take all programs of ours off every interface. */
int attach_links_take_off(struct attach *attach, struct shunt_err *err);

#endif
