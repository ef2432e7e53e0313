/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks: TCP probes, counts, targets that come, change and go, the prober's own limits. Needs no root. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../user/shuntd/health_probe.h"
#include "health_bench.h"

#define MANY 2000

/* ---- TCP ---- */

static void test_tcp_up(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = server_listen("127.0.0.1");
	config = config_one(CONFIG_CHECK_TCP, server->port, 1);
	health_sync(health, config, NULL, NULL);
	assert_true(is(HEALTH_CHECKING));
	AWAIT(is(HEALTH_UP));
	assert_string_equal(status()->reason, "connected");
	assert_int_equal(told.count, 1);
	AWAIT(server->accepted >= 3);
	assert_int_equal(told.count, 1);
	config_drop(config);
}

/* No port in the check: that of the first VIP. Over IPv6. */
static void test_tcp_port_of_vip(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = server_listen("::1");
	config = config_one(CONFIG_CHECK_TCP, 0, 1);
	config->services->vips = xcalloc(1, sizeof(struct config_vip));
	config->services->vip_count = 1;
	config->services->vips[0].port = server->port;
	assert_int_equal(addr_parse("::1", &config->services->backends[0].addr), 0);
	health_sync(health, config, NULL, NULL);
	AWAIT(status_of("::1")->state == HEALTH_UP);
	config_drop(config);
}

static void test_tcp_refused(void **state)
{
	struct config *config = config_one(CONFIG_CHECK_TCP, server_gone(), 1);

	(void)state;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "connect: Connection refused");
	config_drop(config);
}

/* A listener whose queue is full drops what comes. */
static void test_tcp_timeout(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fill[4], listener = socket(AF_INET, SOCK_STREAM, 0);
	struct config *config;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&sin, &len);
	for (int i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&sin, len);
	}
	config = config_one(CONFIG_CHECK_TCP, ntohs(sin.sin_port), 1);
	config->services->check.timeout = 150;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "timed out after 150 ms");
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(listener);
	config_drop(config);
}

/* ---- counting ---- */

/* up (first answer), fall of 3 only after three in a row, rise of 2 only after two in a row. */
static void test_rise_and_fall(void **state)
{
	static const enum health_state after[] = {
		HEALTH_UP,   HEALTH_UP,	  HEALTH_UP,   HEALTH_UP,   HEALTH_UP, HEALTH_UP, HEALTH_DOWN,
		HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN, HEALTH_UP, HEALTH_UP,
	};
	struct server *server;
	struct config *config;
	uint32_t results = 0;

	(void)state;
	server = PLAY(OK_ANSWER, BAD_ANSWER, BAD_ANSWER, OK_ANSWER, BAD_ANSWER, BAD_ANSWER, BAD_ANSWER, OK_ANSWER,
		      BAD_ANSWER, BAD_ANSWER, OK_ANSWER, OK_ANSWER, OK_ANSWER);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	health_sync(health, config, NULL, NULL);
	while (results < sizeof(after) / sizeof(after[0])) {
		struct health_status before = *status();

		AWAIT(status()->successes != before.successes || status()->failures != before.failures);
		assert_int_equal(server->requests, results + 1);
		assert_int_equal(status()->state, after[results]);
		results++;
	}
	assert_int_equal(told.count, 3);
	assert_int_equal(told.states[0], HEALTH_UP);
	assert_int_equal(told.states[1], HEALTH_DOWN);
	assert_int_equal(told.states[2], HEALTH_UP);
	assert_int_equal(status()->successes, 3);
	config_drop(config);
}

static enum health_state initial_up(void *arg, const char *service, const struct shunt_addr *backend)
{
	(void)service;
	(void)backend;
	++*(int *)arg;
	return HEALTH_UP;
}

/* For what must not happen. */
static void run_for(uint64_t ms)
{
	for (uint64_t end = uv_now(&loop) + ms; uv_now(&loop) < end;)
		uv_run(&loop, UV_RUN_ONCE);
}

