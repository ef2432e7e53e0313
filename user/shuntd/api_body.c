/* SPDX-License-Identifier: GPL-2.0 */
/* The body of a request: what it says it is, and no deeper than anything that could be meant. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../lib/yaml.h"
#include "api_internal.h"

#define JSON_DEPTH_MAX 32 /* as for YAML; a configuration needs seven levels */

static bool has_type(const struct api_request *request, const char *type)
{
	size_t len = strlen(type);

	return request->content_type && strncasecmp(request->content_type, type, len) == 0 &&
	       strchr("; \t", request->content_type[len]) != NULL;
}

static bool is_yaml(const struct api_request *request)
{
	return has_type(request, "application/yaml") || has_type(request, "application/x-yaml") ||
	       has_type(request, "text/yaml");
}

/* jansson's own limit is 2048 levels, each a call of everything that walks the tree afterwards. Text that is not JSON may be judged
 * too deep; it is refused either way. */
static int check_depth(const struct api_request *request, struct shunt_err *err)
{
	unsigned int depth = 0, line = 1;
	bool in_text = false;
	char where[32];

	for (size_t i = 0; i < request->len; i++) {
		char c = request->body[i];

		line += c == '\n';
		if (in_text && c == '\\')
			i++;
		else if (c == '"')
			in_text = !in_text;
		else if (!in_text && (c == '[' || c == '{'))
			depth++;
		else if (!in_text && (c == ']' || c == '}') && depth)
			depth--;
		if (depth <= JSON_DEPTH_MAX)
			continue;
		snprintf(where, sizeof(where), "body:%u", line);
		return shunt_fail(err, EINVAL, where, "nested too deeply; expected at most %d levels", JSON_DEPTH_MAX);
	}
	return 0;
}

int api_body_json(const struct api_request *request, const char *expected, json_t **tree, struct shunt_err *err)
{
	json_error_t error;
	char where[64];

	if (!has_type(request, "application/json"))
		return shunt_fail(err, EMEDIUMTYPE, "Content-Type", "\"%s\" is not understood, expected %s",
				  request->content_type ? request->content_type : "", expected);
	if (check_depth(request, err))
		return -EINVAL;
	*tree = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES, &error);
	if (*tree)
		return 0;
	snprintf(where, sizeof(where), "body:%d:%d", error.line, error.column);
	return shunt_fail(err, EINVAL, where, "not JSON: %s", error.text);
}

struct config *api_body_config(const struct api_request *request, struct shunt_err *err)
{
	struct config_source *source = NULL;
	struct config *config = NULL;
	json_t *tree = NULL;

	if (is_yaml(request))
		tree = yaml_load(request->body, request->len, request->name ? request->name : "body", &source, err);
	else
		api_body_json(request, "application/json or application/yaml", &tree, err);
	if (tree)
		config = config_from_json(tree, source, err);
	json_decref(tree);
	config_source_free(source);
	return config;
}
