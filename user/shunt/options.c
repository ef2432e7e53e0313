/* SPDX-License-Identifier: GPL-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "../lib/xalloc.h"

char **options_vector(const char *name, int argc, char **argv)
{
	char **copy = xcalloc(argc + 2, sizeof(*copy));

	copy[0] = (char *)name;
	if (argc)
		memcpy(copy + 1, argv, argc * sizeof(*copy));
	opterr = 0;
	optind = 0;
	return copy;
}

int options_push(const char **list, size_t *count, size_t max, const char *option, struct shunt_err *err)
{
	if (*count == max)
		return shunt_fail(err, E2BIG, option, "given too often (at most %zu times)", max);
	list[(*count)++] = optarg;
	return 0;
}
