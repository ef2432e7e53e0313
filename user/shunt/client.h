/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's API over its Unix socket (libcurl). */
#ifndef SHUNT_CLIENT_H
#define SHUNT_CLIENT_H

#include <stddef.h>

#include <jansson.h>

#include "cmd.h"

struct client_request {
	const char *method;
	const char *path;
	const char *type; /* of the body; NULL: none */
	const char *body;
	size_t len;
	const char *if_match; /* an entity tag, its quotes may be missing, or "*"; NULL: none */
};

/* What only reads goes to the socket for reading where the other one is not permitted.
 * STATUS_OK with *answer (the caller's), or another status: the error has been handed to the output then. */
int client_call(struct cli *cli, const struct client_request *request, json_t **answer);

int client_get(struct cli *cli, const char *path, json_t **answer);

/* Same, but STATUS_UNREACHABLE is for the caller to say: *err; its code is ENOENT if nobody is at the socket. */
int client_reach(struct cli *cli, const char *path, json_t **answer, struct shunt_err *err);

/* Is a daemon there? Says nothing: for commands that can do without. */
bool client_try_get(struct cli *cli, const char *path, json_t **answer);

/*
 * GET path, of which the answer is a stream of lines: each is handed to on_line(), as long as it wants more. STATUS_OK: the stream began, and has
 * ended; STATUS_REFUSED: said already; STATUS_UNREACHABLE is for the caller to say: *err.
 */
int client_stream(struct cli *cli, const char *path, bool (*on_line)(void *arg, const char *line), void *arg,
		  struct shunt_err *err);

/* prefix and text, with what is not allowed in a URI escaped in text. Owned by the caller. */
char *client_path(const char *prefix, const char *text);

#endif
