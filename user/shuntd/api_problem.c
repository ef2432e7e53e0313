/* SPDX-License-Identifier: GPL-2.0 */
/* Problems (RFC 9457), whatever bytes a client has put into their texts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <microhttpd.h>

#include "../lib/xalloc.h"
#include "api_internal.h"

/* What came from a client may not be UTF-8, or be cut within a character: JSON cannot say it, and what is ASCII of it still tells. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	char *ascii;

	if (json)
		return json;
	ascii = xstrdup(text);
	for (char *c = ascii; *c; c++)
		if (*c & 0x80)
			*c = '?';
	json = json_string(ascii);
	free(ascii);
	return json;
}

void api_problem(struct api_answer *answer, unsigned int status, const char *where, const char *fmt, ...)
{
	char detail[sizeof(((struct shunt_err *)0)->what)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	json_decref(answer->body);
	answer->status = status;
	answer->body = json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title",
				 MHD_get_reason_phrase_for(status), "status", status, "detail", text_json(detail));
	if (where && where[0])
		json_object_set_new(answer->body, "where", text_json(where));
}
