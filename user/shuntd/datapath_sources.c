/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Source lists. A list is written before any VIP leads to it and is freed once no packet can be at it, so what is in force never
 * changes: a packet is judged by the old list or by the new one. Which entries are in use is told by the VIPs in force alone;
 * all others, whoever left them, are found by reading the map and freed.
 *
 * Entries go in and out in batches: a list of 100,000 prefixes takes tens of system calls, not 100,000.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "datapath_priv.h"

#define BATCH 4096
#define DEFAULTS 2 /* entries of a service besides its prefixes: what no prefix has, of each family */

struct entries {
	struct shunt_source_key *keys;
	uint32_t *values;
	size_t count, room;
};

static void entries_add(struct entries *e, const struct shunt_source_key *key, uint32_t value)
{
	if (e->count == e->room) {
		e->room = e->room ? 2 * e->room : BATCH;
		e->keys = xreallocarray(e->keys, e->room, sizeof(*e->keys));
		e->values = xreallocarray(e->values, e->room, sizeof(*e->values));
	}
	e->keys[e->count] = *key;
	e->values[e->count++] = value;
}

static void entries_release(struct entries *e)
{
	free(e->keys);
	free(e->values);
}

/* Twice the limit: while a list is replaced, both are there. The kernel makes room for entries only as they come. */
uint32_t datapath_source_entries(const struct config_limits *limits)
{
	return 2 * (limits->sources + DEFAULTS * limits->services);
}

/* All that the map has. */
static int read_entries(int fd, struct entries *out)
{
	struct shunt_source_key *keys = xcalloc(BATCH, sizeof(*keys)), at;
	uint32_t *values = xcalloc(BATCH, sizeof(*values)), count;
	void *from = NULL;
	int rc;

	do {
		count = BATCH;
		rc = bpf_map_lookup_batch(fd, from, &at, keys, values, &count, NULL);
		if (rc && rc != -ENOENT)
			break;
		for (uint32_t i = 0; i < count; i++)
			entries_add(out, &keys[i], values[i]);
		from = &at;
	} while (!rc);
	free(keys);
	free(values);
	return rc == -ENOENT ? 0 : rc;
}

static int write_entries(int fd, const struct entries *e)
{
	for (size_t done = 0; done < e->count;) {
		uint32_t count = e->count - done < BATCH ? e->count - done : BATCH;
		int rc = bpf_map_update_batch(fd, e->keys + done, e->values + done, &count, NULL);

		if (rc)
			return rc;
		done += count;
	}
	return 0;
}

static int delete_entries(int fd, const struct entries *e)
{
	for (size_t done = 0; done < e->count;) {
		uint32_t count = e->count - done < BATCH ? e->count - done : BATCH;
		int rc = bpf_map_delete_batch(fd, e->keys + done, &count, NULL);

		if (rc)
			return rc;
		done += count;
	}
	return 0;
}

int datapath_open_sources(struct datapath *dp, struct shunt_err *err)
{
	struct entries all = {NULL};
	int rc = read_entries(dp->fds.sources, &all);

	dp->lists = xcalloc(dp->control->services, sizeof(*dp->lists));
	dp->next_list = 1;
	for (size_t i = 0; i < all.count; i++)
		if (all.keys[i].list >= dp->next_list)
			dp->next_list = (all.keys[i].list | 1) + 2;
	dp->stale_lists = all.count > 0;
	entries_release(&all);
	return rc ? shunt_fail(err, -rc, "shunt_sources", "cannot be read: %s", strerror(-rc)) : 0;
}

static uint32_t value_of(const struct config_source_rule *rule, const struct plan_service *service)
{
	if (rule->action == CONFIG_SOURCE_POOL)
		return SHUNT_SOURCE_RING + service->pools[rule->pool].base;
	return rule->action == CONFIG_SOURCE_ALLOW ? SHUNT_SOURCE_ALLOW : SHUNT_SOURCE_DENY;
}

