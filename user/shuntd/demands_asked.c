/* SPDX-License-Identifier: GPL-2.0 */
/* What operators ask of services on demand, and what they are shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "demands_priv.h"

static uint64_t now_of(const struct daemon *d)
{
	return uv_now(d->loop);
}

/* Are there such units at all? */
static int check(const struct daemon *d, const char *name, const char *pool, struct shunt_err *err)
{
	const struct config_service *service = config_find_service(d->config, name);

	if (d->detached)
		return shunt_fail(err, EBUSY, NULL, "the daemon was detached and is ending");
	if (!service)
		return shunt_fail(err, ENOENT, NULL, "no service \"%s\"", name);
	if (!service->demand_count)
		return shunt_fail(err, EPERM, NULL, "service \"%s\" is not on demand; it has no `on_demand`", name);
	if (pool && !demands_find(d->demands, name, pool))
		return shunt_fail(err, ENOENT, NULL, "no pool \"%s\" of service \"%s\" is on demand by itself", pool,
				  name);
	return 0;
}

static bool is_meant(const struct unit *unit, const char *service, const char *pool)
{
	return !strcmp(unit->service, service) && (!pool || !strcmp(unit->pool, pool));
}

int demands_wake(struct daemon *d, const char *service, const char *pool, bool *changed, struct shunt_err *err)
{
	int rc = check(d, service, pool, err);

	for (size_t i = 0; !rc && i < d->demands->count; i++) {
		struct unit *unit = d->demands->units[i];

		if (!is_meant(unit, service, pool))
			continue;
		*changed |= unit->demand.state != DEMAND_AWAKE && unit->demand.state != DEMAND_WAKING;
		demand_wake(&unit->demand, now_of(d), d->cause);
	}
	return rc;
}

static int check_quiet(const struct daemon *d, const struct unit *unit, struct shunt_err *err)
{
	uint64_t quiet = now_of(d) - unit->demand.quiet_since;

	if (unit->demand.state != DEMAND_AWAKE || quiet >= unit->demand.idle)
		return 0;
	return shunt_fail(err, EBUSY, unit->service,
			  "%s%s%shad packets, or was woken, %llu s ago, less than its idle time; add --force (by the "
			  "API: ?force=1) to stop it all the same",
			  unit->pool[0] ? "pool " : "", unit->pool, unit->pool[0] ? " " : "",
			  (unsigned long long)quiet / 1000);
}

int demands_sleep(struct daemon *d, const char *service, const char *pool, bool force, bool *changed,
		  struct shunt_err *err)
{
	int rc = check(d, service, pool, err);

	for (size_t i = 0; !rc && !force && i < d->demands->count; i++)
		if (is_meant(d->demands->units[i], service, pool))
			rc = check_quiet(d, d->demands->units[i], err);
	for (size_t i = 0; !rc && i < d->demands->count; i++)
		if (is_meant(d->demands->units[i], service, pool))
			*changed |= demand_sleep(&d->demands->units[i]->demand, now_of(d), d->cause);
	return rc;
}

json_t *demands_json(const struct daemon *d, const char *service)
{
	json_t *array = NULL;

	for (size_t i = 0; d->demands && i < d->demands->count; i++) {
		const struct unit *unit = d->demands->units[i];
		uint64_t quiet = (now_of(d) - unit->demand.quiet_since) / 1000;
		json_t *object;

		if (!is_meant(unit, service, NULL))
			continue;
		if (!array)
			array = json_array();
		object = json_pack("{s:s, s:s, s:I, s:s}", "pool", unit->pool, "state",
				   demand_state_name(unit->demand.state), "since", (json_int_t)unit->since, "reason",
				   unit->reason);
		if (unit->demand.state == DEMAND_AWAKE)
			json_object_set_new(object, "quiet", json_integer((json_int_t)quiet));
		json_array_append_new(array, object);
	}
	return array;
}
