/* SPDX-License-Identifier: GPL-2.0 */
#include "rates.h"

#include <string.h>

/* The element of list whose member key is that of like. */
static const json_t *same(const json_t *list, const char *key, const json_t *like)
{
	const char *name = json_string_value(json_object_get(like, key));
	const json_t *element;
	size_t i;

	json_array_foreach (list, i, element) {
		const char *other = json_string_value(json_object_get(element, key));

		if (name && other && strcmp(name, other) == 0)
			return element;
	}
	return NULL;
}

static void replace(json_t *object, const json_t *before, const char *counter, const char *rate, double seconds)
{
	json_int_t now = json_integer_value(json_object_get(object, counter));
	json_int_t then = json_integer_value(json_object_get(before, counter));
	json_int_t difference = now >= then ? now - then : now;

	json_object_del(object, counter);
	json_object_set_new(object, rate, json_integer((json_int_t)((double)difference / seconds + 0.5)));
}

static void replace_all(json_t *list, const json_t *before, const char *key, double seconds)
{
	json_t *object;
	size_t i;

	json_array_foreach (list, i, object) {
		const json_t *then = same(before, key, object);

		replace(object, then, "packets", "packets_per_second", seconds);
		if (json_object_get(object, "bytes"))
			replace(object, then, "bytes", "bytes_per_second", seconds);
		replace_all(json_object_get(json_object_get(object, "connections"), "counts"),
			    json_object_get(json_object_get(then, "connections"), "counts"), "count", seconds);
		replace_all(json_object_get(object, "quic"), json_object_get(then, "quic"), "choice", seconds);
		replace_all(json_object_get(object, "backends"), json_object_get(then, "backends"), "address", seconds);
	}
}

json_t *rates_between(const json_t *before, const json_t *after, double seconds)
{
	json_t *rates = json_deep_copy(after);

	replace_all(json_object_get(rates, "services"), json_object_get(before, "services"), "name", seconds);
	replace_all(json_object_get(rates, "reasons"), json_object_get(before, "reasons"), "reason", seconds);
	json_object_set_new(rates, "seconds", json_real(seconds));
	return rates;
}
