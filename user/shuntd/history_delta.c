/* SPDX-License-Identifier: GPL-2.0 */
/*
 * {"rest": the tree without services, "removed": [names], "set": [services that are in both], "added": [{"at": place, "service": tree}]}.
 * Removed are taken out first; those added are put in from the front to the back, each where it stands in the end. A revision of
 * 200,000 backends of which one was drained takes a few kB in place of 20 MB.
 */
#include "history_delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"

#define MOST (1.0 / 4) /* of all services: with more of them the whole is hardly longer, and easier to read */

static json_t *bare_tree(const struct config *config)
{
	struct config bare = *config;

	bare.service_count = 0;
	return config_to_json(&bare);
}

static void list_removed(json_t *delta, const struct config *before, const struct config_names *now)
{
	json_t *removed = json_array();

	for (size_t i = 0; i < before->service_count; i++)
		if (!config_names_find(now, before->services[i].name))
			json_array_append_new(removed, json_string(before->services[i].name));
	json_object_set_new(delta, "removed", removed);
}

static size_t place_of(const struct config *next, const char *name, size_t from)
{
	while (from < next->service_count && strcmp(next->services[from].name, name))
		from++;
	return from;
}

/* view: of next, those that differ. Their trees are made together, since they depend on what next says of groups. */
static void list_others(json_t *delta, const struct config *view, const struct config *next,
			const struct config_names *were)
{
	json_t *set = json_array(), *added = json_array(), *tree = config_to_json(view);
	json_t *services = json_object_get(tree, "services");
	size_t at = 0;

	for (size_t i = 0; i < view->service_count; i++) {
		json_t *service = json_array_get(services, i);

		if (config_names_find(were, view->services[i].name)) {
			json_array_append(set, service);
			continue;
		}
		at = place_of(next, view->services[i].name, at);
		json_array_append_new(added, json_pack("{s:I, s:O}", "at", (json_int_t)at, "service", service));
	}
	json_decref(tree);
	json_object_set_new(delta, "set", set);
	json_object_set_new(delta, "added", added);
}

/* Are the services of both, but for those removed and added, in the same order? */
static bool same_order(const struct config *before, const struct config *next, const json_t *delta)
{
	json_t *out = json_object(), *in = json_object(), *element;
	size_t i, at = 0;
	bool same = true;

	json_array_foreach (json_object_get(delta, "removed"), i, element)
		json_object_set_new(out, json_string_value(element), json_true());
	json_array_foreach (json_object_get(delta, "added"), i, element)
		json_object_set_new(in, json_string_value(json_object_get(json_object_get(element, "service"), "name")),
				    json_true());
	for (i = 0; i < before->service_count && same; i++) {
		const struct config_service *was = &before->services[i];

		if (json_object_size(out) && json_object_get(out, was->name))
			continue;
		while (at < next->service_count && json_object_size(in) && json_object_get(in, next->services[at].name))
			at++;
		same = at < next->service_count &&
		       (config_is_copy(was, &next->services[at]) || !strcmp(was->name, next->services[at].name));
		at++;
	}
	json_decref(out);
	json_decref(in);
	return same;
}

json_t *delta_make(const struct config *before, const struct config *next)
{
	struct config_names *were, *now;
	struct config view[2];
	json_t *delta = NULL;

	config_differing(before, next, view);
	if ((double)(view[0].service_count + view[1].service_count) < 2 * MOST * (double)next->service_count + 2) {
		were = config_names_new(&view[0]);
		now = config_names_new(&view[1]);
		delta = json_pack("{s:o}", "rest", bare_tree(next));
		list_removed(delta, &view[0], now);
		list_others(delta, &view[1], next, were);
		free(were);
		free(now);
		if (!same_order(before, next, delta)) {
			json_decref(delta);
			delta = NULL;
		}
	}
	free(view[0].services);
	free(view[1].services);
	return delta;
}

/* A list's elements by name; borrowed. */
static json_t *by_name(const json_t *list)
{
	json_t *index = json_object(), *element;
	size_t i;

	json_array_foreach (list, i, element) {
		const json_t *name = json_is_object(element) ? json_object_get(element, "name") : element;

		if (json_is_string(name))
			json_object_set(index, json_string_value(name), element);
	}
	return index;
}

/* The services after those removed and set. NULL: one that is to be removed or set is not there. */
static json_t *carry_on(const json_t *services, const json_t *delta)
{
	json_t *removed = by_name(json_object_get(delta, "removed")), *set = by_name(json_object_get(delta, "set"));
	size_t expected = json_object_size(removed) + json_object_size(set), i;
	json_t *next = json_array(), *service;

	json_array_foreach (services, i, service) {
		const char *name = json_string_value(json_object_get(service, "name"));
		json_t *replaced = name ? json_object_get(set, name) : NULL;

		if (name && json_object_get(removed, name)) {
			expected--;
			continue;
		}
		expected -= replaced != NULL;
		json_array_append(next, replaced ? replaced : service);
	}
	json_decref(removed);
	json_decref(set);
	if (!expected)
		return next;
	json_decref(next);
	return NULL;
}

int delta_apply(json_t **tree, const json_t *delta)
{
	json_t *root = json_copy(json_object_get(delta, "rest")), *element;
	json_t *services = root ? carry_on(json_object_get(*tree, "services"), delta) : NULL;
	int rc = services ? 0 : -EINVAL;
	size_t i;

	json_array_foreach (json_object_get(delta, "added"), i, element) {
		json_int_t at = json_integer_value(json_object_get(element, "at"));
		json_t *service = json_object_get(element, "service");

		if (!rc && (at < 0 || !service || json_array_insert(services, (size_t)at, service)))
			rc = -EINVAL;
	}
	if (!rc)
		json_object_set(root, "services", services);
	json_decref(services);
	if (rc) {
		json_decref(root);
		return rc;
	}
	json_decref(*tree);
	*tree = root;
	return 0;
}
