/* SPDX-License-Identifier: GPL-2.0 */
#include "xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static void *checked(void *p)
{
	if (!p) {
		log_error("out of memory");
		abort();
	}
	return p;
}

/* A size of 0 may give NULL, which is not a failure here: always ask for at least one byte. */
void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xvasprintf(const char *fmt, va_list args)
{
	char *text;

	return checked(vasprintf(&text, fmt, args) < 0 ? NULL : text);
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	return text;
}
