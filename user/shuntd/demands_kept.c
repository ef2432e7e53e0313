/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is asleep, and what is on its way, as it is kept over a restart: without it a new daemon would take what sleeps for what is broken, and would not know
 * of what it has to stop. Written at each change, beside the state file; not synced, since after a reboot nothing is as it was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "daemon.h"
#include "demands_priv.h"

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
	json_error_t bad;
	json_t *root = json_load_file(path, 0, &bad);
	const char *saved = json_string_value(json_object_get(root, "boot"));

	read_boot(boot);
	if (!root && access(path, F_OK) == 0)
		log_warning("%s: cannot be used: %s; what is on demand is looked for anew", path, bad.text);
	if (root && json_integer_value(json_object_get(root, "format")) == FORMAT && saved && !strcmp(saved, boot))
		return root;
	json_decref(root);
	return NULL;
}

static char *kept_text(const struct demands *demands)
{
	json_t *units = json_array(), *root;
	char boot[40], *text;

	read_boot(boot);
	for (size_t i = 0; i < demands->count; i++) {
		const struct unit *unit = demands->units[i];

		json_array_append_new(units, json_pack("{s:s, s:s, s:s, s:b}", "service", unit->service, "pool",
						       unit->pool, "state", demand_state_name(unit->demand.state),
						       "in_window", unit->demand.in_window));
	}
	root = json_pack("{s:i, s:s, s:o}", "format", FORMAT, "boot", boot, "units", units);
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

void demands_save(const struct demands *demands)
{
	char *next = xasprintf("%s.new", demands->path), *text = kept_text(demands);
	FILE *file = fopen(next, "we");
	bool written = file && text && fputs(text, file) >= 0;

	if (file && fclose(file))
		written = false;
	if (!written || rename(next, demands->path))
		log_warning("%s: cannot be written: %s; a restart will look anew for what is on demand", demands->path,
			    strerror(errno));
	free(text);
	free(next);
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
