/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The real daemon is killed, again and again, in three ways by turns: at any moment while changes are made one after the other; at
 * any system call of a change; at any moment of a start that applies a file. Each change sets a backend's weight to the number of the
 * revision that it makes, so whatever the next daemon says can be judged: the configuration in force is the one that was acknowledged
 * last, or the one after it if that was being made; the history goes up to it without a gap, and each revision is what its number says.
 *
 * SHUNT_KILLS: how often, 6 unless told otherwise; a few hundred take some minutes. SHUNT_SEED: to repeat a run.
 */
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/attach.h"
#include "../../user/shuntd/history.h"

#define KILLS 6
#define IN_TIME_US 300000 /* some changes */

static struct {
	char dir[64], pins[96], socket[96], config[96], state[96], log[96], program[4096];
	pid_t pid;
	uint32_t acked, sent; /* weights; sent is the one after acked, or the same */
	uint64_t start_us;    /* that a start takes */
	long calls;	      /* system calls that a change takes */
	unsigned int in_flight, lost;
} t;

struct text {
	char *bytes;
	size_t len;
};

static size_t receive(char *data, size_t size, size_t count, void *arg)
{
	struct text *text = arg;

	text->bytes = xreallocarray(text->bytes, text->len + size * count + 1, 1);
	memcpy(text->bytes + text->len, data, size * count);
	text->len += size * count;
	text->bytes[text->len] = '\0';
	return size * count;
}

/* The HTTP status; 0: nobody answers, or not to the end. */
static long call_api(const char *path, const char *body, json_t **answer)
{
	char *url = xasprintf("http://localhost%s", path);
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct text text = {NULL, 0};
	CURL *curl = curl_easy_init();
	long status = 0;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, t.socket);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (answer)
		*answer = status ? json_loadb(text.bytes, text.len, 0, NULL) : NULL;
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(text.bytes);
	free(url);
	return status;
}

static json_t *get(const char *path)
{
	json_t *answer;

	if (call_api(path, NULL, &answer) != 200)
		fail_msg("GET %s is not answered", path);
	return answer;
}

static bool change(uint32_t weight)
{
	char *body = xasprintf("{\"changes\": [{\"op\": \"backend.set\", \"service\": \"web\", \"address\": "
			       "\"10.1.0.1\", \"set\": {\"weight\": %u}}]}",
			       weight);
	bool acked = call_api("/v1/changes", body, NULL) == 200;

	free(body);
	return acked;
}

