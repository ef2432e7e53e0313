/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pin directory: its lock, and the maps pinned in it, each under its name, all of which begin with "shunt_". The program's
 * other maps are its own memory, and another program's are others.
 *
 * Maps that are to take the place of some are pinned as next_NAME meanwhile. While next_shunt_control is there, shunt_control
 * and what belongs to it are in force; it is the first to be pinned and the last to be removed. One rename, of next_shunt_control to
 * shunt_control, puts the next ones in force; then next_NAME without next_shunt_control are in force, and only their names are
 * late: pins_settle().
 */
#ifndef SHUNT_PINS_H
#define SHUNT_PINS_H

#include <stdbool.h>

#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "../lib/err.h"
#include "shunt/maps.h"

/* Lock dir, which must be on a bpffs, after making it if create; the lock is the file descriptor returned. -EBUSY: a daemon has
 * it. -ENOENT: not there. */
int pins_lock(const char *dir, bool create, struct shunt_err *err);

#define PINS_PREFIX "shunt_"
#define PINS_NEXT "next_"
#define PINS_CONTROL "shunt_control"
#define PINS_NEXT_CONTROL PINS_NEXT PINS_CONTROL

#define PINS_ANEW "`shunt detach`, which stops forwarding, and a start make the maps anew"

/* Open a pinned map: its fd, or -ENOENT; what it is in *info, unless NULL. */
int pins_open(const char *dir, const char *name, struct bpf_map_info *info, struct shunt_err *err);

/* Does the map pinned as name agree with map in all that is fixed at its creation? -EPROTO, naming what differs. */
int pins_check_map(const char *dir, const char *name, const struct bpf_map *map, struct shunt_err *err);

/* The name under which a map of the program is pinned; NULL: it is not. */
const char *pins_name(const struct bpf_map *map);

/* Do all maps of obj? */
int pins_check(const char *dir, const struct bpf_object *obj, struct shunt_err *err);

/* Have a map pinned under this name when it is loaded, or taken from there. */
int pins_use_map(const char *dir, const char *name, struct bpf_map *map, struct shunt_err *err);

/* Have all maps of obj, under their own. */
int pins_use(const char *dir, struct bpf_object *obj, struct shunt_err *err);

/* Pin as next ones those maps of obj, which is loaded, that no pins_use_map() has spoken of. */
int pins_use_next(const char *dir, const struct bpf_object *obj, struct shunt_err *err);

/* Put the next ones in force. */
int pins_switch(const char *dir, struct shunt_err *err);

/* Give those in force their names, should a daemon have been killed before it had. */
int pins_settle(const char *dir, struct shunt_err *err);

/* Remove the next ones, which are not in force. */
int pins_drop_next(const char *dir, struct shunt_err *err);

/* Remove all our pins. */
int pins_clear(const char *dir, struct shunt_err *err);

#endif
