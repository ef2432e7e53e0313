/* SPDX-License-Identifier: GPL-2.0 */
/* What each kind of health check asks, and which answer it takes for a healthy one. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "config_probe.h"
#include "xalloc.h"

#define HOST_MAX 253
#define PATH_LEN_MAX 1023
#define FILE_LEN_MAX 1023
#define LABEL_MAX 63
#define ARGUMENTS_MAX 64
#define ARGUMENT_LEN_MAX 1023

/* ---- http, https ---- */

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

static int parse_statuses(const struct tree_place *at, struct config_check *check)
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

/* Daemon and operator may be in different directories: paths begin at the root. */
static bool is_absolute(const char *text)
{
	return text && text[0] == '/' && strlen(text) <= FILE_LEN_MAX;
}

static int parse_ca(const struct tree_place *at, struct config_check *check)
{
	struct tree_place place = tree_member(at, "ca");
	const char *text = json_string_value(place.value);

	if (!place.value)
		return 0;
	if (!is_absolute(text))
		return tree_refuse(&place, "a file",
				   "its path from \"/\" on, at most 1023 characters, such as /etc/shunt/ca.pem");
	if (!check->verify)
		return tree_fail(&place, "has no effect: certificates are not checked; remove it, or add verify: true");
	check->ca = xstrdup(text);
	return 0;
}

static int parse_web(const struct tree_place *at, struct config_check *check)
{
	if (parse_path(at, &check->path) || parse_host(at, &check->host) || parse_statuses(at, check) ||
	    tree_bool(at, "verify", &check->verify))
		return -EINVAL;
	return parse_ca(at, check);
}

/* ---- dns ---- */

/* Labels of 1 to 63 letters, digits, '-' and '_'; "." alone is the root. */
bool config_is_domain(const char *text)
{
	size_t label = 0;

	if (!text || !*text || strlen(text) > HOST_MAX)
		return false;
	if (!strcmp(text, "."))
		return true;
	for (const char *c = text; *c; c++) {
		if (*c == '.' ? !label : !isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return true;
}

static int parse_dns(const struct tree_place *at, struct config_check *check)
{
	struct tree_place place = tree_member(at, "query");
	unsigned int record = CONFIG_RECORD_A, rcode = 0;

	if (!config_is_domain(json_string_value(place.value)))
		return tree_refuse(&place, "a domain name",
				   "what to ask for, such as www.example.org, or \".\" for the root");
	if (tree_word(at, "record", config_record_words, &record) ||
	    tree_word(at, "expect", config_rcode_words, &rcode))
		return -EINVAL;
	check->query = xstrdup(json_string_value(place.value));
	check->record = record;
	check->rcode = rcode;
	return 0;
}

/* ---- udp ---- */

static int digit_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int config_octets(const char *text, uint8_t out[CONFIG_OCTETS_MAX])
{
	bool hex = !strncmp(text, "0x", 2);
	size_t len = strlen(text) - (hex ? 2 : 0);

	if (!len || len > (hex ? 2 : 1) * CONFIG_OCTETS_MAX)
		return -EINVAL;
	if (!hex) {
		memcpy(out, text, len);
		return len;
	}
	text += 2;
	if (len % 2 || strspn(text, "0123456789abcdefABCDEF") != len)
		return -EINVAL;
	for (size_t i = 0; i < len / 2; i++)
		out[i] = digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]);
	return len / 2;
}

static int parse_octets(const struct tree_place *at, const char *key, char **out)
{
	struct tree_place place = tree_member(at, key);
	const char *text = json_string_value(place.value);
	uint8_t octets[CONFIG_OCTETS_MAX];

	if (!text || config_octets(text, octets) < 0)
		return tree_refuse(
			&place, "the content of a datagram",
			"a text, or \"0x\" and two hexadecimal digits for each octet; 1 to 1024 octets, in quotes");
	*out = xstrdup(text);
	return 0;
}

static int parse_udp(const struct tree_place *at, struct config_check *check)
{
	int err = parse_octets(at, "send", &check->send);

	return err || !json_object_get(at->value, "expect") ? err : parse_octets(at, "expect", &check->expect);
}

