/* SPDX-License-Identifier: GPL-2.0 */
/* What was asked for, but may surprise: said in the answer to the change. */
#include <stdlib.h>

#include "api_internal.h"

/* A whole configuration also replaces what was set by command. */
void api_warn_undrained(json_t *warnings, const struct config *present, const struct config *next)
{
	struct config_names *names = config_names_new(next);

	for (size_t i = 0; i < present->service_count; i++) {
		const struct config_service *was = &present->services[i];
		const struct config_service *is = config_names_find(names, was->name);

		for (size_t j = 0; is && j < was->backend_count; j++) {
			const struct config_backend *backend = config_find_backend(is, &was->backends[j].addr);
			char addr[SHUNT_ADDR_TEXT];

			if (was->backends[j].admin != CONFIG_ADMIN_DRAIN || !backend ||
			    backend->admin == CONFIG_ADMIN_DRAIN)
				continue;
			json_array_append_new(warnings,
					      json_sprintf("services[%s].backends[%s]: was drained, and no longer is",
							   was->name, addr_format(&backend->addr, addr)));
		}
	}
	free(names);
}

/* Other inputs are another slot for nearly every flow, those that exist included. */
void api_warn_moved(json_t *warnings, const struct config *present, const struct config *next)
{
	struct config_names *names = config_names_new(next);

	for (size_t i = 0; i < present->service_count; i++) {
		const struct config_service *was = &present->services[i];
		const struct config_service *is = config_names_find(names, was->name);

		if (!is || config_hash_equal(&was->hash, &is->hash))
			continue;
		json_array_append_new(
			warnings, json_sprintf("services[%s].hash: changed; most connections that exist go to other "
					       "backends than before, which will reset them",
					       was->name));
	}
	free(names);
}
