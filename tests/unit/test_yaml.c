/* SPDX-License-Identifier: GPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/lib/yaml.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *load(const char *text, struct config_source **source)
{
	struct shunt_err err = {};
	json_t *tree = yaml_load(text, strlen(text), "t.yaml", source, &err);

	if (!tree)
		fail_msg("%s\nin:\n%s", shunt_err_text(&err), text);
	return tree;
}

/* YAML in, the tree as JSON out. */
static void values(void **state)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{"a", "\"a\""},
		{"{}", "{}"},
		{"[]", "[]"},
		{"a: 1\nb: [x, \"y\", 'z']\n", "{\"a\": 1, \"b\": [\"x\", \"y\", \"z\"]}"},
		{"[0, -1, 9223372036854775807, -9223372036854775808]",
		 "[0, -1, 9223372036854775807, -9223372036854775808]"},
		{"[true, false, null, ~, ]", "[true, false, null, null]"},
		{"a:\nb: ''", "{\"a\": null, \"b\": \"\"}"},
		{"['1', \"true\", 'null', \"~\"]", "[\"1\", \"true\", \"null\", \"~\"]"},
		/* Words on which YAML 1.1 and 1.2 differ are text: nothing is guessed. */
		{"[yes, off, True, NULL, 010, 0x10, 1_000, 1:30, +1, 1.5, -]",
		 "[\"yes\", \"off\", \"True\", \"NULL\", \"010\", \"0x10\", \"1_000\", \"1:30\", \"+1\", \"1.5\", "
		 "\"-\"]"},
		{"a: >\n  folded\n  text\nb: |\n  12\n", "{\"a\": \"folded text\\n\", \"b\": \"12\\n\"}"},
		{"\"\\u00e9 \\t\"", "\"\\u00e9 \\t\""},
		{"\xef\xbb\xbf{a: b}", "{\"a\": \"b\"}"},
		{"%YAML 1.1\n---\na: b\n...\n", "{\"a\": \"b\"}"},
		{"? a\n: b\n", "{\"a\": \"b\"}"},
		{"1: one", "{\"1\": \"one\"}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_source *source;
		json_t *tree = load(rows[i].yaml, &source);
		json_t *expected = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);

		assert_non_null(expected);
		if (!json_equal(tree, expected))
			fail_msg("%s gives %s", rows[i].yaml, json_dumps(tree, JSON_ENCODE_ANY));
		json_decref(tree);
		json_decref(expected);
		config_source_free(source);
	}
}

