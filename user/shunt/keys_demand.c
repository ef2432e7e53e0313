/* SPDX-License-Identifier: GPL-2.0 */
/* on_demand.KEY=VALUE, of services and pools. A null is what shall not be there any more (demand_join.h). */
#include <errno.h>
#include <string.h>

#include "keys_priv.h"

int keys_none(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	if (strcmp(value, "none") != 0)
		return shunt_fail(err, EINVAL, NULL, "expected none, or %s.KEY=VALUE", key->name);
	return keys_put(object, key->member, json_null(), err);
}

/* Where "none" was first, there is no more to be said. NULL with *err. */
static json_t *object_of(json_t *object, const char *member, struct shunt_err *err)
{
	json_t *value = json_object_get(object, member);

	if (json_is_null(value)) {
		shunt_fail(err, EINVAL, NULL, "expected %s=none or %s.KEY=VALUE, not both", member, member);
		return NULL;
	}
	if (!value) {
		value = json_object();
		json_object_set_new(object, member, value);
	}
	return value;
}

/* "start.url" is the member url of start. */
static int set_hook(json_t *demand, const struct key *key, const char *value, struct shunt_err *err)
{
	const struct key member = {.member = strchr(key->name, '.') + 1};
	json_t *hook = object_of(demand, key->member, err);

	if (!hook)
		return -EINVAL;
	return strcmp(member.member, "command") ? keys_text(hook, &member, value, err)
						: keys_more_text(hook, &member, value, err);
}

/* A time of the week; given again: another one. */
static int set_awake(json_t *demand, const struct key *key, const char *value, struct shunt_err *err)
{
	json_t *list = json_object_get(demand, key->member);

	if (strcmp(value, "none") == 0)
		return keys_put(demand, key->member, json_null(), err);
	if (json_is_null(list))
		return shunt_fail(err, EINVAL, NULL, "expected none, or times of the week, not both");
	return keys_more_text(demand, key, value, err);
}

static const struct key demand_keys[] = {
	{"start.command", set_hook, "start"}, {"start.url", set_hook, "start"},	  {"start.method", set_hook, "start"},
	{"stop", keys_none, "stop"},	      {"stop.command", set_hook, "stop"}, {"stop.url", set_hook, "stop"},
	{"stop.method", set_hook, "stop"},    {"idle", keys_duration, "idle"},	  {"timeout", keys_duration, "timeout"},
	{"awake", set_awake, "awake"},
};

int keys_set_demand(json_t *object, const char *name, const char *value, struct shunt_err *err)
{
	json_t *demand = object_of(object, "on_demand", err);

	if (!demand)
		return -EINVAL;
	return keys_by_name(demand, demand_keys, sizeof(demand_keys) / sizeof(demand_keys[0]), name, value, err);
}
