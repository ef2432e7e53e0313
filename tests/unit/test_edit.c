/* SPDX-License-Identifier: GPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../user/lib/edit.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What every test begins with. Single quotes stand for double ones throughout. */
static const char present[] =
	"{'interfaces': ['eth0'], 'source': {'ipv4': '172.31.0.0/16'}, 'limits': {'vips': 4}, 'services': ["
	"{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'ring_size': 251,"
	" 'check': {'type': 'http', 'path': '/health', 'interval': '5s', 'rise': 7},"
	" 'backends': [{'address': '10.0.0.1', 'state': 'drain'}, {'address': '10.0.0.2', 'weight': 7}, '10.0.0.3']},"
	"{'name': 'dns', 'vips': ['192.0.2.1:53/udp'], 'ring_size': 251, 'check': {'type': 'none'}, 'backends': "
	"['10.0.0.9']}]}";

static json_t *json_of(const char *text)
{
	char copy[2048];
	json_error_t error;
	json_t *value;

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(copy, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		fail_msg("%s: %s", error.text, text);
	return value;
}

static struct config *config_of(const char *text)
{
	struct shunt_err err = {};
	json_t *tree = json_of(text);
	struct config *config = config_from_json(tree, NULL, &err);

	if (!config)
		fail_msg("%s", shunt_err_text(&err));
	json_decref(tree);
	return config;
}

static void assert_service(const struct config *config, const char *name, const char *expected)
{
	const struct config_service *service = config_find_service(config, name);
	json_t *want = json_of(expected), *got;

	assert_non_null(service);
	got = config_service_to_json(service);
	if (!json_equal(want, got))
		fail_msg("expected %s\ngot %s", expected, json_dumps(got, 0));
	json_decref(want);
	json_decref(got);
}

#define TCP                                                                                                      \
	"'check': {'type': 'tcp', 'via': 'tunnel', 'interval': '2s', 'jitter': 10, 'timeout': '1s', 'rise': 2, " \
	"'fall': 3}"
#define CONN "'udp': 'keep', 'idle_timeout': 900, 'drain_timeout': 3600, "
#define WEB_IS                                                                                                        \
	"'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': 'auto', 'ring_size': 251, 'echo': true, 'algorithm': " \
	"'maglev', 'sticky': 0, 'hash': "                                                                             \
	"{'inputs': '5-tuple'}, "
#define WEB WEB_IS CONN
#define DNS(port)                                                                                            \
	"'name': 'dns', 'vips': ['192.0.2.1:" port                                                           \
	"'], 'encap': 'auto', 'ring_size': 251, 'echo': false, 'algorithm': 'maglev', 'sticky': 0, 'hash': " \
	"{'inputs': '5-tuple'}, "
#define DNS_HAS "'drain_timeout': 3600, 'check': {'type': 'none'}, 'backends': [{'address': '10.0.0.9', 'weight': 100}]"
#define HTTP                                                                                                    \
	"'check': {'type': 'http', 'via': 'tunnel', 'path': '/health', 'expect': '200-399', 'interval': '5s', " \
	"'jitter': 10, "                                                                                        \
	"'timeout': '1s', "                                                                                     \
	"'rise': 7, 'fall': 3}, "
#define B1 "{'address': '10.0.0.1', 'weight': 100, 'state': 'drain'}"
#define B2 "{'address': '10.0.0.2', 'weight': 7}"
#define B3 "{'address': '10.0.0.3', 'weight': 100}"
#define BACKENDS "'backends': [" B1 ", " B2 ", " B3 "]"

/* Changes, and what a service is after them; expected NULL: not there. */
static const struct {
	const char *changes, *service, *expected;
} good[] = {
	{"[]", "web", "{" WEB HTTP BACKENDS "}"},
	{"[{'op': 'service.add', 'service': {'name': 'new', 'vips': ['192.0.2.3:80/tcp']}}]", "new",
	 "{'name': 'new', 'vips': ['192.0.2.3:80/tcp'], 'encap': 'auto', 'ring_size': 65537, 'echo': true, "
	 "'algorithm': 'maglev', 'sticky': 0, 'hash': "
	 "{'inputs': '5-tuple'}, " CONN TCP ", 'backends': []}"},
	{"[{'op': 'service.delete', 'service': 'web'}]", "web", NULL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'vips': ['192.0.2.7:80/tcp'], 'encap': 'ipip'}}]", "web",
	 "{'name': 'web', 'vips': ['192.0.2.7:80/tcp'], 'encap': 'ipip', 'ring_size': 251, 'echo': true, 'algorithm': "
	 "'maglev', 'sticky': 0, 'hash': "
	 "{'inputs': '5-tuple'}, " CONN HTTP BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'hash': {'inputs': 'source', 'ipv4': 24}}},"
	 "{'op': 'service.set', 'service': 'web', 'set': {'hash': 'no-source-port'}}]",
	 "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': 'auto', 'ring_size': 251, 'echo': true, "
	 "'algorithm': 'maglev', 'sticky': 0, 'hash': {'inputs': 'no-source-port'}, " CONN HTTP BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'hash': {'inputs': 'source', 'ipv4': 24}}}]", "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': 'auto', 'ring_size': 251, 'echo': true, "
	 "'algorithm': 'source-hash', 'sticky': 0, 'hash': {'inputs': 'source', 'ipv4': 24, 'ipv6': 128}, " CONN HTTP
		 BACKENDS "}"},
	/* what was written out because of an algorithm goes with it */
	{"[{'op': 'service.set', 'service': 'web', 'set': {'algorithm': 'source-hash'}}]", "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': 'auto', 'ring_size': 251, 'echo': true, 'algorithm': "
	 "'source-hash', 'sticky': 0, 'hash': {'inputs': 'source', 'ipv4': 32, 'ipv6': 128}, " CONN HTTP BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'algorithm': 'source-hash'}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'algorithm': 'round-robin'}}]",
	 "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': 'auto', 'ring_size': 251, 'echo': true, 'algorithm': "
	 "'round-robin', 'sticky': 0, 'hash': {'inputs': '5-tuple'}, " CONN HTTP BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'algorithm': 'least-connections', 'echo': false}}]", "dns",
	 "{'name': 'dns', 'vips': ['192.0.2.1:53/udp'], 'encap': 'auto', 'ring_size': 251, 'echo': false, 'algorithm': "
	 "'least-connections', 'sticky': 0, 'hash': {'inputs': '5-tuple'}, 'udp': 'track', 'idle_timeout': "
	 "120, " DNS_HAS "}"},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'algorithm': 'least-connections', 'echo': false}},"
	 " {'op': 'service.set', 'service': 'dns', 'set': {'algorithm': null}}]",
	 "dns", "{" DNS("53/udp") "'udp': 'keep', 'idle_timeout': 120, " DNS_HAS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'echo': false}}]", "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': 'auto', 'ring_size': 251, 'echo': false, 'algorithm': "
	 "'maglev', 'sticky': 0, 'hash': "
	 "{'inputs': '5-tuple'}, " CONN HTTP BACKENDS "}"},
	/* what follows from the VIPs is a number like others once it is there: only null asks for it anew */
	{"[{'op': 'service.set', 'service': 'web', 'set': {'udp': 'keep', 'idle_timeout': 14400, 'drain_timeout': 0}}]",
	 "web", "{" WEB_IS "'udp': 'keep', 'idle_timeout': 14400, 'drain_timeout': 0, " HTTP BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'idle_timeout': 14400, 'drain_timeout': 0}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'idle_timeout': null, 'drain_timeout': null}}]",
	 "web", "{" WEB HTTP BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'udp': 'rehash', 'echo': false}},"
	 " {'op': 'service.set', 'service': 'dns', 'set': {'udp': 'track'}}]",
	 "dns", "{" DNS("53/udp") "'udp': 'track', 'idle_timeout': 120, " DNS_HAS "}"},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'udp': 'rehash', 'echo': false}},"
	 " {'op': 'service.set', 'service': 'dns', 'set': {'udp': null}}]",
	 "dns", "{" DNS("53/udp") "'udp': 'keep', 'idle_timeout': 120, " DNS_HAS "}"},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'vips': ['192.0.2.1:53/tcp'], 'echo': false}}]", "dns",
	 "{" DNS("53/tcp") "'udp': 'keep', 'idle_timeout': 120, " DNS_HAS "}"},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'vips': ['192.0.2.1:53/tcp'], 'idle_timeout': null, 'echo': "
	 "false}}]",
	 "dns", "{" DNS("53/tcp") "'udp': 'keep', 'idle_timeout': 900, " DNS_HAS "}"},
	/* a tunnel's members join those it has; a word or another type replaces them */
	{"[{'op': 'service.set', 'service': 'web', 'set': {'encap': 'gue'}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'encap': {'variant': 0}}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'encap': {'port': 7000}}}]",
	 "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': {'type': 'gue', 'variant': 0, 'port': 7000}, "
	 "'ring_size': 251, 'echo': true, 'algorithm': 'maglev', 'sticky': 0, 'hash': {'inputs': '5-tuple'}, " CONN HTTP
		 BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'encap': {'type': 'gue', 'variant': 0}}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'encap': {'type': 'gue', 'port': 1}}}]",
	 "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': {'type': 'gue', 'variant': 1, 'port': 1}, "
	 "'ring_size': 251, 'echo': true, 'algorithm': 'maglev', 'sticky': 0, 'hash': {'inputs': '5-tuple'}, " CONN HTTP
		 BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'encap': 'gre'}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'encap': null}}]",
	 "web", "{" WEB HTTP BACKENDS "}"},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.2', 'set': {'encap': 'gue'}},"
	 " {'op': 'backend.set', 'service': 'web', 'address': '10.0.0.2', 'set': {'encap': {'port': 7000}}}]",
	 "web",
	 "{" WEB HTTP "'backends': [" B1 ", {'address': '10.0.0.2', 'weight': 7, 'encap': {'type': 'gue', 'variant': 1,"
	 " 'port': 7000}}, " B3 "]}"},
	/* check is merged; null puts a default back */
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'fall': 9, 'path': '/x', 'rise': null}}}]", "web",
	 "{" WEB "'check': {'type': 'http', 'via': 'tunnel', 'path': '/x', 'expect': '200-399', 'interval': '5s', "
	 "'jitter': 10, "
	 "'timeout': '1s', "
	 "'rise': 2, 'fall': 9}, " BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': null}}]", "web", "{" WEB TCP ", " BACKENDS "}"},
	/* what the new type has, stays; what it has not, goes */
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'tcp'}}}]", "web",
	 "{" WEB "'check': {'type': 'tcp', 'via': 'tunnel', 'interval': '5s', 'jitter': 10, 'timeout': '1s', 'rise': "
	 "7, 'fall': 3}, " BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'https', 'verify': true}}}]", "web",
	 "{" WEB "'check': {'type': 'https', 'via': 'tunnel', 'path': '/health', 'expect': '200-399', 'verify': true, "
	 "'interval': '5s', "
	 "'jitter': 10, 'timeout': '1s', 'rise': 7, 'fall': 3}, " BACKENDS "}"},
	/* 'expect' is another thing in each */
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'udp', 'send': 'a', 'expect': 'b'}}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'dns', 'query': 'a.test'}}}]",
	 "web",
	 "{" WEB "'check': {'type': 'dns', 'via': 'tunnel', 'query': 'a.test', 'record': 'A', 'expect': 'NOERROR', "
	 "'interval': '5s', "
	 "'jitter': 10, 'timeout': '1s', 'rise': 7, 'fall': 3}, " BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'udp', 'send': 'a'}}}]", "web",
	 "{" WEB "'check': {'type': 'udp', 'via': 'tunnel', 'send': 'a', 'interval': '5s', 'jitter': 10, 'timeout': "
	 "'1s', 'rise': 7, "
	 "'fall': 3}, " BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'none'}}}]", "web",
	 "{" WEB "'check': {'type': 'none'}, " BACKENDS "}"},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'ring_size': 251, 'backends': null}}]", "web",
	 "{" WEB HTTP "'backends': []}"},
	{"[{'op': 'backend.add', 'service': 'web', 'backend': {'address': '10.0.0.4', 'weight': 3}}]", "web",
	 "{" WEB HTTP "'backends': [" B1 ", " B2 ", " B3 ", {'address': '10.0.0.4', 'weight': 3}]}"},
	{"[{'op': 'backend.add', 'service': 'web', 'backend': '10.0.0.4'}]", "web",
	 "{" WEB HTTP "'backends': [" B1 ", " B2 ", " B3 ", {'address': '10.0.0.4', 'weight': 100}]}"},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.2', 'set': {'state': 'drain'}}]", "web",
	 "{" WEB HTTP "'backends': [" B1 ", {'address': '10.0.0.2', 'weight': 7, 'state': 'drain'}, " B3 "]}"},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.1', 'set': {'state': null, 'weight': 0,"
	 " 'mac': '02:00:00:00:00:01'}}]",
	 "web",
	 "{" WEB HTTP "'backends': [{'address': '10.0.0.1', 'weight': 0, 'mac': '02:00:00:00:00:01'}, " B2 ", " B3
	 "]}"},
	{"[{'op': 'backend.delete', 'service': 'web', 'address': '10.0.0.2'}]", "web",
	 "{" WEB HTTP "'backends': [" B1 ", " B3 "]}"},
	/* several changes are one: later ones see earlier ones, and only the end has to be right */
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'vips': ['192.0.2.1:80/tcp']}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'vips': ['192.0.2.1:53/udp']}}]",
	 "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:53/udp'], 'encap': 'auto', 'ring_size': 251, 'echo': true, 'algorithm': "
	 "'maglev', 'sticky': 0, 'hash': "
	 "{'inputs': '5-tuple'}, " CONN HTTP BACKENDS "}"},
	{"[{'op': 'service.delete', 'service': 'web'},"
	 " {'op': 'service.add', 'service': {'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'ring_size': 257, "
	 "'backends': ['10.0.0.1']}},"
	 " {'op': 'backend.set', 'service': 'web', 'address': '10.0.0.1', 'set': {'weight': 5}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'check': {'rise': 9}}}]",
	 "web",
	 "{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'encap': 'auto', 'ring_size': 257, 'echo': true, 'algorithm': "
	 "'maglev', 'sticky': 0, 'hash': "
	 "{'inputs': '5-tuple'}, " CONN "'check': "
	 "{'type': 'tcp', 'via': 'tunnel', "
	 "'interval': '2s', 'jitter': 10, 'timeout': '1s', 'rise': 9, 'fall': 3}, 'backends': [{'address': '10.0.0.1', "
	 "'weight': "
	 "5}]}"},
	{"[{'op': 'service.add', 'service': {'name': 'new', 'vips': ['192.0.2.3:80/tcp']}},"
	 " {'op': 'backend.add', 'service': 'new', 'backend': '10.0.0.4'},"
	 " {'op': 'backend.add', 'service': 'new', 'backend': '10.0.0.5'},"
	 " {'op': 'backend.delete', 'service': 'new', 'address': '10.0.0.4'}]",
	 "new",
	 "{'name': 'new', 'vips': ['192.0.2.3:80/tcp'], 'encap': 'auto', 'ring_size': 65537, 'echo': true, "
	 "'algorithm': 'maglev', 'sticky': 0, 'hash': "
	 "{'inputs': '5-tuple'}, " CONN TCP ", 'backends': [{'address': '10.0.0.5', 'weight': 100}]}"},
};

