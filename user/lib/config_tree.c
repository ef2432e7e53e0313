/* SPDX-License-Identifier: GPL-2.0 */
#include "config_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "xalloc.h"
#include "yaml.h"

#define CLIP_MAX 64

static const struct {
	const char *name;
	uint32_t ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static bool is_service(const struct tree_place *at)
{
	return !at->key && at->up && at->up->key && !strcmp(at->up->key, "services") && !at->up->up->up;
}

/* null, of a service in a group: not what the group has, but as if nobody said. */
struct tree_place tree_member(const struct tree_place *at, const char *key)
{
	const json_t *value = json_object_get(at->value, key);

	if (json_is_null(value) && is_service(at) && json_object_get(at->value, "group"))
		value = NULL;
	return (struct tree_place){.tree = at->tree, .up = at, .value = value, .key = key};
}

struct tree_place tree_element(const struct tree_place *at, size_t index)
{
	return (struct tree_place){
		.tree = at->tree, .up = at, .value = json_array_get(at->value, index), .index = index};
}

/* Text of unknown origin for a message: not too long, cut between characters. */
static const char *clip(const char *text, char *buf)
{
	size_t len = strlen(text);

	if (len > CLIP_MAX) {
		for (len = CLIP_MAX - 3; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
		sprintf(buf, "%.*s...", (int)len, text);
	} else {
		strcpy(buf, text);
	}
	return buf;
}

/* An element goes by its name, its address, or its text; by its number when it has none of them. */
static const char *element_name(const struct tree_place *at)
{
	const char *name = json_string_value(json_object_get(at->value, "name"));

	if (!name)
		name = json_string_value(json_object_get(at->value, "address"));
	if (!name)
		name = json_string_value(at->value);
	return name && *name ? name : NULL;
}

static void write_path(FILE *out, const struct tree_place *at)
{
	char text[CLIP_MAX + 1];
	const char *name;

	if (!at->up)
		return;
	write_path(out, at->up);
	name = at->key ? NULL : element_name(at);
	if (at->key)
		fprintf(out, "%s%s", at->up->up ? "." : "", clip(at->key, text));
	else if (name)
		fprintf(out, "[%s]", clip(name, text));
	else
		fprintf(out, "[%zu]", at->index);
}

/* File and line of the value, or of the nearest thing around it that has one. A member is where its key stands; but one that was filled in,
 * whose key nobody wrote there, is where its value does. */
static void write_line(FILE *out, const struct tree_place *at)
{
	const struct config_source *source = at->tree->source;
	const char *file = config_source_name(source);
	int line = 0;

	for (; at && !line; at = at->up) {
		const json_t *value = at->key ? at->up->value : at->value;
		const char *key = at->key;

		line = config_source_line(source, value, key);
		if (!line && key) {
			value = at->value;
			key = NULL;
			line = config_source_line(source, value, NULL);
		}
		if (line)
			file = config_source_file(source, value, key);
	}
	fputs(file, out);
	if (line)
		fprintf(out, ":%d", line);
}

static char *place_text(const struct tree_place *at)
{
	const struct config_source *source = at->tree->source;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	if (source) {
		write_line(out, at);
		if (at->up)
			fputs(": ", out);
	}
	write_path(out, at);
	fclose(out);
	return text;
}

/* Which service is the place in? */
static void blame_service(const struct tree_place *at)
{
	for (; at->tree->service && at->up; at = at->up)
		if (is_service(at))
			*at->tree->service = at->index;
}

int tree_vfail(const struct tree_place *at, const char *fmt, va_list args)
{
	char *where = place_text(at), *what;
	int err;

	if (vasprintf(&what, fmt, args) < 0)
		abort();
	err = shunt_fail(at->tree->err, EINVAL, where, "%s", what);
	blame_service(at);
	free(where);
	free(what);
	return err;
}

int tree_fail(const struct tree_place *at, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = tree_vfail(at, fmt, args);
	va_end(args);
	return err;
}

int tree_refuse(const struct tree_place *at, const char *kind, const char *expected)
{
	char text[CLIP_MAX + 1];

	if (!at->value)
		return tree_fail(at, "missing; expected %s: %s", kind, expected);
	switch (json_typeof(at->value)) {
	case JSON_NULL:
		return tree_fail(at, "empty; expected %s: %s", kind, expected);
	case JSON_STRING:
		return tree_fail(at, "\"%s\" is not %s; expected %s", clip(json_string_value(at->value), text), kind,
				 expected);
	case JSON_INTEGER:
		return tree_fail(at, "%" JSON_INTEGER_FORMAT " is not %s; expected %s", json_integer_value(at->value),
				 kind, expected);
	case JSON_REAL:
		return tree_fail(at, "%g is not %s; expected %s", json_real_value(at->value), kind, expected);
	case JSON_ARRAY:
		return tree_fail(at, "a list is not %s; expected %s", kind, expected);
	case JSON_OBJECT:
		return tree_fail(at, "a mapping is not %s; expected %s", kind, expected);
	default:
		return tree_fail(at, "%s is not %s; expected %s", json_is_true(at->value) ? "true" : "false", kind,
				 expected);
	}
}

/* "a, b or c" */
static char *join_words(const char *const *words)
{
	char *joined = xstrdup(words[0]), *longer;

	for (size_t i = 1; words[i]; i++) {
		longer = xasprintf("%s%s%s", joined, words[i + 1] ? ", " : " or ", words[i]);
		free(joined);
		joined = longer;
	}
	return joined;
}

static int refuse_key(const struct tree_place *at, const char *key, const char *const *keys)
{
	struct tree_place member = tree_member(at, key);
	struct suggest near = {.word = key};
	char text[SUGGEST_TEXT], *joined;
	int err;

	for (size_t i = 0; keys[i]; i++)
		suggest_offer(&near, keys[i]);
	if (near.best)
		return tree_fail(&member, "unknown key%s", suggest_text(&near, text));
	joined = join_words(keys);
	err = tree_fail(&member, "unknown key; expected %s", joined);
	free(joined);
	return err;
}

int tree_object(const struct tree_place *at, const char *const *keys)
{
	const char *key;
	json_t *value;

	if (!json_is_object(at->value)) {
		char *joined = join_words(keys);
		char *expected = xasprintf("the key%s %s", keys[1] ? "s" : "", joined);
		int err = tree_refuse(at, "a mapping", expected);

		free(joined);
		free(expected);
		return err;
	}
	json_object_foreach ((json_t *)at->value, key, value) {
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key))
			i++;
		if (!keys[i])
			return refuse_key(at, key, keys);
	}
	return 0;
}

