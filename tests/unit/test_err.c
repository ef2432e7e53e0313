/* SPDX-License-Identifier: GPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/lib/err.h"
#include "../../user/lib/log.h"
#include "../../user/lib/suggest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void filled(void **state)
{
	struct shunt_err err;

	(void)state;
	assert_int_equal(shunt_fail(&err, ENOENT, "eth0", "no %s", "such interface"), -ENOENT);
	assert_string_equal(err.where, "eth0");
	assert_string_equal(err.what, "no such interface");
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(shunt_err_text(&err), "eth0: no such interface");
	assert_int_equal(shunt_fail(&err, EBUSY, "file", "%s: %s", err.where, err.what), -EBUSY);
	assert_string_equal(shunt_err_text(&err), "file: eth0: no such interface");
	assert_int_equal(shunt_fail(&err, EINVAL, NULL, "one\nline\x7f"), -EINVAL);
	assert_string_equal(shunt_err_text(&err), "one?line?");
	assert_int_equal(shunt_fail(NULL, EINVAL, "a", "b"), -EINVAL);
}

/* Two bytes a character: every buffer's end falls once between them and once within one. */
static void cut(void **state)
{
	char text[2048] = "x";
	struct shunt_err err;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		memcpy(text + 1 + 2 * i, "\xc3\xa9", 3);
	memset(text + 501, 'a', 100);
	shunt_fail(&err, EINVAL, text + 1, "%s", text);
	assert_int_equal(strlen(err.where), 0);
	assert_int_equal(strlen(err.what), 601);
	shunt_fail(&err, EINVAL, text + 501, "%s", text + 1);
	assert_int_equal(strlen(err.where), 100);
	shunt_fail(&err, EINVAL, "abc\xc3\xa9", "d\xc3\xa9");
	assert_string_equal(shunt_err_text(&err), "abc\xc3\xa9: d\xc3\xa9");
}

static void suggestions(void **state)
{
	static const struct {
		const char *word, *expected;
	} rows[] = {
		{"weight", "; did you mean \"weight\"?"},
		{"wieght", "; did you mean \"weight\"?"},
		{"Weight", "; did you mean \"weight\"?"},
		{"weigh", "; did you mean \"weight\"?"},
		{"weightss", "; did you mean \"weight\"?"},
		{"stat", "; did you mean \"state\"?"},
		{"mca", "; did you mean \"mac\"?"},
		{"abc", ""},
		{"x", ""},
		{"", ""},
		{"adres", "; did you mean \"address\"?"},
		{"colour", ""},
	};
	static const char *const words[] = {"address", "weight", "state", "mac"};
	char text[SUGGEST_TEXT], longest[200];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct suggest near = {.word = rows[i].word};

		for (size_t j = 0; j < COUNT(words); j++)
			suggest_offer(&near, words[j]);
		print_message("  %s\n", rows[i].word);
		assert_string_equal(suggest_text(&near, text), rows[i].expected);
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	struct suggest near = {.word = longest};

	suggest_offer(&near, longest);
	assert_null(near.best);
}

/* Run with stderr in a pipe; what was logged is in line. */
static void logged(char *line, size_t size, enum log_level level, const char *text)
{
	int ends[2], kept = dup(STDERR_FILENO);
	ssize_t len;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_at(level, "%s", text);
	dup2(kept, STDERR_FILENO);
	len = read(ends[0], line, size - 1);
	line[len < 0 ? 0 : len] = '\0';
	close(kept);
	close(ends[0]);
	close(ends[1]);
}

static void log_lines(void **state)
{
	static char line[4096], text[4000];
	int year, second, end = 0;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	logged(line, sizeof(line), LOG_LEVEL_WARNING, "two\nlines");
	assert_int_equal(sscanf(line, "%d-%*d-%*dT%*d:%*d:%d.%*dZ warning: %n", &year, &second, &end), 2);
	assert_string_equal(line + end, "two lines\n");
	setenv("JOURNAL_STREAM", "1:2", 1);
	logged(line, sizeof(line), LOG_LEVEL_ERROR, "text");
	assert_string_equal(line, "<3>text\n");
	memset(text, 'x', sizeof(text) - 1);
	logged(line, sizeof(line), LOG_LEVEL_INFO, text);
	assert_memory_equal(line, "<6>xxx", 6);
	assert_int_equal(line[strlen(line) - 1], '\n');
	logged(line, sizeof(line), LOG_LEVEL_DEBUG, "text");
	assert_string_equal(line, "");
	log_set_level(LOG_LEVEL_DEBUG);
	logged(line, sizeof(line), LOG_LEVEL_DEBUG, "text");
	assert_string_equal(line, "<7>text\n");
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LEVEL_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filled),
		cmocka_unit_test(cut),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(log_lines),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
