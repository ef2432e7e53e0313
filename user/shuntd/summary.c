/* SPDX-License-Identifier: GPL-2.0 */
#include "summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/diff.h"

#define MORE_TEXT 32 /* room for "; and N more changes" */

struct summary {
	char *buf;
	size_t len;
	size_t left_out;
	const char *service; /* the one that the last piece was about; NULL: none */
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

/* Where the last search ended is where the next one begins: most things are where they were. */
static const struct config_service *find_service(const struct config *config, const char *name, size_t *at)
{
	for (size_t i = 0; i < config->service_count; i++) {
		size_t place = (*at + i) % config->service_count;

		if (strcmp(config->services[place].name, name) == 0) {
			*at = place + 1;
			return &config->services[place];
		}
	}
	return NULL;
}

static const struct config_backend *find_backend(const struct config_service *service, const struct shunt_addr *addr,
						 size_t *at)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		size_t place = (*at + i) % service->backend_count;

		if (addr_equal(&service->backends[place].addr, addr)) {
			*at = place + 1;
			return &service->backends[place];
		}
	}
	return NULL;
}

static bool same_encap(const struct config_backend *a, const struct config_backend *b)
{
	if (a->has_encap != b->has_encap)
		return false;
	return !a->has_encap || (a->encap.type == b->encap.type && a->encap.variant == b->encap.variant &&
				 a->encap.port == b->encap.port);
}

static bool same_server_ids(const struct config_backend *a, const struct config_backend *b)
{
	if (a->server_id_count != b->server_id_count)
		return false;
	for (size_t i = 0; i < a->server_id_count; i++)
		if (a->server_ids[i].len != b->server_ids[i].len ||
		    memcmp(a->server_ids[i].byte, b->server_ids[i].byte, sizeof(a->server_ids[i].byte)) != 0)
			return false;
	return true;
}

static void compare_backend(struct summary *s, const char *service, const struct config_backend *was,
			    const struct config_backend *is)
{
	bool drained = was->admin == CONFIG_ADMIN_DRAIN, drains = is->admin == CONFIG_ADMIN_DRAIN;
	char addr[SHUNT_ADDR_TEXT];

	addr_format(&is->addr, addr);
	if (drained != drains)
		add(s, service, "backend %s %s", addr, drains ? "drained" : "undrained");
	if (was->weight != is->weight)
		add(s, service, "backend %s weight %u", addr, is->weight);
	if (strcmp(was->pool, is->pool) != 0)
		add(s, service, "backend %s pool %s", addr, is->pool);
	if (!same_encap(was, is) || !same_server_ids(was, is) || was->has_mac != is->has_mac ||
	    memcmp(was->mac, is->mac, sizeof(is->mac)) != 0)
		add(s, service, "backend %s changed", addr);
}

/* Its backends apart, which are compared one by one. */
static bool same_settings(const struct config_service *a, const struct config_service *b)
{
	struct config_service bare_a = *a, bare_b = *b;
	json_t *left, *right;
	bool same;

	bare_a.backend_count = bare_b.backend_count = 0;
	left = config_service_to_json(&bare_a);
	right = config_service_to_json(&bare_b);
	same = json_equal(left, right);
	json_decref(left);
	json_decref(right);
	return same;
}

static void compare_service(struct summary *s, const struct config_service *was, const struct config_service *is)
{
	char addr[SHUNT_ADDR_TEXT];
	size_t at = 0;

	if (!same_settings(was, is))
		add(s, is->name, "changed");
	for (size_t i = 0; i < is->backend_count; i++) {
		const struct config_backend *backend = find_backend(was, &is->backends[i].addr, &at);

		if (backend)
			compare_backend(s, is->name, backend, &is->backends[i]);
		else
			add(s, is->name, "backend %s added", addr_format(&is->backends[i].addr, addr));
	}
	at = 0;
	for (size_t i = 0; i < was->backend_count; i++)
		if (!find_backend(is, &was->backends[i].addr, &at))
			add(s, is->name, "backend %s removed", addr_format(&was->backends[i].addr, addr));
}

static bool same_rest(const struct config *a, const struct config *b)
{
	struct config bare_a = *a, bare_b = *b;

	bare_a.service_count = bare_b.service_count = 0;
	return config_same(&bare_a, &bare_b);
}

static void compare_services(struct summary *s, const struct config *before, const struct config *after)
{
	size_t at = 0;

	for (size_t i = 0; i < after->service_count; i++) {
		const struct config_service *is = &after->services[i], *was = find_service(before, is->name, &at);

		if (was)
			compare_service(s, was, is);
		else
			add(s, is->name, "added");
	}
	at = 0;
	for (size_t i = 0; i < before->service_count; i++)
		if (!find_service(after, before->services[i].name, &at))
			add(s, before->services[i].name, "removed");
}

const char *summary_of(const struct config *before, const struct config *after, char buf[SUMMARY_TEXT])
{
	struct summary s = {.buf = buf};
	struct config view[2];

	buf[0] = '\0';
	config_differing(before, after, view);
	if (!same_rest(before, after))
		add(&s, NULL, "settings of the node changed");
	compare_services(&s, &view[0], &view[1]);
	free(view[0].services);
	free(view[1].services);
	if (s.left_out)
		snprintf(buf + s.len, SUMMARY_TEXT - s.len, "; and %zu more changes", s.left_out);
	return s.len ? buf : strcpy(buf, "only their order or wording");
}
