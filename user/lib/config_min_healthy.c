/* SPDX-License-Identifier: GPL-2.0 */
/* How many of a pool's backends must be healthy: a number of them, or percent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"

#define COUNT_MAX 65535

/* "1%" to "100%". */
static int parse_percent(const char *text, struct config_min_healthy *min)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long percent = digits && digits <= 3 ? strtoul(text, NULL, 10) : 0;

	if (!percent || percent > 100 || strcmp(text + digits, "%") != 0)
		return -EINVAL;
	min->least = (uint16_t)percent;
	min->percent = true;
	return 0;
}

int config_parse_min_healthy(const struct tree_place *at, struct config_min_healthy *min)
{
	struct tree_place place = tree_member(at, "min_healthy");
	json_int_t count = json_integer_value(place.value);
	const char *text = json_string_value(place.value);

	if (!place.value)
		return 0;
	min->given = true;
	if (json_is_integer(place.value) && count >= 0 && count <= COUNT_MAX) {
		min->least = (uint16_t)count;
		return 0;
	}
	if (text && !parse_percent(text, min))
		return 0;
	return tree_refuse(&place, "a number of backends", "0 to 65535, or 1% to 100% of them");
}

json_t *config_min_healthy_to_json(const struct config_min_healthy *min)
{
	char text[CONFIG_MIN_HEALTHY_TEXT];

	return min->percent ? json_string(config_min_healthy_format(min, text)) : json_integer(min->least);
}

const char *config_min_healthy_format(const struct config_min_healthy *min, char buf[CONFIG_MIN_HEALTHY_TEXT])
{
	snprintf(buf, CONFIG_MIN_HEALTHY_TEXT, "%u%s", min->least, min->percent ? "%" : "");
	return buf;
}
