/* SPDX-License-Identifier: GPL-2.0 */
#include "sockets.h"

#include <string.h>

#include "xalloc.h"

char *socket_for_reading(const char *path)
{
	static const char suffix[] = ".sock";
	size_t len = strlen(path), end = sizeof(suffix) - 1;

	if (len <= end || strcmp(path + len - end, suffix) != 0 || path[len - end - 1] == '/')
		return xasprintf("%s-ro", path);
	return xasprintf("%.*s-ro%s", (int)(len - end), path, suffix);
}
