/* SPDX-License-Identifier: GPL-2.0 */
/* config_files.c: lists of prefixes that a configuration file names. */
#include "config_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/lib/config_files.h"
#include "../../user/lib/xalloc.h"

static char dir[] = "/tmp/shunt-files-XXXXXX";
static char *config_path, *list_path;

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* Lines 1 to 3, then what is given from line 4. */
static void write_config(const char *sources)
{
	char *text = xasprintf(
		"interfaces: [eth0]\nservices:\n  - {name: web, vips: [192.0.2.1:80/tcp], sources: {\n%s}}\n", sources);

	write_file(config_path, text);
	free(text);
}

/* What the configuration says of sources, or the error. Owned by the caller. */
static char *outcome(void)
{
	struct config_source *source = NULL;
	struct shunt_err err = {0};
	json_t *tree = config_read_file(config_path, NULL, &source, &err);
	struct config *config = config_of(tree, source, &err);
	char *text;

	if (config) {
		json_t *service = config_service_to_json(&config->services[0]);
		const json_t *sources = json_object_get(service, "sources");

		text = sources ? json_dumps(sources, JSON_COMPACT) : xstrdup("everybody");
		json_decref(service);
	} else {
		text = xstrdup(shunt_err_text(&err));
	}
	config_free(config);
	return text;
}

/* Of the message, the temporary directory is left out. */
static void expect(const char *sources, const char *list, const char *expected)
{
	char *text, *at;

	write_config(sources);
	write_file(list_path, list);
	text = outcome();
	while ((at = strstr(text, dir)))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	assert_string_equal(text, expected);
	free(text);
}

static void files_are_lists(void **state)
{
	static const char list[] =
		"# who is not served\n\n10.2.0.0/16\r\n  10.1.0.0/16   # an office\n\t2001:db8::/32\n10.9.9.9";

	(void)state;
	expect("deny: [{file: list.txt}]", list,
	       "{\"deny\":[\"10.1.0.0/16\",\"10.2.0.0/16\",\"10.9.9.9/32\",\"2001:db8::/32\"]}");
	expect("allow: [10.0.0.0/8, {file: list.txt}, 10.3.0.0/16], deny: [10.5.0.0/16]", list,
	       "{\"allow\":[\"10.0.0.0/8\",\"10.1.0.0/16\",\"10.2.0.0/16\",\"10.3.0.0/16\",\"10.9.9.9/32\","
	       "\"2001:db8::/32\"],\"deny\":[\"10.5.0.0/16\"]}");
	expect("deny: [{file: list.txt}, 10.0.0.1]", "# nobody\n", "{\"deny\":[\"10.0.0.1/32\"]}");
	expect("deny: [{file: list.txt}]", "", "everybody");
}

static void errors_name_file_and_line(void **state)
{
	(void)state;
	expect("deny: [{file: list.txt}]", "10.1.0.0/16\n# so\n10.2.0.0/33\n",
	       "list.txt:3: services[web].sources.deny[10.2.0.0/33]: \"10.2.0.0/33\" is not a prefix; expected such as "
	       "10.8.0.0/16, 2001:db8::/32, or an address");
	expect("deny: [{file: list.txt}]", "10.1.0.0/16\n10.2.0.1/16\n",
	       "list.txt:2: services[web].sources.deny[10.2.0.1/16]: \"10.2.0.1/16\" has bits set behind the prefix's "
	       "length; "
	       "expected them to be 0");
	expect("deny: [10.2.0.0/16,\n{file: list.txt}]", "10.1.0.0/16\n10.2.0.0/16\n",
	       "list.txt:2: services[web].sources.deny[10.2.0.0/16]: listed twice; expected each prefix once");
	expect("deny: [{file: list.txt},\n10.2.0.0/16]", "10.1.0.0/16\n10.2.0.0/16\n",
	       "config.yaml:5: services[web].sources.deny[10.2.0.0/16]: listed twice; expected each prefix once");
	expect("deny: [{file: list.txt}]", "10.1.0.0/16\n\xff\n",
	       "list.txt:2: not UTF-8 text; expected a prefix such as 10.8.0.0/16");
	expect("deny: [10.0.0.0/8,\n{file: other.txt}]", "",
	       "config.yaml:5: services[web].sources.deny[1].file: other.txt cannot be read: No such file or "
	       "directory");
	expect("deny: [{file: .}]", "",
	       "config.yaml:4: services[web].sources.deny[0].file: . cannot be read: it is not a regular file");
	expect("deny: [{file: 5}]", "",
	       "config.yaml:4: services[web].sources.deny[0].file: 5 is not a file; expected its path, relative to "
	       "this file's "
	       "directory or from /");
	expect("deny: [{fil: list.txt}]", "",
	       "config.yaml:4: services[web].sources.deny[0].fil: unknown key; did you mean \"file\"?");
}

static void what_is_no_list_is_left_to_others(void **state)
{
	(void)state;
	expect("deny: {file: list.txt}", "",
	       "config.yaml:4: services[web].sources.deny: a mapping is not a list; expected prefixes such as "
	       "10.8.0.0/16");
	write_file(config_path, "services: {sources: 5}\n");
	free(outcome());
	write_file(config_path, "[]\n");
	free(outcome());
}

static void add_len(void *arg, const char *text, size_t len)
{
	assert_int_equal(strlen(text) >= len, 1);
	*(size_t *)arg += len;
}

static void others_are_told(void **state)
{
	struct config_source *source = NULL;
	struct shunt_err err = {0};
	json_t *tree;
	size_t len = 0;
	const struct config_reading how = {.seen = add_len, .arg = &len};

	(void)state;
	write_config("deny: [{file: list.txt}], allow: [{file: list.txt}]");
	write_file(list_path, "10.1.0.0/16\n");
	tree = yaml_load_file(config_path, &source, &err);
	assert_non_null(tree);
	assert_int_equal(config_read_lists(tree, source, NULL, NULL), 2);
	json_decref(tree);
	config_source_free(source);
	unlink(list_path);
	tree = yaml_load_file(config_path, &source, &err);
	assert_non_null(tree);
	assert_int_equal(config_read_lists(tree, source, &how, &err), -ENOENT);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(len, 0);
	json_decref(tree);
	config_source_free(source);
}

/* Where there is no configuration file, a file's name is none of the API's business. */
static void only_with_a_file(void **state)
{
	json_t *tree = json_pack("{s:[s], s:[{s:s, s:[s], s:{s:[{s:s}]}}]}", "interfaces", "eth0", "services", "name",
				 "web", "vips", "192.0.2.1:80/tcp", "sources", "deny", "file", "/etc/passwd");
	struct shunt_err err = {0};

	(void)state;
	assert_null(config_from_json(tree, NULL, &err));
	assert_string_equal(
		shunt_err_text(&err),
		"services[web].sources.deny[0]: a file; expected a prefix such as 10.8.0.0/16: files are read "
		"with a configuration file, by the daemon or by `shunt apply`, not here");
	json_decref(tree);
}

static int make_directory(void **state)
{
	(void)state;
	config_path = mkdtemp(dir) ? xasprintf("%s/config.yaml", dir) : NULL;
	list_path = xasprintf("%s/list.txt", dir);
	return config_path ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(config_path);
	unlink(list_path);
	free(config_path);
	free(list_path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_lists),
		cmocka_unit_test(errors_name_file_and_line),
		cmocka_unit_test(what_is_no_list_is_left_to_others),
		cmocka_unit_test(others_are_told),
		cmocka_unit_test(only_with_a_file),
	};

	return cmocka_run_group_tests_name("config_files", tests, make_directory, remove_directory);
}
