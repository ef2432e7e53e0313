/* SPDX-License-Identifier: GPL-2.0 */
/* A service's health check: which keys each type has, and their ranges. What only one kind has is in config_probe_kinds.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "config_probe.h"
#include "xalloc.h"

#define BIT(type) (1u << CONFIG_CHECK_##type)
#define WEB (BIT(HTTP) | BIT(HTTPS))
#define PORT (BIT(TCP) | WEB | BIT(DNS) | BIT(UDP))
#define PACKETS (PORT | BIT(ICMP))
#define CHECKED (PORT | BIT(ICMP) | BIT(EXEC))

/* A key that is there twice means something else in each. */
static const struct {
	const char *key;
	unsigned int types;
} check_keys[] = {
	{"type", CHECKED | BIT(NONE)},
	{"port", PORT | BIT(EXEC)},
	{"via", PACKETS},
	{"path", WEB},
	{"host", WEB},
	{"expect", WEB},
	{"expect", BIT(DNS)},
	{"expect", BIT(UDP)},
	{"verify", BIT(HTTPS)},
	{"ca", BIT(HTTPS)},
	{"query", BIT(DNS)},
	{"record", BIT(DNS)},
	{"send", BIT(UDP)},
	{"command", BIT(EXEC)},
	{"interval", CHECKED},
	{"fast_interval", CHECKED},
	{"jitter", CHECKED},
	{"timeout", CHECKED},
	{"rise", CHECKED},
	{"fall", CHECKED},
};

#define KEY_COUNT (sizeof(check_keys) / sizeof(check_keys[0]))

/* The types that have a key, in whichever meaning. */
static unsigned int types_with(const char *key)
{
	unsigned int types = 0;

	for (size_t i = 0; i < KEY_COUNT; i++)
		if (!strcmp(check_keys[i].key, key))
			types |= check_keys[i].types;
	return types;
}

/* A bit; 0 for a word that is none. */
static unsigned int type_bit(const char *word)
{
	for (unsigned int i = 0; config_check_words[i]; i++)
		if (!strcmp(word, config_check_words[i]))
			return 1u << i;
	return 0;
}

bool config_check_keeps(const char *from, const char *to, const char *key)
{
	unsigned int both = type_bit(from) | type_bit(to);

	if (!type_bit(from) || !type_bit(to) || !types_with(key))
		return true;
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (!strcmp(check_keys[i].key, key) && (check_keys[i].types & both) == both)
			return true;
	return false;
}

bool config_check_needs_port(enum config_check_type type)
{
	return PORT >> type & 1;
}

bool config_check_has_via(enum config_check_type type)
{
	return PACKETS >> type & 1;
}

/* "tcp, http or https" */
static char *type_list(unsigned int types)
{
	char *list = xstrdup(""), *longer;

	for (unsigned int i = 0; config_check_words[i]; i++) {
		if (!(types >> i & 1))
			continue;
		longer = xasprintf("%s%s%s", list,
				   !*list	      ? ""
				   : types >> (i + 1) ? ", "
						      : " or ",
				   config_check_words[i]);
		free(list);
		list = longer;
	}
	return list;
}

/* A key that another type of check has says that the operator means something that will not be done. */
static int refuse_foreign_keys(const struct tree_place *check, enum config_check_type type)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)check->value, key, value) {
		struct tree_place member = tree_member(check, key);
		char *list;
		int err;

		if (types_with(key) >> type & 1)
			continue;
		list = type_list(types_with(key));
		err = tree_fail(&member, "a check of type %s has no such key; remove it, or use type %s",
				config_check_words[type], list);
		free(list);
		return err;
	}
	return 0;
}

static int parse_type(const struct tree_place *at, unsigned int *type)
{
	const char *keys[KEY_COUNT + 1];
	size_t count = 0;

	for (size_t i = 0; i < KEY_COUNT; i++)
		if (!i || strcmp(check_keys[i].key, check_keys[i - 1].key))
			keys[count++] = check_keys[i].key;
	keys[count] = NULL;
	if (tree_object(at, keys) || tree_word(at, "type", config_check_words, type))
		return -EINVAL;
	return refuse_foreign_keys(at, *type);
}

/* When, how often, and what follows. */
static int parse_schedule(const struct tree_place *at, struct config_check *check)
{
	struct tree_place fast = tree_member(at, "fast_interval");
	char text[TREE_DURATION_TEXT], limit[TREE_DURATION_TEXT];

	if (tree_duration(at, "interval", 100, 3600000, &check->interval) ||
	    tree_duration(at, "fast_interval", 100, 3600000, &check->fast_interval) ||
	    tree_u32(at, "jitter", 0, 50, &check->jitter) || tree_duration(at, "timeout", 10, 60000, &check->timeout) ||
	    tree_u32(at, "rise", 1, 100, &check->rise) || tree_u32(at, "fall", 1, 100, &check->fall))
		return -EINVAL;
	if (check->fast_interval > check->interval)
		return tree_fail(
			&fast, "\"%s\" is longer than the interval; expected 100ms to %s, or a longer interval",
			tree_duration_format(check->fast_interval, text), tree_duration_format(check->interval, limit));
	return 0;
}

int config_parse_check(const struct tree_place *service, struct config_check *check)
{
	struct tree_place at = tree_member(service, "check");
	unsigned int type = CONFIG_CHECK_TCP, via;
	uint32_t port = 0;

	*check = (struct config_check){.expect_min = 200,
				       .expect_max = 399,
				       .interval = 2000,
				       .jitter = 10,
				       .timeout = 1000,
				       .rise = 2,
				       .fall = 3};
	if (at.value && parse_type(&at, &type))
		return -EINVAL;
	check->type = type;
	via = config_check_has_via(type) ? CONFIG_VIA_TUNNEL : CONFIG_VIA_DIRECT;
	if (tree_u32(&at, "port", 1, 65535, &port) || tree_word(&at, "via", config_via_words, &via) ||
	    parse_schedule(&at, check))
		return -EINVAL;
	check->port = port;
	check->via = via;
	return config_parse_check_kind(&at, check);
}
