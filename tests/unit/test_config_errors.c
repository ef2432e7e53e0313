/* SPDX-License-Identifier: GPL-2.0 */
/* Errors of the configuration, with their exact text: what an operator reads is part of the interface. Those of what has a test of its
 * own (test_config_sources.c and others) are there. */
#include "config_errors.h"

#define VIP_FORMS "; PORT may be a range such as 8000-8999, or * for all, and ADDRESS a prefix such as 192.0.2.0/24"

static const struct row form[] = {
	{"[]",
	 "t.yaml:1: a list is not a mapping; expected the keys interfaces, source, seed, limits, icmp, resolvers, "
	 "services_dir, groups, ungrouped or services"},
	{"~",
	 "t.yaml: empty; expected a mapping: the keys interfaces, source, seed, limits, icmp, resolvers, services_dir, "
	 "groups, ungrouped or services"},
	{"{}", "t.yaml:1: interfaces: missing; expected a list: at least one interface such as eth0"},
	{"name: x",
	 "t.yaml:1: name: unknown key; expected interfaces, source, seed, limits, icmp, resolvers, services_dir, "
	 "groups, ungrouped or services"},
	{"interfaces: []", "t.yaml:1: interfaces: an empty list; expected at least one interface such as eth0"},
	{"interfaces: eth0",
	 "t.yaml:1: interfaces: \"eth0\" is not a list; expected at least one interface such as eth0"},
	{"\ninterfaces:\n- \"\"", "t.yaml:3: interfaces[0]: \"\" is not an interface's name; expected 1 to 15 "
				  "characters without '/', ':' or blanks"},
	{"interfaces: [a/b]", "t.yaml:1: interfaces[a/b]: \"a/b\" is not an interface's name; expected 1 to 15 "
			      "characters without '/', ':' or blanks"},
	{"interfaces: [\"a b\"]", "t.yaml:1: interfaces[a b]: \"a b\" is not an interface's name; expected 1 to 15 "
				  "characters without '/', ':' or blanks"},
	{"interfaces: [abcdefghijklmnop]", "t.yaml:1: interfaces[abcdefghijklmnop]: \"abcdefghijklmnop\" is not an "
					   "interface's name; expected 1 to 15 characters without '/', ':' or blanks"},
	{"interfaces: [..]", "t.yaml:1: interfaces[..]: \"..\" is not an interface's name; expected 1 to 15 characters "
			     "without '/', ':' or blanks"},
	{"interfaces: [7]",
	 "t.yaml:1: interfaces[0]: 7 is not an interface; expected its name, or a mapping with name and mode"},
	{"interfaces: [eth0, true]",
	 "t.yaml:1: interfaces[1]: true is not an interface; expected its name, or a mapping with name and mode"},
	{"interfaces: [[eth0]]",
	 "t.yaml:1: interfaces[0]: a list is not an interface; expected its name, or a mapping with name and mode"},
	{"interfaces: [{mode: auto}]", "t.yaml:1: interfaces[0].name: missing; expected an interface's name: 1 to 15 "
				       "characters without '/', ':' or blanks"},
	{"interfaces: [{name: eth0, mode: fast}]",
	 "t.yaml:1: interfaces[eth0].mode: \"fast\" is not a known word; expected auto, native or generic"},
	{"interfaces: [{name: eth0, mod: auto}]",
	 "t.yaml:1: interfaces[eth0].mod: unknown key; did you mean \"mode\"?"},
	{"interfaces: [{name: 1}]", "t.yaml:1: interfaces[0].name: 1 is not an interface's name; expected 1 to 15 "
				    "characters without '/', ':' or blanks"},
	{HEAD "service: []}", "t.yaml:2: service: unknown key; did you mean \"services\"?"},
	{HEAD "colour: red}",
	 "t.yaml:2: colour: unknown key; expected interfaces, source, seed, limits, icmp, resolvers, "
	 "services_dir, groups, ungrouped or services"},
	{"{interfaces: [eth0], source: 172.31.0.0/16}",
	 "t.yaml:1: source: \"172.31.0.0/16\" is not a mapping; expected the keys ipv4 or ipv6"},
	{"{interfaces: [eth0], source: {ipv5: x}}", "t.yaml:1: source.ipv5: unknown key; did you mean \"ipv4\"?"},
	{"{interfaces: [eth0], source: {ipv4: 172.31.0.1/16}}",
	 "t.yaml:1: source.ipv4: \"172.31.0.1/16\" has bits set behind the prefix's length; expected them to be 0"},
	{"{interfaces: [eth0], source: {ipv4: 172.31.0.0}}", "t.yaml:1: source.ipv4: \"172.31.0.0\" is not an IPv4 "
							     "prefix; expected one of /8 to /32 such as 172.31.0.0/16"},
	{"{interfaces: [eth0], source: {ipv4: \"fd00::/64\"}}",
	 "t.yaml:1: source.ipv4: \"fd00::/64\" is not an IPv4 prefix; expected one of /8 to /32 such as 172.31.0.0/16"},
	{"{interfaces: [eth0], source: {ipv4: 0.0.0.0/0}}",
	 "t.yaml:1: source.ipv4: \"0.0.0.0/0\" is not an IPv4 prefix; expected one of /8 to /32 such as 172.31.0.0/16"},
	{"{interfaces: [eth0], source: {ipv4: 224.0.0.0/16}}",
	 "t.yaml:1: source.ipv4: \"224.0.0.0/16\" is not an IPv4 prefix; expected one of /8 to /32 such as "
	 "172.31.0.0/16"},
	{"{interfaces: [eth0], source: {ipv6: 172.31.0.0/16}}",
	 "t.yaml:1: source.ipv6: \"172.31.0.0/16\" is not an IPv6 prefix; expected one of /8 to /128 such as "
	 "fd00:31::/64"},
	{"{interfaces: [eth0], source: {ipv6: ~}}",
	 "t.yaml:1: source.ipv6: empty; expected an IPv6 prefix: one of /8 to /128 such as fd00:31::/64"},
	{"{interfaces: [eth0], source: {ipv6: [\"fd00::/64\"]}}",
	 "t.yaml:1: source.ipv6: a list is not an IPv6 prefix; expected one of /8 to /128 such as fd00:31::/64"},
	{HEAD "seed: -1}",
	 "t.yaml:2: seed: -1 is not a seed; expected \"0x\" and 1 to 16 hexadecimal digits, or an integer from 0"},
	{HEAD "seed: \"12ab\"}", "t.yaml:2: seed: \"12ab\" is not a seed; expected \"0x\" and 1 to 16 hexadecimal "
				 "digits, or an integer from 0"},
	{HEAD "seed: 0x}",
	 "t.yaml:2: seed: \"0x\" is not a seed; expected \"0x\" and 1 to 16 hexadecimal digits, or an integer from 0"},
	{HEAD "seed: \"0x12345678123456789\"}", "t.yaml:2: seed: \"0x12345678123456789\" is not a seed; expected "
						"\"0x\" and 1 to 16 hexadecimal digits, or an integer from 0"},
	{HEAD "seed: 0x12g}", "t.yaml:2: seed: \"0x12g\" is not a seed; expected \"0x\" and 1 to 16 hexadecimal "
			      "digits, or an integer from 0"},
	{HEAD "seed: [1]}",
	 "t.yaml:2: seed: a list is not a seed; expected \"0x\" and 1 to 16 hexadecimal digits, or an integer from 0"},
	{HEAD "limits: 5}", "t.yaml:2: limits: 5 is not a mapping; expected the keys vips, services, destinations, "
			    "ring_slots, connections, prefixes, port_ranges, sources, fragments or quic_ids"},
	{HEAD "limits: {vip: 5}}", "t.yaml:2: limits.vip: unknown key; did you mean \"vips\"?"},
	{HEAD "limits: {vips: 0}}", "t.yaml:2: limits.vips: 0 is out of range; expected 1 to 1048576"},
	{HEAD "limits: {vips: 1048577}}", "t.yaml:2: limits.vips: 1048577 is out of range; expected 1 to 1048576"},
	{HEAD "limits: {services: 65537}}", "t.yaml:2: limits.services: 65537 is out of range; expected 1 to 65536"},
	{HEAD "limits: {destinations: 1048576}}",
	 "t.yaml:2: limits.destinations: 1048576 is out of range; expected 1 to 1048575"},
	{HEAD "limits: {ring_slots: 250}}",
	 "t.yaml:2: limits.ring_slots: 250 is out of range; expected 251 to 1073741824"},
	{HEAD "limits: {connections: 15}}",
	 "t.yaml:2: limits.connections: 15 is out of range; expected 16 to 1073741824"},
	{HEAD "limits: {fragments: 7}}", "t.yaml:2: limits.fragments: 7 is out of range; expected 8 to 16777216"},
	{HEAD "limits: {fragments: 16777217}}",
	 "t.yaml:2: limits.fragments: 16777217 is out of range; expected 8 to 16777216"},
	{HEAD "limits: {connections: many}}",
	 "t.yaml:2: limits.connections: \"many\" is not an integer; expected 16 to 1073741824"},
	{HEAD "icmp: 5}", "t.yaml:2: icmp: 5 is not a mapping; expected the key rate"},
	{HEAD "icmp: {rates: 5}}", "t.yaml:2: icmp.rates: unknown key; did you mean \"rate\"?"},
	{HEAD "icmp: {rate: -1}}", "t.yaml:2: icmp.rate: -1 is out of range; expected 0 to 1000000"},
	{HEAD "icmp: {rate: 1000001}}", "t.yaml:2: icmp.rate: 1000001 is out of range; expected 0 to 1000000"},
	{HEAD "icmp: {rate: 1s}}", "t.yaml:2: icmp.rate: \"1s\" is not an integer; expected 0 to 1000000"},
	{HEAD "limits: {vips: 1.5}}", "t.yaml:2: limits.vips: \"1.5\" is not an integer; expected 1 to 1048576"},
	{HEAD "services: {web: {}}}",
	 "t.yaml:2: services: a mapping is not a list; expected mappings with name, vips, backends and so on"},
	{HEAD "services: [web]}",
	 "t.yaml:2: services[web]: \"web\" is not a mapping; expected the keys name, vips, "
	 "encap, ring_size, echo, algorithm, sticky, hash, sources, pools, quic, udp, idle_timeout, "
	 "drain_timeout, check, panic, min_healthy, slow_start, group, file, backends, registration, discover or "
	 "on_demand"},
	{HEAD "services: [{}]}", "t.yaml:2: services[0].name: missing; expected a service's name: 1 to 63 letters, "
				 "digits, '-', '_' or '.', a letter or digit first"},
	{HEAD "services: [{name: ~}]}", "t.yaml:2: services[0].name: empty; expected a service's name: 1 to 63 "
					"letters, digits, '-', '_' or '.', a letter or digit first"},
	{HEAD "services: [{name: 12}]}", "t.yaml:2: services[0].name: 12 is not a service's name; expected 1 to 63 "
					 "letters, digits, '-', '_' or '.', a letter or digit first"},
	{HEAD "services: [{name: -a}]}", "t.yaml:2: services[-a].name: \"-a\" is not a service's name; expected 1 to "
					 "63 letters, digits, '-', '_' or '.', a letter or digit first"},
	{HEAD "services: [{name: \"a b\"}]}", "t.yaml:2: services[a b].name: \"a b\" is not a service's name; expected "
					      "1 to 63 letters, digits, '-', '_' or '.', a letter or digit first"},
	{HEAD "services: [{name: \"\"}]}", "t.yaml:2: services[0].name: \"\" is not a service's name; expected 1 to 63 "
					   "letters, digits, '-', '_' or '.', a letter or digit first"},
	{HEAD "services: [{name: a234567890123456789012345678901234567890123456789012345678901234}]}",
	 "t.yaml:2: services[a234567890123456789012345678901234567890123456789012345678901234].name: "
	 "\"a234567890123456789012345678901234567890123456789012345678901234\" is not a service's name; expected 1 to "
	 "63 letters, digits, '-', '_' or '.', a letter or digit first"},
	{HEAD "services:\n [{name: web}]}",
	 "t.yaml:3: services[web].vips: missing; expected a list: at least one VIP such as 192.0.2.10:80/tcp"},
	{HEAD "services: [{name: web, vips: []}]}",
	 "t.yaml:2: services[web].vips: an empty list; expected at least one VIP such as 192.0.2.10:80/tcp"},
	{HEAD "services: [{name: web, vips: 192.0.2.1:80/tcp}]}",
	 "t.yaml:2: services[web].vips: \"192.0.2.1:80/tcp\" is not a list; expected at least one VIP such as "
	 "192.0.2.10:80/tcp"},
	{HEAD "services: [{name: web, vips: [192.0.2.1]}]}",
	 "t.yaml:2: services[web].vips[192.0.2.1]: \"192.0.2.1\" is not a VIP; expected ADDRESS:PORT/tcp or /udp, such "
	 "as 192.0.2.10:80/tcp or [2001:db8::10]:80/tcp" VIP_FORMS},
	{HEAD "services: [{name: web, vips: [192.0.2.1:80/sctp]}]}",
	 "t.yaml:2: services[web].vips[192.0.2.1:80/sctp]: \"192.0.2.1:80/sctp\" is not a VIP; expected "
	 "ADDRESS:PORT/tcp or /udp, such as 192.0.2.10:80/tcp or [2001:db8::10]:80/tcp" VIP_FORMS},
	{HEAD "services: [{name: web, vips: [80]}]}",
	 "t.yaml:2: services[web].vips[0]: 80 is not a VIP; expected ADDRESS:PORT/tcp or /udp, such as "
	 "192.0.2.10:80/tcp or [2001:db8::10]:80/tcp" VIP_FORMS},
	{HEAD "services: [{name: web, vips: [127.0.0.1:80/tcp]}]}",
	 "t.yaml:2: services[web].vips[127.0.0.1:80/tcp]: \"127.0.0.1:80/tcp\" is not a VIP that clients can reach; "
	 "expected an address that is not loopback, multicast, broadcast, unspecified, IPv4-mapped or link-local"},
	{HEAD "services: [{name: web, vips: [\"[fe80::1]:80/tcp\"]}]}",
	 "t.yaml:2: services[web].vips[[fe80::1]:80/tcp]: \"[fe80::1]:80/tcp\" is not a VIP that clients can reach; "
	 "expected an address that is not loopback, multicast, broadcast, unspecified, IPv4-mapped or link-local"},
	{HEAD "services: [{name: web, vips: [\"192.0.2.1:80/tcp\", {}]}]}",
	 "t.yaml:2: services[web].vips[1]: a mapping is not a VIP; expected ADDRESS:PORT/tcp or /udp, such as "
	 "192.0.2.10:80/tcp or [2001:db8::10]:80/tcp" VIP_FORMS},
	{SERVICE("bakends: []"), "t.yaml:3: services[web].bakends: unknown key; did you mean \"backends\"?"},
	{SERVICE("echo: yes"), "t.yaml:3: services[web].echo: \"yes\" is not a boolean; expected true or false"},
	{SERVICE("backends: [{address: 10.1.0.1, pool: 5}]"),
	 "t.yaml:3: services[web].backends[10.1.0.1].pool: 5 is not a pool's name; expected 1 to 31 letters, digits, "
	 "'-', '_' or '.', "
	 "a letter or digit first"},
	{SERVICE("backends: [{address: 10.1.0.1, pool: abcdefghijklmnopqrstuvwxyz012345}]"),
	 "t.yaml:3: services[web].backends[10.1.0.1].pool: \"abcdefghijklmnopqrstuvwxyz012345\" is not a pool's name; "
	 "expected 1 to 31 "
	 "letters, digits, '-', '_' or '.', a letter or digit first"},
	{SERVICE("hash: src"), "t.yaml:3: services[web].hash: \"src\" is not a known word; expected 5-tuple, "
			       "no-source-port, source or destination-port"},
	{SERVICE("hash: 5"), "t.yaml:3: services[web].hash: 5 is not a known word; expected 5-tuple, "
			     "no-source-port, source or destination-port"},
	{SERVICE("hash: {ipv4: 24}"), "t.yaml:3: services[web].hash.inputs: missing; expected a known word: 5-tuple, "
				      "no-source-port, source or destination-port"},
	{SERVICE("hash: {inputs: source, ipv4: 0}"),
	 "t.yaml:3: services[web].hash.ipv4: 0 is out of range; expected 1 to 32"},
	{SERVICE("hash: {inputs: source, ipv6: 129}"),
	 "t.yaml:3: services[web].hash.ipv6: 129 is out of range; expected 1 to 128"},
	{SERVICE("hash: {inputs: source, prefix: 24}"),
	 "t.yaml:3: services[web].hash.prefix: unknown key; expected inputs, ipv4 or ipv6"},
	{SERVICE("hash: {inputs: 5-tuple, ipv6: 56}"),
	 "t.yaml:3: services[web].hash.ipv6: a prefix length is for inputs source only; remove it, or use inputs "
	 "source"},
	{SERVICE("echo: 1"), "t.yaml:3: services[web].echo: 1 is not a boolean; expected true or false"},
	{SERVICE("ring_size: 65536"),
	 "t.yaml:3: services[web].ring_size: 65536 is not a prime; the nearest are 65521 and 65537"},
	{SERVICE("ring_size: 250"), "t.yaml:3: services[web].ring_size: 250 is out of range; expected 251 to 4194301"},
	{SERVICE("ring_size: 4194302"),
	 "t.yaml:3: services[web].ring_size: 4194302 is out of range; expected 251 to 4194301"},
	{SERVICE("ring_size: 289"),
	 "t.yaml:3: services[web].ring_size: 289 is not a prime; the nearest are 283 and 293"},
	{SERVICE("ring_size: 252"),
	 "t.yaml:3: services[web].ring_size: 252 is not a prime; the nearest are 251 and 257"},
	{SERVICE("ring_size: 4194300"),
	 "t.yaml:3: services[web].ring_size: 4194300 is not a prime; the nearest are 4194287 and 4194301"},
	{SERVICE("ring_size: big"),
	 "t.yaml:3: services[web].ring_size: \"big\" is not an integer; expected 251 to 4194301"},
	{SERVICE("backends: 10.0.0.1"), "t.yaml:3: services[web].backends: \"10.0.0.1\" is not a list; expected "
					"addresses, or mappings with address, weight, state, mac, encap and pool"},
	{SERVICE("backends: ~"), "t.yaml:3: services[web].backends: empty; expected a list: addresses, or mappings "
				 "with address, weight, state, mac, encap and pool"},
	{BACKEND("7"), "t.yaml:3: services[web].backends[0]: 7 is not a backend; expected its address, or a mapping "
		       "with address, weight, state, mac, encap and pool"},
	{BACKEND("10.0.0"), "t.yaml:3: services[web].backends[10.0.0]: \"10.0.0\" is not an address; expected IPv4 or "
			    "IPv6, such as 10.1.0.11 or 2001:db8::11"},
	{BACKEND("{}"), "t.yaml:3: services[web].backends[0].address: missing; expected an address: IPv4 or IPv6, such "
			"as 10.1.0.11 or 2001:db8::11"},
	{BACKEND("{adress: 10.0.0.1}"),
	 "t.yaml:3: services[web].backends[0].adress: unknown key; did you mean \"address\"?"},
	{BACKEND("127.0.0.1"),
	 "t.yaml:3: services[web].backends[127.0.0.1]: \"127.0.0.1\" is not an address that a server can have; "
	 "expected one that is not loopback, multicast, broadcast, unspecified, IPv4-mapped or link-local"},
	{BACKEND("\"::ffff:10.0.0.1\""),
	 "t.yaml:3: services[web].backends[::ffff:10.0.0.1]: \"::ffff:10.0.0.1\" is not an address that a server can "
	 "have; expected one that is not loopback, multicast, broadcast, unspecified, IPv4-mapped or link-local"},
	{BACKEND("{address: 10.0.0.1/32}"), "t.yaml:3: services[web].backends[10.0.0.1/32].address: \"10.0.0.1/32\" is "
					    "not an address; expected IPv4 or IPv6, such as 10.1.0.11 or 2001:db8::11"},
	{BACKEND("\n10.0.0.1,\n{address: 10.0.0.2,\nweight: 70000}"),
	 "t.yaml:6: services[web].backends[10.0.0.2].weight: 70000 is out of range; expected 0 to 65535"},
	{BACKEND("{address: 10.0.0.2, weight: -1}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].weight: -1 is out of range; expected 0 to 65535"},
	{BACKEND("{address: 10.0.0.2, weight: \"1\"}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].weight: \"1\" is not an integer; expected 0 to 65535"},
	{BACKEND("{address: 10.0.0.2, weight: {}}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].weight: a mapping is not an integer; expected 0 to 65535"},
	{BACKEND("{address: 10.0.0.2, state: down}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].state: \"down\" is not a known word; expected up or drain"},
	{BACKEND("{address: 10.0.0.2, state: true}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].state: true is not a known word; expected up or drain"},
	{BACKEND("{address: 10.0.0.2, state: ~}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].state: empty; expected a known word: up or drain"},
	{BACKEND("{address: 10.0.0.2, mac: 02-00}"), "t.yaml:3: services[web].backends[10.0.0.2].mac: \"02-00\" is not "
						     "a MAC address; expected a unicast one such as 02:00:00:00:00:11"},
	{BACKEND("{address: 10.0.0.2, mac: \"01:00:5e:00:00:01\"}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].mac: \"01:00:5e:00:00:01\" is not a MAC address; expected a "
	 "unicast one such as 02:00:00:00:00:11"},
	{BACKEND("{address: 10.0.0.2, mac: \"00:00:00:00:00:00\"}"),
	 "t.yaml:3: services[web].backends[10.0.0.2].mac: \"00:00:00:00:00:00\" is not a MAC address; expected a "
	 "unicast one such as 02:00:00:00:00:11"},
	{BACKEND("{address: 10.0.0.2, mac: 1}"), "t.yaml:3: services[web].backends[10.0.0.2].mac: 1 is not a MAC "
						 "address; expected a unicast one such as 02:00:00:00:00:11"},
	{SERVICE("check: tcp"), "t.yaml:3: services[web].check: \"tcp\" is not a mapping; expected the keys type, "
				"port, via, path, host, expect, verify, ca, query, record, send, command, interval, "
				"fast_interval, jitter, timeout, rise or fall"},
	{CHECK("typ: tcp"), "t.yaml:3: services[web].check.typ: unknown key; did you mean \"type\"?"},
	{CHECK("type: ping"), "t.yaml:3: services[web].check.type: \"ping\" is not a known word; expected none, tcp, "
			      "http, https, dns, udp, icmp or exec"},
	{CHECK("type: ~"), "t.yaml:3: services[web].check.type: empty; expected a known word: none, tcp, http, https, "
			   "dns, udp, icmp or exec"},
	{CHECK("type: tcp, path: /"), "t.yaml:3: services[web].check.path: a check of type tcp has no such key; remove "
				      "it, or use type http or https"},
	{CHECK("host: a"), "t.yaml:3: services[web].check.host: a check of type tcp has no such key; remove it, or use "
			   "type http or https"},
	{CHECK("expect: 200"), "t.yaml:3: services[web].check.expect: a check of type tcp has no such key; remove it, "
			       "or use type http, https, dns or udp"},
	{CHECK("type: http, verify: true"),
	 "t.yaml:3: services[web].check.verify: a check of type http has no such key; remove it, or use type https"},
	{CHECK("type: none, interval: 2s"), "t.yaml:3: services[web].check.interval: a check of type none has no such "
					    "key; remove it, or use type tcp, http, https, dns, udp, icmp or exec"},
	{CHECK("type: none, port: 80"), "t.yaml:3: services[web].check.port: a check of type none has no such key; "
					"remove it, or use type tcp, http, https, dns, udp or exec"},
	{CHECK("type: none, verify: true"),
	 "t.yaml:3: services[web].check.verify: a check of type none has no such key; remove it, or use type https"},
	{CHECK("port: 0"), "t.yaml:3: services[web].check.port: 0 is out of range; expected 1 to 65535"},
	{CHECK("port: 65536"), "t.yaml:3: services[web].check.port: 65536 is out of range; expected 1 to 65535"},
	{CHECK("port: http"), "t.yaml:3: services[web].check.port: \"http\" is not an integer; expected 1 to 65535"},
	{CHECK("interval: 2"), "t.yaml:3: services[web].check.interval: 2 has no unit; say \"2s\" (or ms, m, h)"},
	{CHECK("interval: 99ms"),
	 "t.yaml:3: services[web].check.interval: \"99ms\" is out of range; expected 100ms to 1h"},
	{CHECK("interval: 2h"), "t.yaml:3: services[web].check.interval: \"2h\" is out of range; expected 100ms to 1h"},
	{CHECK("interval: 99999999999s"),
	 "t.yaml:3: services[web].check.interval: \"99999999999s\" is out of range; expected 100ms to 1h"},
	{CHECK("interval: 1.5s"), "t.yaml:3: services[web].check.interval: \"1.5s\" is not a duration; expected a "
				  "whole number with ms, s, m or h, such as \"2s\""},
	{CHECK("interval: s"), "t.yaml:3: services[web].check.interval: \"s\" is not a duration; expected a whole "
			       "number with ms, s, m or h, such as \"2s\""},
	{CHECK("interval: 2 s"), "t.yaml:3: services[web].check.interval: \"2 s\" is not a duration; expected a whole "
				 "number with ms, s, m or h, such as \"2s\""},
	{CHECK("interval: 2d"), "t.yaml:3: services[web].check.interval: \"2d\" is not a duration; expected a whole "
				"number with ms, s, m or h, such as \"2s\""},
	{CHECK("interval: [2s]"), "t.yaml:3: services[web].check.interval: a list is not a duration; expected a whole "
				  "number with ms, s, m or h, such as \"2s\""},
	{CHECK("interval: true"), "t.yaml:3: services[web].check.interval: true is not a duration; expected a whole "
				  "number with ms, s, m or h, such as \"2s\""},
	{CHECK("timeout: 0s"), "t.yaml:3: services[web].check.timeout: \"0s\" is out of range; expected 10ms to 1m"},
	{CHECK("timeout: 61s"), "t.yaml:3: services[web].check.timeout: \"61s\" is out of range; expected 10ms to 1m"},
	{CHECK("rise: 0"), "t.yaml:3: services[web].check.rise: 0 is out of range; expected 1 to 100"},
	{CHECK("rise: 101"), "t.yaml:3: services[web].check.rise: 101 is out of range; expected 1 to 100"},
	{CHECK("fall: 0"), "t.yaml:3: services[web].check.fall: 0 is out of range; expected 1 to 100"},
	{CHECK("fall: 101"), "t.yaml:3: services[web].check.fall: 101 is out of range; expected 1 to 100"},
	{CHECK("type: http, path: health"),
	 "t.yaml:3: services[web].check.path: \"health\" is not a path; expected one such as /health: '/' first, no "
	 "blanks, no '#', at most 1023 characters"},
	{CHECK("type: http, path: \"/a b\""),
	 "t.yaml:3: services[web].check.path: \"/a b\" is not a path; expected one such as /health: '/' first, no "
	 "blanks, no '#', at most 1023 characters"},
	{CHECK("type: http, path: /a#b"), "t.yaml:3: services[web].check.path: \"/a#b\" is not a path; expected one "
					  "such as /health: '/' first, no blanks, no '#', at most 1023 characters"},
	{CHECK("type: http, path: \"/a\\r\\nX: y\""),
	 "t.yaml:3: services[web].check.path: \"/a??X: y\" is not a path; expected one such as /health: '/' first, no "
	 "blanks, no '#', at most 1023 characters"},
	{CHECK("type: http, path: 7"), "t.yaml:3: services[web].check.path: 7 is not a path; expected one such as "
				       "/health: '/' first, no blanks, no '#', at most 1023 characters"},
	{CHECK("type: http, host: \"a:80\""), "t.yaml:3: services[web].check.host: \"a:80\" is not a host; expected a "
					      "name such as www.example.org, without a port"},
	{CHECK("type: http, host: \"\""), "t.yaml:3: services[web].check.host: \"\" is not a host; expected a name "
					  "such as www.example.org, without a port"},
	{CHECK("type: http, host: \"a\\nb\""), "t.yaml:3: services[web].check.host: \"a?b\" is not a host; expected a "
					       "name such as www.example.org, without a port"},
	{CHECK("type: http, host: 7"), "t.yaml:3: services[web].check.host: 7 is not a host; expected a name such as "
				       "www.example.org, without a port"},
	{CHECK("type: http, expect: 99"), "t.yaml:3: services[web].check.expect: 99 is not an HTTP status; expected "
					  "one from 100 to 599 such as 200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: 600"), "t.yaml:3: services[web].check.expect: 600 is not an HTTP status; expected "
					   "one from 100 to 599 such as 200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: 200-600"),
	 "t.yaml:3: services[web].check.expect: \"200-600\" is not an HTTP status; expected one from 100 to 599 such "
	 "as 200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: 399-200"),
	 "t.yaml:3: services[web].check.expect: \"399-200\" is not an HTTP status; expected one from 100 to 599 such "
	 "as 200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: 20-39"),
	 "t.yaml:3: services[web].check.expect: \"20-39\" is not an HTTP status; expected one from 100 to 599 such as "
	 "200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: 200-"), "t.yaml:3: services[web].check.expect: \"200-\" is not an HTTP status; "
					    "expected one from 100 to 599 such as 200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: 200-3999"),
	 "t.yaml:3: services[web].check.expect: \"200-3999\" is not an HTTP status; expected one from 100 to 599 such "
	 "as 200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: 2xx"), "t.yaml:3: services[web].check.expect: \"2xx\" is not an HTTP status; "
					   "expected one from 100 to 599 such as 200, or a range such as \"200-399\""},
	{CHECK("type: http, expect: [200]"),
	 "t.yaml:3: services[web].check.expect: a list is not an HTTP status; expected one from 100 to 599 such as "
	 "200, or a range such as \"200-399\""},
	{CHECK("type: https, verify: yes"),
	 "t.yaml:3: services[web].check.verify: \"yes\" is not a boolean; expected true or false"},
};

