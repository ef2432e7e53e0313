/* SPDX-License-Identifier: GPL-2.0 */
/* Each file by itself: what it has, whether it has changed, whether it is right. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_faults.h"
#include "config_merge_priv.h"
#include "xalloc.h"
#include "yaml.h"
#include "shunt/hash.h"

const char *parts_path(const struct merge *g, size_t part)
{
	const struct part *p = &g->parts[part];

	return p->file ? p->file->path : p->name;
}

void parts_refuse(struct merge *g, size_t part, const struct shunt_err *err)
{
	g->parts[part].changed = false;
	config_add_fault(g->m->refused, parts_path(g, part), err);
}

/* Of a line of a part's file. */
__attribute__((format(printf, 4, 5))) static int fail(struct merge *g, size_t part, int line, const char *fmt, ...)
{
	char *where = xasprintf("%s:%d", parts_path(g, part), line), *what;
	va_list args;
	int rc;

	va_start(args, fmt);
	what = xvasprintf(fmt, args);
	va_end(args);
	rc = shunt_fail(g->err, EINVAL, where, "%s", what);
	free(where);
	free(what);
	return rc;
}

/* ---- what there is */

struct part *parts_find(struct merge *g, const char *name)
{
	for (size_t i = 0; i < g->count; i++)
		if (!strcmp(g->parts[i].name, name))
			return &g->parts[i];
	return NULL;
}

static void add_part(struct merge *g, const char *name, const struct config_file *file)
{
	struct part *part = parts_find(g, name);

	if (!part) {
		part = &g->parts[g->count++];
		*part = (struct part){.name = name, .in_force = json_array(), .services = json_array()};
	}
	part->file = file ? file : part->file;
}

static int compare_parts(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->name, ((const struct part *)b)->name);
}

static void find_parts(struct merge *g)
{
	const struct config *present = g->m->present;
	const struct config_dir *dir = g->m->dir;
	size_t known = json_object_size(g->m->hashes) + (present ? present->service_count : 0);
	const char *name;
	json_t *value;

	g->parts = xcalloc(1 + dir->count + known, sizeof(*g->parts));
	add_part(g, "", &dir->main);
	for (size_t i = 0; i < dir->count; i++)
		add_part(g, dir->files[i].name, &dir->files[i]);
	for (size_t i = 0; present && i < present->service_count; i++)
		add_part(g, present->services[i].file, NULL);
	json_object_foreach ((json_t *)g->m->hashes, name, value)
		add_part(g, name, NULL);
	qsort(g->parts, g->count, sizeof(*g->parts), compare_parts);
}

static void collect_in_force(struct merge *g, const json_t *present)
{
	json_t *service;
	size_t i;

	json_array_foreach (json_object_get(present, "services"), i, service) {
		const struct config_service *of = &g->m->present->services[i];
		struct part *part = parts_find(g, of->file);

		json_array_append(part->in_force, service);
	}
}

/* ---- the main file */

static int refuse_owned(struct merge *g)
{
	json_t *service;
	size_t i;

	json_array_foreach (g->parts[PART_MAIN].services, i, service)
		if (json_object_get(service, "file"))
			return fail(g, PART_MAIN, config_source_line(g->m->dir->source, service, "file"),
				    "a service that a file of services has; leave it out here (`shunt export --main` "
				    "does), "
				    "or, to have it here, leave out `file`");
	return 0;
}

static const json_t *group_of(const json_t *groups, const json_t *service)
{
	const char *name = json_string_value(json_object_get(service, "group"));

	return name ? json_object_get(groups, name) : NULL;
}

