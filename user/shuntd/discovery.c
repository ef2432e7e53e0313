/* SPDX-License-Identifier: GPL-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/config_found.h"
#include "../lib/xalloc.h"
#include "discovery_priv.h"
#include "events.h"

struct discovery *discovery_new(void)
{
	return xcalloc(1, sizeof(struct discovery));
}

void found_clear(struct found *found)
{
	free(found->refused);
	found->refused = NULL;
	found->used = false;
}

static void free_found(struct found *found, size_t count)
{
	for (size_t i = 0; i < count; i++)
		found_clear(&found[i]);
	free(found);
}

static void group_free(struct group *group)
{
	free_found(group->found, group->count);
	free(group->service);
	free(group->text);
	free(group->item);
	free(group->problem);
	free(group->refusal);
	free(group);
}

void discovery_free(struct discovery *discovery)
{
	if (!discovery)
		return;
	for (struct group *group = discovery->groups, *next; group; group = next) {
		next = group->next;
		group_free(group);
	}
	free(discovery);
}

const char *group_from(const struct group *group, char buf[DISCOVERY_TEXT])
{
	static const char *const words[] = {"file", "dns", "srv"};

	if (group->kind == DISCOVERY_REGISTRATION)
		snprintf(buf, DISCOVERY_TEXT, "registration");
	else
		snprintf(buf, DISCOVERY_TEXT, "%s %s", words[group->kind], group->item);
	return buf;
}

static bool is_of(const struct group *group, const struct discovery_key *key)
{
	return group->kind == key->kind && !strcmp(group->service, key->service) && !strcmp(group->text, key->text);
}

/* Made behind the others, if it is not there. */
static struct group *group_of(struct discovery *discovery, const struct discovery_key *key)
{
	struct group **at = &discovery->groups;

	while (*at && (!is_of(*at, key) || strcmp((*at)->item, key->item) != 0))
		at = &(*at)->next;
	if (*at)
		return *at;
	*at = xcalloc(1, sizeof(**at));
	(*at)->kind = key->kind;
	(*at)->service = xstrdup(key->service);
	(*at)->text = xstrdup(key->text);
	(*at)->item = xstrdup(key->item);
	return *at;
}

static int compare_found(const void *a, const void *b)
{
	return addr_compare(&((const struct found *)a)->backend.addr, &((const struct found *)b)->backend.addr);
}

/* They are sorted. */
struct found *group_find(const struct group *group, const struct shunt_addr *addr)
{
	const struct found key = {.backend.addr = *addr};

	return group->count ? bsearch(&key, group->found, group->count, sizeof(key), compare_found) : NULL;
}

static bool same_backend(const struct config_backend *a, const struct config_backend *b)
{
	return addr_equal(&a->addr, &b->addr) && a->weight == b->weight && a->admin == b->admin &&
	       !strcmp(a->pool, b->pool);
}

bool discovery_same(const struct config *a, const struct config *b)
{
	if (a->service_count != b->service_count)
		return false;
	for (size_t i = 0; i < a->service_count; i++) {
		if (a->services[i].backend_count != b->services[i].backend_count)
			return false;
		for (size_t j = 0; j < a->services[i].backend_count; j++)
			if (!same_backend(&a->services[i].backends[j], &b->services[i].backends[j]))
				return false;
	}
	return true;
}

__attribute__((format(printf, 3, 4))) static void tell(const struct group *group, enum log_level level, const char *fmt,
						       ...)
{
	struct journal_event event = events_of(JOURNAL_DISCOVERY, level, group->service, NULL);
	char from[DISCOVERY_TEXT], *text;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	events_tell(&event, "%s: %s", group_from(group, from), text);
	free(text);
}

/* Registrations come and go one by one, and are told so. */
static void tell_new(const struct group *group, size_t before)
{
	if (group->kind != DISCOVERY_REGISTRATION)
		tell(group, LOG_LEVEL_INFO, "says other backends: %zu, instead of %zu", group->count, before);
}

static bool says_the_same(const struct group *group, const struct found *found, size_t count)
{
	if (group->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!same_backend(&group->found[i].backend, &found[i].backend))
			return false;
	return true;
}

static bool replace_found(struct group *group, const struct config_backend *backends, size_t count)
{
	struct found *found = xcalloc(count + 1, sizeof(*found));

	for (size_t i = 0; i < count; i++)
		found[i].backend = backends[i];
	qsort(found, count, sizeof(*found), compare_found);
	if (says_the_same(group, found, count)) {
		free(found);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct found *was = group_find(group, &found[i].backend.addr);

		found[i].used = was && was->used;
	}
	free_found(group->found, group->count);
	group->found = found;
	group->count = count;
	return true;
}

bool discovery_set(struct discovery *discovery, const struct discovery_key *key, const struct config_backend *backends,
		   size_t count)
{
	struct group *group = group_of(discovery, key);
	size_t before = group->count;
	bool changed;

	if (group->problem)
		tell(group, LOG_LEVEL_INFO, "can be used again");
	free(group->problem);
	group->problem = NULL;
	changed = replace_found(group, backends, count);
	if (changed)
		tell_new(group, before);
	return changed;
}

