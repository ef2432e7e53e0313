/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pin directory: its lock, and the maps pinned in it, each under its name, all of which begin with "shunt_". The program's
 * other maps are its own memory, and another program's are others.
 */
#ifndef SHUNT_PINS_H
#define SHUNT_PINS_H

#include <stdbool.h>

#include <bpf/libbpf.h>

#include "../lib/err.h"
#include "shunt/maps.h"

/* Lock dir, which must be on a bpffs, after making it if create; the lock is the file descriptor returned. -EBUSY: a daemon has
 * it. -ENOENT: not there. */
int pins_lock(const char *dir, bool create, struct shunt_err *err);

/* Open the pinned shunt_control: its fd, or -ENOENT. */
int pins_control(const char *dir, struct shunt_err *err);

/* Does the pinned map of map's name agree with it in all that is fixed at its creation? -EPROTO, naming what differs. */
int pins_check_map(const char *dir, const struct bpf_map *map, struct shunt_err *err);

bool pins_is_pinned(const struct bpf_map *map);

/* Do all maps of obj? */
int pins_check(const char *dir, const struct bpf_object *obj, struct shunt_err *err);

/* Have obj's maps pinned in dir when it is loaded, or taken from there. */
int pins_use(const char *dir, struct bpf_object *obj, struct shunt_err *err);

/* Remove all our pins. */
int pins_clear(const char *dir, struct shunt_err *err);

#endif
