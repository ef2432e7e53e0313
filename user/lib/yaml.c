/* SPDX-License-Identifier: GPL-2.0 */
/*
 * YAML to JSON, from libyaml's events: its document API keeps no line per key and resolves anchors, which a configuration
 * does without (an alias in it would make one value stand in two places, and a few nested ones a tree without end).
 *
 * A value's line is remembered under its json_t's address, a key's under that of the copy which its object keeps. Booleans
 * and null are shared by all of a process, so those in a list have no line of their own. Lines are asked for once, to word
 * an error, hence a plain array.
 */
#include "yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "xalloc.h"
#include "yaml_scalar.h"

#define YAML_DEPTH_MAX 32
#define YAML_FILE_MAX (64u << 20)

struct source_entry {
	const void *what; /* a json_t, or an object's own copy of a key */
	const char *file;
	int line;
};

struct config_source {
	char *name;
	struct source_entry *entries;
	size_t count, room;
	char **names; /* of other files */
	size_t name_count;
	json_t *kept; /* an array; NULL: none */
};

struct loader {
	yaml_parser_t parser;
	yaml_event_t event; /* the present one */
	const char *text;
	size_t len;
	const char *name;
	struct config_source *source;
	struct shunt_err *err;
};

static json_t *load_node(struct loader *l, int depth);

static void source_add(struct config_source *source, const void *what, const char *file, int line)
{
	if (source->count == source->room) {
		source->room = source->room ? source->room * 2 : 256;
		source->entries = xreallocarray(source->entries, source->room, sizeof(*source->entries));
	}
	source->entries[source->count++] = (struct source_entry){what, file, line};
}

static const void *object_key(const json_t *object, const char *key)
{
	void *iter = json_object_iter_at((json_t *)object, key);

	return iter ? json_object_iter_key(iter) : NULL;
}

const char *config_source_name(const struct config_source *source)
{
	return source->name;
}

static const struct source_entry *source_find(const struct config_source *source, const void *what)
{
	for (size_t i = 0; what && i < source->count; i++)
		if (source->entries[i].what == what)
			return &source->entries[i];
	return NULL;
}

int config_source_line(const struct config_source *source, const json_t *value, const char *key)
{
	const struct source_entry *entry = source_find(source, key ? object_key(value, key) : value);

	return entry ? entry->line : 0;
}

const char *config_source_file(const struct config_source *source, const json_t *value, const char *key)
{
	const struct source_entry *entry = source_find(source, key ? object_key(value, key) : value);

	return entry ? entry->file : source->name;
}

const char *config_source_keep_name(struct config_source *source, const char *file)
{
	source->names = xreallocarray(source->names, source->name_count + 1, sizeof(*source->names));
	source->names[source->name_count] = xstrdup(file);
	return source->names[source->name_count++];
}

void config_source_add(struct config_source *source, const json_t *value, const char *file, int line)
{
	source_add(source, value, file, line);
}

void config_source_keep(struct config_source *source, json_t *replaced)
{
	if (!source->kept)
		source->kept = json_array();
	json_array_append(source->kept, replaced);
}

void config_source_merge(struct config_source *source, struct config_source *other)
{
	for (size_t i = 0; i < other->count; i++) {
		const struct source_entry *entry = &other->entries[i];

		source_add(source, entry->what, entry->file, entry->line);
	}
	source->names =
		xreallocarray(source->names, source->name_count + other->name_count + 1, sizeof(*source->names));
	source->names[source->name_count++] = other->name; /* entries point to them */
	for (size_t i = 0; i < other->name_count; i++)
		source->names[source->name_count++] = other->names[i];
	if (other->kept)
		config_source_keep(source, other->kept);
	other->name = NULL;
	other->name_count = 0;
	config_source_free(other);
}

void config_source_free(struct config_source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->name_count; i++)
		free(source->names[i]);
	free(source->names);
	json_decref(source->kept);
	free(source->name);
	free(source->entries);
	free(source);
}

/* Fails with FILE:LINE as the place; line from 1. */
__attribute__((format(printf, 3, 4))) static json_t *load_fail(struct loader *l, int line, const char *fmt, ...)
{
	char *where = xasprintf("%s:%d", l->name, line);
	va_list args;
	char *what;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		abort();
	va_end(args);
	shunt_fail(l->err, EINVAL, where, "%s", what);
	free(where);
	free(what);
	return NULL;
}

