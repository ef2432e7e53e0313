/* SPDX-License-Identifier: GPL-2.0 */
/* Where a service finds backends that no operator lists, and whom it asks for them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

#define DNS_PORT 53
#define TTL_LOW 1000
#define TTL_HIGH 86400000
#define MIN_TTL 5000
#define MAX_TTL 300000

static const char *const kind_words[] = {"files", "dns", "srv", NULL};
static const char *const family_words[] = {"any", "ipv4", "ipv6", NULL};
static const uint8_t families[] = {0, SHUNT_FAMILY_IPV4, SHUNT_FAMILY_IPV6};

const char *config_discover_name(enum config_discover_kind kind)
{
	return kind_words[kind];
}

bool config_discovers(const struct config_service *service)
{
	return service->registration || service->discover_count;
}

const char *config_split_port(const char *text, char *buf, unsigned int *port)
{
	const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');

	if (text[0] == '[') {
		if (!bracket || (bracket[1] && (bracket[1] != ':' || number_parse(bracket + 2, 1, 65535, port))))
			return NULL;
		strcpy(buf, text + 1);
		buf[bracket - text - 1] = '\0';
		return buf;
	}
	strcpy(buf, text);
	if (!colon || strchr(text, ':') != colon) /* none, or an IPv6 address's own */
		return buf;
	if (number_parse(colon + 1, 1, 65535, port))
		return NULL;
	buf[colon - text] = '\0';
	return buf;
}

/* ---- sources */

/* A pattern in the last part only: that is one directory to watch. */
static int parse_files(const struct tree_place *files, struct config_discover *out)
{
	const char *path = json_string_value(files->value), *last = path ? strrchr(path, '/') : NULL;
	size_t len = path ? strlen(path) : 0;

	if (!path || path[0] != '/' || len >= PATH_MAX - NAME_MAX || len < 7 || strcmp(path + len - 5, ".json") != 0 ||
	    last + 1 == path + len - 5)
		return tree_refuse(files, "a path of target files",
				   "an absolute one that ends in .json, such as /etc/shunt/targets.d/*.json");
	if (strcspn(path, "*?[\\") < (size_t)(last - path))
		return tree_refuse(files, "a path of target files",
				   "a pattern in its last part only, such as /etc/shunt/targets.d/*.json");
	out->text = xstrdup(path);
	return 0;
}

static int parse_name(const struct tree_place *at, const struct tree_place *name, struct config_discover *out)
{
	struct tree_place max = tree_member(at, "max_ttl");
	struct config_backend like = {.pool = CONFIG_POOL_DEFAULT};
	const char *text = json_string_value(name->value);
	unsigned int family = 0;

	if (!text || !config_is_domain(text) || !strcmp(text, "."))
		return tree_refuse(name, "a domain name",
				   out->kind == CONFIG_DISCOVER_SRV ? "one such as _http._tcp.example.org"
								    : "one such as web.example.org");
	out->min_ttl = MIN_TTL;
	if (tree_word(at, "family", family_words, &family) || config_parse_pool_name(at, "pool", &like) ||
	    tree_duration(at, "min_ttl", TTL_LOW, TTL_HIGH, &out->min_ttl))
		return -EINVAL;
	out->max_ttl = out->min_ttl > MAX_TTL ? out->min_ttl : MAX_TTL;
	if (tree_duration(at, "max_ttl", TTL_LOW, TTL_HIGH, &out->max_ttl))
		return -EINVAL;
	if (out->max_ttl < out->min_ttl)
		return tree_fail(&max, "is shorter than min_ttl; expected min_ttl or more");
	out->family = families[family];
	strcpy(out->pool, like.pool);
	out->text = xstrdup(text);
	return 0;
}

static int parse_source(const struct tree_place *at, void *out)
{
	static const char *const keys[] = {"files", "dns", "srv", "family", "pool", "min_ttl", "max_ttl", NULL};
	struct config_discover *source = out;
	struct tree_place place;
	int given = 0;

	if (tree_object(at, keys))
		return -EINVAL;
	for (int kind = 0; kind < CONFIG_DISCOVER_KINDS; kind++)
		if (json_object_get(at->value, kind_words[kind])) {
			source->kind = kind;
			given++;
		}
	if (given != 1)
		return tree_fail(at, "%s of files, dns and srv; expected one of them", given ? "several" : "none");
	place = tree_member(at, kind_words[source->kind]);
	if (source->kind != CONFIG_DISCOVER_FILES)
		return parse_name(at, &place, source);
	if (json_object_size(at->value) > 1)
		return tree_fail(at, "family, pool, min_ttl and max_ttl are of names; expected files alone");
	return parse_files(&place, source);
}

