/* SPDX-License-Identifier: GPL-2.0 */
#include "config_merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_claims.h"
#include "config_faults.h"
#include "config_merge_priv.h"
#include "edit.h"
#include "xalloc.h"
#include "yaml.h"

static void compose_parts(struct merge *g, bool changed)
{
	json_t *service;
	size_t i;

	for (size_t p = PART_MAIN + 1; p < g->count; p++) {
		const struct part *part = &g->parts[p];

		if (part->changed != changed)
			continue;
		json_array_foreach (changed ? part->services : part->in_force, i, service) {
			g->part_of[json_array_size(g->composed)] = p;
			json_array_append(g->composed, service);
		}
	}
}

/* What changes comes last: of two that do not go together the later is at fault. */
static void compose(struct merge *g)
{
	const struct part *main = &g->parts[PART_MAIN];
	size_t count = 0, i;
	json_t *service;

	for (size_t p = 0; p < g->count; p++)
		count += json_array_size(g->parts[p].services) + json_array_size(g->parts[p].in_force);
	json_decref(g->composed);
	g->composed = json_array();
	g->part_of = xreallocarray(g->part_of, count + 1, sizeof(*g->part_of));
	json_array_foreach (main->changed ? main->services : main->in_force, i, service) {
		g->part_of[i] = PART_MAIN;
		json_array_append(g->composed, service);
	}
	compose_parts(g, false);
	compose_parts(g, true);
	json_object_set(g->root, "services", g->composed);
}

/* FILE:LINE of a claim; one that was made by command has no line. Owned by the caller. */
static char *claim_place(const struct merge *g, const struct config_claim *claim)
{
	const struct config_source *source = g->m->dir->source;
	const struct part *part = &g->parts[claim->part];
	const json_t *service = part->file ? config_file_service(part->file, claim->service) : NULL, *vip;
	int line = config_source_line(source, claim->value, NULL);
	size_t i;

	json_array_foreach (line || !claim->vip.proto ? NULL : json_object_get(service, "vips"), i, vip)
		if (json_equal(vip, claim->value))
			line = config_source_line(source, vip, NULL);
	if (!line)
		line = config_source_line(source, service, NULL);
	return line ? xasprintf("%s:%d", parts_path(g, claim->part), line)
		    : xasprintf("%s by command", parts_path(g, claim->part));
}

static void word_conflict(const struct merge *g, const struct config_claim *loser, const struct config_claim *other,
			  bool both, struct shunt_err *err)
{
	const char *why = both ? ", and neither is in force: both files are refused" : "";
	const char *vip = json_string_value(loser->value);
	char *here = claim_place(g, loser), *there = claim_place(g, other), text[SHUNT_ADDR_TEXT], *where;

	if (loser->vip.proto) {
		where = xasprintf("%s: services[%s].vips[%s]", here, loser->service, vip);
		shunt_fail(err, EEXIST, where,
			   "service \"%s\" (%s) has %s%s; service \"%s\" needs another address, port or protocol",
			   other->service, there, vip_format(&other->vip, text), why, loser->service);
	} else {
		where = xasprintf("%s: services[%s]", here, loser->service);
		shunt_fail(err, EEXIST, where, "a service of this name is in %s%s; expected another name", there, why);
	}
	free(where);
	free(here);
	free(there);
}

/* Who has it in force keeps it; else the main file has it before others, and of two others none. */
static int settle(struct merge *g, const struct config_claim pair[2])
{
	const struct part *parts[2] = {&g->parts[pair[0].part], &g->parts[pair[1].part]};
	bool held[2], both;

	for (int i = 0; i < 2; i++)
		held[i] = !parts[i]->changed || config_claims_held(g->m->present, parts[i]->name, &pair[!i]);
	if (!held[1] && pair[0].part == PART_MAIN)
		held[0] = true;
	both = !held[0] && !held[1];
	for (int i = 0; i < 2; i++) {
		struct shunt_err err = {0};

		if (held[i] && !(held[!i] && parts[i]->changed))
			continue;
		word_conflict(g, &pair[i], &pair[!i], both, &err);
		if (pair[i].part == PART_MAIN) {
			*g->err = err;
			return -EEXIST;
		}
		parts_refuse(g, pair[i].part, &err);
	}
	return 0;
}

/* A service in force stands where its file has it, if it has: which is looked for only now that somebody asks. */
static bool place_service(struct merge *g, size_t index)
{
	struct config_source *source = g->m->dir->source;
	const struct part *part = &g->parts[g->part_of[index]];
	const json_t *service = json_array_get(g->composed, index);
	const char *name = json_string_value(json_object_get(service, "name"));
	const json_t *origin = part->file && name ? config_file_service(part->file, name) : NULL;
	int line = config_source_line(source, origin, NULL);

	if (!line || config_source_line(source, service, NULL))
		return false;
	config_source_add(source, service, part->file->path, line);
	return true;
}

