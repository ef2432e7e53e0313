/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which request does what. Paths are rows at the bottom; a handler returns 0 with a body, or -errno with *err, and the
 * errno alone decides the status: what the client can mend by asking differently is 400 or 404, what the present state
 * forbids is 409, what only the machine's operator can mend is 500.
 *
 * All changes take the daemon's one road (daemon_commit, daemon_reload); this file decides nothing about them but
 * whether there is a change at all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <microhttpd.h>

#include "../lib/edit.h"
#include "../lib/log.h"
#include "api_events.h"
#include "api_internal.h"

struct route {
	const char *method;
	const char *path; /* ends in '/': what follows is the handler's rest */
	api_handler *handler;
};

static unsigned int status_of(int code)
{
	switch (code) {
	case EINVAL:
	case ERANGE:
		return MHD_HTTP_BAD_REQUEST;
	case ENOENT:
		return MHD_HTTP_NOT_FOUND;
	case EMEDIUMTYPE:
		return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
	case ENOMEM:
	case EIO:
	case EROFS:
	case EACCES:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	default:
		return MHD_HTTP_CONFLICT;
	}
}

/* Functions that return a pointer say why in err->code; an error without one is about what was sent. */
static int code_of(const struct shunt_err *err)
{
	return err->code ? -err->code : -EINVAL;
}

static int get_version(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		       struct shunt_err *err)
{
	(void)d, (void)request, (void)rest, (void)err;
	*body = api_version_json();
	return 0;
}

static int get_status(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		      struct shunt_err *err)
{
	(void)request, (void)rest, (void)err;
	*body = api_status_json(d);
	return 0;
}

static int get_config(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		      struct shunt_err *err)
{
	(void)request, (void)rest, (void)err;
	*body = config_to_json(d->config);
	return 0;
}

static int get_services(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
			struct shunt_err *err)
{
	(void)request, (void)rest;
	*body = api_services_json(d, err);
	return *body ? 0 : code_of(err);
}

static int get_service(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		       struct shunt_err *err)
{
	(void)request;
	*body = api_service_json(d, rest, err);
	return *body ? 0 : code_of(err);
}

static int get_stats(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		     struct shunt_err *err)
{
	(void)request, (void)rest;
	*body = api_stats_json(d, err);
	return *body ? 0 : code_of(err);
}

static int get_connections(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
			   struct shunt_err *err)
{
	(void)request, (void)rest, (void)err;
	*body = api_connections_json(d);
	return 0;
}

static int get_service_connections(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
				   struct shunt_err *err)
{
	(void)request;
	*body = api_service_connections_json(d, rest, err);
	return *body ? 0 : code_of(err);
}

static int get_events(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		      struct shunt_err *err)
{
	(void)d, (void)rest;
	*body = api_events_json(request, err);
	return *body ? 0 : code_of(err);
}

static int put_config(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		      struct shunt_err *err)
{
	struct config *next = api_body_config(request, err);

	(void)rest;
	return next ? api_change(d, request, next, true, body, err) : code_of(err);
}

/* The list under "changes", borrowed from tree. */
static int changes_of(json_t *tree, json_t **changes, struct shunt_err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(tree))
		return shunt_fail(err, EINVAL, "body", "expected an object {\"changes\": [...]}");
	json_object_foreach (tree, key, value) {
		if (strcmp(key, "changes") != 0)
			return shunt_fail(err, EINVAL, "body", "unknown member \"%s\", expected only \"changes\"", key);
	}
	*changes = json_object_get(tree, "changes");
	if (!json_is_array(*changes))
		return shunt_fail(err, EINVAL, "changes", "expected a list of changes");
	return 0;
}

static int post_changes(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
			struct shunt_err *err)
{
	json_t *tree = NULL, *changes = NULL;
	struct config *next = NULL;
	int ret;

	(void)rest;
	ret = api_body_json(request, "application/json", &tree, err);
	if (ret == 0)
		ret = changes_of(tree, &changes, err);
	if (ret == 0) {
		next = config_edit(d->config, changes, err);
		ret = next ? api_change(d, request, next, false, body, err) : code_of(err);
	}
	json_decref(tree);
	return ret;
}

static int post_reload(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		       struct shunt_err *err)
{
	const struct history_origin origin = {"reload", request->uid, request->pid, NULL};
	const struct reload_ask ask = {.all = api_is_asked(request->all), .force = api_is_asked(request->force)};
	bool changed = false;
	int ret = daemon_reload(d, &ask, &origin, &changed, err);

	(void)rest;
	if (ret == 0) {
		*body = api_changed_json(d, changed);
		json_object_set_new(*body, "refused", api_refused_json(d));
	}
	return ret;
}

static int post_detach(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		       struct shunt_err *err)
{
	uint64_t generation = datapath_generation(d->dp);
	int ret = daemon_detach(d, err);

	(void)request, (void)rest;
	if (ret == 0)
		*body = json_pack("{s:b, s:I, s:I}", "changed", 1, "generation", (json_int_t)generation, "revision",
				  (json_int_t)history_number(d->history));
	return ret;
}

