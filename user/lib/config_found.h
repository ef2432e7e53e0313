/* SPDX-License-Identifier: GPL-2.0 */
/* Backends that were found, not configured: what is read of them, and what a configuration becomes with them. */
#ifndef SHUNT_CONFIG_FOUND_H
#define SHUNT_CONFIG_FOUND_H

#include "config.h"

/* The backends of target files as Prometheus' file_sd has them: [{"targets": ["10.1.0.11:80"], "labels": {...}}].
 * *out is the caller's to free; of an address that is there more than once the smallest weight counts. -EINVAL with
 * *err: its place says which file and line. */
int config_targets(const char *text, size_t len, const char *file, struct config_backend **out, size_t *count,
		   struct shunt_err *err);

/* Sort them by their addresses, each of which is left once, as above. Returns how many are left. */
size_t config_found_tidy(struct config_backend *list, size_t count);

/* What registers: {"ttl": 30, "weight": 100, "pool": "default"}, all of which may be missing. ttl in seconds. */
#define CONFIG_TTL_MIN 2
#define CONFIG_TTL_MAX 86400
#define CONFIG_TTL 30
int config_registration(const json_t *body, const char *address, struct config_backend *out, uint32_t *ttl,
			struct shunt_err *err);

/* As it is kept, and read again; drained if it is on its way out. */
json_t *config_found_to_json(const struct config_backend *backend);
int config_found_from_json(const json_t *json, struct config_backend *out, struct shunt_err *err);

/* Backends of services of a configuration, which is valid. */
struct config_found {
	size_t service; /* which of the configuration's */
	const struct config_backend *backend;
};

/* Add them behind those that the services have, if the whole is as valid as a file would have to be; else -EINVAL
 * with *err, and the configuration is as it was. */
int config_add_found(struct config *config, const struct config_found *found, size_t count, struct shunt_err *err);

#endif
