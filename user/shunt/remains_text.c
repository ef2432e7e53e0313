/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/xalloc.h"
#include "remains.h"
#include "table.h"

#define FRESH 3 /* s: one that lives says so every second */
#define WHEN_TEXT 64

/* " (last seen 12s ago, 2026-11-02 10:11:12 UTC)"; clocks are set, so it may lie ahead. */
static const char *last_seen(uint64_t alive, uint64_t now, char *buf, size_t size)
{
	char ago[HUMAN_TEXT], when[WHEN_TEXT] = "";
	time_t time = (time_t)alive;
	struct tm tm;

	buf[0] = '\0';
	if (alive && localtime_r(&time, &tm))
		strftime(when, sizeof(when), "%F %T %Z", &tm);
	if (when[0] && alive <= now)
		snprintf(buf, size, " (last seen %s ago, %s)", human_duration(now - alive, ago), when);
	else if (when[0])
		snprintf(buf, size, " (last seen %s, says its clock)", when);
	return buf;
}

char *remains_text(const struct remains *remains, const char *pin_dir, uint64_t now)
{
	bool fresh = remains->alive && remains->alive <= now && now - remains->alive < FRESH;
	char seen[WHEN_TEXT + HUMAN_TEXT + 32];

	last_seen(remains->alive, now, seen, sizeof(seen));
	switch (remains->kind) {
	case REMAINS_NOTHING:
		return xasprintf("nothing is forwarded: no maps are pinned in %s (--pin-dir names another directory)",
				 pin_dir);
	case REMAINS_HIDDEN:
		return xasprintf("whether packets are forwarded is not known: %s: %s; run as root", pin_dir,
				 strerror(remains->error));
	case REMAINS_MAPS:
		return xasprintf("shuntd is not running%s, and nothing is forwarded: no program uses the maps in %s",
				 seen, pin_dir);
	case REMAINS_PROGRAM:
		break;
	}
	if (fresh)
		return xasprintf("shuntd has only just ended%s, or has another socket; packets are forwarded", seen);
	return xasprintf("shuntd is not running%s; packets are forwarded as it left them: health checks, drains and "
			 "windows stand still",
			 seen);
}