static void errors(void **state)
{
	static const struct {
		const char *yaml, *error;
	} rows[] = {
		{"", "t.yaml:1: there is nothing in it; expected keys and values"},
		{"# a comment\n\n", "t.yaml:3: there is nothing in it; expected keys and values"},
		{"a: 1\nb: 2\na: 3\n", "t.yaml:3: key \"a\" is there twice; first in line 1"},
		{"\"a\\nb\": 1\n\"a\\nb\": 3\n", "t.yaml:2: key \"a?b\" is there twice; first in line 1"},
		{"a: b: c", "t.yaml:1: mapping values are not allowed in this context"},
		{"a: [1, 2\nb: 3\n",
		 "t.yaml:2: did not find expected ',' or ']' (while parsing a flow sequence that begins in line 1)"},
		{"a: 1\n\tb: 2\n",
		 "t.yaml:2: found a tab character that violates indentation; YAML indents with spaces, not tabs"},
		{"a: \"x\n\n",
		 "t.yaml:3: found unexpected end of stream (while scanning a quoted scalar that begins in line 1)"},
		{"a: &x 1\nb: 2\n",
		 "t.yaml:1: anchors (&), aliases (*) and tags (!) are not supported; quote the text if it is text"},
		{"a: 1\nb: *x\n",
		 "t.yaml:2: anchors (&), aliases (*) and tags (!) are not supported; quote the text if it is text"},
		{"a: !!str 1\n",
		 "t.yaml:1: anchors (&), aliases (*) and tags (!) are not supported; quote the text if it is text"},
		{"a: !x [1]\n",
		 "t.yaml:1: anchors (&), aliases (*) and tags (!) are not supported; quote the text if it is text"},
		{"a: &x {b: 1}\n",
		 "t.yaml:1: anchors (&), aliases (*) and tags (!) are not supported; quote the text if it is text"},
		{"&x a: 1\n", "t.yaml:1: expected a plain key, such as \"name:\""},
		{"[a]: 1\n", "t.yaml:1: expected a plain key, such as \"name:\""},
		{"\"a\\0b\": 1\n", "t.yaml:1: expected a plain key, such as \"name:\""},
		{"a: \"b\\0c\"\n", "t.yaml:1: a NUL character; expected text without it"},
		{"a: 1\n---\nb: 1\n", "t.yaml:2: a second document begins; expected one in a file"},
		{"a:\n - 9223372036854775808\n",
		 "t.yaml:2: 9223372036854775808 does not fit an integer; put it in quotes if it is a word"},
		{"a: 1\nb: \xff\n", "t.yaml:2: invalid leading UTF-8 octet; expected UTF-8 text"},
		{"a: 1\n\nb: \x01\n", "t.yaml:3: control characters are not allowed; expected UTF-8 text"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "t.yaml:1: nested deeper than 32 levels"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_source *source = NULL;
		struct shunt_err err = {};

		if (yaml_load(rows[i].yaml, strlen(rows[i].yaml), "t.yaml", &source, &err))
			fail_msg("accepted: %s", rows[i].yaml);
		assert_null(source);
		assert_string_equal(shunt_err_text(&err), rows[i].error);
	}
}

/* One bracket more is too many. */
static void depth(void **state)
{
	struct config_source *source;
	struct shunt_err err = {};
	char text[67] = "";

	(void)state;
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	json_decref(load(text, &source));
	config_source_free(source);
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	assert_null(yaml_load(text, 66, "t.yaml", &source, &err));
	assert_string_equal(shunt_err_text(&err), "t.yaml:1: nested deeper than 32 levels");
}

static void lines(void **state)
{
	static const char text[] = "a: 1\n"
				   "b:\n"
				   "- x\n"
				   "- {c: true,\n"
				   "   d: true}\n"
				   "\n"
				   "- true\n"
				   "e: >\n"
				   "  folded\n"
				   "f: 1\n";
	struct config_source *source;
	json_t *tree = load(text, &source), *b = json_object_get(tree, "b");

	(void)state;
	assert_string_equal(config_source_name(source), "t.yaml");
	assert_int_equal(config_source_line(source, tree, NULL), 1);
	assert_int_equal(config_source_line(source, tree, "a"), 1);
	assert_int_equal(config_source_line(source, tree, "b"), 2);
	assert_int_equal(config_source_line(source, b, NULL), 3);
	assert_int_equal(config_source_line(source, json_array_get(b, 0), NULL), 3);
	assert_int_equal(config_source_line(source, json_array_get(b, 1), NULL), 4);
	assert_int_equal(config_source_line(source, json_array_get(b, 1), "c"), 4);
	assert_int_equal(config_source_line(source, json_array_get(b, 1), "d"), 5);
	assert_int_equal(config_source_line(source, json_array_get(b, 2), NULL), 0); /* shared by all: unknown */
	assert_int_equal(config_source_line(source, tree, "f"), 10);
	assert_int_equal(config_source_line(source, tree, "g"), 0);
	json_decref(tree);
	config_source_free(source);
}

/* What is written is read back the same, and is what other readers take for the same. */
static void dump(void **state)
{
	static const struct {
		const char *json, *yaml;
	} rows[] = {
		{"{\"a\": {\"b\": [1, \"x\"]}, \"c\": []}", "a:\n  b:\n  - 1\n  - x\nc: []\n"},
		{"{}", "{}\n"},
		{"[true, false, null, -1]", "- true\n- false\n- null\n- -1\n"},
		{"[\"true\", \"no\", \"~\", \"\", \"1\", \"1.5\", \"0x1f\", \"1e3\", \"inf\", \"02:00:00:00:00:11\"]",
		 "- \"true\"\n- \"no\"\n- \"~\"\n- \"\"\n- \"1\"\n- \"1.5\"\n- \"0x1f\"\n- \"1e3\"\n- \"inf\"\n"
		 "- \"02:00:00:00:00:11\"\n"},
		{"[\"10.1.0.11\", \"192.0.2.1:80/tcp\", \"2001:db8::1\", \"2s\", \"200-399\", \"a b\"]",
		 "- 10.1.0.11\n- 192.0.2.1:80/tcp\n- 2001:db8::1\n- 2s\n- \"200-399\"\n- a b\n"},
		{"[\"[2001:db8::1]:80/tcp\", \"a: b\", \"# c\", \"- d\", \" e \", \"it's\"]",
		 "- '[2001:db8::1]:80/tcp'\n- 'a: b'\n- '# c'\n- '- d'\n- ' e '\n- it's\n"},
		{"[\"line\\nbreak\", \"\\u0001\", \"\\u00e9\"]", NULL},
		{"{\"yes\": 1, \"7\": 2, \"a b\": 3}", "\"yes\": 1\n\"7\": 2\na b: 3\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *tree = json_loads(rows[i].json, 0, NULL), *again;
		struct config_source *source;
		char *text;

		assert_non_null(tree);
		text = yaml_dump(tree);
		if (rows[i].yaml)
			assert_string_equal(text, rows[i].yaml);
		again = load(text, &source);
		if (!json_equal(tree, again))
			fail_msg("%s is read back as another tree", text);
		json_decref(tree);
		json_decref(again);
		config_source_free(source);
		free(text);
	}
}

static void files(void **state)
{
	char path[] = "/tmp/shunt-test-yaml.XXXXXX", expected[128];
	struct config_source *source;
	struct shunt_err err = {};
	int fd = mkstemp(path);
	json_t *tree;

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 20000; i++) /* more than one read */
		assert_int_equal(write(fd, "- item\n", 7), 7);
	close(fd);
	tree = yaml_load_file(path, &source, &err);
	assert_int_equal(json_array_size(tree), 20000);
	assert_string_equal(config_source_name(source), path);
	json_decref(tree);
	config_source_free(source);
	unlink(path);

	snprintf(expected, sizeof(expected), "%s: cannot be read: No such file or directory", path);
	assert_null(yaml_load_file(path, &source, &err));
	assert_string_equal(shunt_err_text(&err), expected);
	assert_null(yaml_load_file("/", &source, &err));
	assert_string_equal(shunt_err_text(&err), "/: cannot be read: Is a directory");
	assert_null(yaml_load_file("/dev/zero", &source, &err));
	assert_string_equal(shunt_err_text(&err), "/dev/zero: cannot be read: File too large");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(errors), cmocka_unit_test(depth),
		cmocka_unit_test(lines),  cmocka_unit_test(dump),   cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
