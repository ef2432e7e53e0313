/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The effective configuration. All that was discovered is added at once, since nearly always all of it is well; if
 * the whole is refused, by halves, down to those at fault, so that one of them costs the logarithm of all and no
 * more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/config_found.h"
#include "../lib/xalloc.h"
#include "discovery_priv.h"
#include "events.h"

/* A source may be wrong from one end to the other, and packets wait while it is looked at: behind so many refusals
 * nobody new is let in. */
#define REFUSALS_MAX 64

struct candidate {
	struct group *group;
	struct found *found;
	size_t service, order;
	bool taken;
	char *refused;
};

struct join {
	struct config *config;
	struct candidate *list;
	size_t count;
	unsigned int refusals;
	char *last; /* why the last one was refused */
};

/* Of one address of a service, whose it is, then who came first. */
static int by_address(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = x->service < y->service ? -1 : x->service > y->service;

	if (!order)
		order = addr_compare(&x->found->backend.addr, &y->found->backend.addr);
	if (!order && x->found->used != y->found->used)
		order = x->found->used ? -1 : 1;
	return order ? order : x->order < y->order ? -1 : 1;
}

/* Those in force come first: they have their places, and who comes is to find one. */
static int by_right(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->found->used != y->found->used)
		return x->found->used ? -1 : 1;
	return by_address(a, b);
}

static void collect(struct join *join, const struct discovery *discovery)
{
	size_t room = 0;

	for (const struct group *group = discovery->groups; group; group = group->next)
		room += group->count;
	join->list = xcalloc(room + 1, sizeof(*join->list));
	for (struct group *group = discovery->groups; group; group = group->next) {
		if (!group_is_wanted(group, join->config))
			continue;
		for (size_t i = 0; i < group->count; i++, join->count++)
			join->list[join->count] = (struct candidate){
				.group = group,
				.found = &group->found[i],
				.service = config_find_service(join->config, group->service) - join->config->services,
				.order = join->count,
			};
	}
}

static int compare_address(const void *a, const void *b)
{
	return addr_compare(*(const struct shunt_addr *const *)a, *(const struct shunt_addr *const *)b);
}

/* The addresses that a service is configured with, sorted; how many. */
static size_t configured(const struct config_service *service, const struct shunt_addr ***out)
{
	const struct shunt_addr **addrs = xcalloc(service->backend_count + 1, sizeof(*addrs));

	for (size_t i = 0; i < service->backend_count; i++)
		addrs[i] = &service->backends[i].addr;
	qsort(addrs, service->backend_count, sizeof(*addrs), compare_address);
	*out = addrs;
	return service->backend_count;
}

/* Leave out whom the configuration has, and all but one of each address. */
static void leave_out_known(struct join *join)
{
	const struct shunt_addr **addrs = NULL, *before = NULL;
	size_t kept = 0, known = 0, service = SIZE_MAX;

	qsort(join->list, join->count, sizeof(*join->list), by_address);
	for (size_t i = 0; i < join->count; i++) {
		const struct candidate at = join->list[i];
		const struct shunt_addr *addr = &at.found->backend.addr;

		if (at.service != service) {
			free(addrs);
			known = configured(&join->config->services[at.service], &addrs);
			before = NULL;
		}
		if (!(before && addr_equal(before, addr)) &&
		    !bsearch(&addr, addrs, known, sizeof(*addrs), compare_address))
			join->list[kept++] = at;
		before = addr;
		service = at.service;
	}
	free(addrs);
	join->count = kept;
	qsort(join->list, join->count, sizeof(*join->list), by_right);
}

static int add(struct join *join, struct candidate *from, size_t count, struct shunt_err *err)
{
	struct config_found *found = xcalloc(count + 1, sizeof(*found));
	int ret;

	for (size_t i = 0; i < count; i++)
		found[i] = (struct config_found){from[i].service, &from[i].found->backend};
	ret = config_add_found(join->config, found, count, err);
	free(found);
	return ret;
}

static void refuse(struct join *join, struct candidate *candidate, const char *why)
{
	candidate->refused = xstrdup(why);
	join->refusals++;
	free(join->last);
	join->last = xstrdup(why);
}

static void take(struct join *join, struct candidate *from, size_t count)
{
	struct shunt_err err = {0};

	if (join->refusals >= REFUSALS_MAX) {
		for (size_t i = 0; i < count; i++)
			from[i].refused = xasprintf("after %d others that were refused, the last since: %s",
						    REFUSALS_MAX, join->last);
	} else if (!count || !add(join, from, count, &err)) {
		for (size_t i = 0; i < count; i++)
			from[i].taken = true;
	} else if (count == 1) {
		refuse(join, from, shunt_err_text(&err));
	} else {
		take(join, from, count / 2);
		take(join, from + count / 2, count - count / 2);
	}
}

static int compare_backends(const void *a, const void *b)
{
	return addr_compare(&((const struct config_backend *)a)->addr, &((const struct config_backend *)b)->addr);
}

/* Behind those that are configured in the order of their addresses, whatever the way was in which they came: the same
 * backends are the same configuration. */
static void sort_found(struct config *joined, const struct config *config)
{
	for (size_t i = 0; i < joined->service_count; i++) {
		struct config_service *service = &joined->services[i];
		size_t first = config->services[i].backend_count;

		if (service->backend_count > first)
			qsort(service->backends + first, service->backend_count - first, sizeof(*service->backends),
			      compare_backends);
	}
}

static char *refusal_of(const struct group *group)
{
	const struct found *first = NULL;
	char text[SHUNT_ADDR_TEXT];
	size_t refused = 0;

	for (size_t i = 0; i < group->count; i++) {
		first = first || !group->found[i].refused ? first : &group->found[i];
		refused += group->found[i].refused != NULL;
	}
	return first ? xasprintf("%zu of %zu backends are refused: %s: %s", refused, group->count,
				 addr_format(&first->backend.addr, text), first->refused)
		     : NULL;
}

static void tell_refusal(struct group *group)
{
	struct journal_event event = events_of(JOURNAL_DISCOVERY, LOG_LEVEL_WARNING, group->service, NULL);
	char *refusal = refusal_of(group), from[DISCOVERY_TEXT];

	if (refusal && (!group->refusal || strcmp(refusal, group->refusal) != 0))
		events_tell(&event, "%s: %s", group_from(group, from), refusal);
	free(group->refusal);
	group->refusal = refusal;
}

static void record_all(struct discovery *discovery, const struct join *join)
{
	for (struct group *group = discovery->groups; group; group = group->next)
		for (size_t i = 0; i < group->count; i++)
			found_clear(&group->found[i]);
	for (size_t i = 0; i < join->count; i++) {
		struct candidate *candidate = &join->list[i];

		candidate->found->used = candidate->taken;
		candidate->found->refused = candidate->refused ? xstrdup(candidate->refused) : NULL;
	}
	for (struct group *group = discovery->groups; group; group = group->next)
		tell_refusal(group);
}

struct config *discovery_join(struct discovery *discovery, const struct config *config, bool record)
{
	struct join join = {.config = config_copy(config)};

	collect(&join, discovery);
	leave_out_known(&join);
	take(&join, join.list, join.count);
	sort_found(join.config, config);
	config_share(join.config);
	if (record)
		record_all(discovery, &join);
	for (size_t i = 0; i < join.count; i++)
		free(join.list[i].refused);
	free(join.list);
	free(join.last);
	return join.config;
}
