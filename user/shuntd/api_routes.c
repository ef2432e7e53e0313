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
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <microhttpd.h>

#include "../lib/edit.h"
#include "../lib/log.h"
#include "../lib/yaml.h"
#include "api_internal.h"

typedef int (*handler_fn)(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
			  struct shunt_err *err);

struct route {
	const char *method;
	const char *path; /* ends in '/': what follows is the handler's rest */
	handler_fn handler;
};

void api_problem(struct api_answer *answer, unsigned int status, const char *where, const char *fmt, ...)
{
	char detail[sizeof(((struct shunt_err *)0)->what)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	json_decref(answer->body);
	answer->status = status;
	answer->body = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
				 MHD_get_reason_phrase_for(status), "status", status, "detail", detail);
	/* What came from a client may be cut within a UTF-8 sequence: jansson refuses such text, an answer must not. */
	if (!answer->body)
		answer->body = json_pack("{s:s, s:s, s:i}", "type", "about:blank", "title",
					 MHD_get_reason_phrase_for(status), "status", status);
	if (where && where[0])
		json_object_set_new(answer->body, "where", json_string(where));
}

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

static bool has_type(const struct api_request *request, const char *type)
{
	size_t len = strlen(type);

	return request->content_type && strncasecmp(request->content_type, type, len) == 0 &&
	       strchr("; \t", request->content_type[len]) != NULL;
}

static bool is_yaml(const struct api_request *request)
{
	return has_type(request, "application/yaml") || has_type(request, "application/x-yaml") ||
	       has_type(request, "text/yaml");
}

/* expected: the media types that the path takes, for the error. */
static int body_json(const struct api_request *request, const char *expected, json_t **tree, struct shunt_err *err)
{
	json_error_t error;
	char where[64];

	if (!has_type(request, "application/json"))
		return shunt_fail(err, EMEDIUMTYPE, "Content-Type", "\"%s\" is not understood, expected %s",
				  request->content_type ? request->content_type : "", expected);
	*tree = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES, &error);
	if (*tree)
		return 0;
	snprintf(where, sizeof(where), "body:%d:%d", error.line, error.column);
	return shunt_fail(err, EINVAL, where, "not JSON: %s", error.text);
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

/* ?NAME=1 */
static bool is_set(const char *value)
{
	return value && strcmp(value, "0") != 0;
}

static json_t *changed_json(const struct daemon *d, bool changed)
{
	return json_pack("{s:b, s:I}", "changed", changed, "generation", (json_int_t)datapath_generation(d->dp));
}

static bool config_differs(const struct config *a, const struct config *b)
{
	json_t *tree_a = config_to_json(a), *tree_b = config_to_json(b);
	bool same = json_equal(tree_a, tree_b);

	json_decref(tree_a);
	json_decref(tree_b);
	return !same;
}

/* Commit next, which is taken over or freed, unless it says what is in force already. */
static int commit(struct daemon *d, const struct api_request *request, struct config *next, bool *changed,
		  struct shunt_err *err)
{
	int ret = 0;

	*changed = config_differs(d->config, next);
	if (*changed && !is_set(request->force))
		ret = traffic_may_commit(d, next, NULL, err);
	if (*changed && !ret)
		ret = daemon_commit(d, next, err);
	if (!*changed || ret)
		config_free(next);
	return ret;
}

static struct config *body_config(const struct api_request *request, struct shunt_err *err)
{
	struct config_source *source = NULL;
	struct config *config = NULL;
	json_t *tree = NULL;

	if (is_yaml(request))
		tree = yaml_load(request->body, request->len, request->name ? request->name : "body", &source, err);
	else
		body_json(request, "application/json or application/yaml", &tree, err);
	if (tree)
		config = config_from_json(tree, source, err);
	json_decref(tree);
	config_source_free(source);
	return config;
}

static json_t *annotated_json(const struct daemon *d, bool changed, json_t *warnings, json_t *notes)
{
	json_t *body = changed_json(d, changed);

	if (json_array_size(warnings) > 0)
		json_object_set(body, "warnings", warnings);
	if (json_array_size(notes) > 0)
		json_object_set(body, "notes", notes);
	return body;
}

