/* SPDX-License-Identifier: GPL-2.0 */
/* Times of the week: "mon-fri 07:00-19:00", "sat,sun 22:00-02:00 UTC", "09:00-17:00" (every day), "mon" (all day). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "config_windows.h"

#define DAY 1440 /* minutes */
#define EVERY_DAY 0x7f

static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static int parse_day(const char *text, size_t len)
{
	for (int day = 0; day < 7; day++)
		if (len == 3 && !strncmp(text, days[day], 3))
			return day;
	return -EINVAL;
}

/* "mon", "mon-fri", "sat-mon": bits; 0: not so. */
static uint8_t parse_range(const char *text, size_t len)
{
	const char *dash = memchr(text, '-', len);
	size_t first_len = dash ? (size_t)(dash - text) : len;
	int first = parse_day(text, first_len), last = dash ? parse_day(dash + 1, len - first_len - 1) : first;
	uint8_t bits = 0;

	if (first < 0 || last < 0)
		return 0;
	for (int day = first;; day = (day + 1) % 7) {
		bits |= 1 << day;
		if (day == last)
			return bits;
	}
}

static int parse_days(const char *text, uint8_t *bits)
{
	uint8_t all = 0;

	for (size_t len;; text += len + 1) {
		uint8_t range;

		len = strcspn(text, ",");
		range = parse_range(text, len);
		if (!range)
			return -EINVAL;
		all |= range;
		if (text[len])
			continue;
		*bits = all;
		return 0;
	}
}

/* "07:00": minutes; at most 24:00. */
static int parse_minute(const char *text, size_t len, uint16_t *minute)
{
	int hours, minutes;

	if (len != 5 || text[2] != ':' || !isdigit(text[0]) || !isdigit(text[1]) || !isdigit(text[3]) ||
	    !isdigit(text[4]))
		return -EINVAL;
	hours = (text[0] - '0') * 10 + text[1] - '0';
	minutes = (text[3] - '0') * 10 + text[4] - '0';
	*minute = hours * 60 + minutes;
	return minutes < 60 && *minute <= DAY ? 0 : -EINVAL;
}

static int parse_times(const char *text, struct config_window *window)
{
	if (strlen(text) != 11 || text[5] != '-' || parse_minute(text, 5, &window->from) ||
	    parse_minute(text + 6, 5, &window->to))
		return -EINVAL;
	return window->from < DAY && window->from != window->to ? 0 : -EINVAL;
}

int config_window_parse(const char *text, struct config_window *window)
{
	char copy[64], *rest = copy, *word;
	bool has_days = false, has_times = false;

	*window = (struct config_window){.days = EVERY_DAY, .to = DAY};
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	while ((word = strsep(&rest, " "))) {
		if (!window->utc && (has_days || has_times) && !strcmp(word, "UTC"))
			window->utc = true;
		else if (!window->utc && !has_days && !has_times && !parse_days(word, &window->days))
			has_days = true;
		else if (!window->utc && !has_times && !parse_times(word, window))
			has_times = true;
		else
			return -EINVAL;
	}
	return 0;
}

/* Names with commas in between: ranges are for who writes them. */
static void format_days(uint8_t bits, char *buf)
{
	buf[0] = '\0';
	for (int i = 1; i <= 7; i++) {
		if (!(bits >> i % 7 & 1))
			continue;
		if (buf[0])
			strcat(buf, ",");
		strcat(buf, days[i % 7]);
	}
}

const char *config_window_format(const struct config_window *window, char buf[CONFIG_WINDOW_TEXT])
{
	char names[7 * 4 + 1];

	format_days(window->days, names);
	snprintf(buf, CONFIG_WINDOW_TEXT, "%s %02u:%02u-%02u:%02u%s", names, window->from / 60u, window->from % 60u,
		 window->to / 60u, window->to % 60u, window->utc ? " UTC" : "");
	return buf;
}

/* By what a clock on the wall shows: that is what who writes a schedule means. */
static bool holds(const struct config_window *window, const struct tm *tm)
{
	unsigned int minute = tm->tm_hour * 60 + tm->tm_min;
	bool today = window->days >> tm->tm_wday & 1, yesterday = window->days >> (tm->tm_wday + 6) % 7 & 1;

	if (window->from < window->to)
		return today && minute >= window->from && minute < window->to;
	return (today && minute >= window->from) || (yesterday && minute < window->to);
}

bool config_windows_hold(const struct config_window *windows, size_t count, time_t now)
{
	struct tm local, utc;

	if (!count)
		return false;
	localtime_r(&now, &local);
	gmtime_r(&now, &utc);
	for (size_t i = 0; i < count; i++)
		if (holds(&windows[i], windows[i].utc ? &utc : &local))
			return true;
	return false;
}