int tree_u32(const struct tree_place *at, const char *key, uint32_t min, uint32_t max, uint32_t *out)
{
	struct tree_place member = tree_member(at, key);
	json_int_t value = json_integer_value(member.value);
	char expected[32];

	if (!member.value)
		return 0;
	if (json_is_integer(member.value) && value >= min && value <= max) {
		*out = value;
		return 0;
	}
	snprintf(expected, sizeof(expected), "%" PRIu32 " to %" PRIu32, min, max);
	if (!json_is_integer(member.value))
		return tree_refuse(&member, "an integer", expected);
	return tree_fail(&member, "%" JSON_INTEGER_FORMAT " is out of range; expected %s", value, expected);
}

int tree_bool(const struct tree_place *at, const char *key, bool *out)
{
	struct tree_place member = tree_member(at, key);

	if (!member.value)
		return 0;
	if (!json_is_boolean(member.value))
		return tree_refuse(&member, "a boolean", "true or false");
	*out = json_is_true(member.value);
	return 0;
}

const char *tree_duration_format(uint32_t ms, char *buf)
{
	size_t unit = 0;

	while (ms % units[unit].ms || (!ms && units[unit].ms > 1))
		unit++;
	snprintf(buf, TREE_DURATION_TEXT, "%" PRIu32 "%s", ms / units[unit].ms, units[unit].name);
	return buf;
}

/* Milliseconds, UINT64_MAX for more than anybody can mean; -EINVAL for what is no duration. */
static int duration_parse(const char *text, uint64_t *ms)
{
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; digits && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].name))
			continue;
		*ms = digits > 10 ? UINT64_MAX : strtoull(text, NULL, 10) * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

int tree_duration(const struct tree_place *at, const char *key, uint32_t min, uint32_t max, uint32_t *out)
{
	struct tree_place member = tree_member(at, key);
	const char *text = json_string_value(member.value);
	char low[TREE_DURATION_TEXT], high[TREE_DURATION_TEXT], clipped[CLIP_MAX + 1];
	json_int_t number = json_integer_value(member.value);
	uint64_t ms;

	if (!member.value)
		return 0;
	if (json_is_integer(member.value))
		return tree_fail(&member,
				 "%" JSON_INTEGER_FORMAT " has no unit; say \"%" JSON_INTEGER_FORMAT
				 "s\" (or ms, m, h)",
				 number, number);
	if (!text || duration_parse(text, &ms))
		return tree_refuse(&member, "a duration", "a whole number with ms, s, m or h, such as \"2s\"");
	if (ms < min || ms > max)
		return tree_fail(&member, "\"%s\" is out of range; expected %s to %s", clip(text, clipped),
				 tree_duration_format(min, low), tree_duration_format(max, high));
	*out = ms;
	return 0;
}

int tree_word(const struct tree_place *at, const char *key, const char *const *words, unsigned int *out)
{
	struct tree_place member = tree_member(at, key);
	const char *text = json_string_value(member.value);
	char *joined;
	int err;

	if (!member.value)
		return 0;
	for (unsigned int i = 0; text && words[i]; i++) {
		if (!strcmp(text, words[i])) {
			*out = i;
			return 0;
		}
	}
	joined = join_words(words);
	err = tree_refuse(&member, "a known word", joined);
	free(joined);
	return err;
}

int tree_list(const struct tree_place *at, const char *key, size_t min, const char *expected, size_t size,
	      int (*item)(const struct tree_place *at, void *out), void *items, size_t *count)
{
	struct tree_place list = tree_member(at, key);
	char *room;

	if (!list.value && min == 0)
		return 0;
	if (!json_is_array(list.value))
		return tree_refuse(&list, "a list", expected);
	if (json_array_size(list.value) < min)
		return tree_fail(&list, "an empty list; expected %s", expected);
	*count = json_array_size(list.value);
	room = xcalloc(*count, size);
	memcpy(items, &room, sizeof(room)); /* items: the address of a pointer to any type */
	for (size_t i = 0; i < *count; i++) {
		struct tree_place element = tree_element(&list, i);
		int err = item(&element, room + i * size);

		if (err)
			return err;
	}
	return 0;
}
