/* SPDX-License-Identifier: GPL-2.0 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static enum log_level log_level = LOG_LEVEL_INFO;

static const struct {
	const char *name;
	int priority;
} log_levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

void log_set_level(enum log_level level)
{
	log_level = level;
}

static size_t log_prefix(enum log_level level, char *line, size_t size)
{
	struct timespec now;
	struct tm utc;
	size_t len;

	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, size, "<%d>", log_levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
	return len + snprintf(line + len, size - len, ".%03ldZ %s: ", now.tv_nsec / 1000000, log_levels[level].name);
}

/* One event is one line and one write(2), whatever the text holds: names out of files and packets may be in it. */
void log_at(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	int saved = errno;
	va_list args;
	size_t len;

	if (level > log_level)
		return;
	len = log_prefix(level, line, sizeof(line));
	va_start(args, fmt);
	vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	va_end(args);
	for (char *c = line + len; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	len = strlen(line);
	line[len++] = '\n';
	/* Nobody is left to tell when stderr fails. */
	(void)!write(STDERR_FILENO, line, len);
	errno = saved;
}
