/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands with --options share, around getopt_long(). */
#ifndef SHUNT_OPTIONS_H
#define SHUNT_OPTIONS_H

#include <stddef.h>

#include "../lib/err.h"
#include "agent.h"

/* argv with a name before it, as getopt_long() wants it, and free to be reordered; free() it. Also makes getopt start anew and
 * keep quiet: it has parsed main()'s own options before. */
char **options_vector(const char *name, int argc, char **argv);

/* The letters that backend-agent and backend-setup share: 'v' --vip, 'l' --local, 'f' --from, 'p' --pin-dir; -ENOENT for others.
 * ':' is getopt's word for a value that is missing. */
int options_request(struct agent_request *request, const char **pin_dir, int letter, const char *option,
		    struct shunt_err *err);

#endif
