/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Revision and state file, killed at every system call of a commit, one after the other: between any two of them the disk is as it
 * is, so these are all the points there are. What was acknowledged is in force and in the history, and the two never disagree.
 * (test_daemon_crash.c kills the daemon itself.)
 */
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/lib/log.h"
#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/history.h"
#include "../../user/shuntd/store.h"

static char dir[64], path[96];
static bool is_long; /* the configuration: revisions say what differs, and the state file leaves it to them */

static struct config *config_of(uint32_t weight)
{
	json_t *tree = json_pack("{s:[s], s:{s:s}, s:[{s:s, s:[s], s:[{s:s, s:i}]}]}", "interfaces", "eth0", "source",
				 "ipv4", "172.31.0.0/16", "services", "name", "web", "vips", "192.0.2.1:80/tcp",
				 "backends", "address", "10.1.0.1", "weight", (int)weight);
	json_t *backends = json_object_get(json_array_get(json_object_get(tree, "services"), 0), "backends");
	struct config *config;

	for (int i = 0; is_long && i < HISTORY_LONG; i++)
		json_array_append_new(backends, json_sprintf("10.2.%d.%d", i / 250, i % 250 + 1));
	config = config_from_json(tree, NULL, NULL);
	json_decref(tree);
	return config;
}

/* In the order of daemon.c; 0 is the acknowledgement. */
static int commits(struct history *history, uint32_t weight)
{
	static const struct history_origin origin = {"test", 0, 0, NULL};
	struct config *config = config_of(weight), *before = weight > 1 ? config_of(weight - 1) : NULL;
	struct store_state state = {.config = config};

	if (history_prepare(history, before, config, &origin, "", &state.revision, NULL))
		return 1;
	if (history_differs(history, state.revision))
		state.config = NULL;
	if (store_prepare(path, &state, NULL) || store_commit(path, NULL))
		return 1;
	history_commit(history);
	config_free(config);
	config_free(before);
	return 0;
}

static void child_commits(struct history *history, uint32_t weight)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	_exit(commits(history, weight));
}

/* Killed right before or after a system call, the step number `at` since the beginning. *acked: it
 * came to its end before. */
static void killed_at(struct history *history, uint32_t weight, int at, bool *acked)
{
	pid_t child;
	int status, met = 0;

	fflush(NULL);
	child = fork();
	if (!child)
		child_commits(history, weight);
	assert_int_equal(waitpid(child, &status, 0), child);
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
	while (WIFSTOPPED(status) && met < at) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		met++;
	}
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	*acked = WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static uint32_t left_out; /* state files that had no configuration */

static uint32_t weight_in_force(struct history **history)
{
	struct store_state state;
	struct config *config;
	struct shunt_err err;
	uint32_t weight;

	assert_int_equal(store_load(path, &state, NULL), 1);
	*history = history_open(path, state.revision);
	assert_int_equal(history_number(*history), state.revision);
	config = history_config(*history, state.revision, &err);
	if (!config)
		fail_msg("%s", shunt_err_text(&err));
	weight = config->services[0].backends[0].weight;
	if (!state.config)
		left_out++;
	else
		assert_int_equal(weight, state.config->services[0].backends[0].weight);
	config_free(config);
	config_free(state.config);
	return weight;
}

/* Each weight is its revision's number. */
static void judge_list(const struct history *history, uint64_t last)
{
	size_t count;
	const struct revision *list = history_list(history, &count);

	assert_true(count >= (last < HISTORY_KEEP ? last : HISTORY_KEEP));
	assert_true(count <= HISTORY_KEEP + (is_long ? HISTORY_CHAIN : 0));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(list[i].number, last - count + 1 + i);
}

struct tally {
	uint32_t done, kills;
	int most;
};

/* The commit of this weight, killed at every step until it comes to its end. */
static void kill_all_along(struct history **history, uint32_t *weight, struct tally *tally)
{
	bool acked = false;
	int at;

	for (at = 1; !acked; at++, tally->kills++) {
		uint32_t now;

		killed_at(*history, *weight + 1, at, &acked);
		history_close(*history);
		now = weight_in_force(history);
		assert_true(now == *weight + 1 || (now == *weight && !acked));
		tally->done += now == *weight + 1 && !acked;
		*weight = now;
		judge_list(*history, *weight);
	}
	tally->most = at > tally->most ? at : tally->most;
}

static void at_every_step(void **state)
{
	struct history *history = history_open(path, 0);
	struct tally tally = {0};
	uint32_t weight = 1;

	(void)state;
	is_long = false;
	assert_int_equal(commits(history, 1), 0);
	while (weight < HISTORY_KEEP + 20) /* the last commits remove the oldest, too */
		kill_all_along(&history, &weight, &tally);
	print_message("%u kills, %d steps in a commit; %u of those that were killed had happened\n", tally.kills,
		      tally.most, tally.done);
	assert_true(tally.most > 20 && tally.done > 20);
	assert_int_equal(left_out, 0);
	history_close(history);
}

/* Over the end of a chain of such revisions, and over the removal of the oldest, on which others are built. */
static void of_a_long_one(void **state)
{
	struct history *history = history_open(path, 0);
	struct tally tally = {0};
	uint32_t weight = 1;

	(void)state;
	is_long = true;
	assert_int_equal(commits(history, 1), 0);
	while (weight < HISTORY_KEEP + HISTORY_CHAIN + 10) {
		kill_all_along(&history, &weight, &tally);
		for (int i = 0; i < 20; i++)
			assert_int_equal(commits(history, ++weight), 0);
	}
	print_message("%u kills, %u times without a configuration in the state file\n", tally.kills, left_out);
	assert_true(left_out > tally.kills / 2);
	history_close(history);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/shunt-history-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/state.json", dir);
	log_set_level(LOG_LEVEL_WARNING);
	return 0;
}

static int remove_one(const char *file, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(file);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_every_step, setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_long_one, setup, teardown),
	};

	return cmocka_run_group_tests_name("history_crash", tests, NULL, NULL);
}
