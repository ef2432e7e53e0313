/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks over HTTP and HTTPS; for the latter with `openssl s_server`. Needs no root. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "health_bench.h"

/* One HTTP target, checked once. */
static const struct health_status *check_once(uint16_t port, const char *path)
{
	struct config *config = config_one(CONFIG_CHECK_HTTP, port, 1);

	config->services->check.path = (char *)path;
	health_sync(health, config, NULL, NULL);
	config_drop(config);
	AWAIT(checked());
	return status();
}

static void test_http_request(void **state)
{
	struct server *server;
	struct config *config;
	char host[64];

	(void)state;
	server = PLAY(OK_ANSWER);
	assert_int_equal(check_once(server->port, "/a/../health?x=1")->state, HEALTH_UP);
	assert_string_equal(status()->reason, "HTTP 200");
	assert_non_null(strstr(server->last, "GET /a/../health?x=1 HTTP/1.1\r\n"));
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", server->port);
	assert_non_null(strstr(server->last, host));
	assert_non_null(strstr(server->last, "\r\nUser-Agent: shunt/" SHUNT_VERSION " health-check\r\n"));

	/* The changed check counts from the next one on, without a new start of the target. */
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.host = (char *)"www.example.com";
	server->last[0] = '\0';
	health_sync(health, config, NULL, NULL);
	AWAIT(strstr(server->last, "\r\nHost: www.example.com\r\n"));
	assert_non_null(strstr(server->last, "GET / HTTP/1.1\r\n"));
	assert_int_equal(told.count, 1);
	config_drop(config);
}

static void test_http_ipv6(void **state)
{
	struct server *server = PLAY_AT("::1", OK_ANSWER);
	struct config *config = config_one(CONFIG_CHECK_HTTP, server->port, 1);

	(void)state;
	assert_int_equal(addr_parse("::1", &config->services->backends[0].addr), 0);
	health_sync(health, config, NULL, NULL);
	AWAIT(status_of("::1")->state == HEALTH_UP);
	assert_non_null(strstr(server->last, "\r\nHost: [::1]:"));
	config->services->check.host = (char *)"www.example.com";
	health_sync(health, config, NULL, NULL);
	AWAIT(strstr(server->last, "\r\nHost: www.example.com\r\n"));
	config_drop(config);
}

static void test_http_unexpected(void **state)
{
	struct server *server;

	(void)state;
	server = PLAY(BAD_ANSWER);
	assert_int_equal(check_once(server->port, NULL)->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "HTTP 503, expected 200 to 399");
}

/* A redirect is an answer like any other: expected, or not; never followed. */
static void test_http_expect(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = PLAY("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(check_once(server->port, "/")->state, HEALTH_UP);
	assert_string_equal(status()->reason, "HTTP 302");
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.expect_max = 301;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "HTTP 302, expected 200 to 301");
	config->services->check.expect_max = 302;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	config->services->check.expect_min = 303;
	config->services->check.expect_max = 399;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "HTTP 302, expected 303 to 399");
	config_drop(config);
}

static void test_http_slow(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = PLAY(HANG, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", HANG);
	config = config_one(CONFIG_CHECK_HTTP, server->port, 1);
	config->services->check.timeout = 150;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "timed out after 150 ms");
	AWAIT(server->requests == 3);
	assert_int_equal(status()->failures, 2);
	assert_int_equal(status()->successes, 0);
	config_drop(config);
}

static void test_http_garbage(void **state)
{
	struct server *server;

	(void)state;
	server = PLAY("SSH-2.0-OpenSSH_9.2\r\n");
	assert_int_equal(check_once(server->port, NULL)->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "Received HTTP/0.9 when not allowed");
}

static void test_http_empty(void **state)
{
	struct server *server;

	(void)state;
	server = PLAY("");
	assert_int_equal(check_once(server->port, NULL)->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "Empty reply from server");
}

static void test_http_refused(void **state)
{
	(void)state;
	assert_int_equal(check_once(server_gone(), NULL)->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "connect: Connection refused");
}

/* A body without end, of which the server is never done: the check does not wait for it. */
static void test_http_huge(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n";
	static char huge[200000];
	static const char *const script[] = {huge};

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	memcpy(huge, head, strlen(head));
	assert_int_equal(check_once(server_play("127.0.0.1", script, 1)->port, NULL)->state, HEALTH_UP);
	assert_string_equal(status()->reason, "HTTP 200");
}

