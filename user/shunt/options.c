/* SPDX-License-Identifier: GPL-2.0 */
#include "options.h"

#include <errno.h>
#include <stdbool.h>
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

const char *options_take(int *argc, char **argv, const char *option, const char *fallback)
{
	size_t len = strlen(option);
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		bool begins = strncmp(argv[i], option, len) == 0;

		if (begins && argv[i][len] == '=')
			fallback = argv[i] + len + 1;
		else if (begins && !argv[i][len] && i + 1 < *argc)
			fallback = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return fallback;
}

static int push(const char **list, size_t *count, size_t max, const char *option, struct shunt_err *err)
{
	if (*count == max)
		return shunt_fail(err, E2BIG, option, "given too often (at most %zu times)", max);
	list[(*count)++] = optarg;
	return 0;
}

#define PUSH(list, count, name) push(list, &(count), sizeof(list) / sizeof((list)[0]), name, err)

int options_request(struct agent_request *request, const char **pin_dir, int letter, const char *option,
		    struct shunt_err *err)
{
	switch (letter) {
	case 'v':
		return PUSH(request->vips, request->vip_count, "--vip");
	case 'l':
		return PUSH(request->locals, request->local_count, "--local");
	case 'f':
		return PUSH(request->sources, request->source_count, "--from");
	case 't':
		return PUSH(request->kinds, request->kind_count, "--tunnel");
	case 'u':
		request->gue_port = optarg;
		return 0;
	case 'S':
		request->mss = optarg;
		return 0;
	case 'P':
		request->path_mtu = optarg;
		return 0;
	case 'r':
		request->reply = optarg;
		return 0;
	case 'p':
		*pin_dir = optarg;
		return 0;
	case ':':
		return shunt_fail(err, EINVAL, option, "needs a value");
	default:
		return -ENOENT;
	}
}
