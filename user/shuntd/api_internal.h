/* SPDX-License-Identifier: GPL-2.0 */
/* Between the API's files: api.c (socket, HTTP, loop) asks api_routes.c (which request does what), which asks api_answers.c (what
 * the daemon knows, as JSON). */
#ifndef SHUNT_API_INTERNAL_H
#define SHUNT_API_INTERNAL_H

#include <jansson.h>

#include "daemon.h"

/* A whole request. Texts may be NULL where HTTP lets them be missing; body is NUL-terminated behind its length. */
struct api_request {
	const char *method;
	const char *path;	  /* decoded, without the query */
	const char *content_type; /* of the body */
	const char *name;	  /* ?name=: what errors call the body */
	const char *check;	  /* ?check= */
	const char *force;	  /* ?force= */
	const char *all;	  /* ?all= */
	const char *body;
	size_t len;
};

struct api_answer {
	unsigned int status;
	json_t *body;	/* owned by whoever takes the answer */
	char allow[64]; /* with 405: the methods that the path has */
};

/* Carry the request out. HEAD is answered as GET; leaving the body out is the transport's job. */
void api_route(struct daemon *d, const struct api_request *request, struct api_answer *answer);

/* Make answer a problem (RFC 9457). where may be NULL. */
__attribute__((format(printf, 4, 5))) void api_problem(struct api_answer *answer, unsigned int status,
						       const char *where, const char *fmt, ...);

/* Append texts: backends that a whole configuration takes out of drain; services whose connections move. */
void api_warn_undrained(json_t *warnings, const struct config *present, const struct config *next);
void api_warn_moved(json_t *warnings, const struct config *present, const struct config *next);

/* All below return a new reference, or NULL: memory is gone, or *err says what. */
json_t *api_version_json(void);
json_t *api_refused_json(const struct daemon *d); /* what of the files is not applied */
json_t *api_status_json(const struct daemon *d);
json_t *api_services_json(const struct daemon *d, struct shunt_err *err);
json_t *api_service_json(const struct daemon *d, const char *name, struct shunt_err *err);
json_t *api_stats_json(const struct daemon *d, struct shunt_err *err);
json_t *api_connections_json(const struct daemon *d);
json_t *api_service_connections_json(const struct daemon *d, const char *name, struct shunt_err *err);

/* The connection table as a whole; what becomes of a service's connections. */
json_t *api_conn_table_json(const struct daemon *d);
json_t *api_conns_json(const struct daemon *d, const char *service);
/* Into a backend's object: what holds it, if it takes no new connections, and whether a drain of it is done. */
void api_set_hold(json_t *object, const struct daemon *d, const char *service, const struct config_backend *backend);
/* Texts, before next is in force: backends that it takes out while they have connections. */
json_t *api_removed_notes(const struct daemon *d, const struct config *next);

#endif