static int event_line(const struct loader *l)
{
	return l->event.start_mark.line + 1;
}

/* The reader fails before there are lines: count them up to the byte it does not like. */
static int reader_line(const struct loader *l)
{
	int line = 1;

	for (size_t i = 0; i < l->parser.problem_offset && i < l->len; i++)
		line += l->text[i] == '\n';
	return line;
}

static void parser_failed(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;
	const char *problem = p->problem ? p->problem : "bad YAML";
	int line = p->problem_mark.line + 1;

	if (p->error == YAML_READER_ERROR)
		load_fail(l, reader_line(l), "%s; expected UTF-8 text", problem);
	else if (p->problem_mark.index < l->len && l->text[p->problem_mark.index] == '\t')
		load_fail(l, line, "%s; YAML indents with spaces, not tabs", problem);
	else if (p->context && p->context_mark.line != p->problem_mark.line)
		load_fail(l, line, "%s (%s that begins in line %zu)", problem, p->context, p->context_mark.line + 1);
	else
		load_fail(l, line, "%s", problem);
}

static int next_event(struct loader *l)
{
	yaml_event_delete(&l->event);
	if (yaml_parser_parse(&l->parser, &l->event))
		return 0;
	parser_failed(l);
	return -EINVAL;
}

static json_t *load_integer(struct loader *l, const char *text)
{
	long long value;

	errno = 0;
	value = strtoll(text, NULL, 10);
	if (errno)
		return load_fail(l, event_line(l), "%s does not fit an integer; put it in quotes if it is a word",
				 text);
	return json_integer(value);
}

static json_t *load_scalar(struct loader *l)
{
	const char *text = (const char *)l->event.data.scalar.value;
	size_t len = l->event.data.scalar.length;
	json_t *string;

	if (strlen(text) != len)
		return load_fail(l, event_line(l), "a NUL character; expected text without it");
	if (l->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		switch (yaml_scalar_kind(text)) {
		case YAML_SCALAR_NULL:
			return json_null();
		case YAML_SCALAR_TRUE:
			return json_true();
		case YAML_SCALAR_FALSE:
			return json_false();
		case YAML_SCALAR_INTEGER:
			return load_integer(l, text);
		case YAML_SCALAR_STRING:
			break;
		}
	}
	string = json_stringn(text, len);
	return string ? string : load_fail(l, event_line(l), "text that is not UTF-8");
}

static json_t *load_sequence(struct loader *l, int depth)
{
	json_t *array = json_array();

	while (next_event(l) == 0) {
		json_t *item;

		if (l->event.type == YAML_SEQUENCE_END_EVENT)
			return array;
		item = load_node(l, depth + 1);
		if (!item)
			break;
		json_array_append_new(array, item);
	}
	json_decref(array);
	return NULL;
}

/* The key that the present event is; NULL with the error set. The caller frees it. */
static char *load_key(struct loader *l, const json_t *object)
{
	const char *text = (const char *)l->event.data.scalar.value;
	int first;

	if (l->event.type != YAML_SCALAR_EVENT || l->event.data.scalar.tag || l->event.data.scalar.anchor ||
	    strlen(text) != l->event.data.scalar.length) {
		load_fail(l, event_line(l), "expected a plain key, such as \"name:\"");
		return NULL;
	}
	first = config_source_line(l->source, object, text);
	if (first) {
		load_fail(l, event_line(l), "key \"%s\" is there twice; first in line %d", text, first);
		return NULL;
	}
	return xstrdup(text);
}

static int load_member(struct loader *l, json_t *object, int depth)
{
	int line = event_line(l), err = -EINVAL;
	char *key = load_key(l, object);
	json_t *value;

	if (!key)
		return err;
	if (next_event(l) == 0) {
		value = load_node(l, depth + 1);
		if (value && json_object_set_new(object, key, value) == 0) {
			source_add(l->source, object_key(object, key), l->source->name, line);
			err = 0;
		}
	}
	free(key);
	return err;
}

