/* SPDX-License-Identifier: GPL-2.0 */
/* Entity tags: what is one, and which lists have it (RFC 9110, sections 8.8.3 and 13.1). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/lib/etag.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void lists(void **state)
{
	static const struct {
		const char *list;
		int strong, weak;
	} rows[] = {
		{"\"abc\"", 1, 1},
		{" \t\"abc\" ", 1, 1},
		{"*", 1, 1},
		{" * ", 1, 1},
		{"W/\"abc\"", 0, 1},
		{"\"x\"", 0, 0},
		{"\"x\", \"abc\"", 1, 1},
		{"\"abc\",\"x\"", 1, 1},
		{",, \"x\" ,, \"abc\" ,", 1, 1}, /* a recipient takes empty elements (section 5.6.1.2) */
		{"\"x\", W/\"abc\"", 0, 1},
		{"\"\"", 0, 0},
		{"\"ab\"", 0, 0},
		{"\"abcd\"", 0, 0},
		{"\"\xc3\xa9\", \"abc\"", 1, 1}, /* obs-text */
		{"\"a,b\", \"abc\"", 1, 1},
		{"", -EINVAL, -EINVAL},
		{",", -EINVAL, -EINVAL},
		{"abc", -EINVAL, -EINVAL},
		{"\"abc", -EINVAL, -EINVAL},
		{"abc\"", -EINVAL, -EINVAL},
		{"'abc'", -EINVAL, -EINVAL},
		{"w/\"abc\"", -EINVAL, -EINVAL}, /* case counts */
		{"W/", -EINVAL, -EINVAL},
		{"W/,\"abc\"", -EINVAL, -EINVAL},
		{"W/ \"abc\"", -EINVAL, -EINVAL},
		{"\"abc\" \"x\"", -EINVAL, -EINVAL},
		{"\"a bc\"", -EINVAL, -EINVAL},
		{"\"a\x7f\"", -EINVAL, -EINVAL},
		{"*, \"abc\"", -EINVAL, -EINVAL},
		{"\"abc\", *", -EINVAL, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int strong = etag_listed(rows[i].list, "\"abc\"", false);
		int weak = etag_listed(rows[i].list, "\"abc\"", true);

		if (strong != rows[i].strong || weak != rows[i].weak)
			fail_msg("%s: strong %d, weak %d; expected %d and %d", rows[i].list, strong, weak,
				 rows[i].strong, rows[i].weak);
	}
}

/* What says the same has the same tag, in whatever order; what does not has another. */
static void tags(void **state)
{
	static const char *const texts[] = {"{\"a\": 1, \"b\": [true]}", "{\"b\": [true], \"a\": 1}",
					    "{\"a\": 1, \"b\": [false]}", "{\"a\": 1}", "{}"};
	char tag[COUNT(texts)][ETAG_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		json_t *tree = json_loads(texts[i], 0, NULL);

		assert_non_null(tree);
		etag_of(tree, tag[i]);
		assert_int_equal(strlen(tag[i]), ETAG_TEXT - 2);
		assert_int_equal(etag_listed(tag[i], tag[i], false), 1);
		json_decref(tree);
	}
	assert_string_equal(tag[0], tag[1]);
	for (size_t i = 1; i < COUNT(texts); i++)
		for (size_t j = i + 1; j < COUNT(texts); j++)
			assert_string_not_equal(tag[i], tag[j]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(tags),
	};

	return cmocka_run_group_tests_name("etag", tests, NULL, NULL);
}
