/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program's life in the kernel: skeleton, knobs, maps and their pins, attachment to interfaces through libxdp.
 *
 * The maps are pinned in one directory on a bpffs; a lock on that directory is what makes a second daemon fail. A program is ours
 * when it uses our pinned shunt_control (or the next one: attach_migrate.c). That needs no pin of the program, which an interface
 * keeps alive anyway, and stays right when a daemon is killed half-way through its interfaces. A start loads the program anew with the pinned maps and replaces the
 * attached one atomically (netlink REPLACE naming the old one; with libxdp's dispatcher, attach new then detach old), so no packet
 * passes by it. Programs of others are never touched.
 */
#ifndef SHUNT_ATTACH_H
#define SHUNT_ATTACH_H

#include "../lib/config.h"
#include "datapath.h"

struct attach;

/* Lock pin_dir (made if missing; its parent must be a bpffs), load the program, create or take over the maps. Seed: the
 * configuration's, or that of the pinned maps, or a random one; a configured seed or limit other than the pinned one is -EEXIST with
 * the mend in *err. Nothing is attached yet, except that maps of the format before are taken over, and then the program replaces
 * that format's wherever it runs. -EBUSY: another daemon. -EPROTO: pins of a format that cannot be taken over. */
int attach_open(struct attach **attach, const char *pin_dir, const struct config *config, struct shunt_err *err);
void attach_close(struct attach *attach); /* leaves program, maps and pins where they are */

const struct datapath_fds *attach_fds(const struct attach *attach);

/* The program's event_ring. */
int attach_event_fd(const struct attach *attach);
const char *attach_pin_dir(const struct attach *attach);
uint64_t attach_seed(const struct attach *attach);
bool attach_adopted(const struct attach *attach); /* the maps were there before */

/* Interfaces that were configured before, by this daemon's predecessor: missing ones among them are waited for. */
void attach_expect(struct attach *attach, const struct config_interface *interfaces, size_t count);

/* Are these interfaces there, or waited for? -ENODEV as below. */
int attach_check(const struct attach *attach, const struct config_interface *interfaces, size_t count,
		 struct shunt_err *err);

/* Make these interfaces run our program, beside those that do: all or, on failure, none that did not. A missing one is -ENODEV, unless
 * it was configured before: then it is waited for (attach_repair()). Followed by one of: */
int attach_interfaces(struct attach *attach, const struct config_interface *interfaces, size_t count,
		      struct shunt_err *err);
/* - what was wanted holds: take our program off all interfaces but these. Failures are logged. */
void attach_release(struct attach *attach, const struct config_interface *interfaces, size_t count);
/* - it does not: take it off those that the last attach_interfaces() put it on. */
void attach_undo(struct attach *attach);

struct attach_status {
	char name[IFNAMSIZ];
	uint32_t ifindex;
	bool attached;
	enum config_mode mode; /* as attached: native or generic */
	bool dispatcher;       /* libxdp's dispatcher, shared with other programs */
	uint32_t prog_id;
};
/* Fills up to max, returns how many there are. */
size_t attach_list(const struct attach *attach, struct attach_status *out, size_t max);

/* Is our program still on every interface? Called now and then; attaches again where an interface came back under its name, and
 * logs it. true: something changed. */
bool attach_repair(struct attach *attach, const struct config_interface *interfaces, size_t count);

/* Take our program off every interface, unpin everything, remove the directory. Only attach_close() may follow. */
int attach_detach(struct attach *attach, struct shunt_err *err);

/* Without a daemon: the same. -EBUSY while one runs; -ENOENT: there is no pin_dir. */
int attach_remove(const char *pin_dir, struct shunt_err *err);

#endif