static void list_entries(struct entries *e, const struct config_sources *rules, const struct plan_service *service)
{
	uint32_t list = service->list;
	uint32_t otherwise = rules->counts[CONFIG_SOURCE_ALLOW] ? SHUNT_SOURCE_DENY : SHUNT_SOURCE_ALLOW;

	/* First, so that a prefix of length 0, if there is one, has the last word. */
	for (uint32_t family = 0; family < DEFAULTS; family++)
		entries_add(e, &(struct shunt_source_key){.prefix_len = 32, .list = list + family}, otherwise);
	for (size_t i = 0; i < rules->count; i++) {
		const struct config_source_rule *rule = &rules->rules[i];
		struct shunt_source_key key = {
			.prefix_len = 32 + rule->prefix.len,
			.list = list + (rule->prefix.addr.family == SHUNT_FAMILY_IPV6),
		};

		memcpy(key.addr, rule->prefix.addr.word, sizeof(key.addr));
		entries_add(e, &key, value_of(rule, service));
	}
}

int datapath_write_sources(struct datapath *dp, const struct plan *plan, const struct model *model,
			   struct shunt_err *err)
{
	struct entries e = {NULL};
	int rc;

	for (size_t i = 0; i < model->service_count; i++) {
		const struct plan_service *service = &plan->services[i];

		if (!service->writes_list)
			continue;
		list_entries(&e, model->services[i].sources, service);
		dp->next_list = service->list + 2;
	}
	rc = write_entries(dp->fds.sources, &e);
	if (rc) {
		dp->stale_lists = true;
		datapath_free_sources(dp);
		shunt_fail(err, -rc, "limits.sources", "%zu source prefixes cannot be written: %s", e.count,
			   strerror(-rc));
	}
	entries_release(&e);
	return rc;
}

void datapath_note_sources(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	struct written_sources *lists = xcalloc(dp->control->services, sizeof(*lists));

	for (size_t i = 0; i < model->service_count; i++) {
		const struct plan_service *service = &plan->services[i];
		const struct config_sources *rules = config_sources_hold(model->services[i].sources);

		lists[service->id] = (struct written_sources){rules, service->list};
	}
	for (uint32_t id = 0; id < dp->control->services; id++)
		if (dp->lists[id].list && dp->lists[id].list != lists[id].list)
			dp->stale_lists = true;
	datapath_forget_sources(dp);
	dp->lists = lists;
}

static int compare_lists(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Those of all that are of none of the lists in force. */
static void pick_stale(const struct datapath *dp, struct entries *all)
{
	uint32_t *used = xcalloc(dp->control->services + 1, sizeof(*used)), list;
	size_t count = 0, kept = 0;

	for (uint32_t id = 0; id < dp->control->services; id++)
		if (dp->lists[id].list)
			used[count++] = dp->lists[id].list;
	qsort(used, count, sizeof(*used), compare_lists);
	for (size_t i = 0; i < all->count; i++) {
		list = (all->keys[i].list - 1) / 2 * 2 + 1; /* a service's first list is odd */
		if (!bsearch(&list, used, count, sizeof(*used), compare_lists))
			all->keys[kept++] = all->keys[i];
	}
	all->count = kept;
	free(used);
}

int datapath_free_sources(struct datapath *dp)
{
	struct entries all = {NULL};
	int rc;

	if (!dp->stale_lists)
		return 0;
	rc = datapath_wait(dp);
	if (!rc)
		rc = read_entries(dp->fds.sources, &all);
	if (!rc) {
		pick_stale(dp, &all);
		rc = delete_entries(dp->fds.sources, &all);
	}
	entries_release(&all);
	dp->stale_lists = rc != 0;
	return rc;
}

void datapath_forget_sources(struct datapath *dp)
{
	for (uint32_t id = 0; dp->lists && id < dp->control->services; id++)
		config_sources_release(dp->lists[id].rules);
	free(dp->lists);
	dp->lists = NULL;
}
