/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which sources a service takes packets from, and for which pool: prefixes that are allowed, denied or sent to a pool, of which the
 * longest that has the source decides. A list may be of 100,000 prefixes, so it is one sorted array that configurations and models share.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

static const char *const action_keys[] = {[CONFIG_SOURCE_DENY] = "deny", [CONFIG_SOURCE_ALLOW] = "allow"};

/* A rule as it is read, and where it stood. */
struct read_rule {
	struct config_source_rule rule;
	size_t index;
};

/* All of a service's, as they are read. */
struct read_rules {
	const struct tree_place *at; /* sources */
	struct read_rule *rules;
	size_t count;
	struct config_source_pool *pools;
	size_t pool_count;
	bool has_shares; /* then the default pool is one like others */
};

static int parse_source_prefix(const struct tree_place *at, void *out)
{
	struct shunt_prefix *prefix = out;
	const char *text = json_string_value(at->value);
	int rc = text ? prefix_parse(text, prefix) : -EINVAL;

	if (json_object_get(at->value, "file"))
		return tree_fail(at, "a file; expected a prefix such as 10.8.0.0/16: files are read with a "
				     "configuration file, by the daemon or by `shunt apply`, not here");
	if (rc == -ERANGE)
		return tree_fail(at, "\"%s\" has bits set behind the prefix's length; expected them to be 0", text);
	if (rc && text && !addr_parse(text, &prefix->addr)) {
		prefix->len = prefix->addr.family == SHUNT_FAMILY_IPV4 ? 32 : 128;
		rc = 0;
	}
	if (rc)
		return tree_refuse(at, "a prefix", "such as 10.8.0.0/16, 2001:db8::/32, or an address");
	return 0;
}

static int compare_rules(const void *a, const void *b)
{
	const struct read_rule *x = a, *y = b;
	int order = addr_compare(&x->rule.prefix.addr, &y->rule.prefix.addr);

	if (!order)
		order = (int)x->rule.prefix.len - (int)y->rule.prefix.len;
	if (!order) /* of two that are equal, deny is written last */
		order = (int)y->rule.action - (int)x->rule.action;
	if (!order)
		order = (int)x->rule.pool - (int)y->rule.pool;
	return order ? order : (x->index < y->index ? -1 : x->index > y->index);
}

static int refuse_twice(const struct read_rules *read, const struct read_rule *first, const struct read_rule *second)
{
	const struct config_source_rule *a = &first->rule, *b = &second->rule;
	bool in_pool = b->action == CONFIG_SOURCE_POOL;
	struct tree_place pools = tree_member(read->at, "pools");
	struct tree_place list = in_pool ? tree_member(&pools, read->pools[b->pool].name)
					 : tree_member(read->at, action_keys[b->action]);
	struct tree_place at = tree_element(&list, second->index);

	if (a->action == b->action && a->pool == b->pool)
		return tree_fail(&at, "listed twice; expected each prefix once");
	if (a->action != CONFIG_SOURCE_POOL)
		return tree_fail(&at, "allowed and denied; expected each prefix once");
	return tree_fail(&at, "sent to pool \"%s\" as well; expected each prefix once", read->pools[a->pool].name);
}

