/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Groups: what services of several files, or of several teams, share. A group says where the VIPs of its services may be, and what
 * their members are where they do not say.
 *
 * Its defaults are put into the tree of a service before that is read, so they are read by the same code and refused in the same words,
 * with the line where the group has them. From then on they are the service's own: everything is written out in the canonical form. A
 * member that a service of a group does without, though the group has it, is null there, so that reading it again does not fill it in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "suggest.h"
#include "xalloc.h"
#include "yaml.h"

/* What makes a service the one that it is, and is not for a group to say. */
static bool is_own(const char *key)
{
	static const char *const own[] = {"name", "vips", "group", "file", "backends", "registration", "discover"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(own[i], key))
			return true;
	return false;
}

static int parse_group_vip(const struct tree_place *at, void *out)
{
	struct shunt_prefix *prefix = out;
	const char *text = json_string_value(at->value);
	int rc = text ? prefix_parse(text, prefix) : -EINVAL;

	if (rc == -ERANGE)
		return tree_fail(at, "\"%s\" has bits set behind the prefix's length; expected them to be 0", text);
	if (rc && text && !addr_parse(text, &prefix->addr)) {
		prefix->len = addr_bits(&prefix->addr);
		rc = 0;
	}
	return rc ? tree_refuse(at, "a prefix or an address", "such as 192.0.2.0/26, 2001:db8:1::/64 or 192.0.2.10")
		  : 0;
}

static int parse_defaults(const struct tree_place *group, struct config_group *out)
{
	struct tree_place defaults = tree_member(group, "defaults");
	const char *key;
	json_t *value;

	if (!defaults.value)
		return 0;
	if (tree_object(&defaults, config_service_keys))
		return -EINVAL;
	json_object_foreach ((json_t *)defaults.value, key, value) {
		struct tree_place member = tree_member(&defaults, key);

		if (is_own(key))
			return tree_fail(&member,
					 "each service's own; expected what services can share, such as check");
		if (json_is_null(value))
			return tree_refuse(&member, "a default",
					   "what services of the group have where they do not say");
	}
	out->defaults = json_deep_copy(defaults.value);
	return 0;
}

static int parse_group(const struct tree_place *groups, const char *name, struct config_group *group)
{
	static const char *const keys[] = {"vips", "defaults", NULL};
	struct tree_place at = tree_member(groups, name);

	if (!config_is_name(name, sizeof(group->name)))
		return tree_fail(&at, "not a group's name; expected 1 to 63 letters, digits, '-', '_' or '.', a letter "
				      "or digit first");
	strcpy(group->name, name);
	if (tree_object(&at, keys) || tree_list(&at, "vips", 0, "prefixes and addresses such as 192.0.2.0/26",
						sizeof(*group->vips), parse_group_vip, &group->vips, &group->vip_count))
		return -EINVAL;
	return parse_defaults(&at, group);
}

static int compare_groups(const void *a, const void *b)
{
	return strcmp(((const struct config_group *)a)->name, ((const struct config_group *)b)->name);
}

/* false: none. */
static int parse_services_dir(const struct tree_place *root, struct config *config)
{
	struct tree_place at = tree_member(root, "services_dir");
	const char *path = json_string_value(at.value);

	if (!at.value)
		return 0;
	if (json_is_false(at.value))
		path = "";
	else if (!path || !*path)
		return tree_refuse(&at, "a directory",
				   "its path, relative to this file's directory or from /; or false");
	config->services_dir = strcmp(path, CONFIG_SERVICES_DIR) ? xstrdup(path) : NULL;
	return 0;
}

int config_parse_groups(const struct tree_place *root, struct config *config)
{
	struct tree_place groups = tree_member(root, "groups");
	unsigned int ungrouped = CONFIG_UNGROUPED_ANY;
	const char *name;
	json_t *value;

	if (parse_services_dir(root, config) || tree_word(root, "ungrouped", config_ungrouped_words, &ungrouped))
		return -EINVAL;
	config->ungrouped = ungrouped;
	if (!groups.value)
		return 0;
	if (!json_is_object(groups.value))
		return tree_refuse(&groups, "a mapping", "names of groups, each with vips, defaults or both");
	config->groups = xcalloc(json_object_size(groups.value) + 1, sizeof(*config->groups));
	json_object_foreach ((json_t *)groups.value, name, value)
		if (parse_group(&groups, name, &config->groups[config->group_count++]))
			return -EINVAL;
	qsort(config->groups, config->group_count, sizeof(*config->groups), compare_groups);
	return 0;
}

