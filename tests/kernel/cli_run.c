/* SPDX-License-Identifier: GPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli_run.h"

static void read_file(FILE *file, char *text, size_t size)
{
	text[fread(text, 1, size - 1, file)] = '\0';
}

void cli_run(struct cli_result *r, const char *line)
{
	char command[2048], path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/stderr", fake.dir);
	snprintf(command, sizeof(command), "exec 2>%s; %s", path, line);
	file = popen(command, "r");
	assert_non_null(file);
	read_file(file, r->out, sizeof(r->out));
	r->status = WEXITSTATUS(pclose(file));
	file = fopen(path, "r");
	assert_non_null(file);
	read_file(file, r->err, sizeof(r->err));
	fclose(file);
	unlink(path);
}

void cli_rows(const struct cli_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cli_result r;

		print_message("  %s\n", rows[i].line);
		cli_run(&r, rows[i].line);
		if (r.status != rows[i].status || !strstr(r.out, rows[i].out) || (!rows[i].out[0] && r.out[0]) ||
		    !strstr(r.err, rows[i].err) || (!rows[i].err[0] && r.err[0]))
			fail_msg("exit status %d, expected %d\nstdout: %s\nexpected: %s\nstderr: %s\nexpected: %s",
				 r.status, rows[i].status, r.out, rows[i].out, r.err, rows[i].err);
	}
}

void cli_json_rows(const struct cli_json_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool is_well = !rows[i].status || rows[i].status == 4;
		struct cli_result r;
		json_t *value;

		print_message("  %s\n", rows[i].line);
		cli_run(&r, rows[i].line);
		assert_int_equal(r.status, rows[i].status);
		assert_string_equal(is_well ? r.err : r.out, "");
		value = json_loads(is_well ? r.out : r.err, 0, NULL);
		assert_non_null(json_object_get(value, rows[i].member));
		json_decref(value);
	}
}

/* build/shunt beside build/tests/kernel/test_cli */
int start_cli(void **state)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 32);

	for (int up = 0; up < 3; up++) {
		while (len > 0 && path[--len] != '/')
			;
	}
	strcpy(path + len, "/shunt");
	start_fake(state);
	setenv("SHUNT", path, 1);
	setenv("DIR", fake.dir, 1);
	setenv("SHUNT_SOCKET", fake.socket, 1);
	return access(path, X_OK);
}
