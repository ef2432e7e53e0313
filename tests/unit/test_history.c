/* SPDX-License-Identifier: GPL-2.0 */
/* Revisions: what was committed is there, what was not is gone, and nothing that lies in the directory stops a start. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

#include "../../user/lib/log.h"
#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/history.h"

/* A directory of its own for every test. */
struct place {
	char *dir, *state;
};

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	p->dir = xasprintf("%s/shunt-history-XXXXXX", tmp ? tmp : "/tmp");
	*state = p;
	if (!mkdtemp(p->dir))
		return -1;
	p->state = xasprintf("%s/state.json", p->dir);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;
	int rc = nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(p->dir);
	free(p->state);
	free(p);
	return rc;
}

/* The weight of its backend tells one from the other. */
static struct config *config_of(int weight)
{
	json_t *tree = json_pack("{s:[s], s:{s:s}, s:[{s:s, s:[s], s:[{s:s, s:i}]}]}", "interfaces", "eth0", "source",
				 "ipv4", "172.31.0.0/16", "services", "name", "web", "vips", "192.0.2.1:80/tcp",
				 "backends", "address", "10.1.0.1", "weight", weight);
	struct config *config = config_from_json(tree, NULL, NULL);

	assert_non_null(config);
	json_decref(tree);
	return config;
}

static int prepare(struct history *h, int weight, struct shunt_err *err)
{
	static const struct history_origin origin = {"test", 1000, 77, NULL};
	struct config *config = config_of(weight);
	uint64_t number, before = history_number(h);
	int rc = history_prepare(h, NULL, config, &origin, "a summary", &number, err);

	assert_int_equal(number, before + 1);
	config_free(config);
	return rc;
}

static void commit(struct history *h, int weight)
{
	struct shunt_err err;

	if (prepare(h, weight, &err))
		fail_msg("%s", shunt_err_text(&err));
	history_commit(h);
}

/* A new history of so many revisions, of weights from 1 on. */
static void fill(const struct place *p, int count)
{
	struct history *h = history_open(p->state, 0);

	for (int i = 1; i <= count; i++)
		commit(h, i);
	history_close(h);
}

static void assert_weight(const struct history *h, uint64_t number, uint32_t weight)
{
	struct shunt_err err;
	struct config *config = history_config(h, number, &err);

	if (!config)
		fail_msg("%s", shunt_err_text(&err));
	assert_int_equal(config->services[0].backends[0].weight, weight);
	config_free(config);
}

static void assert_none(const struct history *h, uint64_t number, int code, const char *what)
{
	struct shunt_err err = {0};

	assert_null(history_config(h, number, &err));
	assert_int_equal(err.code, code);
	if (!strstr(err.what, what))
		fail_msg("\"%s\" does not say \"%s\"", err.what, what);
}

/* Numbers first to last, and no others. */
static void assert_range(const struct history *h, uint64_t first, uint64_t last)
{
	size_t count;
	const struct revision *revisions = history_list(h, &count);

	assert_int_equal(count, last - first + 1);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(revisions[i].number, first + i);
}

static char *file_of(const struct place *p, uint64_t number)
{
	return xasprintf("%s.history/%08ju.jsonl", p->state, (uintmax_t)number);
}