/* An hour apart, but for those on the way from one state to the other. */
static void test_fast_interval(void **state)
{
	struct server *server;
	struct config *config;
	int asked = 0;

	(void)state;
	server = PLAY(BAD_ANSWER, BAD_ANSWER, BAD_ANSWER, OK_ANSWER, OK_ANSWER, OK_ANSWER);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.interval = 3600000;
	config->services->check.fast_interval = 100;
	health_sync(health, config, initial_up, &asked);
	AWAIT(is(HEALTH_DOWN));
	assert_int_equal(server->requests, 3);
	run_for(300);
	assert_int_equal(server->requests, 3);
	/* Any change of a check is tried out soon. */
	config->services->check.jitter = 0;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	assert_int_equal(server->requests, 5);
	run_for(300);
	assert_int_equal(server->requests, 5);
	config_drop(config);
}

static void test_first_decides(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = PLAY(BAD_ANSWER, OK_ANSWER);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.fall = 100;
	health_sync(health, config, NULL, NULL);
	AWAIT(checked());
	assert_true(is(HEALTH_DOWN));
	AWAIT(is(HEALTH_UP));
	assert_int_equal(status()->successes, 2);
	config_drop(config);
}

/* ---- roads ---- */

static int road_rc;

static int road(void *arg, const char *service, const struct shunt_addr *backend, const struct shunt_addr *vip,
		struct probe_road *out, struct shunt_err *err)
{
	(void)arg, (void)service, (void)vip;
	*out = (struct probe_road){.to = *backend};
	return road_rc ? shunt_fail(err, -road_rc, NULL, "no road") : 0;
}

/* Without a next hop there is no first result, and later on a failure; neither is a word of the backend's. */
static void test_without_road(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = server_listen("127.0.0.1");
	config = config_one(CONFIG_CHECK_TCP, server->port, 1);
	config->services->check.via = CONFIG_VIA_TUNNEL;
	config->services->vips = xcalloc(1, sizeof(struct config_vip));
	config->services->vip_count = 1;
	config->services->vips[0] = (struct config_vip){.addr = config->services->backends[0].addr, .port = 1};
	health_set_road(health, road, NULL);
	road_rc = -EAGAIN;
	health_sync(health, config, NULL, NULL);
	AWAIT(status()->reason[0]);
	assert_true(is(HEALTH_CHECKING) && status()->unasked);
	road_rc = 0;
	AWAIT(is(HEALTH_UP));
	assert_false(status()->unasked);
	road_rc = -EAGAIN;
	AWAIT(status()->failures);
	assert_string_equal(status()->reason, "no road");
	assert_true(status()->unasked);
	config_drop(config);
}

/* A check that goes on when its road is another one is ended: what it says is of neither, and none of its packets may take another road. */
static void test_ended_with_its_road(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = PLAY(HANG, OK_ANSWER);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.via = CONFIG_VIA_TUNNEL;
	config->services->check.timeout = 60000;
	config->services->vips = xcalloc(1, sizeof(struct config_vip));
	config->services->vip_count = 1;
	config->services->vips[0] = (struct config_vip){.addr = config->services->backends[0].addr, .port = 1};
	health_set_road(health, road, NULL);
	road_rc = 0;
	health_sync(health, config, NULL, NULL);
	AWAIT(server->requests == 1);
	config->services->check.via = CONFIG_VIA_DIRECT;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	assert_int_equal(server->resets, 1);
	config_drop(config);
}

/* Nothing is left of a connection that was given up on, nor is one that was answered reset. */
static void test_reset_after_timeout(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = PLAY(HANG, OK_ANSWER);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.timeout = 100;
	health_sync(health, config, NULL, NULL);
	AWAIT(status()->failures);
	AWAIT(status()->successes >= 2);
	assert_int_equal(server->resets, 1);
	config_drop(config);
}

/* ---- health_sync() ---- */