/* ---- HTTPS ---- */

static pid_t s_server;
static FILE *s_server_output;
static char tls_dir[] = "/tmp/test_health.XXXXXX";

static int remove_certificate(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", tls_dir);
	return system(command);
}

static int make_certificate(void **state)
{
	char command[512];

	(void)state;
	if (!mkdtemp(tls_dir))
		return -1;
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=self-signed "
		 "-days 1 -keyout %s/key -out %s/cert 2>%s/log",
		 tls_dir, tls_dir, tls_dir);
	return system(command);
}

static void s_server_exec(int out)
{
	char key[64], cert[64], log[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(key, sizeof(key), "%s/key", tls_dir);
	snprintf(cert, sizeof(cert), "%s/cert", tls_dir);
	snprintf(log, sizeof(log), "%s/log", tls_dir);
	dup2(out, STDOUT_FILENO);
	dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
	execlp("openssl", "openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-key", key, "-cert", cert, NULL);
	_exit(127);
}

/* Returns the port, which openssl chose and names in its first line: "ACCEPT 127.0.0.1:PORT". */
static uint16_t s_server_start(void)
{
	unsigned int port = 0;
	char line[128];
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s_server = fork();
	if (!s_server)
		s_server_exec(out[1]);
	close(out[1]);
	s_server_output = fdopen(out[0], "r");
	while (!port && fgets(line, sizeof(line), s_server_output))
		sscanf(line, "ACCEPT 127.0.0.1:%u", &port);
	assert_true(port > 0);
	return port;
}

static int s_server_stop(void **state)
{
	if (s_server) {
		kill(s_server, SIGKILL);
		waitpid(s_server, NULL, 0);
		fclose(s_server_output);
		s_server = 0;
	}
	return close_loop(state);
}

static void test_https(void **state)
{
	struct config *config = config_one(CONFIG_CHECK_HTTPS, s_server_start(), 1);

	(void)state;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	assert_string_equal(status()->reason, "HTTP 200");
	config->services->check.verify = true;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "SSL certificate problem: self-signed certificate");
	config_drop(config);
}

/* The file's certificates are trusted, those of the system are not; and the name counts. */
static void test_https_ca(void **state)
{
	struct config *config = config_one(CONFIG_CHECK_HTTPS, s_server_start(), 1);
	char cert[64], none[64];

	(void)state;
	snprintf(cert, sizeof(cert), "%s/cert", tls_dir);
	snprintf(none, sizeof(none), "%s/none", tls_dir);
	config->services->check.verify = true;
	config->services->check.host = (char *)"self-signed";
	config->services->check.ca = none;
	health_sync(health, config, NULL, NULL);
	AWAIT(status()->reason[0]);
	assert_string_equal(status()->reason, "the file of trusted certificates (ca) cannot be read");
	assert_true(is(HEALTH_CHECKING));
	config->services->check.ca = cert;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	config->services->check.host = (char *)"www.example.com";
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "SSL: certificate subject name 'self-signed' does not match target host "
					      "name 'www.example.com'");
	config->services->check.host = (char *)"self-signed";
	config->services->check.ca = (char *)"/etc/ssl/certs/ca-certificates.crt";
	health_sync(health, config, NULL, NULL);
	AWAIT(!strcmp(status()->reason, "SSL certificate problem: self-signed certificate"));
	config_drop(config);
}

/* The name is in the TLS greeting, in the clear. */
static void test_https_sni(void **state)
{
	struct server *server;
	struct config *config;

	(void)state;
	server = PLAY("no TLS");
	server->raw = true;
	config = config_one(CONFIG_CHECK_HTTPS, server->port, 1);
	config->services->check.host = (char *)"www.example.com";
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_non_null(memmem(server->last, server->last_len, "www.example.com", 15));
	config_drop(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_http_request),
		TEST(test_http_ipv6),
		TEST(test_http_unexpected),
		TEST(test_http_expect),
		TEST(test_http_slow),
		TEST(test_http_garbage),
		TEST(test_http_empty),
		TEST(test_http_refused),
		TEST(test_http_huge),
		cmocka_unit_test_setup_teardown(test_https, open_loop, s_server_stop),
		cmocka_unit_test_setup_teardown(test_https_ca, open_loop, s_server_stop),
		TEST(test_https_sni),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("health_http", tests, make_certificate, remove_certificate);
}
