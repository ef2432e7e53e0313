/* SPDX-License-Identifier: GPL-2.0 */
/* The state file: what goes in comes out, nothing damaged is taken for whole, and no failure costs the old one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/store.h"

static const char tree_text[] = "{\"interfaces\": [{\"name\": \"eth0\"}], \"source\": {\"ipv4\": \"10.200.0.0/16\"},"
				" \"services\": [{\"name\": \"web\", \"vips\": [\"198.51.100.1:80/tcp\"],"
				"  \"backends\": [{\"address\": \"10.1.0.1\", \"state\": \"drain\"}, {\"address\": "
				"\"10.1.0.2\", \"weight\": 50}]}]}";

/* A directory of its own for every test. */
struct place {
	char *dir, *path, *next;
};

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	p->dir = xasprintf("%s/shunt-store-XXXXXX", tmp ? tmp : "/tmp");
	*state = p;
	if (!mkdtemp(p->dir))
		return -1;
	p->path = xasprintf("%s/state.json", p->dir);
	p->next = xasprintf("%s/state.json.new", p->dir);
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	int left;

	unlink(p->path);
	left = access(p->next, F_OK) == 0; /* whatever happened, PATH.new must be gone */
	unlink(p->next);
	if (rmdir(p->dir))
		left = 1;
	free(p->dir);
	free(p->path);
	free(p->next);
	free(p);
	return left;
}

static struct config *load_config(void)
{
	json_t *tree = json_loads(tree_text, 0, NULL);
	struct config *config = config_from_json(tree, NULL, NULL);

	assert_non_null(config);
	json_decref(tree);
	return config;
}

static char *canonical(const struct config *config)
{
	json_t *tree = config_to_json(config);
	char *text = json_dumps(tree, 0);

	json_decref(tree);
	return text;
}

static void save(const char *path, uint64_t generation, uint64_t file_hash)
{
	struct store_state state = {load_config(), file_hash, generation, generation + 7, NULL};
	struct shunt_err err = {0};

	if (store_prepare(path, &state, &err) || store_commit(path, &err))
		fail_msg("%s", shunt_err_text(&err));
	config_free(state.config);
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static char *read_bytes(const char *path, size_t *len)
{
	static char buffer[65536];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	*len = fread(buffer, 1, sizeof(buffer), file);
	assert_true(*len < sizeof(buffer));
	fclose(file);
	return buffer;
}

static void assert_generation(const char *path, uint64_t generation)
{
	struct store_state state;

	assert_int_equal(store_load(path, &state, NULL), 1);
	assert_int_equal(state.generation, generation);
	config_free(state.config);
}

/* Hashes of files of services, which states of before do not have. */
static void files_are_kept(void **state)
{
	const struct place *p = *state;
	json_t *files = json_pack("{s:s, s:s}", "a.yaml", "0123456789abcdef", "b.yaml", "fedcba9876543210");
	struct store_state in = {load_config(), 1, 2, 3, files}, out;
	struct shunt_err err = {0};

	save(p->path, 1, 1);
	assert_int_equal(store_load(p->path, &out, NULL), 1);
	assert_null(out.files);
	config_free(out.config);
	assert_int_equal(store_prepare(p->path, &in, &err), 0);
	assert_int_equal(store_commit(p->path, &err), 0);
	assert_int_equal(store_load(p->path, &out, NULL), 1);
	assert_true(json_equal(out.files, files));
	json_decref(out.files);
	config_free(out.config);
	config_free(in.config);
	json_decref(files);
}

static void round_trip(void **state)
{
	const struct place *p = *state;
	struct config *config = load_config();
	char *expected = canonical(config), *found;
	struct store_state out;
	struct stat st;

	save(p->path, 42, 0x00c0ffee00000001ull);
	assert_int_equal(store_load(p->path, &out, NULL), 1);
	assert_int_equal(out.generation, 42);
	assert_int_equal(out.revision, 49);
	assert_int_equal(out.file_hash, 0x00c0ffee00000001ull);
	found = canonical(out.config);
	assert_string_equal(found, expected);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0640, 0);

	save(p->path, 43, 0);
	assert_generation(p->path, 43);
	free(found);
	free(expected);
	config_free(out.config);
	config_free(config);
}