void discovery_fail(struct discovery *discovery, const struct discovery_key *key, const char *fmt, ...)
{
	struct group *group = group_of(discovery, key);
	va_list args;
	char *problem;

	va_start(args, fmt);
	problem = xvasprintf(fmt, args);
	va_end(args);
	if (!group->problem || strcmp(group->problem, problem) != 0)
		tell(group, LOG_LEVEL_WARNING, "nothing changes: %s", problem);
	free(group->problem);
	group->problem = problem;
}

static bool is_among(const char *item, char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(item, items[i]))
			return true;
	return false;
}

bool discovery_keep(struct discovery *discovery, const struct discovery_key *key, char *const *items, size_t count)
{
	struct group **at = &discovery->groups;
	bool changed = false;

	while (*at) {
		struct group *group = *at;

		if (!is_of(group, key) || is_among(group->item, items, count)) {
			at = &group->next;
			continue;
		}
		if (group->count)
			tell(group, LOG_LEVEL_INFO, "is gone, and its backends with it: %zu", group->count);
		changed = changed || group->count;
		*at = group->next;
		group_free(group);
	}
	return changed;
}

bool group_is_wanted(const struct group *group, const struct config *config)
{
	const struct config_service *service = config_find_service(config, group->service);

	if (!service || group->kind == DISCOVERY_REGISTRATION)
		return service && service->registration;
	for (size_t i = 0; i < service->discover_count; i++)
		if ((int)service->discover[i].kind == group->kind && !strcmp(service->discover[i].text, group->text))
			return true;
	return false;
}

void discovery_prune(struct discovery *discovery, const struct config *config)
{
	struct group **at = &discovery->groups;

	while (*at) {
		struct group *group = *at;

		if (group_is_wanted(group, config)) {
			at = &group->next;
			continue;
		}
		*at = group->next;
		group_free(group);
	}
}

const char *discovery_from(const struct discovery *discovery, const char *service, const struct shunt_addr *addr,
			   char *buf)
{
	for (const struct group *group = discovery->groups; group; group = group->next) {
		const struct found *found = strcmp(group->service, service) ? NULL : group_find(group, addr);

		if (found && found->used)
			return group_from(group, buf);
	}
	return NULL;
}

json_t *discovery_json(const struct discovery *discovery, const char *service)
{
	json_t *list = json_array();
	char from[DISCOVERY_TEXT];

	for (const struct group *group = discovery->groups; group; group = group->next) {
		size_t refused = 0;

		if (strcmp(group->service, service) != 0)
			continue;
		for (size_t i = 0; i < group->count; i++)
			refused += group->found[i].refused != NULL;
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:I, s:s?}", "from", group_from(group, from), "backends",
						(json_int_t)group->count, "refused", (json_int_t)refused, "problem",
						group->problem ? group->problem : group->refusal));
	}
	return list;
}

json_t *discovery_save(const struct discovery *discovery)
{
	json_t *groups = json_array();

	for (const struct group *group = discovery->groups; group; group = group->next) {
		json_t *backends = json_array();

		for (size_t i = 0; i < group->count; i++)
			json_array_append_new(backends, config_found_to_json(&group->found[i].backend));
		if (group->kind != DISCOVERY_REGISTRATION)
			json_array_append_new(groups,
					      json_pack("{s:s, s:s, s:s, s:s, s:O}", "service", group->service, "kind",
							config_discover_name(group->kind), "text", group->text, "item",
							group->item, "backends", backends));
		json_decref(backends);
	}
	return groups;
}

static int kind_of(const char *name)
{
	for (int kind = 0; kind < CONFIG_DISCOVER_KINDS; kind++)
		if (!strcmp(config_discover_name(kind), name))
			return kind;
	return DISCOVERY_REGISTRATION;
}

static void load_group(struct discovery *discovery, const json_t *json)
{
	struct discovery_key key;
	struct config_backend *list;
	json_t *backends, *backend;
	size_t count = 0, i;
	const char *kind;

	if (json_unpack((json_t *)json, "{s:s, s:s, s:s, s:s, s:o}", "service", &key.service, "kind", &kind, "text",
			&key.text, "item", &key.item, "backends", &backends))
		return;
	key.kind = kind_of(kind);
	if (key.kind == DISCOVERY_REGISTRATION)
		return;
	list = xcalloc(json_array_size(backends) + 1, sizeof(*list));
	json_array_foreach (backends, i, backend)
		if (!config_found_from_json(backend, &list[count], NULL))
			count++;
	replace_found(group_of(discovery, &key), list, count); /* which is no news */
	free(list);
}

void discovery_load(struct discovery *discovery, const json_t *groups)
{
	json_t *group;
	size_t i;

	json_array_foreach (groups, i, group)
		load_group(discovery, group);
}