static bool same_source(const struct config_discover *a, const struct config_discover *b)
{
	return a->kind == b->kind && !strcmp(a->text, b->text);
}

int config_parse_discover(const struct tree_place *at, struct config_service *out)
{
	struct tree_place list = tree_member(at, "discover");

	if (tree_bool(at, "registration", &out->registration) ||
	    tree_list(at, "discover", 0, "mappings such as {files: /etc/shunt/targets.d/*.json}",
		      sizeof(*out->discover), parse_source, &out->discover, &out->discover_count))
		return -EINVAL;
	for (size_t i = 1; i < out->discover_count; i++) {
		struct tree_place element = tree_element(&list, i);

		for (size_t j = 0; j < i; j++)
			if (same_source(&out->discover[i], &out->discover[j]))
				return tree_fail(&element, "listed twice; expected each source of backends once");
	}
	return 0;
}

static json_t *source_to_json(const struct config_discover *source)
{
	json_t *object = json_pack("{s:s}", kind_words[source->kind], source->text);
	char text[TREE_DURATION_TEXT];
	int family = 0;

	if (source->kind == CONFIG_DISCOVER_FILES)
		return object;
	while (families[family] != source->family)
		family++;
	json_object_set_new(object, "family", json_string(family_words[family]));
	if (strcmp(source->pool, CONFIG_POOL_DEFAULT) != 0)
		json_object_set_new(object, "pool", json_string(source->pool));
	json_object_set_new(object, "min_ttl", json_string(tree_duration_format(source->min_ttl, text)));
	json_object_set_new(object, "max_ttl", json_string(tree_duration_format(source->max_ttl, text)));
	return object;
}

json_t *config_discover_to_json(const struct config_service *service)
{
	json_t *list = json_array();

	for (size_t i = 0; i < service->discover_count; i++)
		json_array_append_new(list, source_to_json(&service->discover[i]));
	return list;
}

void config_discover_copy(struct config_service *to, const struct config_service *from)
{
	to->discover = xcalloc(from->discover_count + 1, sizeof(*to->discover));
	for (size_t i = 0; i < from->discover_count; i++) {
		to->discover[i] = from->discover[i];
		to->discover[i].text = xstrdup(from->discover[i].text);
	}
}

void config_discover_clear(struct config_service *service)
{
	for (size_t i = 0; i < service->discover_count; i++)
		free(service->discover[i].text);
	free(service->discover);
}

/* ---- resolvers */

int config_parse_resolvers(const struct tree_place *root, struct config *config)
{
	static const char expected[] = "an address, and a port or none, such as 10.0.0.53 or [2001:db8::53]:5353";
	struct tree_place list = tree_member(root, "resolvers");

	if (!list.value)
		return 0;
	if (!json_is_array(list.value))
		return tree_refuse(&list, "a list", "addresses of resolvers, such as 10.0.0.53");
	if (json_array_size(list.value) > CONFIG_RESOLVERS)
		return tree_fail(&list, "%zu resolvers; expected at most %d", json_array_size(list.value),
				 CONFIG_RESOLVERS);
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct tree_place element = tree_element(&list, i);
		struct config_resolver *out = &config->resolvers[i];
		const char *text = json_string_value(element.value), *address = NULL;
		unsigned int port = DNS_PORT;
		char buf[SHUNT_ADDR_TEXT];

		if (text && strlen(text) < sizeof(buf))
			address = config_split_port(text, buf, &port);
		if (!address || addr_parse(address, &out->addr))
			return tree_refuse(&element, "a resolver", expected);
		out->port = (uint16_t)port;
		config->resolver_count++;
	}
	return 0;
}

const char *config_resolver_format(const struct config_resolver *resolver, char buf[CONFIG_RESOLVER_TEXT])
{
	bool is_v6 = resolver->addr.family == SHUNT_FAMILY_IPV6;
	char text[SHUNT_ADDR_TEXT];

	addr_format(&resolver->addr, text);
	snprintf(buf, CONFIG_RESOLVER_TEXT, is_v6 ? "[%s]:%u" : "%s:%u", text, resolver->port);
	return buf;
}

json_t *config_resolvers_to_json(const struct config *config)
{
	json_t *list = json_array();
	char text[CONFIG_RESOLVER_TEXT];

	for (size_t i = 0; i < config->resolver_count; i++)
		json_array_append_new(list, json_string(config_resolver_format(&config->resolvers[i], text)));
	return list;
}