static void test_initial(void **state)
{
	struct server *server;
	struct config *config;
	int asked = 0;

	(void)state;
	server = PLAY(BAD_ANSWER);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	health_sync(health, config, initial_up, &asked);
	assert_true(is(HEALTH_UP));
	AWAIT(is(HEALTH_DOWN));
	assert_int_equal(server->requests, 3);
	health_sync(health, config, initial_up, &asked);
	assert_int_equal(asked, 1);
	assert_true(is(HEALTH_DOWN));
	config_drop(config);
}

static void test_kept_and_removed(void **state)
{
	struct server *server;
	struct config *config;
	struct health_status before;

	(void)state;
	server = server_listen("0.0.0.0");
	config = config_one(CONFIG_CHECK_TCP, server->port, 3);
	config->services->backend_count = 2;
	health_sync(health, config, NULL, NULL);
	AWAIT(status_of("127.0.0.1")->successes > 1 && status_of("127.0.0.2")->successes > 1);
	before = *status();
	/* One stays, one goes, one comes; told of none of it. */
	told.count = 0;
	config->services->backends[1] = config->services->backends[2];
	health_sync(health, config, NULL, NULL);
	assert_memory_equal(status(), &before, sizeof(before));
	assert_null(status_of("127.0.0.2"));
	assert_int_equal(status_of("127.0.0.3")->state, HEALTH_CHECKING);
	assert_int_equal(told.count, 0);
	AWAIT(status_of("127.0.0.3")->state == HEALTH_UP);
	config_drop(config);
}

/* An interval of an hour does not delay what replaces it; none means up, and no more checks. */
static void test_changed_check(void **state)
{
	struct server *server;
	struct config *config;
	int requests, accepted;

	(void)state;
	server = PLAY(BAD_ANSWER);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.interval = 3600000;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	config->services->check.interval = 100;
	health_sync(health, config, NULL, NULL);
	AWAIT(server->requests >= 3);
	config->services->check.type = CONFIG_CHECK_NONE;
	told.count = 0;
	requests = server->requests;
	health_sync(health, config, NULL, NULL);
	assert_true(is(HEALTH_UP));
	run_for(300);
	assert_true(server->requests <= requests + 1); /* the one that was on its way */
	assert_string_equal(status()->reason, "not checked");
	assert_int_equal(told.count, 0);
	config->services->check.type = CONFIG_CHECK_TCP;
	health_sync(health, config, NULL, NULL);
	assert_true(is(HEALTH_UP));
	AWAIT(!strcmp(status()->reason, "connected"));
	config->services->check.type = CONFIG_CHECK_NONE;
	health_sync(health, config, NULL, NULL);
	accepted = server->accepted;
	run_for(300);
	assert_int_equal(server->accepted, accepted);
	config_drop(config);
}

static void remove_all(void)
{
	const struct config nothing = {};

	health_sync(health, &nothing, NULL, NULL);
}

static void test_removed_in_flight(void **state)
{
	struct server *server;
	struct server *other;
	struct config *config;

	(void)state;
	server = PLAY(HANG);
	other = server_listen("127.0.0.1");
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	health_sync(health, config, NULL, NULL);
	AWAIT(server->requests == 1);
	remove_all();
	assert_null(status());
	/* Back, and removed in the same turn in which its connection is made, and once more by the one who is told. */
	config->services->check.type = CONFIG_CHECK_TCP;
	config->services->check.port = other->port;
	for (int i = 0; i < 5; i++) {
		int accepted = other->accepted;

		health_sync(health, config, NULL, NULL);
		AWAIT(other->accepted > accepted);
		remove_all();
	}
	told.count = 0;
	told.then = remove_all;
	health_sync(health, config, NULL, NULL);
	AWAIT(told.count);
	assert_null(status());
	config->services->check.type = CONFIG_CHECK_HTTP;
	health_sync(health, config, NULL, NULL);
	AWAIT(told.count == 2);
	assert_null(status());
	config_drop(config);
}

/* ---- the prober's own trouble, and its size ---- */