/* As versions before this one wrote it. */
static void without_a_revision(void **state)
{
	static const char text[] =
		"{\"format\": 1, \"generation\": 5, \"file_hash\": \"0123456789abcdef\", \"config\": "
		"{\"interfaces\": [\"eth0\"], \"services\": []}}";
	const struct place *p = *state;
	struct store_state out;

	write_bytes(p->path, text, strlen(text));
	assert_int_equal(store_load(p->path, &out, NULL), 1);
	assert_int_equal(out.generation, 5);
	assert_int_equal(out.revision, 0);
	config_free(out.config);
}

static void nothing_there(void **state)
{
	const struct place *p = *state;
	struct shunt_err err = {0};
	struct store_state out;

	assert_int_equal(store_load(p->path, &out, &err), 0);
	assert_null(out.config);
	assert_string_equal(err.what, "");
}

/* Prepared is not committed: the old state stays until the rename, and an abort leaves no trace. */
static void prepared_only(void **state)
{
	const struct place *p = *state;
	struct store_state next = {load_config(), 0, 2, 1, NULL};

	save(p->path, 1, 0);
	assert_int_equal(store_prepare(p->path, &next, NULL), 0);
	assert_generation(p->path, 1);
	store_abort(p->path);
	assert_int_equal(access(p->next, F_OK), -1);
	assert_generation(p->path, 1);
	store_abort(p->path); /* nothing to do is fine */

	/* Left over by a crash, longer than what comes after it. */
	write_bytes(p->next, tree_text, sizeof(tree_text));
	assert_int_equal(truncate(p->next, 60000), 0);
	save(p->path, 3, 0);
	assert_generation(p->path, 3);
	config_free(next.config);
}

/* Refused with its name, line and mend, and left as it is. */
static void assert_refused(const char *path, const char *bytes, size_t len, const char *where, const char *what)
{
	struct shunt_err err = {0};
	struct store_state out;
	size_t left_len;
	char *left;

	write_bytes(path, bytes, len);
	if (store_load(path, &out, &err) >= 0)
		fail_msg("%zu bytes were taken for a state: %.*s", len, (int)len, bytes);
	assert_null(out.config);
	left = read_bytes(path, &left_len);
	assert_int_equal(left_len, len);
	assert_memory_equal(left, bytes, len);
	if (strncmp(err.where, path, strlen(path)) || strcmp(err.where + strlen(path), where))
		fail_msg("where is \"%s\", expected %s%s", err.where, path, where);
	if (!strstr(err.what, what))
		fail_msg("\"%s\" does not say \"%s\"", err.what, what);
	if (!strstr(err.what, "move it away to start from the configuration file"))
		fail_msg("\"%s\" does not say what to do", err.what);
}

static void every_truncation(void **state)
{
	const struct place *p = *state;
	struct shunt_err err = {0};
	struct store_state out;
	size_t len, left_len;
	char *text;

	save(p->path, 1, 0x123456789abcdef0ull);
	text = xstrdup(read_bytes(p->path, &len));
	for (size_t cut = 0; cut < len; cut++) {
		write_bytes(p->path, text, cut);
		if (store_load(p->path, &out, &err) >= 0)
			fail_msg("%zu bytes of %zu were taken for a state", cut, len);
		assert_memory_equal(read_bytes(p->path, &left_len), text, cut);
		assert_int_equal(left_len, cut);
		assert_non_null(strstr(err.what, "damaged or cut short"));
	}
	free(text);
}

