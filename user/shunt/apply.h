/* SPDX-License-Identifier: GPL-2.0 */
/* Whole configurations, as text: out of the daemon and into it. */
#ifndef SHUNT_APPLY_H
#define SHUNT_APPLY_H

#include "cmd.h"

/* Make a file ("-": stdin) the configuration in force. if_match: only if the one with this tag is in force still; NULL: whatever
 * is. force: services may go that have traffic. Returns a STATUS_; what came of it has been said. */
int apply_file(struct cli *cli, const char *file, const char *if_match, bool force);

/* As YAML for apply_file(), of what GET /v1/config has just answered. In front stands its tag, if there is one
 * (else NULL), or what it lacks. Owned by the caller. */
char *export_text(const json_t *config, const char *etag, bool read_only);

#endif
