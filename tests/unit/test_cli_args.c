/* SPDX-License-Identifier: GPL-2.0 */
/* The command line's words into changes: a table of words, and the JSON or the error that they give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shunt/args.h"
#include "../../user/shunt/rates.h"
#include "../../user/shunt/words.h"

#define VIP_FORMS "; PORT may be a range such as 8000-8999, or * for all, and ADDRESS a prefix such as 192.0.2.0/24"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 32

struct row {
	const char *words; /* separated by single blanks */
	const char *json;  /* or NULL: refused */
	const char *error; /* "where: what" */
};

static const struct row rows[] = {
	{"service add web vip=192.0.2.10:80/tcp vip=[2001:db8::10]:80/tcp encap=auto check=http:/healthz "
	 "backend=10.1.0.11 backend=10.1.0.12,weight=50",
	 "[{'op': 'service.add', 'service': {'name': 'web', 'vips': ['192.0.2.10:80/tcp', '[2001:db8::10]:80/tcp'],"
	 " 'encap': 'auto', 'check': {'type': 'http', 'path': '/healthz'},"
	 " 'backends': [{'address': '10.1.0.11'}, {'address': '10.1.0.12', 'weight': 50}]}}]",
	 NULL},
	{"service add dns vip=192.0.2.53:53/udp check=tcp:5353 ring_size=251 "
	 "backend=2001:db8::11,mac=02:00:00:00:00:01,state=drain",
	 "[{'op': 'service.add', 'service': {'name': 'dns', 'vips': ['192.0.2.53:53/udp'],"
	 " 'check': {'type': 'tcp', 'port': 5353}, 'ring_size': 251, 'backends':"
	 " [{'address': '2001:db8::11', 'mac': '02:00:00:00:00:01', 'state': 'drain'}]}}]",
	 NULL},
	{"service set web check=https:8443:/a:b=c check.host=www.example.org check.expect=200 check.verify=true "
	 "check.interval=1s check.timeout=500ms check.rise=1 check.fall=5",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'https', 'port': 8443, 'path': '/a:b=c',"
	 " 'host': 'www.example.org', 'expect': '200', 'verify': true, 'interval': '1s', 'timeout': '500ms',"
	 " 'rise': 1, 'fall': 5}}}]",
	 NULL},
	{"service set web registration=true discover=files:/etc/a:b/*.json discover=files:/x.json",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'registration': true, 'discover': "
	 "[{'files': '/etc/a:b/*.json'}, {'files': '/x.json'}]}}]",
	 NULL},
	{"service set web discover=file:/x.json", NULL,
	 "argument \"discover=file:/x.json\": unknown source of backends \"file\", expected files, dns or srv; did you "
	 "mean "
	 "\"files\"?"},
	{"service set web discover=files", NULL,
	 "argument \"discover=files\": expected KIND:TEXT, such as files:/etc/shunt/targets.d/*.json"},
	{"service set web min_healthy=2 slow_start=30s",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'min_healthy': 2, 'slow_start': '30s'}}]", NULL},
	{"service set web min_healthy=50%", "[{'op': 'service.set', 'service': 'web', 'set': {'min_healthy': '50%'}}]",
	 NULL},
	{"service set web min_healthy=half", NULL,
	 "argument \"min_healthy=half\": expected a number of backends such as 2, or percent such as 50%"},
	{"service add web on_demand.start.command=/bin/power on_demand.start.command=on "
	 "on_demand.stop.url=http://a/off "
	 "on_demand.stop.method=PUT on_demand.idle=5m on_demand.timeout=30s on_demand.awake=mon-fri "
	 "on_demand.awake=07:00-19:00",
	 "[{'op': 'service.add', 'service': {'name': 'web', 'on_demand': {'start': {'command': ['/bin/power', 'on']}, "
	 "'stop': {'url': 'http://a/off', 'method': 'PUT'}, 'idle': '5m', 'timeout': '30s', 'awake': ['mon-fri', "
	 "'07:00-19:00']}}}]",
	 NULL},
	{"service set web on_demand=none + service set dns on_demand.stop=none on_demand.awake=none",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'on_demand': null}}, {'op': 'service.set', 'service': "
	 "'dns', "
	 "'set': {'on_demand': {'stop': null, 'awake': null}}}]",
	 NULL},
	{"service set web on_demand=off", NULL, "argument \"on_demand=off\": expected none, or on_demand.KEY=VALUE"},
	{"service set web on_demand=none on_demand.idle=1m", NULL,
	 "argument \"on_demand.idle=1m\": expected on_demand=none or on_demand.KEY=VALUE, not both"},
	{"service set web on_demand.stop=none on_demand.stop.url=http://a/", NULL,
	 "argument \"on_demand.stop.url=http://a/\": expected stop=none or stop.KEY=VALUE, not both"},
	{"service set web on_demand.awake=none on_demand.awake=mon", NULL,
	 "argument \"on_demand.awake=mon\": expected none, or times of the week, not both"},
	{"service set web on_demand.start=/bin/true", NULL,
	 "argument \"on_demand.start=/bin/true\": unknown key \"start\", expected start.command, start.url, "
	 "start.method, stop, stop.command, stop.url, stop.method, idle, timeout or awake"},
	{"service set web on_demand.start.url=a on_demand.start.url=b", NULL,
	 "argument \"on_demand.start.url=b\": given twice"},
	{"service set web on_demand.idle=5", NULL,
	 "argument \"on_demand.idle=5\": expected a duration with its unit, such as 500ms, 2s, 1m"},
	{"backend set web 10.1.0.1 on_demand=none", NULL,
	 "argument \"on_demand=none\": unknown key \"on_demand\", expected weight, state, mac, encap, server_id or "
	 "pool"},
	{"service set web panic=50", "[{'op': 'service.set', 'service': 'web', 'set': {'panic': 50}}]", NULL},
	{"service set web check.expect=200-299",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'check': {'expect': '200-299'}}}]", NULL},
	{"service set web check=dns:5353 check.query=a.test check.record=TXT check.expect=any "
	 "check.fast_interval=200ms "
	 "check.jitter=0",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'dns', 'port': 5353, 'query': 'a.test',"
	 " 'record': 'TXT', 'expect': 'any', 'fast_interval': '200ms', 'jitter': 0}}}]",
	 NULL},
	{"service set web check=udp check.send=0x01 check.expect=200 check.ca=/ca.pem",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'udp', 'send': '0x01', 'expect': '200',"
	 " 'ca': '/ca.pem'}}}]",
	 NULL},
	{"service set web check=exec check.command=/bin/x check.command=-a check.command=",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'exec', 'command': ['/bin/x', '-a', "
	 "'']}}}]",
	 NULL},
	{"service set web check=none", "[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'none'}}}]",
	 NULL},
	{"service set web encap=gue encap.variant=0 encap.port=7000",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'encap': {'type': 'gue', 'variant': 0, 'port': 7000}}}]",
	 NULL},
	{"service set web encap.port=7000 encap=gue",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'encap': {'type': 'gue', 'port': 7000}}}]", NULL},
	{"backend add web 10.1.0.15 encap=l2dsr + backend set web 10.1.0.16 encap.variant=0",
	 "[{'op': 'backend.add', 'service': 'web', 'backend': {'address': '10.1.0.15', 'encap': 'l2dsr'}},"
	 " {'op': 'backend.set', 'service': 'web', 'address': '10.1.0.16', 'set': {'encap': {'variant': 0}}}]",
	 NULL},
	{"service add web vip=192.0.2.1:80/tcp backend=10.1.0.11,encap=gue,encap.port=1",
	 "[{'op': 'service.add', 'service': {'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'backends':"
	 " [{'address': '10.1.0.11', 'encap': {'type': 'gue', 'port': 1}}]}}]",
	 NULL},
	{"service set web hash=source,ipv4=24,ipv6=56",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'hash': {'inputs': 'source', 'ipv4': 24, 'ipv6': 56}}}]",
	 NULL},
	{"service set web hash=5-tuple",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'hash': {'inputs': '5-tuple'}}}]", NULL},
	{"service set web hash=sourc", NULL,
	 "argument \"hash=sourc\": unknown hash \"sourc\", expected 5-tuple, no-source-port, source or "
	 "destination-port; did you mean \"source\"?"},
	{"service set web hash=source,ipv5=24", NULL,
	 "argument \"hash=source,ipv5=24\": unknown key \"ipv5\", expected ipv4 or ipv6; did you mean \"ipv4\"?"},
	{"service set web hash=source hash=source", NULL, "argument \"hash=source\": given twice"},
	{"service set web quic=0:4 quic=6:15",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'quic': {'configs': [{'id': 0, 'server_id_length': 4}, "
	 "{'id': 6, 'server_id_length': 15}]}}}]",
	 NULL},
	{"backend set web 10.0.0.1 server_id=0x0a server_id=0x0b0c",
	 "[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.1', 'set': {'server_id': ['0x0a', '0x0b0c']}}]",
	 NULL},
	{"service set web quic=4", NULL,
	 "argument \"quic=4\": expected ID:LENGTH, a configuration and the octets of its server ids, such as 0:4"},
	{"service set web quic=0:x", NULL,
	 "argument \"quic=0:x\": expected ID:LENGTH, a configuration and the octets of its server ids, such as 0:4"},
	{"backend set web 10.0.0.1 server_id=abc", NULL,
	 "argument \"server_id=abc\": expected \"0x\" and two hexadecimal digits for each of 1 to 15 octets, such as "
	 "0x0a0b0c"},
	{"service set web udp=track idle_timeout=60 drain_timeout=0",
	 "[{'op': 'service.set', 'service': 'web', 'set': {'udp': 'track', 'idle_timeout': 60, 'drain_timeout': 0}}]",
	 NULL},
	{"service add dns vip=192.0.2.1:53/udp udp=rehash",
	 "[{'op': 'service.add', 'service': {'name': 'dns', 'vips': ['192.0.2.1:53/udp'], 'udp': 'rehash'}}]", NULL},
	{"service set web udp=tack", NULL,
	 "argument \"udp=tack\": unknown policy \"tack\", expected keep, rehash or track; did you mean \"track\"?"},
	{"service set web udp=keep udp=keep", NULL, "argument \"udp=keep\": given twice"},
	{"service set web idle_timeout=15m", NULL, "argument \"idle_timeout=15m\": expected a whole number"},
	{"service set web drain_timeout=-1", NULL, "argument \"drain_timeout=-1\": expected a whole number"},
	{"service set web echo=false", "[{'op': 'service.set', 'service': 'web', 'set': {'echo': false}}]", NULL},
	{"service delete web dns",
	 "[{'op': 'service.delete', 'service': 'web'}, {'op': 'service.delete', 'service': 'dns'}]", NULL},
	{"backend add web 10.1.0.15", "[{'op': 'backend.add', 'service': 'web', 'backend': {'address': '10.1.0.15'}}]",
	 NULL},
	{"backend add web 10.1.0.15 weight=0 mac=02:00:00:00:00:01 + backend delete web 10.1.0.11",
	 "[{'op': 'backend.add', 'service': 'web', 'backend':"
	 " {'address': '10.1.0.15', 'weight': 0, 'mac': '02:00:00:00:00:01'}},"
	 " {'op': 'backend.delete', 'service': 'web', 'address': '10.1.0.11'}]",
	 NULL},
	{"backend add web 10.1.0.15 pool=green + backend set web 10.1.0.11 pool=default",
	 "[{'op': 'backend.add', 'service': 'web', 'backend': {'address': '10.1.0.15', 'pool': 'green'}},"
	 " {'op': 'backend.set', 'service': 'web', 'address': '10.1.0.11', 'set': {'pool': 'default'}}]",
	 NULL},
	{"backend set web 10.1.0.11 weight=50 state=up",
	 "[{'op': 'backend.set', 'service': 'web', 'address': '10.1.0.11', 'set': {'weight': 50, 'state': 'up'}}]",
	 NULL},
	{"backend drain web 10.1.0.11 2001:db8::11",
	 "[{'op': 'backend.set', 'service': 'web', 'address': '10.1.0.11', 'set': {'state': 'drain'}},"
	 " {'op': 'backend.set', 'service': 'web', 'address': '2001:db8::11', 'set': {'state': 'drain'}}]",
	 NULL},
	{"backend undrain web 10.1.0.11 + serv del web + b dr dns 10.1.0.1",
	 "[{'op': 'backend.set', 'service': 'web', 'address': '10.1.0.11', 'set': {'state': 'up'}},"
	 " {'op': 'service.delete', 'service': 'web'},"
	 " {'op': 'backend.set', 'service': 'dns', 'address': '10.1.0.1', 'set': {'state': 'drain'}}]",
	 NULL},

	{"service add", NULL, "service add: expected NAME and at least one vip=ADDRESS:PORT/PROTOCOL"},
	{"service add vip=192.0.2.1:80/tcp encap=auto", NULL,
	 "argument \"vip=192.0.2.1:80/tcp\": expected the name of a service"},
	{"service add web vip=192.0.2.1:80", NULL,
	 "argument \"vip=192.0.2.1:80\": expected ADDRESS:PORT/tcp or /udp, such as 192.0.2.10:80/tcp or "
	 "[2001:db8::10]:80/tcp" VIP_FORMS},
	{"service add web vpi=192.0.2.1:80/tcp", NULL,
	 "argument \"vpi=192.0.2.1:80/tcp\": unknown key \"vpi\", expected vip, encap, ring_size, echo, quic, backend, "
	 "check, algorithm, sticky, hash, udp, group, idle_timeout, drain_timeout, panic, min_healthy, slow_start, "
	 "registration, discover or on_demand; "
	 "did you mean \"vip\"?"},
	{"service add web encap=vxlan", NULL,
	 "argument \"encap=vxlan\": unknown encapsulation \"vxlan\", expected auto, ipip, ip6ip6, ipip6, sit, gue, gre "
	 "or l2dsr"},
	{"service add web encap=gue encap.port=1 encap=gue", NULL, "argument \"encap=gue\": given twice"},
	{"service add web encap=gue encap.key=1", NULL,
	 "argument \"encap.key=1\": unknown key \"key\", expected variant or port"},
	{"backend add web 10.1.0.15 encap.port=x", NULL, "argument \"encap.port=x\": expected a whole number"},
	{"service add web encap=auto encap=auto", NULL, "argument \"encap=auto\": given twice"},
	{"service add web check=http check.type=tcp", NULL, "argument \"check.type=tcp\": given twice"},
	{"service add web check=htpt", NULL,
	 "argument \"check=htpt\": unknown check \"htpt\", expected none, tcp, http, https, dns, udp, icmp or exec; "
	 "did you mean \"http\"?"},
	{"service add web check=http:healthz", NULL,
	 "argument \"check=http:healthz\": expected TYPE[:PORT][:/PATH], such as http:8080:/healthz"},
	{"service add web check=http:80:healthz", NULL,
	 "argument \"check=http:80:healthz\": expected a path that begins with \"/\", such as http:8080:/healthz"},
	{"service add web check.intervall=1s", NULL,
	 "argument \"check.intervall=1s\": unknown key \"intervall\", expected type, port, via, path, host, expect, "
	 "verify, "
	 "ca, query, record, send, command, interval, fast_interval, jitter, timeout, rise or fall; did you mean "
	 "\"interval\"?"},
	{"service add web check.interval=1", NULL,
	 "argument \"check.interval=1\": expected a duration with its unit, such as 500ms, 2s, 1m"},
	{"service add web check.verify=yes", NULL, "argument \"check.verify=yes\": expected true or false"},
	{"service add web check.host=", NULL, "argument \"check.host=\": expected a text, in UTF-8 and not empty"},
	{"service add web check.command=\xff", NULL, "argument \"check.command=\xff\": expected a text, in UTF-8"},
	{"service add web check.host=\xff", NULL,
	 "argument \"check.host=\xff\": expected a text, in UTF-8 and not empty"},
	{"service add web backend=10.1.0.256", NULL,
	 "argument \"backend=10.1.0.256\": expected an address such as 10.1.0.11 or 2001:db8::11"},
	{"service add web backend=10.1.0.1,weight", NULL, "argument \"backend=10.1.0.1,weight\": expected KEY=VALUE"},
	{"service set web", NULL, "service set: expected NAME and at least one KEY=VALUE"},
	{"service set web echo=off", NULL, "argument \"echo=off\": expected true or false"},
	{"service set web ring_size=-1", NULL, "argument \"ring_size=-1\": expected a whole number"},
	{"service delete", NULL, "service delete: expected NAME..."},
	{"backend add web", NULL, "backend add: expected SERVICE and ADDRESS"},
	{"backend add web web2", NULL, "argument \"web2\": expected an address such as 10.1.0.11 or 2001:db8::11"},
	{"backend add web 10.1.0.1 weight=9999999999999999999", NULL,
	 "argument \"weight=9999999999999999999\": expected a whole number"},
	{"backend set web 10.1.0.1", NULL, "backend set: expected at least one KEY=VALUE behind the address"},
	{"backend set web 10.1.0.1 state=down", NULL,
	 "argument \"state=down\": unknown state \"down\", expected up or drain"},
	{"backend set web 10.1.0.1 mac=02:00", NULL,
	 "argument \"mac=02:00\": expected a MAC address such as 02:00:00:00:00:01"},
	{"backend drain web", NULL, "backend drain: expected SERVICE and ADDRESS..."},
	{"backend drain web 10.1.0.1 all", NULL,
	 "argument \"all\": expected an address such as 10.1.0.11 or 2001:db8::11"},
	{"backend drain web 10.1.0.1 +", NULL, "argument \"+\": expected another change behind it"},
	{"backend drain web 10.1.0.1 + + backend drain web 10.1.0.2", NULL,
	 "argument \"+\": expected another change behind it"},
	{"backend drain web 10.1.0.1 + service list", NULL,
	 "service list: unknown verb of a change \"list\", expected add, set or delete"},
	{"backend drain web 10.1.0.1 + backend de 10.1.0.1 + stats all", NULL,
	 "backend delete: expected SERVICE and ADDRESS..."},
	{"backend drain web 10.1.0.1 + stats all", NULL,
	 "stats all: unknown noun of a change \"stats\", expected service or backend"},
};

/* Words of one row as main() would hand them over. */
static json_t *changes_of(const char *text, struct shunt_err *err)
{
	char *copy = strdup(text), *rest = copy, *argv[WORDS_MAX + 1] = {NULL};
	json_t *changes;
	int argc = 0;

	while (rest && argc < WORDS_MAX)
		argv[argc++] = strsep(&rest, " ");
	changes = args_changes(argv[0], argv[1], argc - 2, argv + 2, err);
	free(copy);
	return changes;
}

/* JSON with single quotes, which are easier to read in a C string. */
static json_t *expected_json(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(copy, 0, NULL);
	free(copy);
	assert_non_null(json);
	return json;
}

static void test_row(const struct row *row)
{
	struct shunt_err err = {0};
	json_t *changes = changes_of(row->words, &err), *expected;
	char *got;

	if (!row->json) {
		assert_null(changes);
		assert_string_equal(shunt_err_text(&err), row->error);
		return;
	}
	if (!changes)
		fail_msg("refused: %s", shunt_err_text(&err));
	expected = expected_json(row->json);
	got = json_dumps(changes, 0);
	if (!json_equal(changes, expected))
		fail_msg("got %s", got);
	free(got);
	json_decref(expected);
	json_decref(changes);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("  shunt %s\n", rows[i].words);
		test_row(&rows[i]);
	}
}