static bool only_checks(const struct api_request *request)
{
	return is_set(request->check);
}

static int put_config(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		      struct shunt_err *err)
{
	struct config *next = body_config(request, err);
	json_t *warnings, *notes;
	bool changed;
	int ret = 0;

	(void)rest;
	if (!next)
		return code_of(err);
	warnings = json_array();
	api_warn_undrained(warnings, d->config, next);
	api_warn_moved(warnings, d->config, next);
	notes = api_removed_notes(d, next);
	if (only_checks(request)) {
		changed = config_differs(d->config, next);
		ret = traffic_may_commit(d, next, warnings, err);
		config_free(next);
	} else {
		ret = commit(d, request, next, &changed, err);
	}
	if (ret == 0)
		*body = annotated_json(d, changed, warnings, notes);
	json_decref(warnings);
	json_decref(notes);
	return ret;
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
	json_t *tree = NULL, *changes = NULL, *warnings = json_array(), *notes = NULL;
	struct config *next = NULL;
	bool changed;
	int ret;

	(void)rest;
	ret = body_json(request, "application/json", &tree, err);
	if (ret == 0)
		ret = changes_of(tree, &changes, err);
	if (ret == 0) {
		next = config_edit(d->config, changes, err);
		ret = next ? 0 : code_of(err);
	}
	if (ret == 0) {
		api_warn_moved(warnings, d->config, next);
		notes = api_removed_notes(d, next);
		ret = commit(d, request, next, &changed, err);
	}
	if (ret == 0)
		*body = annotated_json(d, changed, warnings, notes);
	json_decref(tree);
	json_decref(notes);
	json_decref(warnings);
	return ret;
}

static int post_reload(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		       struct shunt_err *err)
{
	const struct reload_ask ask = {.all = is_set(request->all), .force = is_set(request->force)};
	bool changed = false;
	int ret = daemon_reload(d, &ask, &changed, err);

	(void)rest;
	if (ret == 0) {
		*body = changed_json(d, changed);
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
		*body = json_pack("{s:b, s:I}", "changed", 1, "generation", (json_int_t)generation);
	return ret;
}

static const struct route routes[] = {
	{"GET", "/v1/version", get_version},
	{"GET", "/v1/status", get_status},
	{"GET", "/v1/config", get_config},
	{"PUT", "/v1/config", put_config},
	{"POST", "/v1/changes", post_changes},
	{"POST", "/v1/reload", post_reload},
	{"GET", "/v1/services", get_services},
	{"GET", "/v1/services/", get_service},
	{"GET", "/v1/stats", get_stats},
	{"POST", "/v1/detach", post_detach},
	{"GET", "/v1/connections", get_connections},
	{"GET", "/v1/connections/", get_service_connections},
};

/* What follows the route's path in path; NULL: another path. */
static const char *match(const struct route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (route->path[len - 1] != '/')
		return strcmp(path, route->path) == 0 ? "" : NULL;
	return strncmp(path, route->path, len) == 0 ? path + len : NULL;
}

/* Who changes what is worth a line; who looks is not. */
static void log_change(const struct route *route, const struct api_request *request, const json_t *body,
		       const struct shunt_err *err)
{
	if (strcmp(route->method, "GET") == 0 || only_checks(request))
		return;
	if (body)
		log_info("api: %s %s: %s, generation %" JSON_INTEGER_FORMAT, route->method, route->path,
			 json_is_true(json_object_get(body, "changed")) ? "changed" : "nothing to change",
			 json_integer_value(json_object_get(body, "generation")));
	else
		log_info("api: %s %s refused: %s", route->method, route->path, shunt_err_text(err));
}

static void run(struct daemon *d, const struct route *route, const struct api_request *request, const char *rest,
		struct api_answer *answer)
{
	struct shunt_err err = {0};
	int ret = route->handler(d, request, rest, &answer->body, &err);

	if (ret == 0 && !answer->body)
		ret = shunt_fail(&err, ENOMEM, NULL, "out of memory");
	log_change(route, request, answer->body, &err);
	if (ret)
		api_problem(answer, status_of(-ret), err.where, "%s", err.what);
	else
		answer->status = MHD_HTTP_OK;
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
