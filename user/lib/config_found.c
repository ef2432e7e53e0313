/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Backends that were found are read and judged by what reads and judges a configuration's: so whatever makes one of
 * these wrong makes one of those wrong, in the same words.
 */
#include "config_found.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"
#include "yaml.h"

#define WEIGHT 100

static void set_defaults(struct config_backend *out)
{
	*out = (struct config_backend){.weight = WEIGHT};
	strcpy(out->pool, CONFIG_POOL_DEFAULT);
}

/* ---- target files */

/* The place keeps saying what is in the file. */
static int parse_target(const struct tree_place *at, struct config_backend *out)
{
	static const char expected[] = "an address, and a port or none, such as 10.1.0.11:80 or [2001:db8::11]:80";
	const char *text = json_string_value(at->value), *address;
	char buf[SHUNT_ADDR_TEXT];
	struct tree_place place = *at;
	unsigned int port;
	int ret;

	if (!text || strlen(text) >= sizeof(buf))
		return tree_refuse(at, "a target", expected);
	address = config_split_port(text, buf, &port);
	if (!address || addr_parse(address, &out->addr))
		return tree_refuse(at, "a target", expected);
	if (addr_is_usable(&out->addr))
		return 0;
	place.value = json_string(address);
	ret = config_parse_address(&place, &out->addr);
	json_decref((json_t *)place.value);
	return ret;
}

/* Texts, as all labels are. */
static int parse_weight(const struct tree_place *labels, struct config_backend *out)
{
	struct tree_place weight = tree_member(labels, "__shunt_weight");
	const char *text = json_string_value(weight.value);
	unsigned int number;

	if (!weight.value)
		return 0;
	if (!text || number_parse(text, 0, 65535, &number))
		return tree_refuse(&weight, "a weight", "\"0\" to \"65535\", as a text");
	out->weight = number;
	return 0;
}

/* Labels are the user's own: what is meant for us says so. Others with our prefix are mistyped. */
static int parse_labels(const struct tree_place *group, struct config_backend *out)
{
	struct tree_place labels = tree_member(group, "labels");
	const char *key;
	json_t *value;

	if (!labels.value)
		return 0;
	if (!json_is_object(labels.value))
		return tree_refuse(&labels, "a mapping", "labels, such as {\"__shunt_weight\": \"50\"}");
	json_object_foreach ((json_t *)labels.value, key, value) {
		struct tree_place place = tree_member(&labels, key);

		if (!strncmp(key, "__shunt_", 8) && strcmp(key, "__shunt_weight") != 0 &&
		    strcmp(key, "__shunt_pool") != 0)
			return tree_fail(&place, "unknown label; expected __shunt_weight or __shunt_pool");
	}
	return parse_weight(&labels, out) || config_parse_pool_name(&labels, "__shunt_pool", out) ? -EINVAL : 0;
}

struct targets {
	struct config_backend *list;
	size_t count;
};

/* Of one address, the smaller weight first. */
static int compare_backends(const void *a, const void *b)
{
	const struct config_backend *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	if (!order)
		order = x->weight < y->weight ? -1 : x->weight > y->weight;
	return order ? order : strcmp(x->pool, y->pool);
}

/* So that what says the same in another order says the same. */
size_t config_found_tidy(struct config_backend *list, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(list, count, sizeof(*list), compare_backends);
	for (size_t i = 0; i < count; i++)
		if (!kept || !addr_equal(&list[kept - 1].addr, &list[i].addr))
			list[kept++] = list[i];
	return kept;
}

static int parse_group(const struct tree_place *at, struct targets *targets)
{
	struct tree_place list;
	struct config_backend like;

	set_defaults(&like);
	if (!json_is_object(at->value))
		return tree_refuse(at, "a group of targets", "a mapping with targets and labels");
	list = tree_member(at, "targets");
	if (!json_is_array(list.value))
		return tree_refuse(&list, "a list", "targets such as 10.1.0.11:80");
	if (parse_labels(at, &like))
		return -EINVAL;
	targets->list =
		xreallocarray(targets->list, targets->count + json_array_size(list.value) + 1, sizeof(*targets->list));
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct tree_place element = tree_element(&list, i);
		struct config_backend *out = &targets->list[targets->count];

		*out = like;
		if (parse_target(&element, out))
			return -EINVAL;
		targets->count++;
	}
	return 0;
}

static int parse_groups(const json_t *json, const struct config_source *source, struct targets *targets,
			struct shunt_err *err)
{
	const struct tree tree = {.source = source, .err = err};
	const struct tree_place root = {.tree = &tree, .value = json};