/* What the groups of a file's services are is a part of it. */
static uint64_t add_groups(const json_t *groups, const struct config_file *file, uint64_t hash)
{
	json_t *service;
	size_t i;

	json_array_foreach (json_object_get(file->tree, "services"), i, service) {
		const json_t *group = group_of(groups, service);
		char *text = group ? json_dumps(group, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

		for (const char *c = text; c && *c; c++)
			hash = shunt_mix64(hash + (uint8_t)*c);
		free(text);
	}
	return hash;
}

static bool has_changed(const struct merge *g, const struct part *part)
{
	const char *applied = json_string_value(json_object_get(g->m->hashes, part->name));

	return g->m->all || !g->m->present || !part->file || !applied || strcmp(applied, part->hash) != 0;
}

/* *groups: in the canonical form, whatever it was read from. */
static int take_main(struct merge *g, json_t **groups)
{
	const struct config_dir *dir = g->m->dir;
	struct part *part = &g->parts[PART_MAIN];
	json_t *present = g->m->present ? config_to_json(g->m->present) : NULL, *canonical;
	struct config *main;

	if (present)
		collect_in_force(g, present);
	part->changed = g->m->all || !present || g->m->main_hash != dir->main.hash;
	g->m->main_changed = part->changed;
	g->root = json_incref(part->changed ? dir->main.tree : present);
	if (part->changed) {
		json_decref(part->services);
		part->services = json_incref(json_object_get(g->root, "services"));
	}
	json_decref(present);
	if (part->changed && refuse_owned(g))
		return -EINVAL;
	if (!part->changed)
		json_object_set(g->root, "services", part->in_force);
	main = config_from_json(g->root, dir->source, g->err);
	if (!main)
		return -EINVAL;
	canonical = config_to_json(main);
	*groups = json_incref(json_object_get(canonical, "groups"));
	json_decref(canonical);
	config_free(main);
	return 0;
}

/* ---- one file by itself */

static int refuse_key(struct merge *g, size_t index, const char *key)
{
	int line = config_source_line(g->m->dir->source, g->parts[index].file->tree, key);

	return fail(g, index, line,
		    "%.64s: not for a file of services; expected services alone, the rest is in the main file", key);
}

/* What starts and stops a service, or its pool, at the same place in both. */
static int refuse_hooks(struct merge *g, size_t index, const json_t *demand, const json_t *defaults)
{
	static const char *const hooks[] = {"start", "stop"};
	const char *pool;
	json_t *value;
	int err = 0;

	for (int i = 0; i < 2; i++) {
		const json_t *hook = json_object_get(demand, hooks[i]);

		if (hook && !json_equal(hook, json_object_get(defaults, hooks[i])))
			return fail(
				g, index, config_source_line(g->m->dir->source, demand, hooks[i]),
				"on_demand.%s: not for a file of services, since shuntd itself runs, or asks for, it; "
				"expected it in the main file, in the `defaults` of the service's group",
				hooks[i]);
	}
	json_object_foreach (json_object_get(demand, "pools"), pool, value)
		if (!err)
			err = refuse_hooks(g, index, value, json_object_get(json_object_get(defaults, "pools"), pool));
	return err;
}

/* A command runs as shuntd itself: who may write a file of services shall not be root for that. What the main file has for the group is
 * the main file's, also where it is repeated, as an export does. */
static int refuse_commands(struct merge *g, size_t index, const json_t *services, const json_t *groups)
{
	json_t *service;
	size_t i;

	json_array_foreach (services, i, service) {
		const json_t *check = json_object_get(service, "check"), *command = json_object_get(check, "command");
		const json_t *defaults = json_object_get(group_of(groups, service), "defaults");

		if (command && !json_equal(command, json_object_get(json_object_get(defaults, "check"), "command")))
			return fail(g, index, config_source_line(g->m->dir->source, check, "command"),
				    "check.command: not for a file of services, since it is run as shuntd itself; "
				    "expected it in the main file, in the `defaults` of the service's group");
		if (refuse_hooks(g, index, json_object_get(service, "on_demand"),
				 json_object_get(defaults, "on_demand")))
			return -EINVAL;
	}
	return 0;
}

/* {services: [...]}, each of them without an owner yet. */
static int take_services(struct merge *g, size_t index, const json_t *groups)
{
	struct part *part = &g->parts[index];
	json_t *services = json_object_get(part->file->tree, "services"), *service, *value;
	const char *key;
	size_t i;

	json_object_foreach (part->file->tree, key, value)
		if (strcmp(key, "services"))
			return refuse_key(g, index, key);
	if (!json_is_array(services))
		return fail(g, index, 1, "expected the key services, and a list of services behind it");
	json_array_foreach (services, i, service)
		if (json_object_get(service, "file"))
			return fail(g, index, config_source_line(g->m->dir->source, service, "file"),
				    "file: says itself whose a service is; leave it out here");
	if (refuse_commands(g, index, services, groups))
		return -EINVAL;
	json_array_foreach (services, i, service)
		if (json_is_object(service))
			json_object_set_new(service, "file", json_string(part->name));
	json_decref(part->services);
	part->services = json_incref(services);
	return 0;
}

/* What only the maps would refuse, and then for all. */
static int check_rings(struct merge *g, size_t index, const struct config *next)
{
	for (size_t i = 0; g->were && i < next->service_count; i++) {
		const struct config_service *is = &next->services[i], *was = config_names_find(g->were, is->name);
		const json_t *service = json_array_get(g->parts[index].services, i);

		if (was && was->ring_size != is->ring_size)
			return fail(g, index, config_source_line(g->m->dir->source, service, NULL),
				    "services[%s].ring_size: a ring keeps its size, %u, for the service's life, since "
				    "connections depend on it; take the service out and then, in a second change, add "
				    "it again",
				    is->name, was->ring_size);
	}
	return 0;
}

/* Refuses it if it is wrong whatever the others say. */
static void take_file(struct merge *g, size_t index, const json_t *groups)
{
	struct part *part = &g->parts[index];
	struct shunt_err err = {0};
	struct config *alone;
	size_t service;

	if (part->file && !part->file->tree) {
		parts_refuse(g, index, &part->file->err);
		return;
	}
	if (part->file)
		snprintf(part->hash, sizeof(part->hash), "%016" PRIx64,
			 add_groups(groups, part->file, part->file->hash));
	part->changed = has_changed(g, part);
	if (!part->changed || !part->file)
		return;
	g->err = &err;
	if (take_services(g, index, groups)) {
		parts_refuse(g, index, &err);
		return;
	}
	json_object_set(g->root, "services", part->services);
	alone = config_from_json_blame(g->root, g->m->dir->source, &service, &err);
	if (!alone) {
		config_find_faults(g->root, g->m->dir->source, part->file->path, g->m->refused);
		part->changed = false;
	} else if (check_rings(g, index, alone)) {
		parts_refuse(g, index, &err);
	}
	config_free(alone);
}

/* The directory is not there: more likely an accident than an order to end all of its services. */
static void keep_all(struct merge *g)
{
	const struct config_dir *dir = g->m->dir;
	struct shunt_err err = {0};

	if (!dir->problem || (g->count == 1 && !dir->named && dir->problem == ENOENT))
		return;
	shunt_fail(&err, dir->problem, dir->path,
		   "cannot be read: %s; services of its files stay as they are. Expected a directory (an empty one has "
		   "none), or `services_dir: false`",
		   strerror(dir->problem));
	config_add_fault(g->m->refused, dir->path, &err);
	for (size_t i = PART_MAIN + 1; i < g->count; i++)
		g->parts[i].changed = false;
}

int parts_take(struct merge *g)
{
	struct shunt_err *err = g->err;
	json_t *groups = NULL;
	int rc;

	find_parts(g);
	if (g->m->present)
		g->were = config_names_new(g->m->present);
	rc = take_main(g, &groups);
	for (size_t p = PART_MAIN + 1; !rc && p < g->count; p++)
		take_file(g, p, groups);
	g->err = err;
	if (!rc)
		keep_all(g);
	json_decref(groups);
	return rc;
}

void parts_release(struct merge *g)
{
	for (size_t p = 0; p < g->count; p++) {
		json_decref(g->parts[p].services);
		json_decref(g->parts[p].in_force);
	}
	free(g->parts);
	free(g->were);
}