static void edits(void **state)
{
	struct config *config = config_of(present);
	json_t *before = config_to_json(config), *after;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		json_t *changes = json_of(good[i].changes), *kept = json_deep_copy(changes);
		struct shunt_err err = {};
		struct config *next = config_edit(config, changes, &err);

		if (!next)
			fail_msg("%s: %s", good[i].changes, shunt_err_text(&err));
		if (good[i].expected)
			assert_service(next, good[i].service, good[i].expected);
		else
			assert_null(config_find_service(next, good[i].service));
		assert_true(json_equal(changes, kept));
		json_decref(kept);
		json_decref(changes);
		config_free(next);
	}
	after = config_to_json(config);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	config_free(config);
}

static const struct {
	const char *changes, *error;
	int code;
} bad[] = {
	{"{}", "changes: expected a list of changes", EINVAL},
	{"[5]", "changes[0]: expected an object {\"op\": ...}", EINVAL},
	{"[{}]", "changes[0].op: expected an operation such as backend.set, as a string", EINVAL},
	{"[{'op': 'backend.sett', 'service': 'web'}]",
	 "changes[0].op: no operation \"backend.sett\"; did you mean \"backend.set\"? (there are service.add, .set, "
	 ".delete, pool.set, .delete, "
	 "backend.add, .set and .delete)",
	 EINVAL},
	{"[{'op': 'pool.delete', 'service': 'web', 'pool': 'green'}]",
	 "changes[0].pool: no pool \"green\" in `pools` of service \"web\"", ENOENT},
	{"[{'op': 'pool.set', 'service': 'web', 'set': {'backup': true}}]",
	 "changes[0].pool: expected a pool's name, as a string", EINVAL},
	{"[{'op': 'pool.set', 'service': 'web', 'pool': 'nobody', 'set': {'backup': true}}]",
	 "changes[0]: services[web].pools.nobody: no backend of service \"web\" is in pool \"nobody\"; expected one "
	 "with `pool: nobody`",
	 EINVAL},
	{"[{'op': 'drain'}]",
	 "changes[0].op: no operation \"drain\" (there are service.add, .set, .delete, pool.set, .delete, backend.add, "
	 ".set and "
	 ".delete)",
	 EINVAL},
	{"[{'op': 'service.delete', 'service': 'web', 'adress': '10.0.0.1'}]",
	 "changes[0]: service.delete has no member \"adress\"", EINVAL},
	{"[{'op': 'backend.delete', 'service': 'web', 'adress': '10.0.0.1'}]",
	 "changes[0]: backend.delete has no member \"adress\"; did you mean \"address\"?", EINVAL},
	{"[{'op': 'service.delete'}]", "changes[0].service: expected a service's name, as a string", EINVAL},
	{"[{'op': 'service.delete', 'service': 'wbe'}]",
	 "changes[0].service: no service \"wbe\"; did you mean \"web\"?", ENOENT},
	{"[{'op': 'service.set', 'service': 'other', 'set': {'encap': 'auto'}}]",
	 "changes[0].service: no service \"other\"", ENOENT},
	{"[{'op': 'backend.add', 'service': 'other', 'backend': '10.0.0.1'}]",
	 "changes[0].service: no service \"other\"", ENOENT},
	{"[{'op': 'backend.delete', 'service': 'Dns', 'address': '10.0.0.9'}]",
	 "changes[0].service: no service \"Dns\"; did you mean \"dns\"?", ENOENT},
	{"[{'op': 'service.delete', 'service': 'web'}, {'op': 'service.delete', 'service': 'web'}]",
	 "changes[1].service: no service \"web\"", ENOENT},
	{"[{'op': 'service.add', 'service': 'web'}]", "changes[0].service: expected a whole service, as an object",
	 EINVAL},
	{"[{'op': 'service.add', 'service': {'name': 'web', 'vips': ['192.0.2.3:80/tcp']}}]",
	 "changes[0].service: service \"web\" exists already; change it with service.set", EEXIST},
	{"[{'op': 'service.add', 'service': {'vips': ['192.0.2.3:80/tcp']}}]",
	 "changes[0]: services[2].name: missing; expected a service's name: 1 to 63 letters, digits, '-', '_' or '.', "
	 "a "
	 "letter or digit first",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'web'}]", "changes[0].set: expected an object with the members to replace",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {}}]",
	 "changes[0].set: expected an object with the members to replace", EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'name': 'x'}}]",
	 "changes[0].set.name: a service keeps its name; add one of the new name instead", EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'ring_size': 257}}]",
	 "changes[0].set.ring_size: a ring keeps its size for the service's life, since connections depend on it; "
	 "delete the service "
	 "and then, in another call, add it again",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'colour': 'red'}}]",
	 "changes[0]: services[web].colour: unknown key; expected name, vips, encap, ring_size, echo, algorithm, "
	 "sticky, hash, "
	 "sources, "
	 "pools, quic, udp, idle_timeout, drain_timeout, check, panic, min_healthy, slow_start, group, file, "
	 "backends, registration, discover or on_demand",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'vips': null}}]",
	 "changes[0]: services[web].vips: missing; expected a list: at least one VIP such as 192.0.2.10:80/tcp",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'tcp', 'path': '/'}}}]",
	 "changes[0]: services[web].check.path: a check of type tcp has no such key; remove it, or use type http or "
	 "https",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': {'type': 'ping'}}}]",
	 "changes[0]: services[web].check.type: \"ping\" is not a known word; expected none, tcp, http, https, dns, "
	 "udp, icmp or exec",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'check': 'tcp'}}]",
	 "changes[0]: services[web].check: \"tcp\" is not a mapping; expected the keys type, port, via, path, host, "
	 "expect, "
	 "verify, ca, query, record, send, command, interval, fast_interval, jitter, timeout, rise or fall",
	 EINVAL},
	{"[{'op': 'backend.add', 'service': 'web', 'backend': 7}]",
	 "changes[0].backend: expected an address, or an object with \"address\"", EINVAL},
	{"[{'op': 'backend.add', 'service': 'web', 'backend': '10.0.0.2'}]",
	 "changes[0].backend: backend 10.0.0.2 is in service \"web\" already; change it with backend.set", EEXIST},
	{"[{'op': 'backend.add', 'service': 'web', 'backend': {'address': '10.0.0.4', 'weight': 70000}}]",
	 "changes[0]: services[web].backends[10.0.0.4].weight: 70000 is out of range; expected 0 to 65535", EINVAL},
	{"[{'op': 'backend.add', 'service': 'web', 'backend': {'adress': '10.0.0.4'}}]",
	 "changes[0]: services[web].backends[3].adress: unknown key; did you mean \"address\"?", EINVAL},
	{"[{'op': 'service.set', 'service': 'web', 'set': {'backends': 'none'}},"
	 " {'op': 'backend.add', 'service': 'web', 'backend': '10.0.0.4'}]",
	 "changes[0]: services[web].backends: \"none\" is not a list; expected addresses, or mappings with address, "
	 "weight, "
	 "state, mac, encap and pool",
	 EINVAL},
	{"[{'op': 'backend.set', 'service': 'web', 'set': {'weight': 1}}]",
	 "changes[0].address: expected a backend's address, as a string", EINVAL},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0', 'set': {'weight': 1}}]",
	 "changes[0].address: \"10.0.0\" is not an address; expected IPv4 or IPv6", EINVAL},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.8', 'set': {'weight': 1}}]",
	 "changes[0].address: no backend 10.0.0.8 in service \"web\"", ENOENT},
	{"[{'op': 'backend.delete', 'service': 'dns', 'address': '10.0.0.1'}]",
	 "changes[0].address: no backend 10.0.0.1 in service \"dns\"", ENOENT},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.1', 'set': 'drain'}]",
	 "changes[0].set: expected an object with the members to replace", EINVAL},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.1', 'set': {'address': '10.0.0.8'}}]",
	 "changes[0].set.address: a backend keeps its address; add another backend instead", EINVAL},
	{"[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.1', 'set': {'state': 'dwon'}}]",
	 "changes[0]: services[web].backends[10.0.0.1].state: \"dwon\" is not a known word; expected up or drain",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'udp': 'rehash'}},"
	 " {'op': 'service.set', 'service': 'dns', 'set': {'vips': ['192.0.2.1:53/tcp']}}]",
	 "changes[1]: services[dns].udp: rehash, but no VIP of the service is UDP; expected keep, or a VIP such as "
	 "192.0.2.10:443/udp",
	 EINVAL},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'idle_timeout': 0}}]",
	 "changes[0]: services[dns].idle_timeout: 0 is out of range; expected 1 to 14400", EINVAL},
	/* the change at fault is named, wherever it stands and whatever comes before and behind it */
	{"[{'op': 'backend.add', 'service': 'web', 'backend': '10.0.0.4'},"
	 " {'op': 'backend.add', 'service': 'dns', 'backend': '2001:db8::5'},"
	 " {'op': 'backend.add', 'service': 'web', 'backend': '10.0.0.6'},"
	 " {'op': 'backend.add', 'service': 'web', 'backend': '10.0.0.7'}]",
	 "changes[1]: services[dns].backends[2001:db8::5]: IPv6 packets to it need source.ipv6, which is not given: "
	 "the prefix of "
	 "the outer source address, whose host bits vary by flow so that the backend's receive queues share the load; "
	 "give one "
	 "that nobody uses, e.g. fd00:31::/64",
	 EINVAL},
	{"[{'op': 'backend.set', 'service': 'dns', 'address': '10.0.0.9', 'set': {'weight': 70000}},"
	 " {'op': 'backend.set', 'service': 'dns', 'address': '10.0.0.9', 'set': {'weight': 1}},"
	 " {'op': 'backend.set', 'service': 'web', 'address': '10.0.0.1', 'set': {'weight': 70000}}]",
	 "changes[2]: services[web].backends[10.0.0.1].weight: 70000 is out of range; expected 0 to 65535", EINVAL},
	{"[{'op': 'service.set', 'service': 'dns', 'set': {'vips': ['192.0.2.1:80/tcp']}},"
	 " {'op': 'service.set', 'service': 'web', 'set': {'vips': ['192.0.2.1:53/udp']}},"
	 " {'op': 'backend.add', 'service': 'web', 'backend': '2001:db8::5'}]",
	 "changes[2]: services[web].backends[2001:db8::5]: IPv6 packets to it need source.ipv6, which is not given: "
	 "the prefix of "
	 "the outer source address, whose host bits vary by flow so that the backend's receive queues share the load; "
	 "give one "
	 "that nobody uses, e.g. fd00:31::/64",
	 EINVAL},
	{"[{'op': 'service.add', 'service': {'name': 'a', 'vips': ['192.0.2.3:1/tcp', '192.0.2.3:2/tcp', "
	 "'192.0.2.3:3/tcp']}}]",
	 "changes[0]: limits.vips: 4 is too small for 5 VIPs; raise it to 5 or more", EINVAL},
};

