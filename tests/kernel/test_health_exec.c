/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks by commands: real processes, most of them shells that are asked to misbehave. Needs no root. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "health_bench.h"

#define FULL 16 /* that run at a time */

static char dir[] = "/tmp/test_health_exec.XXXXXX";

static struct config *config_script(const char *script, size_t backends)
{
	static char *command[] = {"/bin/sh", "-c", NULL, "check", NULL};
	struct config *config = config_one(CONFIG_CHECK_EXEC, 0, backends);

	command[2] = (char *)script;
	config->services->check.command = command;
	return config;
}

static const struct health_status *run_once(const char *script)
{
	struct config *config = config_script(script, 1);

	config->services->check.interval = 3600000;
	health_sync(health, config, NULL, NULL);
	config_drop(config);
	AWAIT(checked());
	return status();
}

static void test_passes(void **state)
{
	(void)state;
	assert_int_equal(run_once("true")->state, HEALTH_UP);
	assert_string_equal(status()->reason, "exec: exit status 0");
}

/* The first line, of either output; what cannot be printed is not. */
static void test_says(void **state)
{
	(void)state;
	assert_int_equal(run_once("printf 'disk\\tfull \\377\\nsecond line\\n' >&2; exit 2")->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "exec: exit status 2: disk?full ?");
}

static void test_says_much(void **state)
{
	(void)state;
	assert_int_equal(run_once("printf %0200d 0; head -c 1000000 /dev/zero")->state, HEALTH_UP);
	assert_int_equal(strlen(status()->reason), strlen("exec: exit status 0: ") + 95);
}

static void test_by_signal(void **state)
{
	(void)state;
	assert_int_equal(run_once("echo ouch; kill -SEGV $$")->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "exec: ended by signal 11 (Segmentation fault): ouch");
}

/* Its arguments are taken as they are; of the environment there is only what is promised. */
static void test_environment(void **state)
{
	static char *command[] = {"/usr/bin/env", NULL};
	static const char script[] = "test \"$0\" = check && test \"$SHUNT_SERVICE $SHUNT_BACKEND $SHUNT_PORT\" = 'web "
				     "127.0.0.1 80' && pwd && ! read line";
	struct config *config = config_script(script, 1);
	uint64_t checks;

	(void)state;
	config->services->check.port = 80;
	health_sync(health, config, NULL, NULL);
	AWAIT(checked());
	assert_string_equal(status()->reason, "exec: exit status 0: /");
	setenv("SHUNT_TEST_SECRET", "1", 1);
	config->services->check.port = 0;
	config->services->check.command = command;
	health_sync(health, config, NULL, NULL);
	AWAIT(strstr(status()->reason, "PATH="));
	assert_string_equal(status()->reason, "exec: exit status 0: PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
					      "/usr/bin:/sbin:/bin");
	config->services->check.command = (char *[]){"/bin/sh", "-c", "test $(env | grep -c SHUNT_) = 2", NULL};
	health_sync(health, config, NULL, NULL);
	checks = status()->successes;
	AWAIT(status()->failures || status()->successes > checks + 2);
	assert_int_equal(status()->failures, 0);
	config_drop(config);
}

static void test_no_descriptors(void **state)
{
	int null = open("/dev/null", O_RDONLY); /* inherited, unless somebody takes care */

	(void)state;
	assert_int_equal(dup2(null, 77), 77);
	assert_int_equal(
		run_once("for fd in /proc/self/fd/*; do case $fd in */[0-9]) ;; *) echo $fd; exit 1; esac; done; "
			 "test -e /proc/self/fd/2")
			->state,
		HEALTH_UP);
	close(null);
	close(77);
}

/* Nothing on this host tells about the backend. */
static void test_not_started(void **state)
{
	struct config *config = config_script("", 1);

	(void)state;
	config->services->check.command = (char *[]){"/nonexistent/check", NULL};
	health_sync(health, config, NULL, NULL);
	AWAIT(status()->reason[0]);
	assert_string_equal(status()->reason, "exec: /nonexistent/check: No such file or directory");
	assert_true(is(HEALTH_CHECKING));
	assert_false(checked());
	config->services->check.command = (char *[]){"/bin/true", NULL};
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	config_drop(config);
}

