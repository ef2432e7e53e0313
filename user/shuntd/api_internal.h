/* SPDX-License-Identifier: GPL-2.0 */
/* Between the API's files: api.c (HTTP, loop) asks api_routes.c (which request does what), which asks api_body.c (what was sent),
 * api_etag.c (was it for the configuration that there is?) and api_answers.c (what the daemon knows, as JSON). */
#ifndef SHUNT_API_INTERNAL_H
#define SHUNT_API_INTERNAL_H

#include <jansson.h>

#include "../lib/etag.h"
#include "daemon.h"

/* A whole request. Texts may be NULL where HTTP lets them be missing; body is NUL-terminated behind its length. */
struct api_request {
	const char *method;
	const char *path;		      /* decoded, without the query */
	const char *content_type;	      /* of the body */
	const char *name;		      /* ?name=: what errors call the body */
	const char *check;		      /* ?check= */
	const char *if_match, *if_none_match; /* all of their lines, as one list */
	const char *plan;		      /* ?plan= */
	const char *force;		      /* ?force= */
	const char *all;		      /* ?all= */
	const char *to;			      /* ?to= */
	const char *by;			      /* what the history calls it; NULL: method, path and name */
	bool read_only;			      /* came in by a socket for reading */
	const char *body;
	size_t len;
	const char *(*argument)(void *connection, const char *key); /* ?key=; NULL: not given */
	void *connection;
	int64_t uid, pid; /* of the process at the other end; -1: not known */
};

struct api_answer {
	unsigned int status;
	json_t *body;		     /* owned by whoever takes the answer; NULL: none */
	struct MHD_Response *stream; /* instead of a body; likewise */
	char allow[64];		     /* with 405: the methods that the path has */
	char etag[ETAG_TEXT];	     /* of the body; empty: it has none */
};

/* What a path does: 0 with *body, or -errno with *err. rest: what follows the path. */
typedef int api_handler(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
			struct shunt_err *err);
api_handler api_get_history, api_get_revision, api_post_rollback; /* api_history.c */
api_handler api_put_registration, api_delete_registration;	  /* api_registrations.c */
api_handler api_post_wake, api_post_sleep;			  /* api_demands.c */

/* ?NAME=1 */
bool api_is_asked(const char *argument);
/* api_change.c. next, which is taken over, becomes the configuration in force; or it is only said what it would change (?plan=1), or
 * whether it would change anything (?check=1). Services that have traffic do not go unless that is forced (?force=1). whole: it replaces
 * what was set by command, too. */
int api_change(struct daemon *d, const struct api_request *request, struct config *next, bool whole, json_t **body,
	       struct shunt_err *err);
bool api_commits(const struct api_request *request); /* neither of them is asked for */
json_t *api_changed_json(const struct daemon *d, bool changed);
/* api_plan.c. {"changes", "services", "table"}: what next, which differs by diff, would change. It would be refused: NULL with
 * *err. */
json_t *api_plan_json(struct daemon *d, const struct config *next, json_t *diff, struct shunt_err *err);

/* Carry the request out. HEAD is answered as GET; leaving the body out is the transport's job. */
void api_route(struct daemon *d, const struct api_request *request, struct api_answer *answer);

/* Make answer a problem (RFC 9457). where may be NULL. */
__attribute__((format(printf, 4, 5))) void api_problem(struct api_answer *answer, unsigned int status,
						       const char *where, const char *fmt, ...);

/* What the preconditions of a request say, config being what has the tag, which is left in answer. False: answer is why not, a
 * problem, or with reads also "not modified". */
bool api_etag_allows(const struct api_request *request, bool reads, const json_t *config, struct api_answer *answer);

/* Take out of an answer what readers may not know. */
void api_hide_secrets(json_t *json);

/* The body as JSON (expected: the media types that the path takes, for the error), and as a configuration. */
int api_body_json(const struct api_request *request, const char *expected, json_t **tree, struct shunt_err *err);
struct config *api_body_config(const struct api_request *request, struct shunt_err *err);

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
/* By name: those that a service's backends are in. answers: what is said of these, in their order. */
json_t *api_pools_json(const struct daemon *d, const struct config_service *service, const json_t *answers);
/* By which rule its new connections are divided now, and why. */
json_t *api_serving_json(const struct daemon *d, const struct config_service *service);
/* Texts, before next is in force: backends that it takes out while they have connections. */
json_t *api_removed_notes(const struct daemon *d, const struct config *next);

#endif
