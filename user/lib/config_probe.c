/* SPDX-License-Identifier: GPL-2.0 */
/* A service's health check: which keys each type has, and their ranges. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

#define HOST_MAX 253
#define PATH_LEN_MAX 1023

/* https has them all. */
static const char *const check_keys[][11] = {
	[CONFIG_CHECK_NONE] = {"type", NULL},
	[CONFIG_CHECK_TCP] = {"type", "port", "interval", "timeout", "rise", "fall", NULL},
	[CONFIG_CHECK_HTTP] = {"type", "port", "path", "host", "expect", "interval", "timeout", "rise", "fall", NULL},
	[CONFIG_CHECK_HTTPS] = {"type", "port", "path", "host", "expect", "verify", "interval", "timeout", "rise",
				"fall", NULL},
};

static bool type_has(enum config_check_type type, const char *key)
{
	for (const char *const *k = check_keys[type]; *k; k++)
		if (!strcmp(*k, key))
			return true;
	return false;
}

bool config_check_has(const char *type, const char *key)
{
	for (unsigned int i = 0; config_check_words[i]; i++)
		if (!strcmp(type, config_check_words[i]))
			return type_has(i, key) || !type_has(CONFIG_CHECK_HTTPS, key);
	return true;
}

/* A key that another type of check has says that the operator means something that will not be done. */
static int refuse_foreign_keys(const struct tree_place *check, enum config_check_type type)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)check->value, key, value) {
		struct tree_place member = tree_member(check, key);

		if (type_has(type, key))
			continue;
		return tree_fail(&member, "a check of type %s has no such key; remove it, or use type %s",
				 config_check_words[type],
				 type_has(CONFIG_CHECK_TCP, key)    ? "tcp, http or https"
				 : type_has(CONFIG_CHECK_HTTP, key) ? "http or https"
								    : "https");
	}
	return 0;
}

static int parse_path(const struct tree_place *at, char **path)
{
	struct tree_place place = tree_member(at, "path");
	const char *text = json_string_value(place.value);
	bool valid = text && text[0] == '/' && strlen(text) <= PATH_LEN_MAX;

	for (const char *c = text; valid && *c; c++)
		valid = isgraph((unsigned char)*c) && *c != '#';
	if (place.value && !valid)
		return tree_refuse(&place, "a path",
				   "one such as /health: '/' first, no blanks, no '#', at most 1023 characters");
	*path = xstrdup(place.value ? text : "/");
	return 0;
}

static int parse_host(const struct tree_place *at, char **host)
{
	struct tree_place place = tree_member(at, "host");
	const char *text = json_string_value(place.value);
	bool valid = text && *text && strlen(text) <= HOST_MAX;

	if (!place.value)
		return 0;
	for (const char *c = text; valid && *c; c++)
		valid = isalnum((unsigned char)*c) || strchr("-._", *c);
	if (!valid)
		return tree_refuse(&place, "a host", "a name such as www.example.org, without a port");
	*host = xstrdup(text);
	return 0;
}

/* "200" or "200-399"; the first and last status, 0 for another form. */
static void status_range(const char *text, json_int_t *first, json_int_t *last)
{
	static const char digits[] = "0123456789";

	*first = *last = 0;
	if (strspn(text, digits) != 3)
		return;
	if (text[3] && (text[3] != '-' || strspn(text + 4, digits) != 3 || text[7]))
		return;
	*first = atoi(text);
	*last = text[3] ? atoi(text + 4) : *first;
}

static int parse_expect(const struct tree_place *at, struct config_check *check)
{
	struct tree_place place = tree_member(at, "expect");
	json_int_t first = json_integer_value(place.value), last = first;

	if (!place.value)
		return 0;
	if (json_is_string(place.value))
		status_range(json_string_value(place.value), &first, &last);
	if (first < 100 || last > 599 || first > last)
		return tree_refuse(&place, "an HTTP status",
				   "one from 100 to 599 such as 200, or a range such as \"200-399\"");
	check->expect_min = first;
	check->expect_max = last;
	return 0;
}

static int parse_web(const struct tree_place *at, struct config_check *check)
{
	if (parse_path(at, &check->path) || parse_host(at, &check->host) || parse_expect(at, check))
		return -EINVAL;
	return tree_bool(at, "verify", &check->verify);
}

int config_parse_check(const struct tree_place *service, struct config_check *check)
{
	struct tree_place at = tree_member(service, "check");
	unsigned int type = CONFIG_CHECK_TCP;
	uint32_t port = 0;

	*check = (struct config_check){
		.expect_min = 200, .expect_max = 399, .interval = 2000, .timeout = 1000, .rise = 2, .fall = 3};
	if (at.value && (tree_object(&at, check_keys[CONFIG_CHECK_HTTPS]) ||
			 tree_word(&at, "type", config_check_words, &type) || refuse_foreign_keys(&at, type)))
		return -EINVAL;
	check->type = type;
	if (tree_u32(&at, "port", 1, 65535, &port) || tree_duration(&at, "interval", 100, 3600000, &check->interval) ||
	    tree_duration(&at, "timeout", 10, 60000, &check->timeout) || tree_u32(&at, "rise", 1, 100, &check->rise) ||
	    tree_u32(&at, "fall", 1, 100, &check->fall))
		return -EINVAL;
	check->port = port;
	return type == CONFIG_CHECK_HTTP || type == CONFIG_CHECK_HTTPS ? parse_web(&at, check) : 0;
}