/* A name in the directory, not a way out of it. */
static bool is_file_name(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && len < CONFIG_FILE_MAX && name[0] != '.' && !strchr(name, '/') &&
	       !strcmp(name + len - 5, ".yaml");
}

int config_parse_owner(const struct tree_place *service, struct config_service *out)
{
	struct tree_place group = tree_member(service, "group"), file = tree_member(service, "file");
	const char *name = json_string_value(group.value), *owner = json_string_value(file.value);

	if (group.value && (!name || !config_is_name(name, sizeof(out->group))))
		return tree_refuse(&group, "a group's name", "one of `groups`");
	if (file.value && (!owner || !is_file_name(owner)))
		return tree_refuse(&file, "a file", "the name of one in the directory of services, such as web.yaml");
	strcpy(out->group, name ? name : "");
	strcpy(out->file, owner ? owner : "");
	return 0;
}

/* Members of a check that stays of its type join those it has. */
static void fill_in_check(json_t *check, json_t *defaults)
{
	const json_t *type = json_object_get(check, "type");
	const char *key;
	json_t *value;

	if (!json_is_object(check) || !json_is_object(defaults) ||
	    (type && !json_equal(type, json_object_get(defaults, "type"))))
		return;
	json_object_foreach (defaults, key, value)
		if (!json_object_get(check, key))
			json_object_set(check, key, value);
}

/* Whose pools sleep by themselves has said all of it. */
static void fill_in_demand(json_t *demand, json_t *defaults)
{
	const char *key;
	json_t *value;

	if (!json_is_object(demand) || !json_is_object(defaults) || json_object_get(demand, "pools") ||
	    json_object_get(defaults, "pools"))
		return;
	json_object_foreach (defaults, key, value)
		if (!json_object_get(demand, key))
			json_object_set(demand, key, value);
}

void config_fill_in(json_t *root)
{
	const json_t *groups = json_object_get(root, "groups");
	json_t *service, *value;
	const char *key;
	size_t i;

	json_array_foreach (json_object_get(root, "services"), i, service) {
		const char *name = json_string_value(json_object_get(service, "group"));
		json_t *defaults = name ? json_object_get(json_object_get(groups, name), "defaults") : NULL;

		json_object_foreach (defaults, key, value) {
			json_t *own = json_object_get(service, key);

			if (!own && !is_own(key))
				json_object_set(service, key, value);
			else if (!strcmp(key, "check"))
				fill_in_check(own, value);
			else if (!strcmp(key, "on_demand"))
				fill_in_demand(own, value);
		}
	}
}

static bool is_within(const struct config_vip *vip, const struct shunt_prefix *prefix)
{
	return vip_len(vip) >= prefix->len && prefix_contains(prefix, &vip->addr);
}

static bool overlaps(const struct config_vip *vip, const struct shunt_prefix *prefix)
{
	const struct shunt_prefix other = {vip->addr, vip_len(vip)};

	return is_within(vip, prefix) || (other.len < prefix->len && prefix_contains(&other, &prefix->addr));
}

static bool may_use(const struct config_group *group, const struct config_vip *vip)
{
	for (size_t i = 0; i < group->vip_count; i++)
		if (is_within(vip, &group->vips[i]))
			return true;
	return !group->vip_count;
}

/* The group that has an address of vip; NULL: none. */
static const struct config_group *group_of(const struct config *config, const struct config_vip *vip)
{
	for (size_t i = 0; i < config->group_count; i++)
		for (size_t j = 0; j < config->groups[i].vip_count; j++)
			if (overlaps(vip, &config->groups[i].vips[j]))
				return &config->groups[i];
	return NULL;
}

static char *prefixes_text(const struct config_group *group)
{
	char text[SHUNT_ADDR_TEXT], *all = xstrdup("");

	for (size_t i = 0; i < group->vip_count; i++) {
		char *longer = xasprintf("%s%s%s", all, i ? ", " : "", prefix_format(&group->vips[i], text));

		free(all);
		all = longer;
	}
	return all;
}

static int refuse_outside(const struct tree_place *vip, const struct config_group *group)
{
	char *text = prefixes_text(group);
	int rc = tree_fail(vip, "not for services of group \"%s\"; expected a VIP in %s", group->name, text);

	free(text);
	return rc;
}

