/* SPDX-License-Identifier: GPL-2.0 */
/* Where a service finds backends that no operator lists. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

static const char *const kind_words[] = {"files", NULL};

const char *config_discover_name(enum config_discover_kind kind)
{
	return kind_words[kind];
}

bool config_discovers(const struct config_service *service)
{
	return service->registration || service->discover_count;
}

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
	out->kind = CONFIG_DISCOVER_FILES;
	out->text = xstrdup(path);
	return 0;
}

static int parse_source(const struct tree_place *at, void *out)
{
	struct tree_place files;

	if (tree_object(at, kind_words))
		return -EINVAL;
	files = tree_member(at, config_discover_name(CONFIG_DISCOVER_FILES));
	return parse_files(&files, out);
}

int config_parse_discover(const struct tree_place *at, struct config_service *out)
{
	struct tree_place list = tree_member(at, "discover");

	if (tree_bool(at, "registration", &out->registration) ||
	    tree_list(at, "discover", 0, "mappings such as {files: /etc/shunt/targets.d/*.json}",
		      sizeof(*out->discover), parse_source, &out->discover, &out->discover_count))
		return -EINVAL;
	for (size_t i = 1; i < out->discover_count; i++) {
		for (size_t j = 0; j < i; j++) {
			struct tree_place element = tree_element(&list, i);

			if (out->discover[i].kind == out->discover[j].kind &&
			    !strcmp(out->discover[i].text, out->discover[j].text))
				return tree_fail(&element, "listed twice; expected each source of backends once");
		}
	}
	return 0;
}

json_t *config_discover_to_json(const struct config_service *service)
{
	json_t *list = json_array();

	for (size_t i = 0; i < service->discover_count; i++)
		json_array_append_new(list, json_pack("{s:s}", config_discover_name(service->discover[i].kind),
						      service->discover[i].text));
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
