/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks by datagrams: UDP and DNS, against a server on the loop that answers as it is told. Needs no root. */
#include "health_bench.h"

/* Makes an answer of the request in buf, of which it returns the length; -1: none. */
typedef ssize_t answer_fn(uint8_t *buf, size_t len);

struct udp_server {
	uv_udp_t udp;
	uint16_t port;
	answer_fn *answer;
	int requests;
	uint8_t buf[2048], last[2048];
	size_t last_len;
};

static void udp_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct udp_server *server = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)server->buf, sizeof(server->buf));
}

static void udp_received(uv_udp_t *udp, ssize_t got, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct udp_server *server = udp->data;
	uv_buf_t out = *buf;
	ssize_t len;

	(void)flags;
	if (!from)
		return;
	server->requests++;
	server->last_len = got;
	memcpy(server->last, buf->base, got);
	len = server->answer(server->buf, got);
	if (len < 0)
		return;
	out.len = len;
	uv_udp_try_send(udp, &out, 1, from);
}

static void udp_listen(struct udp_server *server, const char *text, answer_fn *with)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	struct shunt_addr addr;

	memset(server, 0, sizeof(*server));
	server->answer = with;
	assert_int_equal(addr_parse(text, &addr), 0);
	addr_to_sockaddr(&addr, 0, &ss);
	uv_udp_init(&loop, &server->udp);
	server->udp.data = server;
	assert_int_equal(uv_udp_bind(&server->udp, (struct sockaddr *)&ss, 0), 0);
	uv_udp_getsockname(&server->udp, (struct sockaddr *)&ss, &len);
	server->port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	uv_udp_recv_start(&server->udp, udp_alloc, udp_received);
}

static struct udp_server server;

static ssize_t silent(uint8_t *buf, size_t len)
{
	(void)buf, (void)len;
	return -1;
}

static ssize_t echo(uint8_t *buf, size_t len)
{
	(void)buf;
	return len;
}

/* ---- UDP ---- */

static struct config *config_udp(const char *send, const char *expect)
{
	struct config *config = config_one(CONFIG_CHECK_UDP, server.port, 1);

	config->services->check.send = (char *)send;
	config->services->check.expect = (char *)expect;
	return config;
}

static const struct health_status *udp_once(const char *send, const char *expect)
{
	struct config *config = config_udp(send, expect);

	health_sync(health, config, NULL, NULL);
	config_drop(config);
	AWAIT(checked());
	return status();
}

static void test_udp_any_answer(void **state)
{
	(void)state;
	udp_listen(&server, "127.0.0.1", echo);
	assert_int_equal(udp_once("0x00ff10", NULL)->state, HEALTH_UP);
	assert_string_equal(status()->reason, "UDP: an answer of 3 octets");
	assert_int_equal(server.last_len, 3);
	assert_memory_equal(server.last, "\x00\xff\x10", 3);
}

static void test_udp_ipv6(void **state)
{
	struct config *config;

	(void)state;
	udp_listen(&server, "::1", echo);
	config = config_udp("ping", "pi");
	assert_int_equal(addr_parse("::1", &config->services->backends[0].addr), 0);
	health_sync(health, config, NULL, NULL);
	AWAIT(status_of("::1")->state == HEALTH_UP);
	config_drop(config);
}

/* Begins with it: not in the middle, and not shorter than it. */
static void test_udp_expect(void **state)
{
	struct config *config;

	(void)state;
	udp_listen(&server, "127.0.0.1", echo);
	assert_int_equal(udp_once("so PONG", "PONG")->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "UDP: \"so PONG\", expected \"PONG\"");
	config = config_udp("PONG and more", "0x504f4e47");
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_UP));
	assert_string_equal(status()->reason, "UDP: an answer of 13 octets");
	config->services->check.send = (char *)"PON"; /* what was there before goes on with a G */
	health_sync(health, config, NULL, NULL);
	AWAIT(!strcmp(status()->reason, "UDP: \"PON\", expected \"PONG\""));
	config_drop(config);
}

static void test_udp_shown(void **state)
{
	(void)state;
	udp_listen(&server, "127.0.0.1", echo);
	udp_once("0x00112233445566778899aabbccddeeff00112233445566", "a text of more than twenty characters");
	assert_string_equal(status()->reason, "UDP: 0x00112233445566778899aabbccddeeff00112233..., expected \"a text "
					      "of more than \"...");
}

static void test_udp_unreachable(void **state)
{
	(void)state;
	udp_listen(&server, "127.0.0.1", silent);
	uv_close((uv_handle_t *)&server.udp, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(udp_once("ping", NULL)->state, HEALTH_DOWN);
	assert_string_equal(status()->reason, "port unreachable");
}

static void test_udp_silent(void **state)
{
	struct config *config;

	(void)state;
	udp_listen(&server, "127.0.0.1", silent);
	config = config_udp("ping", NULL);
	config->services->check.timeout = 100;
	config->services->check.interval = 60 * 1000; /* one check */
	health_sync(health, config, NULL, NULL);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "timed out after 100 ms");
	assert_int_equal(server.requests, 1);
	config_drop(config);
}

/* ---- DNS ---- */

static struct config *config_dns(const char *query, enum config_record record, uint8_t rcode)
{
	struct config *config = config_one(CONFIG_CHECK_DNS, server.port, 1);

	config->services->check.query = (char *)query;
	config->services->check.record = record;
	config->services->check.rcode = rcode;
	return config;
}

