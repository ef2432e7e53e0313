/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks by ping, in a network namespace of its own, whose kernel answers or leaves it to the test. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "health_bench.h"

static void sysctl_set(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

static int own_network(void **state)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd, ret;

	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ret = ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return ret;
}

#define RAW "1 0"  /* the groups that may have ping sockets: none */
#define PING "0 0" /* that of this process */

static void ping_is_up(const char *groups, const char *address)
{
	struct config *config = config_one(CONFIG_CHECK_ICMP, 0, 1);

	sysctl_set("ping_group_range", groups);
	assert_int_equal(addr_parse(address, &config->services->backends[0].addr), 0);
	health_sync(health, config, NULL, NULL);
	AWAIT(status_of(address)->successes == 3);
	assert_string_equal(status_of(address)->reason, "echo reply");
	assert_int_equal(told.count, 1);
	config_drop(config);
}

static void test_raw(void **state)
{
	(void)state;
	ping_is_up(RAW, "127.0.0.1");
}

static void test_raw_ipv6(void **state)
{
	(void)state;
	ping_is_up(RAW, "::1");
}

static void test_ping(void **state)
{
	(void)state;
	ping_is_up(PING, "127.0.0.1");
}

static void test_ping_ipv6(void **state)
{
	(void)state;
	ping_is_up(PING, "::1");
}

static void no_route(const char *groups)
{
	struct config *config = config_one(CONFIG_CHECK_ICMP, 0, 1);

	sysctl_set("ping_group_range", groups);
	assert_int_equal(addr_parse("192.0.2.1", &config->services->backends[0].addr), 0);
	health_sync(health, config, NULL, NULL);
	AWAIT(status_of("192.0.2.1")->state == HEALTH_DOWN);
	assert_string_equal(status_of("192.0.2.1")->reason, "send: Network is unreachable");
	config_drop(config);
}

static void test_no_route(void **state)
{
	(void)state;
	no_route(RAW);
}

/* Not the backend's fault: it stays unchecked, with the reason. */
static void test_not_permitted(void **state)
{
	struct config *config = config_one(CONFIG_CHECK_ICMP, 0, 1);

	(void)state;
	sysctl_set("ping_group_range", RAW);
	assert_int_equal(seteuid(65534), 0);
	health_sync(health, config, NULL, NULL);
	AWAIT(status()->reason[0]);
	assert_int_equal(seteuid(0), 0);
	assert_string_equal(status()->reason, "ping: not permitted; expected CAP_NET_RAW, or this group in "
					      "net.ipv4.ping_group_range");
	assert_false(checked());
	assert_true(is(HEALTH_CHECKING));
	AWAIT(is(HEALTH_UP));
	config_drop(config);
}

static void test_many(void **state)
{
	struct config *config = config_one(CONFIG_CHECK_ICMP, 0, 1000);
	bool all;

	(void)state;
	sysctl_set("ping_group_range", RAW);
	health_sync(health, config, NULL, NULL);
	do {
		uv_run(&loop, UV_RUN_ONCE);
		all = true;
		for (size_t i = 0; i < 1000; i++)
			all = all && health_get(health, "web", &config->services->backends[i].addr)->successes >= 3;
	} while (!all && told.count <= 1000);
	assert_int_equal(told.count, 1000);
	config_drop(config);
}

/* ---- replies of others ---- */

static uv_poll_t forger;
static int forger_fd, forged;
static void (*forge)(struct icmphdr *reply, uint8_t *payload, struct sockaddr_in *from);

static void forge_cb(uv_poll_t *poll, int status, int events)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, from = to;
	struct icmphdr *icmp;
	uint8_t packet[256];
	ssize_t len = recv(forger_fd, packet, sizeof(packet), 0);
	int fd;

	(void)poll, (void)status, (void)events;
	icmp = (struct icmphdr *)(packet + 20);
	if (len < 20 + (ssize_t)sizeof(*icmp) || icmp->type != ICMP_ECHO)
		return;
	icmp->type = ICMP_ECHOREPLY;
	forge(icmp, packet + 20 + sizeof(*icmp), &from);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	sendto(fd, icmp, len - 20, 0, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	forged++;
}

static void right(struct icmphdr *reply, uint8_t *payload, struct sockaddr_in *from)
{
	(void)reply, (void)payload, (void)from;
}

static void other_id(struct icmphdr *reply, uint8_t *payload, struct sockaddr_in *from)
{
	(void)payload, (void)from;
	reply->un.echo.id ^= 1;
}

static void other_sequence(struct icmphdr *reply, uint8_t *payload, struct sockaddr_in *from)
{
	(void)payload, (void)from;
	reply->un.echo.sequence ^= 1;
}

static void other_token(struct icmphdr *reply, uint8_t *payload, struct sockaddr_in *from)
{
	(void)reply, (void)from;
	payload[15] ^= 1;
}

static void other_code(struct icmphdr *reply, uint8_t *payload, struct sockaddr_in *from)
{
	(void)payload, (void)from;
	reply->code = 1;
}

static void other_host(struct icmphdr *reply, uint8_t *payload, struct sockaddr_in *from)
{
	(void)reply, (void)payload;
	from->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
}

static int open_forger(void **state)
{
	forger_fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
	if (forger_fd < 0 || open_loop(state))
		return -1;
	sysctl_set("icmp_echo_ignore_all", "1");
	sysctl_set("ping_group_range", RAW);
	uv_poll_init(&loop, &forger, forger_fd);
	uv_poll_start(&forger, UV_READABLE, forge_cb);
	return 0;
}

static int close_forger(void **state)
{
	sysctl_set("icmp_echo_ignore_all", "0");
	close(forger_fd);
	return close_loop(state);
}

static void test_forged(void **state)
{
	static void (*const wrong[])(struct icmphdr *, uint8_t *, struct sockaddr_in *) = {
		other_id, other_sequence, other_token, other_code, other_host,
	};
	struct config *config = config_one(CONFIG_CHECK_ICMP, 0, 1);
	const struct config nothing = {};

	(void)state;
	config->services->check.timeout = 50;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		forge = wrong[i];
		forged = 0;
		health_sync(health, config, NULL, NULL);
		AWAIT(checked());
		if (strcmp(status()->reason, "timed out after 50 ms"))
			fail_msg("forged reply %zu: %s", i, status()->reason);
		assert_int_equal(forged, 1);
		health_sync(health, &nothing, NULL, NULL);
	}
	forge = right;
	config->services->check.timeout = 5000;
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	config_drop(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_raw),	     TEST(test_raw_ipv6),
		TEST(test_ping),     TEST(test_ping_ipv6),
		TEST(test_no_route), TEST(test_not_permitted),
		TEST(test_many),     cmocka_unit_test_setup_teardown(test_forged, open_forger, close_forger),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("health_icmp", tests, own_network, NULL);
}
