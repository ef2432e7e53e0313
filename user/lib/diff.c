/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Works on the canonical trees and knows nothing of what is in them but what names an element of a list: its name, address or id.
 * So what is added to the configuration is compared without a word here, and no key can be forgotten.
 */
#include "diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#define SUMMARY_VALUE_MAX 40

struct differ {
	json_t *list;
	const char *service, *backend; /* that the values at hand are within; NULL: none */
};

static void diff_values(struct differ *d, const char *path, const char *key, const json_t *from, const json_t *to);

/* The item, to be completed. */
static json_t *note(struct differ *d, const char *change, const char *path)
{
	json_t *item = json_pack("{s:s, s:s}", "change", change, "path", path);

	if (d->service)
		json_object_set_new(item, "service", json_string(d->service));
	if (d->backend)
		json_object_set_new(item, "backend", json_string(d->backend));
	json_array_append_new(d->list, item);
	return item;
}

static void note_value(struct differ *d, const char *change, const char *path, const json_t *value)
{
	json_object_set(note(d, change, path), "value", (json_t *)value);
}

static void diff_member(struct differ *d, const char *path, const char *key, const json_t *from, const json_t *to)
{
	char *member = path[0] ? xasprintf("%s.%s", path, key) : xstrdup(key);

	if (strcmp(member, "seed") != 0)
		diff_values(d, member, key, from, to);
	else if (!json_equal(from, to)) /* who may see differences need not know it */
		note(d, from && to ? "changed" : from ? "removed" : "added", member);
	free(member);
}

static void diff_objects(struct differ *d, const char *path, const json_t *from, const json_t *to)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)from, key, value)
		diff_member(d, path, key, value, json_object_get(to, key));
	json_object_foreach ((json_t *)to, key, value)
		if (!json_object_get(from, key))
			diff_member(d, path, key, NULL, value);
}

/* What tells an element from the others of its list, in buf if it has to be written; NULL: nothing does. */
static const char *identity(const json_t *element, char buf[32])
{
	static const char *const names[] = {"name", "address"};
	const json_t *id = json_object_get(element, "id");

	if (json_is_string(element))
		return json_string_value(element);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_is_string(json_object_get(element, names[i])))
			return json_string_value(json_object_get(element, names[i]));
	if (!json_is_integer(id))
		return NULL;
	snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	return buf;
}

/* A list's elements by their identities; NULL: some have none. */
static json_t *index_of(const json_t *array)
{
	json_t *index = json_object(), *element;
	char buf[32];
	size_t i;

	json_array_foreach (array, i, element) {
		const char *id = identity(element, buf);

		if (!id) {
			json_decref(index);
			return NULL;
		}
		json_object_set(index, id, element);
	}
	return index;
}

static void diff_element(struct differ *d, const char *path, const char *key, const char *id, const json_t *from,
			 const json_t *to)
{
	char *place = xasprintf("%s[%s]", path, id);
	struct differ within = *d;

	if (strcmp(key, "services") == 0)
		within.service = id;
	else if (strcmp(key, "backends") == 0)
		within.backend = id;
	if (json_is_string(from ? from : to))
		note(&within, from ? "removed" : "added", place);
	else
		diff_values(&within, place, key, from, to);
	free(place);
}

/* Elements of array that other has not. */
static void note_missing(struct differ *d, const char *path, const char *key, const json_t *array, const json_t *other,
			 bool are_new)
{
	size_t i, left_out = 0, listed = 0;
	json_t *element;
	char buf[32];

	json_array_foreach (array, i, element) {
		const char *id = identity(element, buf);

		if (json_object_get(other, id))
			continue;
		if (json_is_string(element) && listed == DIFF_LIST_MAX) {
			left_out++;
			continue;
		}
		diff_element(d, path, key, id, are_new ? NULL : element, are_new ? element : NULL);
		listed++;
	}
	if (left_out)
		json_object_set_new(note(d, are_new ? "added" : "removed", path), "count",
				    json_integer((json_int_t)left_out));
}

static void diff_lists(struct differ *d, const char *path, const char *key, const json_t *from, const json_t *to,
		       const json_t *were, const json_t *are)
{
	size_t before = json_array_size(d->list), i;
	json_t *element;
	char buf[32];

	note_missing(d, path, key, from, are, false);
	json_array_foreach (from, i, element) {
		const char *id = identity(element, buf);
		const json_t *is = json_object_get(are, id);

		if (is && !json_is_string(element))
			diff_element(d, path, key, id, element, is);
	}
	note_missing(d, path, key, to, were, true);
	if (json_array_size(d->list) == before)
		note(d, "reordered", path);
}