static const struct route routes[] = {
	{"GET", "/v1/version", get_version},
	{"GET", "/v1/status", get_status},
	{"GET", "/v1/config", get_config},
	{"PUT", "/v1/config", put_config},
	{"POST", "/v1/changes", post_changes},
	{"POST", "/v1/reload", post_reload},
	{"GET", "/v1/history", api_get_history},
	{"GET", "/v1/history/", api_get_revision},
	{"POST", "/v1/rollback", api_post_rollback},
	{"GET", "/v1/services", get_services},
	{"GET", "/v1/services/", get_service},
	{"PUT", "/v1/registrations/", api_put_registration},
	{"DELETE", "/v1/registrations/", api_delete_registration},
	{"POST", "/v1/wake/", api_post_wake},
	{"POST", "/v1/sleep/", api_post_sleep},
	{"GET", "/v1/stats", get_stats},
	{"POST", "/v1/detach", post_detach},
	{"GET", "/v1/connections", get_connections},
	{"GET", "/v1/connections/", get_service_connections},
	{"GET", "/v1/events", get_events},
};

/* What follows the route's path in path; NULL: another path. */
static const char *match(const struct route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (route->path[len - 1] != '/')
		return strcmp(path, route->path) == 0 ? "" : NULL;
	return strncmp(path, route->path, len) == 0 ? path + len : NULL;
}

static bool is_read(const struct route *route)
{
	return strcmp(route->method, "GET") == 0;
}

/* Who changes what is worth a line, which is the event's; who looks is not, nor are heartbeats. */
static void log_change(const struct route *route, const struct api_request *request, const json_t *body,
		       const struct shunt_err *err)
{
	if (is_read(route) || !api_commits(request))
		return;
	if (body && !json_is_true(json_object_get(body, "changed")) && route->handler != api_put_registration)
		log_info("api: %s %s: nothing to change", route->method, route->path);
	else if (!body)
		log_info("api: %s %s refused: %s", route->method, route->path, shunt_err_text(err));
}

/* The configuration as this socket shows it, whose tag the client knows. */
static bool precondition_holds(const struct daemon *d, const struct api_request *request, struct api_answer *answer)
{
	json_t *config;
	bool holds;

	if (!request->if_match && !request->if_none_match)
		return true;
	config = config_to_json(d->config);
	holds = api_etag_allows(request, false, config, answer);
	answer->etag[0] = '\0'; /* the answer is not the configuration */
	json_decref(config);
	return holds;
}

/* Who said which configuration a change was for is told which one there is now, for the next change. */
static void tell_etag(const struct daemon *d, const struct api_request *request, json_t *body)
{
	json_t *config = request->if_match ? config_to_json(d->config) : NULL;
	char etag[ETAG_TEXT];

	if (config)
		json_object_set_new(body, "etag", json_string(etag_of(config, etag)));
	json_decref(config);
}

static void finish(const struct daemon *d, const struct route *route, const struct api_request *request,
		   struct api_answer *answer)
{
	answer->status = MHD_HTTP_OK;
	if (request->read_only)
		api_hide_secrets(answer->body);
	if (route->handler == get_config)
		api_etag_allows(request, true, answer->body, answer);
	else if (!is_read(route))
		tell_etag(d, request, answer->body);
}

static void set_cause(struct daemon *d, const struct route *route, const struct api_request *request)
{
	if (request->uid < 0)
		daemon_set_cause(d, "%s %s", route->method, route->path);
	else
		daemon_set_cause(d, "%s %s of uid %ld", route->method, route->path, request->uid);
}

static void run(struct daemon *d, const struct route *route, const struct api_request *request, const char *rest,
		struct api_answer *answer)
{
	struct shunt_err err = {0};
	int ret;

	if (!is_read(route) && !precondition_holds(d, request, answer))
		return;
	set_cause(d, route, request);
	ret = route->handler(d, request, rest, &answer->body, &err);
	if (ret == 0 && !answer->body)
		ret = shunt_fail(&err, ENOMEM, NULL, "out of memory");
	log_change(route, request, answer->body, &err);
	if (ret)
		api_problem(answer, status_of(-ret), err.where, "%s", err.what);
	else
		finish(d, route, request, answer);
}

static bool may_run(const struct route *route, const struct api_request *request, struct api_answer *answer)
{
	if (is_read(route) || !request->read_only)
		return true;
	api_problem(answer, MHD_HTTP_FORBIDDEN, request->path,
		    "%s is not possible on this socket, which is for reading; use the daemon's other one",
		    request->method);
	return false;
}

static void allow(struct api_answer *answer, const char *method)
{
	size_t len = strlen(answer->allow);

	snprintf(answer->allow + len, sizeof(answer->allow) - len, "%s%s", len ? ", " : "", method);
	if (strcmp(method, "GET") == 0)
		allow(answer, "HEAD");
}

void api_route(struct daemon *d, const struct api_request *request, struct api_answer *answer)
{
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const char *rest = match(&routes[i], request->path);

		if (rest && strcmp(routes[i].method, method) == 0) {
			answer->allow[0] = '\0';
			if (may_run(&routes[i], request, answer))
				run(d, &routes[i], request, rest, answer);
			return;
		}
		if (rest)
			allow(answer, routes[i].method);
	}
	if (answer->allow[0])
		api_problem(answer, MHD_HTTP_METHOD_NOT_ALLOWED, request->path, "%s is not possible here, expected %s",
			    request->method, answer->allow);
	else
		api_problem(answer, MHD_HTTP_NOT_FOUND, NULL, "no such path \"%s\"; docs/api.md lists what there is",
			    request->path);
}
