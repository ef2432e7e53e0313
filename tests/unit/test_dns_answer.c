/* SPDX-License-Identifier: GPL-2.0 */
/* DNS answers, as bytes: records, TTLs, damage; and which SRV records count. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <arpa/nameser.h>
#include <cmocka.h>

#include "../../user/shuntd/dns_answer.h"

#define HEADER(answers) "\x12\x34\x81\x80\0\1\0" answers "\0\0\0\0"
#define NAME "\3web\4test\0"
#define QUESTION NAME "\0\1\0\1"
#define POINTER "\xc0\x0c" /* to the name in the question */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void addresses(void **state)
{
	static const char message[] = HEADER("\4") QUESTION POINTER "\0\5\0\1\0\0\0\x07\0\2\xc0\x10" /* an alias, 7 s */
		POINTER "\0\1\0\1\0\0\0\x1e\0\4\x0a\1\0\1" POINTER "\0\1\0\1\0\0\0\x0a\0\4\x0a\1\0\2" /* 30 s, 10 s */
		POINTER "\0\x1c\0\1\0\0\0\x05\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1";	      /* AAAA, 5 s */
	struct dns_record *records;
	char text[SHUNT_ADDR_TEXT];
	uint32_t ttl;

	(void)state;
	assert_int_equal(dns_answer_read(BYTES(message), ns_t_a, &records, &ttl), 2);
	assert_int_equal(ttl, 5);
	assert_string_equal(addr_format(&records[0].addr, text), "10.1.0.1");
	assert_string_equal(addr_format(&records[1].addr, text), "10.1.0.2");
	free(records);
	assert_int_equal(dns_answer_read(BYTES(message), ns_t_aaaa, &records, &ttl), 1);
	assert_string_equal(addr_format(&records[0].addr, text), "2001:db8::1");
	free(records);
	assert_int_equal(dns_answer_read(BYTES(message), ns_t_srv, &records, &ttl), 0);
	free(records);
}

static const char srv[] = HEADER("\2") QUESTION POINTER "\0\x21\0\1\0\0\0\x3c\0\x0b\0\x0a\0\7\0\x50\2b1\xc0\x10" POINTER
							"\0\x21\0\1\0\0\0\x3c\0\7\0\x0a\0\0\0\x50\0";

static void targets(void **state)
{
	struct dns_record *records;
	uint32_t ttl;

	(void)state;
	assert_int_equal(dns_answer_read(BYTES(srv), ns_t_srv, &records, &ttl), 2);
	assert_int_equal(ttl, 60);
	assert_int_equal(records[0].srv.priority, 10);
	assert_int_equal(records[0].srv.weight, 7);
	assert_string_equal(records[0].srv.target, "b1.test");
	assert_string_equal(records[1].srv.target, "");
	free(records);
}

/* Cut anywhere it is damaged, and no byte that is wrong is read past (the sanitizers watch). */
static void damaged(void **state)
{
	uint8_t *copy = malloc(sizeof(srv) - 1);
	struct dns_record *records;
	uint32_t ttl;

	(void)state;
	for (size_t len = 0; len < sizeof(srv) - 1; len++) {
		uint8_t *cut = malloc(len + !len);

		memcpy(cut, srv, len);
		assert_int_equal(dns_answer_read(cut, len, ns_t_srv, &records, &ttl), -EBADMSG);
		assert_null(records);
		free(cut);
	}
	for (size_t i = 0; i < sizeof(srv) - 1; i++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(copy, srv, sizeof(srv) - 1);
			copy[i] = (uint8_t)byte;
			dns_answer_read(copy, sizeof(srv) - 1, ns_t_srv, &records, &ttl);
			free(records);
		}
	}
	free(copy);
}

static void chosen(void **state)
{
	struct dns_record records[] = {{.srv = {20, 5, "reserve"}},
				       {.srv = {10, 3, "three"}},
				       {.srv = {10, 0, "hardly"}},
				       {.srv = {10, 9, ""}}};
	struct dns_record equal[] = {{.srv = {0, 0, "a"}}, {.srv = {0, 0, "b"}}};
	struct dns_record none[] = {{.srv = {0, 0, "."}}};
	uint32_t weights[4];

	(void)state;
	assert_int_equal(dns_srv_choose(records, 4, weights), 2);
	assert_string_equal(records[0].srv.target, "three");
	assert_int_equal(weights[0], 3);
	assert_string_equal(records[1].srv.target, "hardly");
	assert_int_equal(weights[1], 1);
	assert_int_equal(dns_srv_choose(equal, 2, weights), 2);
	assert_int_equal(weights[0], 100);
	assert_int_equal(weights[1], 100);
	assert_int_equal(dns_srv_choose(none, 1, weights), 0);
	assert_int_equal(dns_srv_choose(none, 0, weights), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(targets),
		cmocka_unit_test(damaged),
		cmocka_unit_test(chosen),
	};

	return cmocka_run_group_tests_name("dns answer", tests, NULL, NULL);
}
