/* SPDX-License-Identifier: GPL-2.0 */
#include "holds.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "table.h"
#include "views.h"

/* A daemon that has just begun does not know yet. */
static bool is_counted(const json_t *hold)
{
	return !json_is_null(json_object_get(hold, "entries"));
}

bool hold_is_empty(const json_t *hold)
{
	return is_counted(hold) && !view_integer(hold, "slots") && !view_integer(hold, "anchors") &&
	       !view_integer(hold, "entries");
}

/* "", or "3000 slots" and what is said of them, behind a comma if it is not the first. */
static char *counted(json_int_t count, const char *noun, const char *what, bool first)
{
	if (count <= 0)
		return xstrdup("");
	return xasprintf("%s%" JSON_INTEGER_FORMAT " %s%s %s", first ? "" : ", ", count, noun, count == 1 ? "" : "s",
			 what);
}

/* A slot that sends new connections there has it for its anchor as well, as long as it has not moved: those are not recording. */
static json_int_t recording_slots(const json_t *hold)
{
	return view_integer(hold, "anchors") - view_integer(hold, "slots");
}

char *hold_left(const json_t *hold, json_int_t window)
{
	json_int_t entries = view_integer(hold, "entries"), recording = recording_slots(hold);
	bool first = is_counted(hold) && !entries;
	char *recorded = is_counted(hold) ? counted(entries, "connection", "recorded", true)
					  : xstrdup("connections not counted yet");
	char *open = counted(recording, "slot", "still recording", first);
	char *unmoved = counted(view_integer(hold, "slots"), "slot", "not moved yet", first && recording <= 0);
	char buf[HUMAN_TEXT], *ends, *left;

	ends = window > 0 && recording > 0
		       ? xasprintf(" (window ends in %s at the earliest)", human_duration(window, buf))
		       : xstrdup("");
	left = xasprintf("%s%s%s%s", recorded, open, ends, unmoved);
	free(recorded);
	free(open);
	free(ends);
	free(unmoved);
	return left;
}

/* What it is in the middle of, up to the colon. */
static char *beginning(const char *address, const json_t *hold)
{
	const char *state = view_text(hold, "state");
	char since[HUMAN_TEXT];

	human_duration(view_integer(hold, "for"), since);
	if (strcmp(state, "dead") == 0)
		return xasprintf("%s is cut off since %s", address, since);
	if (json_is_true(json_object_get(hold, "removed")))
		return xasprintf("%s was removed %s ago", address, since);
	if (strcmp(state, "drain") == 0)
		return xasprintf("%s drains since %s", address, since);
	return xasprintf("%s is %s since %s", address, state, since);
}

static char *deadline(const json_t *hold)
{
	json_int_t ends_in = view_integer(hold, "ends_in");
	char buf[HUMAN_TEXT];

	if (ends_in > 0)
		return xasprintf("; cut off in %s", human_duration(ends_in, buf));
	return xstrdup(strcmp(view_text(hold, "state"), "drain") == 0 ? "; without a deadline" : "");
}

char *hold_sentence(const char *address, const json_t *hold, json_int_t window)
{
	char *begin = beginning(address, hold), *left = hold_left(hold, window), *end = deadline(hold), *sentence;

	if (strcmp(view_text(hold, "state"), "dead") == 0)
		sentence = xasprintf("%s: connections that it had go to other backends", begin);
	else if (hold_is_empty(hold))
		sentence = xasprintf("%s: nothing holds it any more", begin);
	else
		sentence = xasprintf("%s: %s%s", begin, left, end);
	free(begin);
	free(left);
	free(end);
	return sentence;
}
