/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is asleep, and what is on its way, as it is kept over a restart: without it a new daemon would take what sleeps for what is broken, and would not know
 * of what it has to stop. Written at each change, beside the state file; not synced, since after a reboot nothing is as it was.
 */
#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "demands_priv.h"
#include "kept.h"

#define FORMAT 1
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void read_boot(char id[40])
{
	FILE *file = fopen(BOOT_ID, "re");

	id[0] = '\0';
	if (file && !fgets(id, 40, file))
		id[0] = '\0';
	if (file)
		fclose(file);
	id[strcspn(id, "\n")] = '\0';
}

json_t *demands_load(const char *path)
{
	char boot[40];
	json_t *root = kept_load(path, FORMAT, "what is on demand is looked for anew");
	const char *saved = json_string_value(json_object_get(root, "boot"));

	read_boot(boot);
	if (saved && !strcmp(saved, boot))
		return root;
	json_decref(root);
	return NULL;
}

void demands_save(const struct demands *demands)
{
	json_t *units = json_array();
	char boot[40];

	for (size_t i = 0; i < demands->count; i++) {
		const struct unit *unit = demands->units[i];

		json_array_append_new(units, json_pack("{s:s, s:s, s:s, s:b}", "service", unit->service, "pool",
						       unit->pool, "state", demand_state_name(unit->demand.state),
						       "in_window", unit->demand.in_window));
	}
	read_boot(boot);
	kept_save(demands->path, json_pack("{s:i, s:s, s:o}", "format", FORMAT, "boot", boot, "units", units),
		  "a restart will look anew for what is on demand");
}

void demands_recall(struct unit *unit)
{
	const char *service, *pool, *state;
	enum demand_state was;
	int in_window;
	json_t *kept;
	size_t i;

	json_array_foreach (json_object_get(unit->of->kept, "units"), i, kept) {
		if (json_unpack(kept, "{s:s, s:s, s:s, s:b}", "service", &service, "pool", &pool, "state", &state,
				"in_window", &in_window) ||
		    strcmp(service, unit->service) != 0 || strcmp(pool, unit->pool) != 0)
			continue;
		was = demand_state_of(state);
		if (was < DEMAND_STATES)
			demand_restore(&unit->demand, uv_now(unit->of->d->loop), was, in_window);
		snprintf(unit->reason, sizeof(unit->reason), "as before the daemon's restart");
		json_array_remove(json_object_get(unit->of->kept, "units"), i);
		return;
	}
}
