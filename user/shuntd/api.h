/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP/JSON on a Unix socket (libmicrohttpd, driven by the loop). Answers are objects; errors are problem+json (RFC 9457) with
 * "detail" and, where known, "where".
 *
 *   GET  /v1/version         {"version", "format"}
 *   GET  /v1/status          daemon, interfaces, limits and use, services in short
 *   GET  /v1/config          the canonical configuration
 *   PUT  /v1/config          replace it: JSON, or YAML (Content-Type: application/yaml; ?name=FILE for errors; ?check=1 only checks)
 *   POST /v1/changes         {"changes": [...]} (user/lib/edit.h), one transaction
 *   POST /v1/reload          read the configuration files again (?all=1: also those that have not changed)
 *   ?force=1 with the three above: delete services that have traffic, too
 *   GET  /v1/services        all; GET /v1/services/NAME: one, with states of its backends
 *   GET  /v1/stats           packets and bytes by service, backend and reason
 *   GET  /v1/connections     what becomes of connections while rings change: all; GET /v1/connections/NAME: of one service
 *   POST /v1/detach          take the program off, unpin, end the daemon
 */
#ifndef SHUNT_API_H
#define SHUNT_API_H

#include "daemon.h"

struct api;

/* Listen on socket_path, mode 0660 (group: the daemon's). A stale socket is replaced, one that answers is -EADDRINUSE. */
int api_open(struct api **api, struct daemon *d, const char *socket_path, struct shunt_err *err);
void api_close(struct api *api);

#endif
