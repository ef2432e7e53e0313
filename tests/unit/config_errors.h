/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests of the configuration's errors: configurations that are refused, with what is said. */
#ifndef TEST_CONFIG_ERRORS_H
#define TEST_CONFIG_ERRORS_H

#include "config_yaml.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Line 1 of most rows; what is wrong begins in line 2. */
#define HEAD "{interfaces: [eth0], source: {ipv4: 172.31.0.0/16, ipv6: \"fd00::/64\"},\n"
#define SERVICE(text) HEAD "services: [{name: web, vips: [\"192.0.2.1:80/tcp\"],\n" text "}]}"
#define BACKEND(text) SERVICE("backends: [" text "]")
#define CHECK(text) SERVICE("check: {" text "}")
#define TWO_MACS(web, dns)                                                                  \
	HEAD "services: [{name: web, vips: [\"192.0.2.1:80/tcp\"], backends: [" web "]},\n" \
	     "{name: dns, vips: [\"192.0.2.1:53/udp\"], backends: [" dns "]}]}"
#define ONE_MAC                                                                                                       \
	"; an address has one next hop: give the same mac in all services that have the backend, or in none, in one " \
	"change"
#define HEAD6 "{interfaces: [eth0], source: {ipv6: \"fd00::/64\"},\n"

struct row {
	const char *yaml, *error;
};

static inline void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct shunt_err err = {};

		if (try_yaml(rows[i].yaml, &err))
			fail_msg("accepted: %s", rows[i].yaml);
		if (strcmp(shunt_err_text(&err), rows[i].error))
			fail_msg("%s\ngives:     %s\nexpected:  %s", rows[i].yaml, shunt_err_text(&err), rows[i].error);
	}
}

#endif
