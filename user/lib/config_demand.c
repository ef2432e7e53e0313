/* SPDX-License-Identifier: GPL-2.0 */
/* The member on_demand of a service: of the service as a whole, or of some of its pools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "config_probe.h"
#include "config_windows.h"
#include "xalloc.h"

#define IDLE_MIN 1000
#define IDLE_MAX (7 * 24 * 3600000)
#define IDLE 600000
#define TIMEOUT_MIN 100
#define TIMEOUT_MAX 3600000
#define TIMEOUT 30000
#define URL_MAX 1023

static const char *const method_words[] = {"POST", "PUT", "GET", "DELETE", "PATCH", NULL};

static bool is_url(const char *text)
{
	size_t scheme = !strncmp(text, "http://", 7) ? 7 : !strncmp(text, "https://", 8) ? 8 : 0;

	if (!scheme || strlen(text) > URL_MAX || !text[scheme] || text[scheme] == '/')
		return false;
	while (*text > ' ' && *text <= '~')
		text++;
	return !*text;
}

static int parse_url(const struct tree_place *at, struct config_hook *hook)
{
	struct tree_place url = tree_member(at, "url");
	const char *text = json_string_value(url.value);
	unsigned int method = 0;

	if (!text || !is_url(text))
		return tree_refuse(&url, "a URL", "one such as http://10.0.0.5:8080/start, of at most 1023 characters");
	if (tree_word(at, "method", method_words, &method))
		return -EINVAL;
	hook->url = xstrdup(text);
	hook->method = method_words[method];
	return 0;
}

/* One that is not there stays empty. */
static int parse_hook(const struct tree_place *demand, const char *key, struct config_hook *hook)
{
	static const char *const keys[] = {"command", "url", "method", NULL};
	struct tree_place at = tree_member(demand, key), method = tree_member(&at, "method");
	bool has_command = json_object_get(at.value, "command"), has_url = json_object_get(at.value, "url");

	if (!at.value)
		return 0;
	if (tree_object(&at, keys))
		return -EINVAL;
	if (has_command == has_url)
		return tree_fail(&at, "%s of command and url; expected one of them", has_url ? "both" : "none");
	if (has_url)
		return parse_url(&at, hook);
	if (method.value)
		return tree_fail(&method, "a command has no method; remove it, or give a url");
	return config_parse_command(&at, &hook->command);
}

static int parse_window(const struct tree_place *at, void *out)
{
	const char *text = json_string_value(at->value);

	if (text && !config_window_parse(text, out))
		return 0;
	return tree_refuse(at, "a time of the week",
			   "days, times or both, such as \"mon-fri 07:00-19:00\", \"sat,sun\" or \"22:00-02:00 UTC\"");
}

static int parse_demand(const struct tree_place *at, struct config_demand *demand)
{
	static const char *const keys[] = {"start", "stop", "idle", "timeout", "awake", NULL};
	struct tree_place start = tree_member(at, "start");

	demand->idle = IDLE;
	demand->timeout = TIMEOUT;
	if (tree_object(at, keys))
		return -EINVAL;
	if (!start.value)
		return tree_refuse(&start, "what wakes it", "a mapping with command or url");
	if (parse_hook(at, "start", &demand->start) || parse_hook(at, "stop", &demand->stop) ||
	    tree_duration(at, "idle", IDLE_MIN, IDLE_MAX, &demand->idle) ||
	    tree_duration(at, "timeout", TIMEOUT_MIN, TIMEOUT_MAX, &demand->timeout))
		return -EINVAL;
	return tree_list(at, "awake", 0, "times of the week such as \"mon-fri 07:00-19:00\"", sizeof(*demand->awake),
			 parse_window, &demand->awake, &demand->awake_count);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct config_demand *)a)->pool, ((const struct config_demand *)b)->pool);
}

