/* SPDX-License-Identifier: GPL-2.0 */
#include "yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "xalloc.h"
#include "yaml_scalar.h"

struct text {
	char *buf;
	size_t len, room;
};

/* The emitter fails only without memory, and an event it failed on is already freed. */
static void emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialized)
{
	if (!initialized || !yaml_emitter_emit(emitter, event))
		abort();
}

static void dump_scalar(yaml_emitter_t *emitter, const char *text, size_t len, bool quoted)
{
	yaml_scalar_style_t style = quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
	yaml_event_t event;

	emit(emitter, &event,
	     yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, len, 1, 1, style));
}

static void dump_other(yaml_emitter_t *emitter, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	if (!text)
		abort();
	dump_scalar(emitter, text, strlen(text), false);
	free(text);
}

static void dump_value(yaml_emitter_t *emitter, const json_t *value)
{
	yaml_event_t event;
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_object(value)) {
		emit(emitter, &event,
		     yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
		json_object_foreach ((json_t *)value, key, item) {
			dump_scalar(emitter, key, strlen(key), yaml_scalar_is_ambiguous(key));
			dump_value(emitter, item);
		}
		emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
	} else if (json_is_array(value)) {
		emit(emitter, &event,
		     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
		json_array_foreach (value, i, item)
			dump_value(emitter, item);
		emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
	} else if (json_is_string(value)) {
		dump_scalar(emitter, json_string_value(value), json_string_length(value),
			    yaml_scalar_is_ambiguous(json_string_value(value)));
	} else {
		dump_other(emitter, value);
	}
}

static int text_append(void *arg, unsigned char *data, size_t len)
{
	struct text *text = arg;

	if (text->room - text->len <= len) {
		text->room = (text->len + len + 1) * 2;
		text->buf = xreallocarray(text->buf, text->room, 1);
	}
	memcpy(text->buf + text->len, data, len);
	text->len += len;
	text->buf[text->len] = '\0';
	return 1;
}

char *yaml_dump(const json_t *tree)
{
	struct text text = {};
	yaml_emitter_t emitter;
	yaml_event_t event;

	if (!yaml_emitter_initialize(&emitter))
		abort();
	yaml_emitter_set_output(&emitter, text_append, &text);
	yaml_emitter_set_width(&emitter, -1);
	yaml_emitter_set_unicode(&emitter, 1);
	emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	dump_value(&emitter, tree);
	emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1));
	emit(&emitter, &event, yaml_stream_end_event_initialize(&event));
	yaml_emitter_delete(&emitter);
	return text.buf;
}