static bool same_prefix(const struct shunt_prefix *a, const struct shunt_prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

/* Sorted, into a list of their own, which takes the pools over. */
static int make_list(struct read_rules *read, const struct config_sources **out)
{
	struct config_sources *list;

	qsort(read->rules, read->count, sizeof(*read->rules), compare_rules);
	for (size_t i = 1; i < read->count; i++)
		if (same_prefix(&read->rules[i - 1].rule.prefix, &read->rules[i].rule.prefix))
			return refuse_twice(read, &read->rules[i - 1], &read->rules[i]);
	list = xcalloc(1, sizeof(*list) + read->count * sizeof(list->rules[0]));
	list->holders = 1;
	list->count = read->count;
	for (size_t i = 0; i < read->count; i++) {
		list->rules[i] = read->rules[i].rule;
		list->counts[list->rules[i].action]++;
	}
	list->pools = read->pools;
	list->pool_count = read->pool_count;
	read->pools = NULL;
	*out = list;
	return 0;
}

/* The list that is the member key of at. */
static int read_list(struct read_rules *read, const struct tree_place *at, const char *key,
		     enum config_source_action action, uint32_t pool, size_t *count)
{
	struct shunt_prefix *prefixes = NULL;
	int rc;

	*count = 0;
	rc = tree_list(at, key, 0, "prefixes such as 10.8.0.0/16", sizeof(*prefixes), parse_source_prefix, &prefixes,
		       count);
	read->rules = xreallocarray(read->rules, read->count + *count + 1, sizeof(*read->rules));
	for (size_t i = 0; !rc && i < *count; i++)
		read->rules[read->count++] = (struct read_rule){{prefixes[i], action, pool}, i};
	free(prefixes);
	return rc;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_pool(struct read_rules *read, const struct tree_place *pools, const char *name)
{
	struct config_source_pool *pool = &read->pools[read->pool_count];
	struct tree_place at = tree_member(pools, name);

	if (!strcmp(name, CONFIG_POOL_DEFAULT) && !read->has_shares)
		return tree_fail(&at,
				 "the default pool is where sources go that are in no list, or in that of `allow`");
	if (!config_is_name(name, sizeof(pool->name)))
		return tree_fail(&at, "not a pool's name; expected " CONFIG_POOL_WORDS);
	strcpy(pool->name, name);
	if (read_list(read, pools, name, CONFIG_SOURCE_POOL, read->pool_count, &pool->count))
		return -EINVAL;
	read->pool_count += pool->count > 0; /* a list of nothing is none */
	return 0;
}

/* In the order of their names, so that equal lists have equal pools. */
static int read_pools(struct read_rules *read)
{
	struct tree_place pools = tree_member(read->at, "pools");
	size_t count = json_object_size(pools.value), n = 0;
	const char **names, *key;
	json_t *value;
	int rc = 0;

	if (!pools.value)
		return 0;
	if (!json_is_object(pools.value))
		return tree_refuse(&pools, "a mapping", "names of pools, each with a list of prefixes");
	names = xcalloc(count, sizeof(*names));
	read->pools = xcalloc(count + 1, sizeof(*read->pools)); /* one more, for a list of nothing */
	json_object_foreach ((json_t *)pools.value, key, value)
		names[n++] = key;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; !rc && i < count; i++)
		rc = read_pool(read, &pools, names[i]);
	free(names);
	return rc;
}

int config_parse_sources(const struct tree_place *service, const struct config_sources **out)
{
	static const char *const keys[] = {"allow", "deny", "pools", NULL};
	struct tree_place at = tree_member(service, "sources");
	struct read_rules read = {.at = &at, .has_shares = tree_member(service, "pools").value};
	size_t count;
	int rc;

	if (!at.value)
		return 0;
	rc = tree_object(&at, keys);
	for (int action = 0; !rc && action < CONFIG_SOURCE_POOL; action++)
		rc = read_list(&read, &at, action_keys[action], action, 0, &count);
	if (!rc)
		rc = read_pools(&read);
	if (!rc && read.count)
		rc = make_list(&read, out);
	free(read.pools);
	free(read.rules);
	return rc;
}

json_t *config_sources_to_json(const struct config_sources *sources)
{
	json_t *object = json_object(), *pools = json_object();
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < sources->pool_count; i++)
		json_object_set_new(pools, sources->pools[i].name, json_array());
	for (size_t i = 0; i < sources->count; i++) {
		const struct config_source_rule *rule = &sources->rules[i];
		bool in_pool = rule->action == CONFIG_SOURCE_POOL;
		const char *key = in_pool ? sources->pools[rule->pool].name : action_keys[rule->action];
		json_t *list = json_object_get(in_pool ? pools : object, key);

		if (!list) {
			list = json_array();
			json_object_set_new(object, key, list);
		}
		json_array_append_new(list, json_string(prefix_format(&rule->prefix, text)));
	}
	if (sources->pool_count)
		json_object_set(object, "pools", pools);
	json_decref(pools);
	return object;
}

/* What is const of a list is what it says; who holds it is not of that. */
const struct config_sources *config_sources_hold(const struct config_sources *sources)
{
	if (sources)
		((struct config_sources *)sources)->holders++;
	return sources;
}

void config_sources_release(const struct config_sources *sources)
{
	if (!sources || --((struct config_sources *)sources)->holders)
		return;
	free(sources->pools);
	free((struct config_sources *)sources);
}

static bool same_rule(const struct config_source_rule *a, const struct config_source_rule *b)
{
	return a->action == b->action && a->pool == b->pool && same_prefix(&a->prefix, &b->prefix);
}

bool config_sources_equal(const struct config_sources *a, const struct config_sources *b)
{
	if (a == b || !a || !b)
		return a == b;
	if (a->count != b->count || a->pool_count != b->pool_count)
		return false;
	for (size_t i = 0; i < a->pool_count; i++)
		if (strcmp(a->pools[i].name, b->pools[i].name) != 0)
			return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_rule(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

size_t config_sources_pools(const struct config_sources *sources)
{
	return sources ? sources->pool_count : 0;
}
