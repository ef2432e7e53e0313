/* SPDX-License-Identifier: GPL-2.0 */
/* What one daemon keeps for the next: read back as written, and nothing where that cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/lib/log.h"
#include "../../user/shuntd/kept.h"

static char dir[] = "/tmp/shunt-kept-XXXXXX";
static char path[64], next[64];

static void write_text(const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void save(int value)
{
	kept_save(path, json_pack("{s:i, s:i}", "format", 7, "value", value), "a pity");
}

static void assert_kept(int value)
{
	json_t *root = kept_load(path, 7, "a pity");

	assert_int_equal(json_integer_value(json_object_get(root, "value")), value);
	json_decref(root);
}

static void is_replaced(void **state)
{
	(void)state;
	assert_null(kept_load(path, 7, "a pity"));
	save(1);
	assert_kept(1);
	save(2);
	assert_kept(2);
	assert_int_equal(access(next, F_OK), -1);
}

static void what_cannot_be_used_is_nothing(void **state)
{
	static const char *const texts[] = {"", "{\"format\": 7, ", "{\"format\": 8}", "{}", "[7]"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_text(texts[i]);
		assert_null(kept_load(path, 7, "a pity"));
	}
	save(3);
	assert_kept(3);
}

/* Where the new one cannot be written, the old one stays. */
static void what_cannot_be_written_changes_nothing(void **state)
{
	(void)state;
	save(4);
	assert_int_equal(symlink("/dev/full", next), 0);
	save(5);
	assert_kept(4);
	assert_int_equal(unlink(next), 0);
}

static int make_directory(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/kept", dir);
	snprintf(next, sizeof(next), "%s/kept.new", dir);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(next);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_replaced),
		cmocka_unit_test(what_cannot_be_used_is_nothing),
		cmocka_unit_test(what_cannot_be_written_changes_nothing),
	};

	return cmocka_run_group_tests_name("kept", tests, make_directory, remove_directory);
}