static const struct row cross[] = {
	{"interfaces:\n- eth0\n- {name: eth0}\n",
	 "t.yaml:3: interfaces[eth0]: listed twice; expected each interface once"},
	{HEAD "services: [{name: a, vips: [192.0.2.1:80/tcp]},\n{name: b, vips: [192.0.2.2:80/tcp]},\n{name: a, vips: "
	      "[192.0.2.3:80/tcp]}]}",
	 "t.yaml:4: services[a]: a second service of this name; expected another name"},
	{HEAD
	 "services: [{name: web, vips: [192.0.2.1:80/tcp,\n192.0.2.1:81/tcp, 192.0.2.1:80/udp,\n192.0.2.1:80/tcp]}]}",
	 "t.yaml:4: services[web].vips[192.0.2.1:80/tcp]: listed twice in service \"web\"; expected each VIP once"},
	{HEAD "services: [{name: web, vips: [\"[2001:db8::1]:80/tcp\"]},\n{name: other, vips: [192.0.2.1:80/tcp, "
	      "\"[2001:db8:0::1]:80/tcp\"]}]}",
	 "t.yaml:3: services[other].vips[[2001:db8:0::1]:80/tcp]: a VIP of service \"web\" already; service \"other\" "
	 "needs another address, port or protocol"},
	{BACKEND("10.0.0.1, 10.0.0.2, {address: 10.0.0.1, weight: 5}"),
	 "t.yaml:3: services[web].backends[10.0.0.1]: listed twice; expected each backend once (a weight makes one "
	 "take more)"},
	{TWO_MACS("{address: 10.0.0.1, mac: \"02:00:00:00:00:01\"}", "{address: 10.0.0.1, mac: \"02:00:00:00:00:02\"}"),
	 "t.yaml:3: services[dns].backends[10.0.0.1]: mac 02:00:00:00:00:02 in service \"dns\", but "
	 "02:00:00:00:00:01 in service \"web\"" ONE_MAC},
	{TWO_MACS("{address: 10.0.0.1, mac: \"02:00:00:00:00:01\"}", "10.0.0.2, 10.0.0.1"),
	 "t.yaml:3: services[dns].backends[10.0.0.1]: mac not given in service \"dns\", but 02:00:00:00:00:01 in "
	 "service "
	 "\"web\"" ONE_MAC},
	{TWO_MACS("10.0.0.1", "{address: 10.0.0.1, mac: \"02:00:00:00:00:02\"}"),
	 "t.yaml:3: services[dns].backends[10.0.0.1]: mac 02:00:00:00:00:02 in service \"dns\", but not given in "
	 "service "
	 "\"web\"" ONE_MAC},
	{BACKEND("192.0.2.1"), "t.yaml:3: services[web].backends[192.0.2.1]: the address of a VIP of service \"web\"; "
			       "expected an address of the server's own"},
	{HEAD "services: [{name: web, vips: [192.0.2.1:80/tcp], backends: [192.0.2.9]},\n{name: other, vips: "
	      "[192.0.2.9:53/udp]}]}",
	 "t.yaml:2: services[web].backends[192.0.2.9]: the address of a VIP of service \"other\"; expected an address "
	 "of the server's own"},
	{"{interfaces: [eth0], services: [{name: web, vips: [192.0.2.1:80/tcp], backends: [10.0.0.1]}]}",
	 "t.yaml:1: services[web].backends[10.0.0.1]: IPv4 packets to it need source.ipv4, which is not given: the "
	 "prefix of the outer source address, whose host bits vary by flow so that the backend's receive queues share "
	 "the load; give one that nobody uses, e.g. 172.31.0.0/16"},
	{"{interfaces: [eth0], source: {ipv4: 172.31.0.0/16},\nservices: [{name: web, vips: [192.0.2.1:80/tcp], "
	 "backends: [\"2001:db8::2\"]}]}",
	 "t.yaml:2: services[web].backends[2001:db8::2]: IPv6 packets to it need source.ipv6, which is not given: the "
	 "prefix of the outer source address, whose host bits vary by flow so that the backend's receive queues share "
	 "the load; give one that nobody uses, e.g. fd00:31::/64"},
	{HEAD "limits:\n {vips: 1}, services: [{name: web, vips: [192.0.2.1:80/tcp, 192.0.2.1:81/tcp]}]}",
	 "t.yaml:3: limits.vips: 1 is too small for 2 VIPs; raise it to 2 or more"},
	{HEAD "limits: {\nservices: 1}, services: [{name: a, vips: [192.0.2.1:80/tcp]}, {name: b, vips: "
	      "[192.0.2.1:81/tcp]}]}",
	 "t.yaml:3: limits.services: 1 is too small for 2 services; raise it to 2 or more"},
	{HEAD "limits: {destinations: 2}, services: [{name: a, vips: [192.0.2.1:80/tcp], backends: [10.0.0.1, "
	      "10.0.0.2]}, {name: b, vips: [192.0.2.1:81/tcp], backends: [10.0.0.1]}]}",
	 "t.yaml:2: limits.destinations: 2 is too small for 3 backends; raise it to 3 or more"},
	{HEAD "limits: {ring_slots: 131073}, services: [{name: a, vips: [192.0.2.1:80/tcp]}, {name: b, vips: "
	      "[192.0.2.1:81/tcp]}]}",
	 "t.yaml:2: limits.ring_slots: 131073 is too small for 131074 ring slots (ring_size of all services); raise it "
	 "to 131074 or more"},
	{HEAD
	 "services: [{name: a, vips: [192.0.2.1:80/tcp], ring_size: 4194301}, {name: b, vips: [192.0.2.1:81/tcp]}]}",
	 "t.yaml:1: limits.ring_slots: 4194368 is too small for 4259838 ring slots (ring_size of all services); raise "
	 "it to 4259838 or more"},
};