	targets->count = 0;
	if (!json_is_array(json))
		return tree_refuse(&root, "a list", "groups such as {\"targets\": [\"10.1.0.11:80\"]}");
	for (size_t i = 0; i < json_array_size(json); i++) {
		struct tree_place element = tree_element(&root, i);

		if (parse_group(&element, targets))
			return -EINVAL;
	}
	return 0;
}

/* JSON knows no lines: what is wrong is read again as YAML, which JSON nearly always is as well. Where it is not, the
 * place in the tree must do. */
static void find_line(const char *text, size_t len, const char *file, struct targets *targets, struct shunt_err *err)
{
	struct config_source *source = NULL;
	struct shunt_err placed = {0};
	json_t *json = yaml_load(text, len, file, &source, &placed);
	char *what = xstrdup(shunt_err_text(err));

	if (json && parse_groups(json, source, targets, &placed))
		*err = placed;
	else
		shunt_fail(err, EINVAL, file, "%s", what);
	free(what);
	json_decref(json);
	config_source_free(source);
}

int config_targets(const char *text, size_t len, const char *file, struct config_backend **out, size_t *count,
		   struct shunt_err *err)
{
	struct targets targets = {0};
	json_error_t bad;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &bad);
	char where[sizeof(err->where)];
	int ret;

	*out = NULL;
	*count = 0;
	if (!json) {
		snprintf(where, sizeof(where), "%s:%d", file, bad.line > 0 ? bad.line : 1);
		return shunt_fail(err, EINVAL, where, "not JSON: %s", bad.text);
	}
	ret = parse_groups(json, NULL, &targets, err);
	json_decref(json);
	if (ret) {
		find_line(text, len, file, &targets, err);
		free(targets.list);
		return ret;
	}
	*out = targets.list;
	*count = config_found_tidy(targets.list, targets.count);
	return 0;
}

/* ---- registrations, and what is kept */

int config_registration(const json_t *body, const char *address, struct config_backend *out, uint32_t *ttl,
			struct shunt_err *err)
{
	static const char *const keys[] = {"ttl", "weight", "pool", NULL};
	const struct tree tree = {.err = err};
	const struct tree_place root = {.tree = &tree, .value = body};
	json_t *text = json_string(address);
	struct tree_place place = {.tree = &tree, .up = &root, .value = text, .key = "address"};
	int ret;

	*ttl = CONFIG_TTL;
	set_defaults(out);
	ret = tree_object(&root, keys) || tree_u32(&root, "ttl", CONFIG_TTL_MIN, CONFIG_TTL_MAX, ttl) ||
			      tree_u32(&root, "weight", 0, 65535, &out->weight) ||
			      config_parse_pool_name(&root, "pool", out) || config_parse_address(&place, &out->addr)
		      ? -EINVAL
		      : 0;
	json_decref(text);
	return ret;
}

json_t *config_found_to_json(const struct config_backend *backend)
{
	char text[SHUNT_ADDR_TEXT];
	json_t *json = json_pack("{s:s, s:I, s:s}", "address", addr_format(&backend->addr, text), "weight",
				 (json_int_t)backend->weight, "pool", backend->pool);

	if (backend->admin == CONFIG_ADMIN_DRAIN)
		json_object_set_new(json, "state", json_string(config_admin_name(backend->admin)));
	return json;
}

int config_found_from_json(const json_t *json, struct config_backend *out, struct shunt_err *err)
{
	const struct tree tree = {.err = err};
	const struct tree_place root = {.tree = &tree, .value = json};

	set_defaults(out);
	return config_parse_backend(&root, out);
}

/* ---- the whole */

static void append(struct config_service *service, const struct config_backend *backend)
{
	config_own(service);
	service->backends = xreallocarray(service->backends, service->backend_count + 1, sizeof(*service->backends));
	service->backends[service->backend_count++] = *backend;
}

/* Of what is refused only the cause is told, since who asks knows which backends: the tree, which names the others,
 * is not needed. But limits have a place of their own. */
int config_add_found(struct config *config, const struct config_found *found, size_t count, struct shunt_err *err)
{
	const struct tree tree = {.err = err};
	const struct tree_place root = {.tree = &tree};
	int ret;

	for (size_t i = 0; i < count; i++)
		append(&config->services[found[i].service], found[i].backend);
	ret = config_cross_check(config, &root);
	for (size_t i = 0; ret && i < count; i++)
		config->services[found[i].service].backend_count--;
	if (ret && err && strncmp(err->where, "limits.", 7) != 0)
		err->where[0] = '\0';
	return ret;
}