static void test_describe(void **state)
{
	static const char *const table[][2] = {
		{"service add web encap=auto", "service web added"},
		{"service set web encap=auto", "service web changed"},
		{"service delete web", "service web deleted"},
		{"backend add web 10.1.0.1", "backend 10.1.0.1 of web added"},
		{"backend set web 10.1.0.1 weight=1", "backend 10.1.0.1 of web changed"},
		{"backend set web 10.1.0.1 weight=1 state=drain", "backend 10.1.0.1 of web changed"},
		{"backend drain web 10.1.0.1", "backend 10.1.0.1 of web drains"},
		{"backend undrain web 10.1.0.1", "backend 10.1.0.1 of web undrained"},
		{"backend delete web 10.1.0.1", "backend 10.1.0.1 of web deleted"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct shunt_err err;
		json_t *changes = changes_of(table[i][0], &err);
		char *text = args_describe(json_array_get(changes, 0));

		assert_string_equal(text, table[i][1]);
		free(text);
		json_decref(changes);
	}
}

static void test_words(void **state)
{
	static const char *const words[] = {"status", "stats", "service", "service", "backend", "backend-agent"};
	static const struct {
		const char *word, *error;
		int found;
	} table[] = {
		{"status", NULL, 0},
		{"serv", NULL, 2},    /* two equal words are not ambiguous */
		{"backend", NULL, 4}, /* a whole word is meant, though another begins with it */
		{"backend-", NULL, 5},
		{"stat", "command \"stat\" is ambiguous: status or stats", -1},
		{"s", "command \"s\" is ambiguous: status, stats or service", -1},
		{"stauts",
		 "unknown command \"stauts\", expected status, stats, service, backend or backend-agent; did you mean "
		 "\"status\"?",
		 -1},
		{"", "unknown command \"\", expected status, stats, service, backend or backend-agent", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct shunt_err err = {0};
		int found = words_find(table[i].word, words, COUNT(words), "command", &err);

		if (table[i].error)
			assert_string_equal(shunt_err_text(&err), table[i].error);
		assert_int_equal(found < 0, table[i].found < 0);
		if (found >= 0)
			assert_int_equal(found, table[i].found);
		found = words_find_exact(table[i].word, words, COUNT(words), "command", &err);
		assert_int_equal(found >= 0, table[i].found >= 0 && strcmp(table[i].word, words[table[i].found]) == 0);
	}
}

static void test_rates(void **state)
{
	json_t *before = expected_json("{'services': [{'name': 'web', 'packets': 100, 'bytes': 1000, 'connections':"
				       " {'moved': 5, 'counts': [{'count': 'looked', 'packets': 10}]}, 'backends':"
				       " [{'address': '10.1.0.1', 'packets': 100, 'bytes': 1000}]}],"
				       " 'reasons': [{'reason': 'not_vip', 'packets': 7, 'bytes': 70}]}");
	json_t *after = expected_json("{'services': [{'name': 'web', 'packets': 300, 'bytes': 4000, 'connections':"
				      " {'moved': 6, 'counts': [{'count': 'looked', 'packets': 50}]}, 'backends':"
				      " [{'address': '10.1.0.2', 'packets': 50, 'bytes': 500},"
				      "  {'address': '10.1.0.1', 'packets': 250, 'bytes': 3500}]}],"
				      " 'reasons': [{'reason': 'not_vip', 'packets': 4, 'bytes': 40}]}");
	json_t *expected = expected_json(
		"{'seconds': 2.0, 'services': [{'name': 'web', 'packets_per_second': 100, 'bytes_per_second': 1500,"
		" 'connections': {'moved': 6, 'counts': [{'count': 'looked', 'packets_per_second': 20}]},"
		" 'backends': [{'address': '10.1.0.2', 'packets_per_second': 25, 'bytes_per_second': 250},"
		"              {'address': '10.1.0.1', 'packets_per_second': 75, 'bytes_per_second': 1250}]}],"
		" 'reasons': [{'reason': 'not_vip', 'packets_per_second': 2, 'bytes_per_second': 20}]}");
	json_t *rates = rates_between(before, after, 2.0);

	(void)state;
	assert_true(json_equal(rates, expected));
	json_decref(before);
	json_decref(after);
	json_decref(expected);
	json_decref(rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests_name("cli_args", tests, NULL, NULL);
}