static bool valid_without(struct merge *g, size_t part)
{
	struct config *config;

	g->parts[part].changed = false;
	compose(g);
	config = config_from_json(g->root, g->m->dir->source, NULL);
	g->parts[part].changed = true;
	config_free(config);
	return config != NULL;
}

/* Nobody's service is at fault, or one that is in force: a table is too small, say. Then it is the file without which all would be well,
 * the last of those; or just the last. PART_MAIN: there is none. */
static size_t find_culprit(struct merge *g)
{
	size_t last = PART_MAIN;

	for (size_t p = g->count - 1; p > PART_MAIN; p--) {
		if (!g->parts[p].changed)
			continue;
		if (valid_without(g, p))
			return p;
		last = last ? last : p;
	}
	return last;
}

/* 1: try again. */
static int refuse_one(struct merge *g, size_t service, const struct shunt_err *err)
{
	size_t part = service == SIZE_MAX ? PART_MAIN : g->part_of[service];

	if (service != SIZE_MAX && part == PART_MAIN && g->parts[PART_MAIN].changed) {
		*g->err = *err;
		return -EINVAL;
	}
	if (part == PART_MAIN || !g->parts[part].changed)
		part = find_culprit(g);
	if (part == PART_MAIN) {
		*g->err = *err;
		return -EINVAL;
	}
	parts_refuse(g, part, err);
	return 1;
}

/* Services that would go and may not: their files are refused. 1: some were. */
static int guard(struct merge *g)
{
	const struct config *present = g->m->present;
	struct config_names *names = config_names_new(g->m->next);
	bool *blocked = xcalloc(g->count, sizeof(*blocked));
	int rc = 0;

	for (size_t i = 0; present && g->m->may_go && i < present->service_count && rc >= 0; i++) {
		const struct config_service *was = &present->services[i];
		size_t part = parts_find(g, was->file) - g->parts;
		struct shunt_err err = {0};
		char *where;

		if (config_names_find(names, was->name) || !g->m->may_go(g->m->arg, was->name, &err))
			continue;
		where = xasprintf("%s: %s", parts_path(g, part), err.where);
		shunt_fail(&err, err.code, where, "%s", err.what);
		free(where);
		if (part == PART_MAIN) {
			*g->err = err;
			rc = -err.code;
			break;
		}
		config_add_fault(g->m->refused, parts_path(g, part), &err);
		blocked[part] = true;
		rc = 1;
	}
	for (size_t p = 0; p < g->count; p++)
		g->parts[p].changed = g->parts[p].changed && !blocked[p];
	free(blocked);
	free(names);
	return rc;
}

/* Each round refuses one file at least. */
static int join(struct merge *g)
{
	struct config_claim pair[2];
	int again = 1;

	while (again > 0) {
		struct shunt_err err = {0};
		size_t service;

		compose(g);
		if (config_claims_conflict(g->composed, g->part_of, pair)) {
			if (settle(g, pair))
				return -EEXIST;
			continue;
		}
		config_free(g->m->next);
		g->m->next = config_from_json_blame(g->root, g->m->dir->source, &service, &err);
		if (!g->m->next && service != SIZE_MAX && place_service(g, service))
			continue;
		again = g->m->next ? guard(g) : refuse_one(g, service, &err);
	}
	return again;
}

static void sort_services(struct merge *g)
{
	struct config *next = g->m->next;
	struct config_service *sorted = xcalloc(next->service_count, sizeof(*sorted));
	size_t n = 0;

	for (size_t p = 0; p < g->count; p++)
		for (size_t i = 0; i < next->service_count; i++)
			if (g->part_of[i] == p)
				sorted[n++] = next->services[i];
	free(next->services);
	next->services = sorted;
}

static void answer(struct merge *g)
{
	struct config_merge *m = g->m;

	sort_services(g);
	if (m->present)
		config_carry_admin(m->next, m->present);
	for (size_t p = PART_MAIN + 1; p < g->count; p++) {
		const struct part *part = &g->parts[p];
		json_t *before = json_object_get(m->hashes, part->name);

		if (part->changed && part->file)
			json_object_set_new(m->next_hashes, part->name, json_string(part->hash));
		else if (!part->changed && before)
			json_object_set(m->next_hashes, part->name, before);
	}
}

int config_merge(struct config_merge *m, struct shunt_err *err)
{
	struct merge g = {.m = m, .err = err};
	int rc;

	m->next = NULL;
	m->next_hashes = json_object();
	m->refused = json_array();
	rc = parts_take(&g);
	if (!rc)
		rc = join(&g);
	if (!rc) {
		answer(&g);
	} else {
		config_free(m->next);
		m->next = NULL;
	}
	json_decref(g.root);
	json_decref(g.composed);
	free(g.part_of);
	parts_release(&g);
	return rc;
}