static void diff_arrays(struct differ *d, const char *path, const char *key, const json_t *from, const json_t *to)
{
	json_t *were = index_of(from), *are = index_of(to);

	if (were && are) {
		diff_lists(d, path, key, from, to, were, are);
	} else {
		json_t *item = note(d, "changed", path);

		json_object_set(item, "from", (json_t *)from);
		json_object_set(item, "to", (json_t *)to);
	}
	json_decref(were);
	json_decref(are);
}

/* key: the last name in path. from or to NULL: there is none. */
static void diff_values(struct differ *d, const char *path, const char *key, const json_t *from, const json_t *to)
{
	json_t *item;

	if (!from || !to) {
		note_value(d, from ? "removed" : "added", path, from ? from : to);
	} else if (json_equal(from, to)) {
		return;
	} else if (json_is_object(from) && json_is_object(to)) {
		diff_objects(d, path, from, to);
	} else if (json_is_array(from) && json_is_array(to)) {
		diff_arrays(d, path, key, from, to);
	} else {
		item = note(d, "changed", path);
		json_object_set(item, "from", (json_t *)from);
		json_object_set(item, "to", (json_t *)to);
	}
}

/* The trees of what may differ. */
static void differing_trees(const struct config *a, const struct config *b, json_t *tree[2])
{
	struct config view[2];

	config_differing(a, b, view);
	for (int i = 0; i < 2; i++) {
		tree[i] = config_to_json(&view[i]);
		free(view[i].services);
	}
}

json_t *config_diff(const struct config *from, const struct config *to)
{
	struct differ d = {.list = json_array()};
	json_t *tree[2];

	differing_trees(from, to, tree);
	diff_values(&d, "", "", tree[0], tree[1]);
	json_decref(tree[0]);
	json_decref(tree[1]);
	return d.list;
}

bool config_same(const struct config *a, const struct config *b)
{
	json_t *tree[2];
	bool same;

	differing_trees(a, b, tree);
	same = json_equal(tree[0], tree[1]);
	json_decref(tree[0]);
	json_decref(tree[1]);
	return same;
}

/* Without its quotes, and what would end the line. */
static char *string_text(const json_t *string)
{
	char *text = xstrdup(json_string_value(string));

	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
	return text;
}

/* All in one line; cut behind max bytes, never within a character. */
static char *value_text(const json_t *value, size_t max)
{
	char *text = json_is_string(value) ? string_text(value) : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	char *cut;

	if (!text)
		return xstrdup("");
	if (strlen(text) <= max)
		return text;
	while (max && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	text[max] = '\0';
	cut = xasprintf("%s...", text);
	free(text);
	return cut;
}

static char *changed_line(const json_t *item, const char *path, size_t value_max)
{
	char *from = value_text(json_object_get(item, "from"), value_max);
	char *to = value_text(json_object_get(item, "to"), value_max);
	char *line = xasprintf("~ %s: %s -> %s", path, from, to);

	free(from);
	free(to);
	return line;
}

char *diff_line(const json_t *item, size_t value_max)
{
	const char *change = json_string_value(json_object_get(item, "change"));
	const char *path = json_string_value(json_object_get(item, "path"));
	const json_t *value = json_object_get(item, "value"), *count = json_object_get(item, "count");
	char sign = strcmp(change, "added") == 0 ? '+' : '-';
	char *text, *line;

	if (strcmp(change, "changed") == 0)
		return changed_line(item, path, value_max);
	if (strcmp(change, "reordered") == 0)
		return xasprintf("~ %s: in another order", path);
	if (count)
		return xasprintf("%c %s: %" JSON_INTEGER_FORMAT " more", sign, path, json_integer_value(count));
	if (!value || json_is_object(value) || json_is_array(value))
		return xasprintf("%c %s", sign, path);
	text = value_text(value, value_max);
	line = xasprintf("%c %s: %s", sign, path, text);
	free(text);
	return line;
}

char *diff_summary(const json_t *diff)
{
	size_t count = json_array_size(diff);
	char *first, *all;

	if (!count)
		return xstrdup("nothing changed");
	first = diff_line(json_array_get(diff, 0), SUMMARY_VALUE_MAX);
	if (count == 1)
		return first;
	all = xasprintf("%s, and %zu more", first, count - 1);
	free(first);
	return all;
}