static void form_errors(void **state)
{
	(void)state;
	check_rows(form, COUNT(form));
}

static void cross_errors(void **state)
{
	(void)state;
	check_rows(cross, COUNT(cross));
}

/* Without a file the place is the path alone, and nobody needs to want the text. */
static void without_file(void **state)
{
	json_t *tree = json_pack("{s:[s], s:{s:i}}", "interfaces", "eth0", "limits", "vips", 0);
	json_t *bare = json_array();
	struct shunt_err err = {};

	(void)state;
	assert_null(config_from_json(tree, NULL, &err));
	assert_string_equal(err.where, "limits.vips");
	assert_string_equal(err.what, "0 is out of range; expected 1 to 1048576");
	assert_null(config_from_json(tree, NULL, NULL));
	json_object_set_new(json_object_get(tree, "limits"), "vips", json_real(1.5));
	assert_null(config_from_json(tree, NULL, &err));
	assert_string_equal(err.what, "1.5 is not an integer; expected 1 to 1048576");
	assert_null(config_from_json(bare, NULL, &err));
	assert_string_equal(err.where, "");
	json_decref(bare);
	json_decref(tree);
}

/* Long and odd names are cut, on one line and between characters, so that the message stays UTF-8. */
static void odd_names(void **state)
{
	json_t *tree = json_pack("{s:[{s:s}], s:i}", "interfaces", "name",
				 "a\n\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
				 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
				 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
				 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
				 "seed", 1);
	json_t *text;
	struct shunt_err err = {};

	(void)state;
	assert_non_null(tree);
	assert_null(config_from_json(tree, NULL, &err));
	assert_null(strchr(err.where, '\n'));
	assert_int_equal(strlen(err.where), strlen("interfaces[].name") + 63);
	text = json_string(err.where);
	assert_non_null(text);
	json_decref(text);
	json_decref(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form_errors),
		cmocka_unit_test(cross_errors),
		cmocka_unit_test(without_file),
		cmocka_unit_test(odd_names),
	};

	return cmocka_run_group_tests_name("config errors", tests, NULL, NULL);
}