static int check_vips(const struct config *config, const struct tree_place *at, const struct config_service *service,
		      const struct config_group *group)
{
	struct tree_place list = tree_member(at, "vips");

	for (size_t i = 0; i < service->vip_count; i++) {
		struct tree_place vip = tree_element(&list, i);
		const struct config_group *other;

		if (group && !may_use(group, &service->vips[i]))
			return refuse_outside(&vip, group);
		other = !group && config->ungrouped == CONFIG_UNGROUPED_OTHERS ? group_of(config, &service->vips[i])
									       : NULL;
		if (other)
			return tree_fail(&vip, "for services of group \"%s\"; expected `group: %s`, or another address",
					 other->name, other->name);
	}
	return 0;
}

static int refuse_group(const struct config *config, const struct tree_place *at, const char *name)
{
	struct tree_place group = tree_member(at, "group");
	struct suggest near = {.word = name};
	char text[SUGGEST_TEXT];

	for (size_t i = 0; i < config->group_count; i++)
		suggest_offer(&near, config->groups[i].name);
	return tree_fail(&group, "no group \"%s\"%s; expected one that the main file has under `groups`", name,
			 suggest_text(&near, text));
}

int config_check_groups(const struct config *config, const struct tree_place *root)
{
	struct tree_place services = tree_member(root, "services");

	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];
		const struct config_group *group = config_find_group(config, service->group);
		struct tree_place at = tree_element(&services, i);

		if (service->group[0] && !group)
			return refuse_group(config, &at, service->group);
		if (!group && config->ungrouped == CONFIG_UNGROUPED_NONE)
			return tree_fail(
				&at, "in no group; expected a `group` of the main file's, which has `ungrouped: none`");
		if (check_vips(config, &at, service, group))
			return -EINVAL;
	}
	return 0;
}

static json_t *group_to_json(const struct config_group *group)
{
	json_t *object = json_object(), *vips = json_array();
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < group->vip_count; i++) {
		const struct shunt_prefix *prefix = &group->vips[i];
		bool is_addr = prefix->len == addr_bits(&prefix->addr);

		json_array_append_new(
			vips, json_string(is_addr ? addr_format(&prefix->addr, text) : prefix_format(prefix, text)));
	}
	if (group->vip_count)
		json_object_set(object, "vips", vips);
	if (group->defaults)
		json_object_set_new(object, "defaults", json_deep_copy(group->defaults));
	json_decref(vips);
	return object;
}

void config_nulls_to_json(const struct config *config, json_t *services)
{
	const char *key;
	json_t *value;

	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_group *group = config_find_group(config, config->services[i].group);
		json_t *service = json_array_get(services, i);

		json_object_foreach (group ? group->defaults : NULL, key, value)
			if (!json_object_get(service, key))
				json_object_set_new(service, key, json_null());
	}
}

void config_groups_to_json(const struct config *config, json_t *root)
{
	json_t *groups = json_object();

	if (config->services_dir)
		json_object_set_new(root, "services_dir",
				    config->services_dir[0] ? json_string(config->services_dir) : json_false());
	for (size_t i = 0; i < config->group_count; i++)
		json_object_set_new(groups, config->groups[i].name, group_to_json(&config->groups[i]));
	if (config->group_count)
		json_object_set(root, "groups", groups);
	json_decref(groups);
	if (config->ungrouped != CONFIG_UNGROUPED_ANY)
		json_object_set_new(root, "ungrouped", json_string(config_ungrouped_name(config->ungrouped)));
}

void config_groups_copy(struct config *to, const struct config *from)
{
	to->services_dir = from->services_dir ? xstrdup(from->services_dir) : NULL;
	to->groups = xcalloc(from->group_count + 1, sizeof(*to->groups));
	for (size_t i = 0; i < from->group_count; i++) {
		struct config_group *group = &to->groups[i];

		*group = from->groups[i];
		group->vips = xcalloc(group->vip_count + 1, sizeof(*group->vips));
		if (group->vip_count)
			memcpy(group->vips, from->groups[i].vips, group->vip_count * sizeof(*group->vips));
		group->defaults = json_deep_copy(group->defaults);
	}
}

void config_groups_free(struct config *config)
{
	for (size_t i = 0; i < config->group_count; i++) {
		free(config->groups[i].vips);
		json_decref(config->groups[i].defaults);
	}
	free(config->groups);
	free(config->services_dir);
}