static void refusals(void **state)
{
	struct config *config = config_of(present);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		json_t *changes = json_of(bad[i].changes), *kept = json_deep_copy(changes);
		struct shunt_err err = {};

		if (config_edit(config, changes, &err))
			fail_msg("accepted: %s", bad[i].changes);
		if (strcmp(shunt_err_text(&err), bad[i].error))
			fail_msg("%s\ngives:    %s\nexpected: %s", bad[i].changes, shunt_err_text(&err), bad[i].error);
		assert_int_equal(err.code, bad[i].code);
		assert_null(config_edit(config, changes, NULL));
		assert_true(json_equal(changes, kept));
		json_decref(kept);
		json_decref(changes);
	}
	config_free(config);
}

/* Where the file says nothing, what an operator said holds; where it does, the file does. */
static void carried(void **state)
{
	static const char file[] =
		"{'interfaces': ['eth0'], 'source': {'ipv4': '172.31.0.0/16'}, 'services': ["
		"{'name': 'new', 'vips': ['192.0.2.8:80/tcp'], 'ring_size': 251, 'backends': ['10.0.0.1']},"
		"{'name': 'dns', 'vips': ['192.0.2.1:53/udp'], 'ring_size': 251, 'backends': ['10.0.0.1', '10.0.0.9']},"
		"{'name': 'web', 'vips': ['192.0.2.1:80/tcp'], 'ring_size': 251, 'backends': ["
		"'10.0.0.4', '10.0.0.3', {'address': '10.0.0.2', 'state': 'up'}, '10.0.0.1']}]}";
	struct config *before = config_of(present), *next = config_of(file);
	json_t *changes =
		json_of("[{'op': 'backend.set', 'service': 'web', 'address': '10.0.0.2', 'set': {'state': 'drain'}},"
			" {'op': 'backend.set', 'service': 'web', 'address': '10.0.0.3', 'set': {'state': 'up'}}]");
	struct config *now = config_edit(before, changes, NULL);
	const struct config_service *web;

	(void)state;
	assert_non_null(now);
	config_carry_admin(next, now);
	web = config_find_service(next, "web");
	assert_int_equal(web->backends[0].admin, CONFIG_ADMIN_UNSET);
	assert_int_equal(web->backends[1].admin, CONFIG_ADMIN_UP);
	assert_int_equal(web->backends[2].admin, CONFIG_ADMIN_UP);
	assert_int_equal(web->backends[3].admin, CONFIG_ADMIN_DRAIN);
	assert_int_equal(config_find_service(next, "new")->backends[0].admin, CONFIG_ADMIN_UNSET);
	assert_int_equal(config_find_service(next, "dns")->backends[0].admin, CONFIG_ADMIN_UNSET);
	assert_int_equal(config_find_service(next, "dns")->backends[1].admin, CONFIG_ADMIN_UNSET);
	json_decref(changes);
	config_free(now);
	config_free(next);
	config_free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits),
		cmocka_unit_test(refusals),
		cmocka_unit_test(carried),
	};

	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
