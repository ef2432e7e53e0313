/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by attach.c (load, maps, pins), attach_migrate.c (maps of another format), attach_links.c (the set of interfaces) and
 * attach_xdp.c (one interface) only. */
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
	int lock;	     /* pin_dir, locked */
	uint32_t control_id; /* of shunt_control: a program that uses it is ours; 0: none is */
	uint32_t
		other_id; /* likewise of one that is to go: of an earlier format, or of a later one's unfinished start */
	struct attach_migration *migration; /* the pins are of an earlier format; NULL: they are not */
	struct shunt_bpf *plain;	    /* the maps, and the program as it stands alone on an interface */
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

/* What there is of a pinned control, whichever format it has; the rest 0. -ENOENT: not there. */
int attach_read_control(const char *pin_dir, const char *name, struct shunt_control *out, struct shunt_err *err);

/* The pins in force are of format MIGRATE_FROM, and *old is their control; skel is opened. Finds out all that could be wrong, before anything is
 * changed; then attach->migration says what to do. */
int attach_migrate_prepare(struct attach *attach, const struct shunt_bpf *skel, const struct shunt_control *old,
			   const struct config_limits *limits, struct shunt_err *err);
void attach_migration_free(struct attach_migration *migration);
/* Have obj use on the pinned maps that stay, when it is loaded. */
int attach_migrate_use(struct attach *attach, struct bpf_object *obj, struct shunt_err *err);
/* attach->plain is loaded: make its maps those in force, and its program the one that runs. Only if there is an other_id. */
int attach_migrate_finish(struct attach *attach, struct shunt_err *err);

/* Make the interface of link->status.ifindex and .name run our program, this very one, and fill in the rest of *link. *fresh: it ran
 * none of ours before. */
int attach_xdp_put(struct attach *attach, struct attach_link *link, enum config_mode mode, bool *fresh,
		   struct shunt_err *err);

/* If an interface runs a program of ours, make it this one. */
int attach_xdp_renew(struct attach *attach, uint32_t ifindex, const char *name, struct shunt_err *err);

/* Take all programs of ours off an interface; 0 too when there is none. */
int attach_xdp_take_off(struct attach *attach, uint32_t ifindex, const char *name, struct shunt_err *err);

/* Wherever programs of ours run, make it this one. */
int attach_links_renew(struct attach *attach, struct shunt_err *err);

/* Take all programs of ours off every interface. */
int attach_links_take_off(struct attach *attach, struct shunt_err *err);

#endif
