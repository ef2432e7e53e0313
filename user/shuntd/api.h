/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP/JSON on a Unix socket (libmicrohttpd, driven by the loop). Answers are objects; errors are problem+json (RFC 9457) with
 * "detail" and, where known, "where". docs/openapi.yaml describes them all.
 *
 *   GET  /v1/version         {"version", "format"}
 *   GET  /v1/status          daemon, interfaces, limits and use, services in short
 *   GET  /v1/config          the canonical configuration
 *   PUT  /v1/config          replace it: JSON, or YAML (Content-Type: application/yaml; ?name=FILE for errors; ?check=1 only checks, ?plan=1 says
 *                            what would change)
 *   POST /v1/changes         {"changes": [...]} (user/lib/edit.h), one transaction; ?check=1, ?plan=1
 *   GET  /v1/history         revisions; GET /v1/history/N: its configuration; GET /v1/history/N/diff: what is other since, ?to=M: in M
 *   POST /v1/rollback        {"to": N} what was in force as revision N is so again; without: as the one before; ?check=1, ?plan=1
 *   POST /v1/reload          read the configuration files again (?all=1: also those that have not changed)
 *   ?force=1 with the four that change it: delete services that have traffic, too
 *   GET  /v1/services        all; GET /v1/services/NAME: one, with states of its backends
 *   GET  /v1/stats           packets and bytes by service, backend and reason
 *   GET  /v1/connections     what becomes of connections while rings change: all; GET /v1/connections/NAME: of one service
 *   GET  /v1/events          what changed state, and why; ?follow=1: a stream of what comes
 *   POST /v1/detach          take the program off, unpin, end the daemon
 */
#ifndef SHUNT_API_H
#define SHUNT_API_H

#include "daemon.h"

struct api;

/* What a socket is for: everything, or requests that change nothing, which are not shown secrets. */
enum api_access { API_OPERATE, API_READ };

/* 0: the default. Each socket has its own. */
struct api_options {
	const char *path;
	enum api_access access;
	const char *group;	      /* whose members may connect; NULL: the daemon's */
	unsigned int connections;     /* open at a time; 64 */
	unsigned int idle_seconds;    /* in which nothing moves; 10 */
	unsigned int request_seconds; /* in which a request must come, and then its answer be taken; 30 */
};

/* Listen, mode 0660. A stale socket is replaced, one that answers is -EADDRINUSE. Run the loop once more after api_close(), or after
 * a failure. */
int api_open(struct api **api, struct daemon *d, const struct api_options *options, struct shunt_err *err);
void api_close(struct api *api); /* NULL is fine */

#endif