/* ---- what it leaves behind ---- */

/* Ended, even if nobody has asked how. */
static bool is_gone(pid_t pid)
{
	char path[64], text[512] = "", *after;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return true;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	after = strrchr(text, ')');
	return !after || after[2] == 'Z' || after[2] == 'X';
}

static void test_leftovers(void **state)
{
	pid_t pid = 0;

	(void)state;
	run_once("sleep 1000 & echo $!");
	assert_int_equal(sscanf(status()->reason, "exec: exit status 0: %d", &pid), 1);
	assert_true(pid > 1);
	AWAIT(is_gone(pid));
}

static pid_t pid_in(const char *name)
{
	char path[128];
	FILE *file;
	pid_t pid = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

/* Too late: both generations end. So they do when nobody wants to know any more. */
static void test_killed(void **state)
{
	const struct config nothing = {};
	struct config *config;
	char script[256];
	pid_t child;

	(void)state;
	snprintf(script, sizeof(script),
		 "cd %s && rm -f child; trap '' TERM; sleep 1000 & echo $! >new && mv new child; wait", dir);
	config = config_script(script, 1);
	config->services->check.timeout = 500;
	health_sync(health, config, NULL, NULL);
	AWAIT(checked());
	assert_string_equal(status()->reason, "timed out after 500 ms");
	child = pid_in("child");
	if (child)
		AWAIT(is_gone(child));
	config->services->check.timeout = 60000;
	health_sync(health, config, NULL, NULL);
	AWAIT(pid_in("child") && pid_in("child") != child);
	child = pid_in("child");
	assert_false(is_gone(child));
	health_sync(health, &nothing, NULL, NULL);
	AWAIT(is_gone(child));
	config_drop(config);
}

/* ---- how many ---- */

static int names_in_dir(const char *prefix)
{
	char path[128];
	int count = 0;

	for (int i = 1; i <= 250; i++) {
		snprintf(path, sizeof(path), "%s/%s127.0.0.%d", dir, prefix, i);
		count += !access(path, F_OK);
	}
	return count;
}

static int states_told(enum health_state which)
{
	int count = 0;

	for (int i = 0; i < told.count && i < 64; i++)
		count += told.states[i] == which;
	return count;
}

/* The others wait, and longer than a check may take: a time that is not theirs. */
static void test_places(void **state)
{
	const int many = 2 * FULL + 1;
	struct config *config;
	char script[256];

	(void)state;
	snprintf(script, sizeof(script), "cd %s; mkdir $SHUNT_BACKEND || exit 1; sleep 1.1; rmdir $SHUNT_BACKEND", dir);
	config = config_script(script, many);
	config->services->check.timeout = 2000;
	config->services->check.interval = 3600000;
	health_sync(health, config, NULL, NULL);
	while (told.count < many) {
		uv_run(&loop, UV_RUN_ONCE);
		assert_true(names_in_dir("") <= FULL);
	}
	assert_int_equal(states_told(HEALTH_UP), many);
	config_drop(config);
}

/* Those that wait are removed with those that run. */
static void test_places_removed(void **state)
{
	const struct config nothing = {};
	struct config *config;
	char script[256];

	(void)state;
	snprintf(script, sizeof(script), "mkdir %s/gone.$SHUNT_BACKEND; sleep 1000", dir);
	config = config_script(script, FULL + 4);
	config->services->check.timeout = 60000;
	health_sync(health, config, NULL, NULL);
	AWAIT(names_in_dir("gone.") == FULL);
	health_sync(health, &nothing, NULL, NULL);
	run_once("true");
	assert_int_equal(names_in_dir("gone."), FULL);
	config_drop(config);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *sb, int flag, struct FTW *ftw)
{
	(void)sb, (void)flag, (void)ftw;
	return remove(path);
}

static int remove_dir(void **state)
{
	(void)state;
	return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_passes),	TEST(test_says),	   TEST(test_says_much),      TEST(test_by_signal),
		TEST(test_environment), TEST(test_no_descriptors), TEST(test_not_started),    TEST(test_leftovers),
		TEST(test_killed),	TEST(test_places),	   TEST(test_places_removed),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("health_exec", tests, make_dir, remove_dir);
}
