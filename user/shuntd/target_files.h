/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Target files on the loop: directories are watched, and looked through now and then in any case, since a file system
 * may tell nothing of what others do to it (NFS), and a directory may be exchanged. A file that is replaced by a
 * rename is read once, whole. One that is written in place may be read half-way, which is no JSON: it changes
 * nothing, and is told only once nobody has written to it for a moment. What is read goes to discovery.h.
 */
#ifndef SHUNT_TARGET_FILES_H
#define SHUNT_TARGET_FILES_H

#include <uv.h>

#include "discovery.h"

struct target_files;

/* changed() is called from the loop, and from target_files_sync(), after what was discovered changed. */
struct target_files *target_files_open(uv_loop_t *loop, struct discovery *discovery, void (*changed)(void *arg),
				       void *arg);
void target_files_close(struct target_files *files);

/* Watch what the services of config name, and read what is there. */
void target_files_sync(struct target_files *files, const struct config *config);

#endif
