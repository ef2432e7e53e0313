/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"

/* Wherever in an answer a configuration is. Who knows the seed can aim all connections at one backend. */
void api_hide_secrets(json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_del(json, "seed"); /* of no object: no effect */
	json_object_foreach (json, key, value)
		api_hide_secrets(value);
	json_array_foreach (json, i, value)
		api_hide_secrets(value);
}