/* ---- exec ---- */

static int parse_argument(const struct tree_place *at, void *out)
{
	const char *text = json_string_value(at->value);

	if (!text || strlen(text) > ARGUMENT_LEN_MAX)
		return tree_refuse(at, "an argument", "a text of at most 1023 octets; numbers in quotes");
	if (!at->index && !is_absolute(text))
		return tree_refuse(at, "a program", "its path from \"/\" on, such as /usr/local/bin/check");
	*(char **)out = xstrdup(text);
	return 0;
}

int config_parse_command(const struct tree_place *at, char ***command)
{
	struct tree_place place = tree_member(at, "command");
	char **arguments = NULL;
	size_t count = 0;
	int err;

	if (json_array_size(place.value) > ARGUMENTS_MAX)
		return tree_fail(&place, "a list of %zu; expected a program and at most %d arguments",
				 json_array_size(place.value), ARGUMENTS_MAX - 1);
	err = tree_list(at, "command", 1, "a program and its arguments, such as [/usr/local/bin/check, --quick]",
			sizeof(*arguments), parse_argument, &arguments, &count);
	/* One more, the NULL that ends it. */
	*command = xcalloc(count + 1, sizeof(*arguments));
	if (count)
		memcpy(*command, arguments, count * sizeof(*arguments));
	free(arguments);
	return err;
}

int config_parse_check_kind(const struct tree_place *at, struct config_check *check)
{
	switch (check->type) {
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_HTTPS:
		return parse_web(at, check);
	case CONFIG_CHECK_DNS:
		return parse_dns(at, check);
	case CONFIG_CHECK_UDP:
		return parse_udp(at, check);
	case CONFIG_CHECK_EXEC:
		return config_parse_command(at, &check->command);
	default:
		return 0;
	}
}

/* ---- the value ---- */

static const size_t texts[] = {
	offsetof(struct config_check, path), offsetof(struct config_check, host),
	offsetof(struct config_check, ca),   offsetof(struct config_check, query),
	offsetof(struct config_check, send), offsetof(struct config_check, expect),
};

#define TEXT_COUNT (sizeof(texts) / sizeof(texts[0]))

static char **text_of(const struct config_check *check, size_t i)
{
	return (char **)((char *)check + texts[i]);
}

static size_t command_count(char *const *command)
{
	size_t count = 0;

	while (command && command[count])
		count++;
	return count;
}

char **config_command_copy(char *const *command)
{
	size_t count = command_count(command);
	char **copy = command ? xcalloc(count + 1, sizeof(*copy)) : NULL;

	for (size_t i = 0; i < count; i++)
		copy[i] = xstrdup(command[i]);
	return copy;
}

void config_command_free(char **command)
{
	for (size_t i = 0; i < command_count(command); i++)
		free(command[i]);
	free(command);
}

void config_check_copy(struct config_check *to, const struct config_check *from)
{
	*to = *from;
	for (size_t i = 0; i < TEXT_COUNT; i++)
		*text_of(to, i) = *text_of(from, i) ? xstrdup(*text_of(from, i)) : NULL;
	to->command = config_command_copy(from->command);
}

void config_check_clear(struct config_check *check)
{
	for (size_t i = 0; i < TEXT_COUNT; i++)
		free(*text_of(check, i));
	config_command_free(check->command);
	*check = (struct config_check){};
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_command(char *const *a, char *const *b)
{
	size_t count = command_count(a);

	if (count != command_count(b))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool config_check_equal(const struct config_check *a, const struct config_check *b)
{
	for (size_t i = 0; i < TEXT_COUNT; i++)
		if (!same_text(*text_of(a, i), *text_of(b, i)))
			return false;
	return same_command(a->command, b->command) && a->type == b->type && a->port == b->port && a->via == b->via &&
	       a->expect_min == b->expect_min && a->expect_max == b->expect_max && a->verify == b->verify &&
	       a->record == b->record && a->rcode == b->rcode && a->interval == b->interval &&
	       a->fast_interval == b->fast_interval && a->jitter == b->jitter && a->timeout == b->timeout &&
	       a->rise == b->rise && a->fall == b->fall;
}
