/* SPDX-License-Identifier: GPL-2.0 */
#include "bpflog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "../lib/log.h"

static char kept[256];

/* The verifier's last word is the line before its statistics; libbpf then only repeats that something failed, and libxdp's probe
 * of the dispatcher (xdp_pass) fails on kernels without it, which is no failure of ours. */
static bool tells_why(const char *line)
{
	static const char *const noise[] = {"-- BEGIN", "-- END", "failed to load", "load failed", "'xdp_pass'"};

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (strstr(line, noise[i]))
			return false;
	return *line && strncmp(line, "processed ", strlen("processed "));
}

static void take(bool warning, const char *fmt, va_list args)
{
	char *text, *rest, *line;

	if (vasprintf(&text, fmt, args) < 0)
		return;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			log_debug("%s", line);
		if (warning && tells_why(line))
			snprintf(kept, sizeof(kept), "%s", line);
	}
	free(text);
}

static int take_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	take(level == LIBBPF_WARN, fmt, args);
	return 0;
}

static int take_libxdp(enum libxdp_print_level level, const char *fmt, va_list args)
{
	take(level == LIBXDP_WARN, fmt, args);
	return 0;
}

void bpflog_install(void)
{
	libbpf_set_print(take_libbpf);
	libxdp_set_print(take_libxdp);
}

void bpflog_forget(void)
{
	kept[0] = '\0';
}

int bpflog_fail(struct shunt_err *err, int rc, const char *where, const char *what)
{
	return shunt_fail(err, -rc, where, "%s: %s%s%s%s", what, strerror(-rc), kept[0] ? " (" : "", kept,
			  kept[0] ? ")" : "");
}