static char *read_bytes(const char *path, size_t *len)
{
	char *buffer = xcalloc(1, 65536);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	*len = fread(buffer, 1, 65536, file);
	fclose(file);
	return buffer;
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void what_went_in_comes_out(void **state)
{
	const struct place *p = *state;
	const struct revision *revisions;
	struct history *h;
	size_t count;

	fill(p, 3);
	h = history_open(p->state, 3);
	revisions = history_list(h, &count);
	assert_range(h, 1, 3);
	assert_int_equal(history_number(h), 3);
	assert_string_equal(revisions[1].by, "test");
	assert_string_equal(revisions[1].summary, "a summary");
	assert_int_equal(revisions[1].uid, 1000);
	assert_int_equal(revisions[1].pid, 77);
	assert_true(revisions[1].time > 1700000000);
	for (int i = 1; i <= 3; i++)
		assert_weight(h, i, i);
	assert_none(h, 4, ENOENT, "no revision 4; `shunt history` lists those there are, from 1 to 3");
	commit(h, 4);
	assert_weight(h, 4, 4);
	assert_weight(h, 1, 1);
	history_close(h);
}

static void aborted_is_not_there(void **state)
{
	const struct place *p = *state;
	struct history *h = history_open(p->state, 0);
	char *path = file_of(p, 1), *dir = xasprintf("%s.history", p->state);

	assert_int_equal(history_number(h), 0);
	assert_none(h, 1, ENOENT, "there are none yet");
	assert_int_equal(prepare(h, 1, NULL), 0);
	assert_int_equal(access(path, F_OK), 0);
	history_abort(h);
	assert_int_not_equal(access(dir, F_OK), 0);
	assert_int_equal(history_number(h), 0);
	commit(h, 5);
	assert_weight(h, 1, 5);
	history_commit(h); /* nothing is prepared */
	assert_int_equal(history_number(h), 1);
	history_close(h);
	free(path);
	free(dir);
}

/* Killed between the revision and the state file: what the state does not name never happened. */
static void ahead_of_the_state(void **state)
{
	const struct place *p = *state;
	char *path = file_of(p, 3), *text;
	struct history *h;
	size_t len;

	fill(p, 3);
	text = read_bytes(path, &len);
	h = history_open(p->state, 2);
	assert_range(h, 1, 2);
	assert_int_equal(history_number(h), 2);
	assert_int_not_equal(access(path, F_OK), 0);
	commit(h, 33);
	assert_weight(h, 3, 33);
	history_close(h);

	for (size_t cut = 0; cut < len; cut++) { /* torn */
		write_bytes(path, text, cut);
		h = history_open(p->state, 2);
		assert_range(h, 1, 2);
		history_close(h);
	}
	free(text);
	free(path);
}

/* A state file from a backup, from before there was a history, or none: nothing is removed, no number is used again. */
static void far_from_the_state(void **state)
{
	const struct place *p = *state;
	struct history *h;

	fill(p, 5);
	h = history_open(p->state, 2);
	assert_range(h, 1, 5);
	assert_int_equal(history_number(h), 5);
	history_close(h);
	h = history_open(p->state, 0);
	assert_range(h, 1, 5);
	assert_int_equal(history_number(h), 5);
	history_close(h);
	h = history_open(p->state, 9);
	assert_range(h, 1, 5);
	assert_int_equal(history_number(h), 9);
	commit(h, 10);
	assert_weight(h, 10, 10);
	history_close(h);
}

/* Whatever byte is other than it was, or missing, the file is left out, and all others are there. */
static void damaged(void **state)
{
	const struct place *p = *state;
	char *path = file_of(p, 2), *text;
	size_t len, others = 0;
	struct history *h;

	fill(p, 3);
	text = read_bytes(path, &len);
	for (size_t i = 0; i < 2 * len; i++) {
		size_t count, at = i / 2, head = strchr(text, '\n') - text;
		char byte = text[at];

		text[at] = (char)(byte ^ (i & 1 ? 0x80 : 1));
		write_bytes(path, text, i & 1 && at ? at : len); /* cut, or changed */
		h = history_open(p->state, 3);
		assert_int_equal(history_number(h), 3);
		history_list(h, &count);
		assert_in_range(count, 2, 3);
		others += count == 3;
		if (at > head || i & 1)
			assert_int_equal(count, 2);
		assert_weight(h, 1, 1);
		assert_weight(h, 3, 3);
		if (count == 3)
			assert_weight(h, 2, 2);
		else
			assert_none(h, 2, ENOENT, "no revision 2");
		commit(h, 4);
		history_close(h);
		h = history_open(p->state, 3); /* which removes it again */
		history_close(h);
		text[at] = byte;
	}
	assert_true(others < 80); /* characters of what it says about itself, the time perhaps */
	free(text);
	free(path);
}

/* It was whole when the daemon began. */
static void damaged_meanwhile(void **state)
{
	const struct place *p = *state;
	char *path = file_of(p, 2);
	struct history *h;

	fill(p, 3);
	h = history_open(p->state, 3);
	write_bytes(path, "{}\n{}\n", 6);
	assert_none(h, 2, EIO, "damaged");
	unlink(path);
	assert_none(h, 2, EIO, "cannot be opened");
	history_close(h);
	free(path);
}

static void strange_things(void **state)
{
	const struct place *p = *state;
	static const char *const names[] = {"00000004.json", "4.jsonl", "00000000.jsonl", "x", "-0000001.jsonl"};
	char *path = file_of(p, 2);
	struct history *h;

	fill(p, 3);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *other = xasprintf("%s.history/%s", p->state, names[i]);

		write_bytes(other, "what is this?\n", 14);
		free(other);
	}
	assert_int_equal(unlink(path) || mkfifo(path, 0600), 0); /* which nobody writes to */
	h = history_open(p->state, 3);
	assert_weight(h, 1, 1);
	assert_none(h, 2, ENOENT, "no revision 2");
	history_close(h);
	assert_int_equal(unlink(path) || mkdir(path, 0700), 0);
	h = history_open(p->state, 3);
	assert_none(h, 2, ENOENT, "no revision 2");
	history_close(h);
	free(path);
}

