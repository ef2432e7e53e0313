/* SPDX-License-Identifier: GPL-2.0 */
/* Errors about tunnels: of services, of backends, and of both together. */
#include "config_errors.h"

#define ENCAPS "auto, ipip, ip6ip6, ipip6, sit, gue, gre or l2dsr"

static const struct row form[] = {
	{SERVICE("encap: vxlan"), "t.yaml:3: services[web].encap: \"vxlan\" is not a known word; expected " ENCAPS},
	{SERVICE("encap: 4"), "t.yaml:3: services[web].encap: 4 is not a known word; expected " ENCAPS},
	{SERVICE("encap: []"), "t.yaml:3: services[web].encap: a list is not a known word; expected " ENCAPS},
	{SERVICE("encap: {type: vxlan}"),
	 "t.yaml:3: services[web].encap.type: \"vxlan\" is not a known word; expected " ENCAPS},
	{SERVICE("encap: {variant: 0}"),
	 "t.yaml:3: services[web].encap.type: missing; expected a tunnel: a type such as gue"},
	{SERVICE("encap: {type: gue, key: 1}"),
	 "t.yaml:3: services[web].encap.key: unknown key; expected type, variant or port"},
	{SERVICE("encap: {type: gue, variant: 2}"),
	 "t.yaml:3: services[web].encap.variant: 2 is out of range; expected 0 to 1"},
	{SERVICE("encap: {type: gue, port: 0}"),
	 "t.yaml:3: services[web].encap.port: 0 is out of range; expected 1 to 65535"},
	{SERVICE("encap: {type: gre, port: 6080}"),
	 "t.yaml:3: services[web].encap.port: encap gre has no such key; remove it, or use type gue"},
	{SERVICE("encap: {type: auto, variant: 1}"),
	 "t.yaml:3: services[web].encap.variant: encap auto has no such key; remove it, or use type gue"},
	{SERVICE("backends: [{address: 10.0.0.1, encap: gue1}]"),
	 "t.yaml:3: services[web].backends[10.0.0.1].encap: \"gue1\" is not a known word; expected " ENCAPS},
};

static const struct row families[] = {
	{HEAD "services: [{name: web, encap: ipip, vips: [\"[2001:db8::1]:80/tcp\"]}]}",
	 "t.yaml:2: services[web].vips[[2001:db8::1]:80/tcp]: IPv6, but encap ipip carries IPv4 in IPv4; expected an "
	 "IPv4 address, or encap auto"},
	{HEAD "services: [{name: web, encap: gue, vips: [\"[2001:db8::1]:80/tcp\"], backends: [{address: 10.0.0.1, "
	      "encap: ipip}]}]}",
	 "t.yaml:2: services[web].backends[10.0.0.1]: encap ipip carries IPv4, but the service has a VIP of IPv6; "
	 "expected "
	 "encap auto, gue, gre or l2dsr, or VIPs of IPv4 only"},
	{HEAD "services: [{name: web, vips: [192.0.2.1:80/tcp], backends: [{address: 10.0.0.1, encap: ipip6}]}]}",
	 "t.yaml:2: services[web].backends[10.0.0.1]: IPv4, but encap ipip6 carries IPv4 in IPv6; expected an IPv6 "
	 "address, "
	 "or encap auto"},
	{HEAD "services: [{name: web, encap: ip6ip6, vips: [192.0.2.1:80/tcp]}]}",
	 "t.yaml:2: services[web].vips[192.0.2.1:80/tcp]: IPv4, but encap ip6ip6 carries IPv6 in IPv6; expected an "
	 "IPv6 address, or encap auto"},
	{HEAD "services: [{name: web, encap: ipip6, vips: [\"[2001:db8::1]:80/tcp\"]}]}",
	 "t.yaml:2: services[web].vips[[2001:db8::1]:80/tcp]: IPv6, but encap ipip6 carries IPv4 in IPv6; expected an "
	 "IPv4 address, or encap auto"},
	{HEAD "services: [{name: web, encap: sit, vips: [192.0.2.1:80/tcp]}]}",
	 "t.yaml:2: services[web].vips[192.0.2.1:80/tcp]: IPv4, but encap sit carries IPv6 in IPv4; expected an IPv6 "
	 "address, or encap auto"},
	{HEAD "services: [{name: web, encap: ipip, vips: [192.0.2.1:80/tcp], backends: [\"2001:db8::2\"]}]}",
	 "t.yaml:2: services[web].backends[2001:db8::2]: IPv6, but encap ipip carries IPv4 in IPv4; expected an IPv4 "
	 "address, or encap auto"},
	{HEAD "services: [{name: web, encap: ip6ip6, vips: [\"[2001:db8::1]:80/tcp\"], backends: [10.0.0.1]}]}",
	 "t.yaml:2: services[web].backends[10.0.0.1]: IPv4, but encap ip6ip6 carries IPv6 in IPv6; expected an IPv6 "
	 "address, or encap auto"},
	{HEAD "services: [{name: web, encap: ipip6, vips: [192.0.2.1:80/tcp], backends: [10.0.0.1]}]}",
	 "t.yaml:2: services[web].backends[10.0.0.1]: IPv4, but encap ipip6 carries IPv4 in IPv6; expected an IPv6 "
	 "address, or encap auto"},
	{HEAD "services: [{name: web, encap: sit, vips: [\"[2001:db8::1]:80/tcp\"], backends: [\"2001:db8::2\"]}]}",
	 "t.yaml:2: services[web].backends[2001:db8::2]: IPv6, but encap sit carries IPv6 in IPv4; expected an IPv4 "
	 "address, or encap auto"},
};

static void form_errors(void **state)
{
	(void)state;
	check_rows(form, COUNT(form));
}

static void family_errors(void **state)
{
	(void)state;
	check_rows(families, COUNT(families));
}

/* Without an outer header there is no outer source, and any backend carries any VIP. */
static void l2dsr_needs_no_source(void **state)
{
	json_t *tree = json_pack("{s:[s], s:[{s:s, s:[s, s], s:s, s:[s, s]}]}", "interfaces", "eth0", "services",
				 "name", "web", "vips", "192.0.2.1:80/tcp", "[2001:db8::1]:80/tcp", "encap", "l2dsr",
				 "backends", "10.0.0.1", "2001:db8::2");
	json_t *service = json_array_get(json_object_get(tree, "services"), 0);
	struct config *config = config_from_json(tree, NULL, NULL);
	struct shunt_err err = {};

	(void)state;
	assert_non_null(config);
	config_free(config);
	json_object_set_new(service, "encap", json_string("gre"));
	assert_null(config_from_json(tree, NULL, &err));
	assert_non_null(strstr(err.what, "source.ipv4"));
	json_decref(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form_errors),
		cmocka_unit_test(family_errors),
		cmocka_unit_test(l2dsr_needs_no_source),
	};

	return cmocka_run_group_tests_name("config encap", tests, NULL, NULL);
}
