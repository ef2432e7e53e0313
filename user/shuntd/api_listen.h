/* SPDX-License-Identifier: GPL-2.0 */
/* The file of a Unix socket that is listened at: made, kept from others, removed. */
#ifndef SHUNT_API_LISTEN_H
#define SHUNT_API_LISTEN_H

#include <sys/stat.h>
#include <sys/un.h>

#include "../lib/err.h"

struct api_listener {
	int fd;		  /* -1: none */
	struct stat stat; /* which file is ours */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* Mode 0660; group NULL: the daemon's. A stale socket is replaced, one that answers is -EADDRINUSE. What was made of it when it
 * fails is for api_unlisten(), too. */
int api_listen(struct api_listener *listener, const char *path, const char *group, int backlog, struct shunt_err *err);
void api_unlisten(struct api_listener *listener);

#endif