static json_t *load_mapping(struct loader *l, int depth)
{
	json_t *object = json_object();

	while (next_event(l) == 0) {
		if (l->event.type == YAML_MAPPING_END_EVENT)
			return object;
		if (load_member(l, object, depth))
			break;
	}
	json_decref(object);
	return NULL;
}

static bool has_tag_or_anchor(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.tag || event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.tag || event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.tag || event->data.mapping_start.anchor;
	default:
		return event->type == YAML_ALIAS_EVENT;
	}
}

/* The value that begins at the present event. Recursion ends at YAML_DEPTH_MAX. */
static json_t *load_node(struct loader *l, int depth)
{
	int line = event_line(l);
	json_t *value;

	if (has_tag_or_anchor(&l->event))
		return load_fail(
			l, line,
			"anchors (&), aliases (*) and tags (!) are not supported; quote the text if it is text");
	if (depth >= YAML_DEPTH_MAX)
		return load_fail(l, line, "nested deeper than %d levels", YAML_DEPTH_MAX);
	if (l->event.type == YAML_SCALAR_EVENT)
		value = load_scalar(l);
	else if (l->event.type == YAML_SEQUENCE_START_EVENT)
		value = load_sequence(l, depth);
	else
		value = load_mapping(l, depth);
	if (value && !json_is_boolean(value) && !json_is_null(value))
		source_add(l->source, value, l->source->name, line);
	return value;
}

/* Stream start, document start, the value, document end, stream end: nothing before, between or behind. */
static json_t *load_document(struct loader *l)
{
	json_t *tree;

	if (next_event(l) || next_event(l))
		return NULL;
	if (l->event.type != YAML_DOCUMENT_START_EVENT)
		return load_fail(l, event_line(l), "there is nothing in it; expected keys and values");
	if (next_event(l))
		return NULL;
	tree = load_node(l, 0);
	if (!tree)
		return NULL;
	if (next_event(l) == 0 && next_event(l) == 0) {
		if (l->event.type == YAML_STREAM_END_EVENT)
			return tree;
		load_fail(l, event_line(l), "a second document begins; expected one in a file");
	}
	json_decref(tree);
	return NULL;
}

json_t *yaml_load(const char *text, size_t len, const char *name, struct config_source **source, struct shunt_err *err)
{
	struct loader l = {.text = text, .len = len, .name = name, .err = err};
	json_t *tree;

	l.source = xcalloc(1, sizeof(*l.source));
	l.source->name = xstrdup(name);
	if (!yaml_parser_initialize(&l.parser))
		abort(); /* out of memory, as in xalloc.h */
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len);
	tree = load_document(&l);
	yaml_event_delete(&l.event);
	yaml_parser_delete(&l.parser);
	if (tree) {
		*source = l.source;
		return tree;
	}
	config_source_free(l.source);
	return NULL;
}

/* All of a stream, or NULL with errno set. */
static char *read_all(FILE *in, size_t *len)
{
	size_t room = 1 << 16;
	char *text = xreallocarray(NULL, room, 1);

	*len = 0;
	while (!feof(in) && !ferror(in) && *len <= YAML_FILE_MAX) {
		if (*len == room)
			text = xreallocarray(text, room *= 2, 1);
		*len += fread(text + *len, 1, room - *len, in);
	}
	if (!ferror(in) && *len <= YAML_FILE_MAX)
		return text;
	if (!ferror(in))
		errno = EFBIG;
	free(text);
	return NULL;
}

/* What errors call a file. */
static const char *file_name(const char *path)
{
	return strcmp(path, "-") ? path : "stdin";
}

char *yaml_read(const char *path, size_t *len, struct shunt_err *err)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = in ? read_all(in, len) : NULL;

	if (!text)
		shunt_fail(err, errno, file_name(path), "cannot be read: %s", strerror(errno));
	if (in && in != stdin)
		fclose(in);
	return text;
}

json_t *yaml_load_file(const char *path, struct config_source **source, struct shunt_err *err)
{
	size_t len;
	char *text = yaml_read(path, &len, err);
	json_t *tree = text ? yaml_load(text, len, file_name(path), source, err) : NULL;

	free(text);
	return tree;
}
