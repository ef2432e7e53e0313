/* SPDX-License-Identifier: GPL-2.0 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What was printed may be cut, and may hold any name out of a file or a request: keep it on one line, and valid UTF-8 (or a JSON
 * encoder refuses it) by dropping the characters that are not ASCII at a cut. printed: as snprintf() returns it. */
static void tidy(char *text, size_t size, int printed)
{
	size_t len = strlen(text);

	while (printed >= (int)size && len > 0 && (text[len - 1] & 0x80))
		text[--len] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int shunt_fail(struct shunt_err *err, int code, const char *where, const char *fmt, ...)
{
	struct shunt_err made = {
		.code = code}; /* the arguments may lie in *err: a cause that gets a place in front of it */
	va_list args;

	if (!err)
		return -code;
	tidy(made.where, sizeof(made.where), snprintf(made.where, sizeof(made.where), "%s", where ? where : ""));
	va_start(args, fmt);
	tidy(made.what, sizeof(made.what), vsnprintf(made.what, sizeof(made.what), fmt, args));
	va_end(args);
	*err = made;
	return -code;
}

const char *shunt_err_text(const struct shunt_err *err)
{
	static char text[sizeof(err->where) + sizeof(err->what) + 2];

	snprintf(text, sizeof(text), "%s%s%s", err->where, err->where[0] ? ": " : "", err->what);
	return text;
}