static void write_config(uint32_t weight)
{
	FILE *file = fopen(t.config, "w");

	assert_non_null(file);
	fprintf(file,
		"interfaces: [crash0]\n"
		"source: {ipv4: 172.31.0.0/16}\n"
		"limits: {vips: 8, services: 8, destinations: 16, ring_slots: 1000, connections: 64, fragments: 64,\n"
		"         sources: 8, port_ranges: 8, prefixes: 8, quic_ids: 8}\n"
		"services:\n"
		"  - {name: web, vips: [\"192.0.2.1:80/tcp\"], ring_size: 251, check: {type: none},\n"
		"     backends: [{address: 10.1.0.1, weight: %u}, 10.1.0.2]}\n",
		weight);
	assert_int_equal(fclose(file), 0);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void start(void)
{
	fflush(NULL);
	t.pid = fork();
	assert_true(t.pid >= 0);
	if (t.pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen(t.log, "a", stderr))
		_exit(1);
	execl(t.program, t.program, "--config", t.config, "--state", t.state, "--socket", t.socket, "--pin-dir", t.pins,
	      NULL);
	_exit(1);
}

static void print_log(void)
{
	FILE *file = fopen(t.log, "r");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		print_message("  %s", line);
	if (file)
		fclose(file);
}

static void start_whole(void)
{
	uint64_t began = now_us();

	start();
	while (call_api("/v1/version", NULL, NULL) != 200) {
		if (waitpid(t.pid, NULL, WNOHANG)) {
			t.pid = 0;
			print_log();
			fail_msg("the daemon does not start");
		}
		usleep(2000);
	}
	t.start_us = now_us() - began;
}

static void kill_now(void)
{
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	t.pid = 0;
}

static json_int_t weight_of(const json_t *config)
{
	const json_t *web = json_array_get(json_object_get(config, "services"), 0);

	return json_integer_value(json_object_get(json_array_get(json_object_get(web, "backends"), 0), "weight"));
}

static void judge_revision(json_int_t number)
{
	char *path = xasprintf("/v1/history/%lld", (long long)number);
	json_t *config = get(path);

	assert_int_equal(weight_of(config), number);
	json_decref(config);
	free(path);
}

/* step: every which revision is looked into. */
static void judge_history(json_int_t in_force, size_t step)
{
	json_t *history = get("/v1/history"), *list = json_object_get(history, "revisions"), *revision;
	size_t i;

	assert_int_equal(json_integer_value(json_object_get(history, "revision")), in_force);
	assert_int_equal(json_array_size(list), in_force < HISTORY_KEEP ? in_force : HISTORY_KEEP);
	json_array_foreach (list, i, revision) {
		assert_int_equal(json_integer_value(json_object_get(revision, "revision")), in_force - (json_int_t)i);
		if (i % step == 0)
			judge_revision(in_force - (json_int_t)i);
	}
	json_decref(history);
}

static void judge(size_t step)
{
	json_t *config = get("/v1/config");
	uint32_t weight = (uint32_t)weight_of(config);

	if (weight != t.acked && weight != t.sent)
		fail_msg("in force: %u, acknowledged: %u, being made: %u", weight, t.acked, t.sent);
	t.in_flight += t.sent != t.acked && weight == t.sent;
	t.lost += t.sent != t.acked && weight == t.acked;
	json_decref(config);
	judge_history(weight, step);
	t.acked = t.sent = weight;
}

static void killed_in_time(void)
{
	pid_t killer = fork();

	if (!killer) {
		usleep((useconds_t)(random() % IN_TIME_US));
		kill(t.pid, SIGKILL);
		_exit(0);
	}
	for (t.sent = t.acked + 1; change(t.sent); t.sent++)
		t.acked = t.sent;
	waitpid(killer, NULL, 0);
	waitpid(t.pid, NULL, 0);
	t.pid = 0;
}

/* Let the daemon run to its next system call; false: it has ended. */
static bool runs_to_call(int signal)
{
	int status;

	ptrace(PTRACE_SYSCALL, t.pid, NULL, signal);
	return waitpid(t.pid, &status, 0) == t.pid && WIFSTOPPED(status);
}

/* At the system call number `at` since a change was sent (each has an entry and an exit; both count), or after the last. Returns how
 * many there were. */
static long killed_at_call(long at)
{
	pid_t sender;
	long met = 0;
	int status = -1;

	assert_int_equal(ptrace(PTRACE_SEIZE, t.pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, t.pid, NULL, NULL), 0);
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	t.sent = t.acked + 1;
	sender = fork();
	if (!sender)
		_exit(!change(t.sent));
	while (met < at && waitpid(sender, &status, WNOHANG) == 0 && runs_to_call(0))
		met++;
	kill_now();
	if (met == at)
		waitpid(sender, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		t.acked = t.sent;
	return met;
}

/* The file has changed meanwhile; whoever starts for good applies it. */
static void killed_in_start(void)
{
	kill_now();
	t.acked = t.sent = t.acked + 1;
	write_config(t.acked);
	start();
	usleep((useconds_t)(random() % (t.start_us + t.start_us / 8)));
	kill_now();
}

static void survives(void **state)
{
	const char *kills = getenv("SHUNT_KILLS");
	int count = kills ? atoi(kills) : KILLS;

	(void)state;
	start_whole();
	t.acked = t.sent = 1;
	judge(1);
	t.calls = killed_at_call(LONG_MAX);
	assert_int_equal(t.acked, 2);
	for (int i = 0; i < count; i++) {
		start_whole();
		judge(10);
		if (i % 3 == 0)
			killed_in_time();
		else if (i % 3 == 1)
			killed_at_call(random() % (t.calls + 1));
		else
			killed_in_start();
	}
	start_whole();
	judge(1);
	assert_int_equal(system("! grep -q 'history:' \"$LOG\""), 0);
	print_message(
		"%d kills, up to revision %u; of changes being made %u were in force afterwards, %u were not; a change "
		"takes %ld steps\n",
		count + 1, t.acked, t.in_flight, t.lost, t.calls);
}

static int setup(void **state)
{
	const char *seed = getenv("SHUNT_SEED");
	unsigned int number = seed ? (unsigned int)strtoul(seed, NULL, 10) : (unsigned int)time(NULL);
	ssize_t len = readlink("/proc/self/exe", t.program, sizeof(t.program) - 32);

	(void)state;
	for (int up = 0; up < 3; up++) /* build/shuntd beside build/tests/kernel/test_daemon_crash */
		while (len > 0 && t.program[--len] != '/')
			;
	strcpy(t.program + len, "/shuntd");
	print_message("SHUNT_SEED=%u\n", number);
	srandom(number);
	snprintf(t.dir, sizeof(t.dir), "/tmp/shunt-crash-XXXXXX");
	if (!mkdtemp(t.dir))
		return -1;
	snprintf(t.pins, sizeof(t.pins), "/sys/fs/bpf/shunt-daemon-crash-%d", getpid());
	snprintf(t.socket, sizeof(t.socket), "%s/sock", t.dir);
	snprintf(t.config, sizeof(t.config), "%s/shunt.yaml", t.dir);
	snprintf(t.state, sizeof(t.state), "%s/state.json", t.dir);
	snprintf(t.log, sizeof(t.log), "%s/log", t.dir);
	setenv("LOG", t.log, 1);
	write_config(1);
	return unshare(CLONE_NEWNET) ||
	       system("ip link add crash0 type veth peer name crash1 && ip link set crash0 up");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	if (t.pid)
		kill_now();
	attach_remove(t.pins, NULL);
	return nftw(t.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives),
	};

	return cmocka_run_group_tests_name("daemon_crash", tests, setup, teardown);
}
