/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An edit of a few services of many. Only those become a tree, are edited, and parsed; the others are copies, which have passed all checks
 * that look at one service. What looks at several is checked again only where it can have changed. Whatever is refused here is left to the
 * edit of the whole, so that there is one place for what is said about it.
 */
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "edit_priv.h"
#include "xalloc.h"

static const char *named(const json_t *change)
{
	const json_t *service = json_object_get(change, "service");

	return json_string_value(json_is_object(service) ? json_object_get(service, "name") : service);
}

static bool says_op(const json_t *change, const char *op)
{
	const char *text = json_string_value(json_object_get(change, "op"));

	return text && !strcmp(text, op);
}

/* Who takes services out and puts others in may mean the same one, whose place is then another. */
static bool keeps_places(const json_t *changes)
{
	bool adds = false, deletes = false;
	json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		adds |= says_op(change, "service.add");
		deletes |= says_op(change, "service.delete");
	}
	return !(adds && deletes);
}

/* By index: the services that the changes name. */
static bool *find_touched(const struct config *config, const json_t *changes)
{
	bool *touched = xcalloc(config->service_count + 1, sizeof(*touched));
	json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		const char *name = named(change);
		const struct config_service *service = name ? config_find_service(config, name) : NULL;

		if (service)
			touched[service - config->services] = true;
	}
	return touched;
}

/* Those alone, edited. */
static struct config *edit_touched(const struct config *config, const bool *touched, const json_t *changes)
{
	struct config view = *config, *part = NULL;
	json_t *tree;

	view.service_count = 0;
	view.services = xcalloc(config->service_count + 1, sizeof(*view.services));
	for (size_t i = 0; i < config->service_count; i++)
		if (touched[i])
			view.services[view.service_count++] = config->services[i];
	tree = edit_tree(&view, changes, json_array_size(changes), NULL);
	if (tree)
		part = config_from_json(tree, NULL, NULL);
	json_decref(tree);
	free(view.services);
	return part;
}

/* Give part the services that were not touched: all in their places, what was added behind them. */
static void fill_up(struct config *part, const struct config *config, const bool *touched)
{
	struct config_service *list = xcalloc(config->service_count + part->service_count + 1, sizeof(*list));
	size_t count = 0, next = 0;

	for (size_t i = 0; i < config->service_count; i++) {
		if (!touched[i])
			config_copy_service(&list[count++], &config->services[i]);
		else if (next < part->service_count && !strcmp(part->services[next].name, config->services[i].name))
			list[count++] = part->services[next++];
	}
	while (next < part->service_count)
		list[count++] = part->services[next++];
	free(part->services);
	part->services = list;
	part->service_count = count;
}

static bool same_backend(const struct config_backend *a, const struct config_backend *b)
{
	return addr_equal(&a->addr, &b->addr) && !strcmp(a->pool, b->pool) && a->has_mac == b->has_mac &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->has_encap == b->has_encap &&
	       a->encap.type == b->encap.type && a->server_id_count == b->server_id_count &&
	       !memcmp(a->server_ids, b->server_ids, sizeof(a->server_ids));
}

/* All that checks of several services look at. Not weights, states, health checks, timeouts. */
static bool looks_the_same(const struct config_service *a, const struct config_service *b)
{
	if (strcmp(a->name, b->name) || strcmp(a->group, b->group) || strcmp(a->file, b->file) ||
	    a->encap.type != b->encap.type || a->ring_size != b->ring_size || a->vip_count != b->vip_count ||
	    a->backend_count != b->backend_count || a->pool_count != b->pool_count ||
	    memcmp(a->quic, b->quic, sizeof(a->quic)) || !config_sources_equal(a->sources, b->sources))
		return false;
	for (size_t i = 0; i < a->vip_count; i++)
		if (vip_compare(&a->vips[i], &b->vips[i]))
			return false;
	for (size_t i = 0; i < a->pool_count; i++)
		if (strcmp(a->pools[i].name, b->pools[i].name))
			return false;
	for (size_t i = 0; i < a->backend_count; i++)
		if (!same_backend(&a->backends[i], &b->backends[i]))
			return false;
	return true;
}

/* config has passed all checks; does part? Where it stands in a tree does not matter, since nobody will be told. */
static bool passes(const struct config *part, const struct config *config)
{
	const struct tree tree = {.err = NULL};
	const struct tree_place root = {.tree = &tree};
	struct config view[2];
	bool same;

	config_differing(part, config, view);
	same = view[0].service_count == view[1].service_count;
	for (size_t i = 0; same && i < view[0].service_count; i++)
		same = looks_the_same(&view[0].services[i], &view[1].services[i]);
	free(view[0].services);
	free(view[1].services);
	return same || !config_cross_check(part, &root);
}

struct config *edit_part(const struct config *config, const json_t *changes)
{
	struct config *part = NULL;
	bool *touched;

	if (!keeps_places(changes))
		return NULL;
	touched = find_touched(config, changes);
	part = edit_touched(config, touched, changes);
	if (part)
		fill_up(part, config, touched);
	free(touched);
	if (!part || passes(part, config))
		return part;
	config_free(part);
	return NULL;
}