/* Something else is where the directory belongs. */
static void no_directory(void **state)
{
	const struct place *p = *state;
	char *dir = xasprintf("%s.history", p->state);
	struct shunt_err err = {0};
	struct history *h;

	write_bytes(dir, "", 0);
	h = history_open(p->state, 4);
	assert_int_equal(history_number(h), 4);
	assert_true(prepare(h, 5, &err) < 0);
	assert_non_null(strstr(shunt_err_text(&err), "state.json.history"));
	history_abort(h);
	assert_int_equal(history_number(h), 4);
	history_commit(h);
	assert_int_equal(history_number(h), 4);
	history_close(h);
	free(dir);
}

/* A start goes on without: the number counts all the same, since another configuration is in force. */
static void unwritten(void **state)
{
	const struct place *p = *state;
	char *dir = xasprintf("%s.history", p->state);
	struct history *h = history_open(p->state, 0);

	write_bytes(dir, "", 0);
	assert_true(prepare(h, 1, NULL) < 0);
	history_commit(h);
	assert_int_equal(history_number(h), 1);
	assert_none(h, 1, ENOENT, "no revision 1");
	unlink(dir);
	commit(h, 2);
	assert_range(h, 2, 2);
	history_close(h);
	free(dir);
}

static void the_oldest_go(void **state)
{
	const struct place *p = *state;
	char *first = file_of(p, 5), *second = file_of(p, 6);
	struct history *h;

	fill(p, HISTORY_KEEP + 5);
	assert_int_not_equal(access(first, F_OK), 0);
	assert_int_equal(access(second, F_OK), 0);
	h = history_open(p->state, HISTORY_KEEP + 5);
	assert_range(h, 6, HISTORY_KEEP + 5);
	assert_weight(h, 6, 6);
	history_close(h);
	free(first);
	free(second);
}

/* A name comes from whoever asked. */
static void any_text(void **state)
{
	static const struct history_origin origin = {"PUT /v1/config \xff\xfe\n\".yaml", -1, -1, NULL};
	const struct place *p = *state;
	struct history *h = history_open(p->state, 0);
	struct config *config = config_of(1);
	const struct revision *revisions;
	uint64_t number;
	size_t count;

	assert_int_equal(history_prepare(h, NULL, config, &origin, "\xc3", &number, NULL), 0);
	history_commit(h);
	history_close(h);
	h = history_open(p->state, 1);
	revisions = history_list(h, &count);
	assert_int_equal(count, 1);
	assert_string_equal(revisions[0].by, "PUT /v1/config ???\".yaml");
	assert_string_equal(revisions[0].summary, "?");
	assert_int_equal(revisions[0].uid, -1);
	config_free(config);
	history_close(h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_went_in_comes_out),
		TEST(aborted_is_not_there),
		TEST(ahead_of_the_state),
		TEST(far_from_the_state),
		TEST(damaged),
		TEST(damaged_meanwhile),
		TEST(strange_things),
		TEST(no_directory),
		TEST(unwritten),
		TEST(the_oldest_go),
		TEST(any_text),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
