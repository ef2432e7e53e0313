/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands with --options share, around getopt_long(). */
#ifndef SHUNT_OPTIONS_H
#define SHUNT_OPTIONS_H

#include <getopt.h>
#include <stddef.h>

#include "../lib/err.h"
#include "agent.h"

/* argv with a name before it, as getopt_long() wants it, and free to be reordered; free() it. Also makes getopt start anew and
 * keep quiet: it has parsed main()'s own options before. */
char **options_vector(const char *name, int argc, char **argv);

/* Takes "OPTION VALUE" or "OPTION=VALUE" out of the words; fallback: what it is where it is not among them. */
const char *options_take(int *argc, char **argv, const char *option, const char *fallback);

/* The options that backend-agent and backend-setup share, for getopt_long(), and as text. */
#define OPTIONS_REQUEST                                                                              \
	{"vip", required_argument, NULL, 'v'}, {"local", required_argument, NULL, 'l'},              \
		{"from", required_argument, NULL, 'f'}, {"tunnel", required_argument, NULL, 't'},    \
		{"gue-port", required_argument, NULL, 'u'}, {"mss", required_argument, NULL, 'S'},   \
		{"path-mtu", required_argument, NULL, 'P'}, {"reply", required_argument, NULL, 'r'}, \
	{                                                                                            \
		"pin-dir", required_argument, NULL, 'p'                                              \
	}
#define OPTIONS_REQUEST_TEXT "--vip, --local, --from, --tunnel, --gue-port, --mss, --path-mtu, --reply, --pin-dir"
#define OPTIONS_REQUEST_HELP                                                                       \
	"[--local ADDR]... [--from PREFIX]... [--tunnel ipip|gue|gre|l2dsr]... [--gue-port PORT] " \
	"[--mss auto|off|N] [--path-mtu N] [--reply IFACE] [--pin-dir DIR]"

/* Take one of them, by its letter; -ENOENT for others. ':' is getopt's word for a value that is missing. */
int options_request(struct agent_request *request, const char **pin_dir, int letter, const char *option,
		    struct shunt_err *err);

#endif