static void dns_sync(const char *query, enum config_record record, uint8_t rcode)
{
	struct config *config = config_dns(query, record, rcode);

	health_sync(health, config, NULL, NULL);
	config_drop(config);
}

static ssize_t dns_answer(uint8_t *buf, size_t len, uint8_t rcode)
{
	buf[2] |= 0x80;
	buf[3] = rcode;
	return len;
}

static ssize_t dns_noerror(uint8_t *buf, size_t len)
{
	return dns_answer(buf, len, 0);
}

static ssize_t dns_servfail(uint8_t *buf, size_t len)
{
	return dns_answer(buf, len, 2);
}

static ssize_t dns_odd(uint8_t *buf, size_t len)
{
	return dns_answer(buf, len, 9);
}

/* A header alone, as of servers that do not understand the question. */
static ssize_t dns_formerr(uint8_t *buf, size_t len)
{
	(void)len;
	buf[4] = buf[5] = 0;
	return dns_answer(buf, 12, 1);
}

static ssize_t dns_upper_case(uint8_t *buf, size_t len)
{
	memcpy(buf + 12, "\1A\4TEST", 7);
	return dns_answer(buf, len, 0);
}

static void test_dns_question(void **state)
{
	(void)state;
	udp_listen(&server, "127.0.0.1", dns_noerror);
	dns_sync("a.test", CONFIG_RECORD_SRV, 0);
	AWAIT(is(HEALTH_UP));
	assert_string_equal(status()->reason, "DNS: NOERROR");
	assert_int_equal(server.last_len, 12 + 8 + 4);
	assert_memory_equal(server.last + 2, "\1\0\0\1\0\0\0\0\0\0\1a\4test\0\0\41\0\1", 22);
	server.answer = dns_upper_case;
	dns_sync("a.test", CONFIG_RECORD_A, 0);
	server.requests = 0;
	AWAIT(server.requests >= 2 && status()->successes > 2);
	assert_int_equal(told.count, 1);
}

static void test_dns_rcodes(void **state)
{
	(void)state;
	udp_listen(&server, "127.0.0.1", dns_servfail);
	dns_sync("a.test", CONFIG_RECORD_A, 0);
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "DNS: SERVFAIL, expected NOERROR");
	dns_sync("a.test", CONFIG_RECORD_A, 2);
	AWAIT(is(HEALTH_UP));
	assert_string_equal(status()->reason, "DNS: SERVFAIL");
	server.answer = dns_noerror;
	AWAIT(is(HEALTH_DOWN));
	assert_string_equal(status()->reason, "DNS: NOERROR, expected SERVFAIL");
	dns_sync("a.test", CONFIG_RECORD_A, CONFIG_RCODE_ANY);
	AWAIT(is(HEALTH_UP));
	server.answer = dns_odd;
	AWAIT(!strcmp(status()->reason, "DNS: RCODE 9"));
	dns_sync("a.test", CONFIG_RECORD_A, 3);
	AWAIT(!strcmp(status()->reason, "DNS: RCODE 9, expected NXDOMAIN"));
	server.answer = dns_formerr;
	AWAIT(!strcmp(status()->reason, "DNS: FORMERR, expected NXDOMAIN"));
}

/* What is no answer to the question is not there. */

static ssize_t dns_other_id(uint8_t *buf, size_t len)
{
	buf[0] ^= 1;
	return dns_answer(buf, len, 0);
}

static ssize_t dns_other_name(uint8_t *buf, size_t len)
{
	buf[13] = 'b';
	return dns_answer(buf, len, 0);
}

static ssize_t dns_other_type(uint8_t *buf, size_t len)
{
	buf[len - 3] ^= 1;
	return dns_answer(buf, len, 0);
}

static ssize_t dns_short(uint8_t *buf, size_t len)
{
	return dns_answer(buf, len - 1, 0);
}

static ssize_t dns_no_question(uint8_t *buf, size_t len)
{
	buf[5] = 0;
	return dns_answer(buf, len, 0);
}

static ssize_t dns_header_noerror(uint8_t *buf, size_t len)
{
	(void)len;
	buf[5] = 0;
	return dns_answer(buf, 12, 0);
}

static ssize_t dns_update(uint8_t *buf, size_t len)
{
	buf[2] = 5 << 3;
	return dns_answer(buf, len, 0);
}

static void test_dns_not_answers(void **state)
{
	static answer_fn *const wrong[] = {
		echo,	   dns_other_id,    dns_other_name,	dns_other_type,
		dns_short, dns_no_question, dns_header_noerror, dns_update,
	};
	struct config *config;

	(void)state;
	udp_listen(&server, "127.0.0.1", silent);
	config = config_dns("a.test", CONFIG_RECORD_A, CONFIG_RCODE_ANY);
	config->services->check.timeout = 50;
	config->services->check.interval = 60 * 1000; /* one check of each */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct config nothing = {};

		server.answer = wrong[i];
		server.requests = 0;
		health_sync(health, config, NULL, NULL);
		AWAIT(checked());
		if (strcmp(status()->reason, "timed out after 50 ms"))
			fail_msg("wrong answer %zu: %s", i, status()->reason);
		assert_int_equal(server.requests, 1);
		health_sync(health, &nothing, NULL, NULL);
	}
	config_drop(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_udp_any_answer), TEST(test_udp_ipv6),	       TEST(test_udp_expect),
		TEST(test_udp_shown),	   TEST(test_udp_unreachable), TEST(test_udp_silent),
		TEST(test_dns_question),   TEST(test_dns_rcodes),      TEST(test_dns_not_answers),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("health_udp", tests, NULL, NULL);
}
