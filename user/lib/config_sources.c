/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which sources a service takes packets from: prefixes that are allowed or denied, of which the longest that has the source
 * decides. A list may be of 100,000 prefixes, so it is one sorted array that configurations and models share.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

static const char *const action_keys[] = {[CONFIG_SOURCE_DENY] = "deny", [CONFIG_SOURCE_ALLOW] = "allow", NULL};

/* A rule as it is read, and where it stood. */
struct read_rule {
	struct config_source_rule rule;
	size_t index;
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
	return order ? order : (x->index < y->index ? -1 : x->index > y->index);
}

static int refuse_twice(const struct tree_place *sources, const struct read_rule *first, const struct read_rule *second)
{
	struct tree_place list = tree_member(sources, action_keys[second->rule.action]);
	struct tree_place at = tree_element(&list, second->index);

	if (first->rule.action == second->rule.action)
		return tree_fail(&at, "listed twice; expected each prefix once");
	return tree_fail(&at, "allowed and denied; expected each prefix once");
}

static bool same_prefix(const struct shunt_prefix *a, const struct shunt_prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

/* Sorted, into a list of their own. */
static int make_list(const struct tree_place *sources, struct read_rule *rules, size_t count,
		     const struct config_sources **out)
{
	struct config_sources *list;

	qsort(rules, count, sizeof(*rules), compare_rules);
	for (size_t i = 1; i < count; i++)
		if (same_prefix(&rules[i - 1].rule.prefix, &rules[i].rule.prefix))
			return refuse_twice(sources, &rules[i - 1], &rules[i]);
	list = xcalloc(1, sizeof(*list) + count * sizeof(list->rules[0]));
	list->holders = 1;
	list->count = count;
	for (size_t i = 0; i < count; i++) {
		list->rules[i] = rules[i].rule;
		list->counts[rules[i].rule.action]++;
	}
	*out = list;
	return 0;
}

int config_parse_sources(const struct tree_place *service, const struct config_sources **out)
{
	static const char *const keys[] = {"allow", "deny", NULL};
	struct tree_place at = tree_member(service, "sources");
	struct read_rule *rules = NULL;
	size_t total = 0;
	int rc = 0;

	if (!at.value)
		return 0;
	if (tree_object(&at, keys))
		return -EINVAL;
	for (int action = 0; !rc && action < CONFIG_SOURCE_ACTIONS; action++) {
		struct shunt_prefix *prefixes = NULL;
		size_t count = 0;

		rc = tree_list(&at, action_keys[action], 0, "prefixes such as 10.8.0.0/16", sizeof(*prefixes),
			       parse_source_prefix, &prefixes, &count);
		rules = xreallocarray(rules, total + count + 1, sizeof(*rules));
		for (size_t i = 0; !rc && i < count; i++)
			rules[total++] = (struct read_rule){{prefixes[i], action}, i};
		free(prefixes);
	}
	if (!rc && total)
		rc = make_list(&at, rules, total, out);
	free(rules);
	return rc;
}

json_t *config_sources_to_json(const struct config_sources *sources)
{
	json_t *object = json_object();
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < sources->count; i++) {
		const struct config_source_rule *rule = &sources->rules[i];
		json_t *list = json_object_get(object, action_keys[rule->action]);

		if (!list) {
			list = json_array();
			json_object_set_new(object, action_keys[rule->action], list);
		}
		json_array_append_new(list, json_string(prefix_format(&rule->prefix, text)));
	}
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
	if (sources && --((struct config_sources *)sources)->holders == 0)
		free((struct config_sources *)sources);
}

bool config_sources_equal(const struct config_sources *a, const struct config_sources *b)
{
	if (a == b || !a || !b)
		return a == b;
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->rules[i].action != b->rules[i].action || !same_prefix(&a->rules[i].prefix, &b->rules[i].prefix))
			return false;
	return true;
}
