/* SPDX-License-Identifier: GPL-2.0 */
#include "summary.h"

#include <stdio.h>
#include <string.h>

#include "../lib/config.h"

#define MORE_TEXT 32 /* room for "; and N more changes" */

struct summary {
	char *buf;
	size_t len;
	size_t left_out;
	const char *service; /* the one that the last piece was about; NULL: none */
	/* What is said once only: of the node, and of the service whose differences are told at present. */
	bool node, settings;
	const char *present, *backend; /* backend: the last one of which no more was said than that it changed */
};

/* One change; service NULL: of the configuration as a whole. */
__attribute__((format(printf, 3, 4))) static void add(struct summary *s, const char *service, const char *fmt, ...)
{
	bool same = service && s->service && strcmp(service, s->service) == 0;
	char what[160], piece[SHUNT_NAME_MAX + sizeof(what) + 16];
	va_list args;
	size_t len;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	len = snprintf(piece, sizeof(piece), "%s%s%s%s%s", s->len ? (same ? ", " : "; ") : "",
		       service && !same ? "service " : "", service && !same ? service : "",
		       service && !same ? ": " : "", what);
	if (s->left_out || s->len + len + MORE_TEXT >= SUMMARY_TEXT) {
		s->left_out++;
		return;
	}
	memcpy(s->buf + s->len, piece, len + 1);
	s->len += len;
	s->service = service;
}

static const char *text_of(const json_t *item, const char *key)
{
	return json_string_value(json_object_get(item, key));
}

/* The item's path behind the service and the backend that it is within: ".weight"; "": it is about one of these as a whole. */
static const char *tail_of(const json_t *item)
{
	const char *service = text_of(item, "service"), *backend = text_of(item, "backend");
	size_t len = service ? strlen("services[]") + strlen(service) : 0;

	return text_of(item, "path") + len + (backend ? strlen(".backends[]") + strlen(backend) : 0);
}

static void tell_state(struct summary *s, const char *service, const char *backend, const char *was, const char *is)
{
	bool drained = was && strcmp(was, "drain") == 0, drains = is && strcmp(is, "drain") == 0;

	if (drained != drains)
		add(s, service, "backend %s %s", backend, drains ? "drained" : "undrained");
}

static void tell_backend(struct summary *s, const char *service, const char *backend, const json_t *item)
{
	const char *change = text_of(item, "change"), *tail = tail_of(item);
	const json_t *was = json_object_get(item, strcmp(change, "removed") == 0 ? "value" : "from");
	const json_t *is = json_object_get(item, strcmp(change, "added") == 0 ? "value" : "to");

	if (!*tail) {
		add(s, service, "backend %s %s", backend, change);
	} else if (strcmp(tail, ".weight") == 0) {
		add(s, service, "backend %s weight %" JSON_INTEGER_FORMAT, backend, json_integer_value(is));
	} else if (strcmp(tail, ".pool") == 0) {
		add(s, service, "backend %s pool %s", backend, is ? json_string_value(is) : CONFIG_POOL_DEFAULT);
	} else if (strcmp(tail, ".state") == 0) {
		tell_state(s, service, backend, json_string_value(was), json_string_value(is));
	} else if (!s->backend || strcmp(s->backend, backend) != 0) {
		s->backend = backend;
		add(s, service, "backend %s changed", backend);
	}
}

/* The order of backends is nothing to tell. */
static void tell_service(struct summary *s, const char *service, const json_t *item)
{
	const char *tail = tail_of(item);

	if (!*tail) {
		add(s, service, "%s", text_of(item, "change"));
	} else if (!s->settings && strcmp(tail, ".backends") != 0) {
		s->settings = true;
		add(s, service, "settings changed");
	}
}

/* Nor is that of services. */
static void tell_node(struct summary *s, const json_t *item)
{
	if (s->node || strcmp(text_of(item, "path"), "services") == 0)
		return;
	s->node = true;
	add(s, NULL, "settings of the node changed");
}

static void tell(struct summary *s, const json_t *item)
{
	const char *service = text_of(item, "service"), *backend = text_of(item, "backend");

	if (!service) {
		tell_node(s, item);
		return;
	}
	if (!s->present || strcmp(s->present, service) != 0) {
		s->present = service;
		s->settings = false;
		s->backend = NULL;
	}
	if (backend)
		tell_backend(s, service, backend, item);
	else
		tell_service(s, service, item);
}

const char *summary_of(const json_t *diff, char buf[SUMMARY_TEXT])
{
	struct summary s = {.buf = buf};
	json_t *item;
	size_t i;

	buf[0] = '\0';
	json_array_foreach (diff, i, item)
		tell(&s, item);
	if (s.left_out)
		snprintf(buf + s.len, SUMMARY_TEXT - s.len, "; and %zu more changes", s.left_out);
	return s.len ? buf : strcpy(buf, "only their order or wording");
}