static int parse_pools(const struct tree_place *at, struct config_service *out)
{
	static const char *const keys[] = {"pools", NULL};
	struct tree_place pools = tree_member(at, "pools");
	const char *name;
	json_t *value;

	if (tree_object(at, keys))
		return -EINVAL;
	if (!json_is_object(pools.value))
		return tree_refuse(&pools, "a mapping", "names of pools, each with start, stop, idle and so on");
	if (!json_object_size(pools.value))
		return tree_fail(&pools,
				 "names no pool; expected names of pools, each with start, stop, idle and so on");
	out->demands = xcalloc(json_object_size(pools.value), sizeof(*out->demands));
	json_object_foreach ((json_t *)pools.value, name, value) {
		struct tree_place pool = tree_member(&pools, name);
		struct config_demand *demand = &out->demands[out->demand_count++];

		if (!config_is_name(name, sizeof(demand->pool)))
			return tree_fail(&pool, "not a pool's name; expected " CONFIG_POOL_WORDS);
		strcpy(demand->pool, name);
		if (parse_demand(&pool, demand))
			return -EINVAL;
	}
	qsort(out->demands, out->demand_count, sizeof(*out->demands), compare);
	return 0;
}

int config_parse_demand(const struct tree_place *service, struct config_service *out)
{
	struct tree_place at = tree_member(service, "on_demand");

	if (!at.value)
		return 0;
	if (json_object_get(at.value, "pools"))
		return parse_pools(&at, out);
	out->demands = xcalloc(1, sizeof(*out->demands));
	out->demand_count = 1;
	return parse_demand(&at, &out->demands[0]);
}

static json_t *hook_to_json(const struct config_hook *hook)
{
	json_t *command;

	if (hook->url)
		return json_pack("{s:s, s:s}", "url", hook->url, "method", hook->method);
	command = json_array();
	for (char **word = hook->command; *word; word++)
		json_array_append_new(command, json_string(*word));
	return json_pack("{s:o}", "command", command);
}

static json_t *demand_to_json(const struct config_demand *demand)
{
	json_t *object = json_object(), *awake = json_array();
	char text[CONFIG_WINDOW_TEXT];

	json_object_set_new(object, "start", hook_to_json(&demand->start));
	if (config_has_hook(&demand->stop))
		json_object_set_new(object, "stop", hook_to_json(&demand->stop));
	json_object_set_new(object, "idle", json_string(tree_duration_format(demand->idle, text)));
	json_object_set_new(object, "timeout", json_string(tree_duration_format(demand->timeout, text)));
	for (size_t i = 0; i < demand->awake_count; i++)
		json_array_append_new(awake, json_string(config_window_format(&demand->awake[i], text)));
	if (demand->awake_count)
		json_object_set(object, "awake", awake);
	json_decref(awake);
	return object;
}

json_t *config_demand_to_json(const struct config_service *service)
{
	json_t *pools;

	if (!service->demands[0].pool[0])
		return demand_to_json(&service->demands[0]);
	pools = json_object();
	for (size_t i = 0; i < service->demand_count; i++)
		json_object_set_new(pools, service->demands[i].pool, demand_to_json(&service->demands[i]));
	return json_pack("{s:o}", "pools", pools);
}

const struct config_demand *config_demand_of(const struct config_service *service, const char *pool)
{
	for (size_t i = 0; i < service->demand_count; i++)
		if (!service->demands[i].pool[0] || !strcmp(service->demands[i].pool, pool))
			return &service->demands[i];
	return NULL;
}

static struct config_hook copy_hook(const struct config_hook *from)
{
	return (struct config_hook){config_command_copy(from->command), from->url ? xstrdup(from->url) : NULL,
				    from->method};
}

void config_demand_copy(struct config_service *to, const struct config_service *from)
{
	to->demands = xcalloc(from->demand_count + 1, sizeof(*to->demands));
	for (size_t i = 0; i < from->demand_count; i++) {
		const struct config_demand *demand = &from->demands[i];

		to->demands[i] = *demand;
		to->demands[i].start = copy_hook(&demand->start);
		to->demands[i].stop = copy_hook(&demand->stop);
		to->demands[i].awake = xcalloc(demand->awake_count + 1, sizeof(*demand->awake));
		if (demand->awake_count)
			memcpy(to->demands[i].awake, demand->awake, demand->awake_count * sizeof(*demand->awake));
	}
}

static void clear_hook(struct config_hook *hook)
{
	config_command_free(hook->command);
	free(hook->url);
}

void config_demand_clear(struct config_service *service)
{
	for (size_t i = 0; i < service->demand_count; i++) {
		clear_hook(&service->demands[i].start);
		clear_hook(&service->demands[i].stop);
		free(service->demands[i].awake);
	}
	free(service->demands);
}