static void damaged(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} cases[] = {
		{"", ":1", "damaged or cut short"},
		{"{\"format\": 1,\n\"generation\": 1,", ":2", "damaged or cut short"},
		{"{\"format\": 1,\n\"generation\": x}", ":2", "damaged or cut short"},
		{"{}{}", ":1", "damaged or cut short"},
		{"{\"format\": 1, \"format\": 1}", ":1", "duplicate"},
		{"[]", "", "not a state file"},
		{"{}", "", "not a state file"},
		{"{\"format\": \"1\"}", "", "not a state file"},
		{"{\"format\": 4, \"anything\": 1}", "", "state format 4, expected 1 to 3"},
		{"{\"format\": 3, \"generation\": 1, \"file_hash\": \"0123456789abcdef\"}", "", "no configuration"},
		{"{\"format\": 1}", "", "generation"},
		{"{\"format\": 1, \"generation\": 1, \"file_hash\": \"0123456789abcdef\"}", "", "config"},
		{"{\"format\": 1, \"generation\": -1, \"file_hash\": \"0123456789abcdef\", \"config\": {}}", "",
		 "negative"},
		{"{\"format\": 2, \"generation\": 1, \"revision\": -1, \"file_hash\": \"0123456789abcdef\", "
		 "\"config\": {}}",
		 "", "revision is negative"},
		{"{\"format\": 1, \"generation\": 1, \"file_hash\": \"0123456789abcde\", \"config\": {}}", "",
		 "16 hex"},
		{"{\"format\": 1, \"generation\": 1, \"file_hash\": \"0123456789abcdeg\", \"config\": {}}", "",
		 "16 hex"},
		{"{\"format\": 1, \"generation\": 1, \"file_hash\": \"0123456789abcdefg\", \"config\": {}}", "",
		 "16 hex"},
		{"{\"format\": 1, \"generation\": 1, \"file_hash\": 7, \"config\": {}}", "", "damaged"},
		{"{\"format\": 1, \"generation\": 1, \"file_hash\": \"0123456789abcdef\", \"config\": {}, \"x\": 1}",
		 "", "left unpacked"},
		{"{\"format\": 1, \"generation\": 1, \"file_hash\": \"0123456789abcdef\", \"config\": {\"colour\": 1}}",
		 "", "colour"},
	};
	const struct place *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(p->path, cases[i].text, strlen(cases[i].text), cases[i].where, cases[i].what);
}

/* There is something, but it cannot be read: never the same as nothing. */
static void unreadable(void **state)
{
	const struct place *p = *state;
	struct shunt_err err = {0};
	struct store_state out;
	char *below;

	assert_true(store_load(p->dir, &out, &err) < 0);
	assert_non_null(strstr(err.what, "cannot read: Is a directory"));

	save(p->path, 1, 0);
	below = xasprintf("%s/state.json", p->path);
	assert_int_equal(store_load(below, &out, &err), -ENOTDIR);
	assert_string_equal(err.where, below);
	free(below);
}

static void assert_prepare_fails(const char *path, int code, const char *what)
{
	struct store_state next = {load_config(), 0, 9, 1, NULL};
	struct shunt_err err = {0};

	assert_int_equal(store_prepare(path, &next, &err), -code);
	assert_non_null(strstr(err.where, path));
	if (!strstr(err.what, what))
		fail_msg("\"%s\" does not say \"%s\"", err.what, what);
	config_free(next.config);
}

static void full_disk(void **state)
{
	const struct place *p = *state;

	save(p->path, 1, 0);
	assert_int_equal(symlink("/dev/full", p->next), 0);
	assert_prepare_fails(p->path, ENOSPC, "No space left on device; nothing has changed");
	assert_int_equal(access(p->next, F_OK), -1);
	assert_generation(p->path, 1);
}

static void no_directory(void **state)
{
	const struct place *p = *state;
	char *path = xasprintf("%s/missing/state.json", p->dir);
	struct shunt_err err = {0};

	assert_prepare_fails(path, ENOENT, "expected a directory that the daemon may write");
	assert_int_equal(store_commit(path, &err), -ENOENT);
	assert_non_null(strstr(err.what, "nothing has changed"));
	free(path);

	save(p->path, 1, 0);
	assert_int_equal(store_commit(p->path, &err), -ENOENT); /* nothing was prepared */
	assert_generation(p->path, 1);
}

/* The last step fails: the old state stays, and nothing else does. */
static void rename_fails(void **state)
{
	const struct place *p = *state;
	struct store_state next = {load_config(), 0, 2, 1, NULL};
	struct shunt_err err = {0};

	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(store_prepare(p->path, &next, &err), 0);
	assert_int_equal(store_commit(p->path, &err), -EISDIR);
	assert_int_equal(access(p->next, F_OK), -1);
	assert_int_equal(rmdir(p->path), 0);
	config_free(next.config);
}

static void hashes(void **state)
{
	(void)state;
	assert_true(store_hash("", 0) != 0);
	assert_true(store_hash("a", 1) == store_hash("a", 1));
	assert_true(store_hash("a", 1) != store_hash("b", 1));
	assert_true(store_hash("ab", 2) != store_hash("ba", 2));
	assert_true(store_hash("a", 1) != store_hash("a\0", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_revision, setup, teardown),
		cmocka_unit_test_setup_teardown(files_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_there, setup, teardown),
		cmocka_unit_test_setup_teardown(prepared_only, setup, teardown),
		cmocka_unit_test_setup_teardown(every_truncation, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(no_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(rename_fails, setup, teardown),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