/* Lines with text in what was logged. */
static int logged(int log, const char *text)
{
	static char buf[65536];
	ssize_t len = pread(log, buf, sizeof(buf) - 1, 0);
	int lines = 0;

	buf[len < 0 ? 0 : len] = '\0';
	for (const char *at = buf; (at = strstr(at, text)); at++)
		lines++;
	return lines;
}

static struct rlimit limit_before;
static int log_fd, stderr_before;

static int open_starving(void **state)
{
	log_fd = memfd_create("log", MFD_CLOEXEC);
	stderr_before = dup(STDERR_FILENO);
	if (open_loop(state) || log_fd < 0 || stderr_before < 0)
		return -1;
	log_set_level(LOG_LEVEL_WARNING);
	return getrlimit(RLIMIT_NOFILE, &limit_before);
}

static int close_starving(void **state)
{
	setrlimit(RLIMIT_NOFILE, &limit_before);
	dup2(stderr_before, STDERR_FILENO);
	log_set_level(LOG_LEVEL_ERROR);
	close(stderr_before);
	close(log_fd);
	return close_loop(state);
}

/* A single failure would count, if it were one. */
static void starve(enum config_check_type type)
{
	struct server *server = PLAY(OK_ANSWER);
	struct config *config = config_one(type, server->port, 1);
	struct rlimit few = {.rlim_cur = 3, .rlim_max = limit_before.rlim_max};
	int accepted;

	config->services->check.fall = 1;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	dup2(log_fd, STDERR_FILENO);
	setrlimit(RLIMIT_NOFILE, &few);
	AWAIT(logged(log_fd, "Too many open files"));
	assert_true(is(HEALTH_UP));
	setrlimit(RLIMIT_NOFILE, &limit_before);
	accepted = server->accepted;
	AWAIT(server->accepted > accepted);
	assert_int_equal(logged(log_fd, "socket: Too many open files"), 1);
	assert_int_equal(told.count, 1);
	config_drop(config);
}

static void test_out_of_descriptors(void **state)
{
	(void)state;
	starve(CONFIG_CHECK_TCP);
}

static void test_out_of_descriptors_http(void **state)
{
	(void)state;
	starve(CONFIG_CHECK_HTTP);
}

static bool all_successful(const struct config *config, uint32_t times)
{
	for (size_t i = 0; i < config->services->backend_count; i++)
		if (health_get(health, "web", &config->services->backends[i].addr)->successes < times)
			return false;
	return true;
}

static void test_many(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = server_listen("0.0.0.0");
	config = config_one(CONFIG_CHECK_TCP, server->port, MANY);
	config->services->check.interval = 200;
	health_sync(health, config, NULL, NULL);
	AWAIT(all_successful(config, 3));
	assert_int_equal(told.count, MANY);
	assert_true(server->accepted >= 3 * MANY);
	config_drop(config);
}

static void test_many_http(void **state)
{
	struct server *server = PLAY_AT("0.0.0.0", OK_ANSWER);
	struct config *config;

	(void)state;
	config = config_one(CONFIG_CHECK_HTTP, server->port, MANY / 4);
	config->services->check.interval = 200;
	health_sync(health, config, NULL, NULL);
	AWAIT(all_successful(config, 3));
	assert_int_equal(told.count, MANY / 4);
	config_drop(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tcp_up),
		TEST(test_tcp_port_of_vip),
		TEST(test_tcp_refused),
		TEST(test_tcp_timeout),
		TEST(test_rise_and_fall),
		TEST(test_fast_interval),
		TEST(test_first_decides),
		TEST(test_without_road),
		TEST(test_ended_with_its_road),
		TEST(test_reset_after_timeout),
		TEST(test_initial),
		TEST(test_kept_and_removed),
		TEST(test_changed_check),
		TEST(test_removed_in_flight),
		cmocka_unit_test_setup_teardown(test_out_of_descriptors, open_starving, close_starving),
		cmocka_unit_test_setup_teardown(test_out_of_descriptors_http, open_starving, close_starving),
		TEST(test_many),
		TEST(test_many_http),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
