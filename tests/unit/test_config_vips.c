/* SPDX-License-Identifier: GPL-2.0 */
/* Ranges and prefixes of VIPs that are refused, and overlaps that are not. */
#include "config_errors.h"

static const struct row refused[] = {
	{HEAD "services: [{name: web, vips: [192.0.2.1/24:80/tcp]}]}",
	 "t.yaml:2: services[web].vips[192.0.2.1/24:80/tcp]: \"192.0.2.1/24:80/tcp\" has bits set behind the prefix's "
	 "length; expected them to be 0"},
	{HEAD "services: [{name: web, vips: [64.0.0.0/7:80/tcp]}]}",
	 "t.yaml:2: services[web].vips[64.0.0.0/7:80/tcp]: \"64.0.0.0/7:80/tcp\" is not a VIP prefix that one node can "
	 "serve; expected one of /8 or longer, such as 192.0.2.0/24:443/tcp"},
	{HEAD "services: [{name: web, vips: [\"[fe00::/8]:80/tcp\"]}]}",
	 "t.yaml:2: services[web].vips[[fe00::/8]:80/tcp]: \"[fe00::/8]:80/tcp\" is not a VIP that clients can reach; "
	 "expected a prefix without loopback, multicast, broadcast, unspecified, IPv4-mapped or link-local addresses"},
	{HEAD "services: [{name: web, check: {port: 1}, vips: [192.0.2.1:80-90/tcp]},\n{name: other, vips: "
	      "[192.0.2.1:80/tcp, 192.0.2.1:90-99/udp,\n192.0.2.1:90-99/tcp]}]}",
	 "t.yaml:4: services[other].vips[192.0.2.1:90-99/tcp]: overlaps 192.0.2.1:80-90/tcp of service \"web\", and "
	 "neither is more specific; service \"other\" needs other ports"},
	{HEAD "services: [{name: web, check: {port: 1}, vips: [192.0.2.1:95-96/tcp, 192.0.2.1:80-90/tcp, "
	      "192.0.2.1:85-99/tcp]},\n{name: other, check: {port: 1}, vips: [192.0.2.1:97-98/tcp]}]}",
	 "t.yaml:3: services[other].vips[192.0.2.1:97-98/tcp]: overlaps 192.0.2.1:85-99/tcp of service \"web\", and "
	 "neither is more specific; service \"other\" needs other ports"},
	{HEAD "services: [{name: web, check: {port: 1}, vips: [\"[2001:db8::/64]:9-10/tcp\"]},\n{name: other, check: "
	      "{port: 1}, vips: [\"[2001:db8::/64]:1-9/tcp\"]}]}",
	 "t.yaml:3: services[other].vips[[2001:db8::/64]:1-9/tcp]: overlaps [2001:db8::/64]:9-10/tcp of service "
	 "\"web\", "
	 "and neither is more specific; service \"other\" needs other ports"},
	{HEAD "services: [{name: web, check: {port: 1}, vips: [192.0.2.1:*/tcp]},\n{name: other, check: {port: 1}, "
	      "vips: [192.0.2.1/32:1-65535/tcp]}]}",
	 "t.yaml:3: services[other].vips[192.0.2.1/32:1-65535/tcp]: a VIP of service \"web\" already; service "
	 "\"other\" "
	 "needs another address, port or protocol"},
	{HEAD "services: [{name: web,\nvips: [192.0.2.1:*/tcp, 192.0.2.2:1-2/tcp]}]}",
	 "t.yaml:2: services[web]: none of its VIPs is one port; expected check.port, which says where checks go, or "
	 "check type none"},
	{HEAD "limits: {\nprefixes: 1}, services: [{name: a, check: {type: none}, vips: [192.0.2.1:*/tcp, "
	      "192.0.2.1:1-2/udp, 192.0.2.0/24:1/tcp]}]}",
	 "t.yaml:3: limits.prefixes: 1 is too small for 2 prefixes and addresses with several ports; raise it to 2 or "
	 "more"},
	{HEAD
	 "limits: {\nport_ranges: 3}, services: [{name: a, check: {type: none}, vips: [192.0.2.0/24:*/tcp]}, {name: "
	 "b, vips: [192.0.2.0/25:7/tcp]}]}",
	 "t.yaml:3: limits.port_ranges: 3 is too small for the port ranges of the VIPs; raise it (a prefix within "
	 "another "
	 "has the other's ranges, too)"},
	{HEAD "services: [{name: web, vips: [192.0.2.0/24:80/tcp, 192.0.2.9:1/tcp],\n"
	      "backends: [192.0.2.10]}]}",
	 "t.yaml:3: services[web].backends[192.0.2.10]: in 192.0.2.0/24:80/tcp, a VIP of service \"web\"; expected an "
	 "address of the server's own"},
};

/* In one service, or where one is more specific. */
static const char *const accepted[] = {
	HEAD
	"services: [{name: a, check: {port: 1}, vips: [192.0.2.1:80-90/tcp, 192.0.2.1:85-99/tcp, 192.0.2.1:*/tcp]}]}",
	HEAD "services: [{name: a, check: {port: 1}, vips: [192.0.2.1:80-90/tcp]}, {name: b, vips: [192.0.2.1:85/tcp, "
	     "192.0.2.0/24:85/tcp]}, {name: c, check: {port: 1}, vips: [192.0.2.1:*/tcp, 192.0.2.0/24:80-90/tcp, "
	     "192.0.2.1:80-90/udp, 192.0.2.1:91-92/tcp, 192.0.2.1:1-79/tcp]}]}",
	HEAD "services: [{name: a, vips: [192.0.2.1:*/tcp, 192.0.2.1:80/tcp]}]}", /* checked at port 80 */
};

static void are_refused(void **state)
{
	(void)state;
	check_rows(refused, COUNT(refused));
}

static void are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct config *config = parse_yaml(accepted[i]);

		assert_int_not_equal(config_check_port(&config->services[0]), 0);
		config_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(are_refused), cmocka_unit_test(are_accepted)};

	return cmocka_run_group_tests_name("config_vips", tests, NULL, NULL);
}
