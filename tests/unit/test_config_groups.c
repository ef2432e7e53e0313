/* SPDX-License-Identifier: GPL-2.0 */
/* config_groups.c: what services of files have of their group, which VIPs it leaves them, and what only the main file may say. */
#include "merge_fixture.h"

static void groups(void **state)
{
	static const char main_file[] =
		HEAD "groups:\n  team:\n    vips: [192.0.2.0/26, 192.0.2.200]\n    defaults:\n      idle_timeout: 60\n"
		     "      check: {type: http, path: /up}\n      sources: {deny: [10.0.0.0/8]}\n";
	const struct config_service *service;
	json_t *tree;
	struct config *again;

	(void)state;
	write_file("shunt.yaml", main_file);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/tcp") "    group: team\n    check: {rise: 5}\n    sources:\n");
	merge(false, "", "dns/a.yaml 192.0.2.3:53/tcp");
	service = config_find_service(present, "dns");
	assert_string_equal(service->group, "team");
	assert_int_equal(service->idle_timeout, 60);
	assert_string_equal(service->check.path, "/up");
	assert_int_equal(service->check.rise, 5);
	assert_null(service->sources);
	/* Written out, and read again. */
	tree = config_to_json(present);
	again = config_from_json(tree, NULL, NULL);
	assert_non_null(again);
	assert_null(again->services[0].sources);
	config_free(again);
	json_decref(tree);
	/* Only what names the group changes with it; a check of another type is the service's alone. */
	set_timeout("dns", 77);
	team("b.yaml", SERVICE("web", "192.0.2.200:80/tcp") "    group: team\n    check: {type: tcp}\n");
	merge(false, "", "dns/a.yaml 192.0.2.3:53/tcp, web/b.yaml 192.0.2.200:80/tcp");
	assert_int_equal(timeout_of("dns"), 77);
	assert_non_null(config_find_service(present, "web")->sources);
	write_file("shunt.yaml", HEAD "groups: {team: {defaults: {idle_timeout: 61}}}\n");
	merge(false, "", "dns/a.yaml 192.0.2.3:53/tcp, web/b.yaml 192.0.2.200:80/tcp");
	assert_int_equal(timeout_of("dns"), 61);
	assert_int_equal(timeout_of("web"), 61);
}

static void groups_refuse(void **state)
{
	static const char is[] = "dns/a.yaml 192.0.2.3:53/tcp, web/b.yaml 192.0.2.200:80/tcp";

	(void)state;
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/tcp") "    group: taem\n");
	merge(false,
	      "services.d/a.yaml:4: services[dns].group: no group \"taem\"; did you mean \"team\"?; expected one that "
	      "the main "
	      "file has under `groups`",
	      is);
	write_file("shunt.yaml",
		   HEAD "groups: {team: {vips: [192.0.2.0/24]}, b: {vips: [192.0.2.3]}}\nungrouped: others\n");
	team("b.yaml", SERVICE("web", "192.0.2.200:80/tcp") "    group: b\n");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/tcp"));
	merge(false,
	      "services.d/a.yaml:3: services[dns].vips[192.0.2.3:53/tcp]: for services of group \"b\"; expected "
	      "`group: b`, or "
	      "another address\n"
	      "services.d/b.yaml:3: services[web].vips[192.0.2.200:80/tcp]: not for services of group \"b\"; expected "
	      "a VIP in "
	      "192.0.2.3/32",
	      is);
	/* The line of a default is where the group has it. */
	write_file("shunt.yaml", HEAD "groups:\n  team:\n    defaults:\n      idle_timeout: 0\n");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/tcp") "    group: team\n");
	team("b.yaml", SERVICE("web", "192.0.2.200:80/tcp"));
	merge(false, "shunt.yaml:6: services[dns].idle_timeout: 0 is out of range; expected 1 to 14400", is);
	write_file("shunt.yaml", HEAD "groups: {team: {defaults: {vips: []}}}\n");
	merge(false,
	      "shunt.yaml:3: groups.team.defaults.vips: each service's own; expected what services can share, such as "
	      "check",
	      is);
	write_file("shunt.yaml", HEAD "ungrouped: none\n" SERVICE("own", "192.0.2.1:80/tcp"));
	merge(false,
	      "shunt.yaml:5: services[own]: in no group; expected a `group` of the main file's, which has `ungrouped: "
	      "none`",
	      is);
}

/* They are root's: in the main file. */
static void commands(void **state)
{
	static const char no[] =
		"check.command: not for a file of services, since it is run as shuntd itself; expected "
		"it in the main file, in the `defaults` of the service's group";
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp";
	char *said = xasprintf("services.d/a.yaml:4: %s", no), *grouped = xasprintf("services.d/a.yaml:5: %s", no);

	(void)state;
	write_file("shunt.yaml",
		   HEAD "groups: {team: {defaults: {check: {type: exec, command: [/bin/true]}}}}\n" SERVICE(
			   "own", "192.0.2.1:80/tcp") "    check: {type: exec, command: [/bin/sh]}\n");
	team("a.yaml", NULL);
	team("b.yaml", NULL);
	merge(false, "", "own/ 192.0.2.1:80/tcp");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    check: {type: exec, command: [/bin/sh]}\n");
	merge(false, said, "own/ 192.0.2.1:80/tcp");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    group: team\n    check: {command: [/bin/sh]}\n");
	merge(false, grouped, "own/ 192.0.2.1:80/tcp");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    group: team\n    check: {rise: 5}\n");
	merge(false, "", is);
	assert_string_equal(config_find_service(present, "dns")->check.command[0], "/bin/true");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    group: team\n    check: {command: [/bin/true]}\n");
	merge(false, "", is);
	free(said);
	free(grouped);
}

/* Likewise what starts and stops services. */
static void hooks(void **state)
{
	static const char no[] =
		"services.d/a.yaml:5: on_demand.stop: not for a file of services, since shuntd itself runs, or "
		"asks for, it; expected it in the main file, in the `defaults` of the service's group";
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp";

	(void)state;
	write_file("shunt.yaml", HEAD "groups: {team: {defaults: {on_demand: {start: {command: [/bin/true]}, stop: "
				      "{url: \"http://a\"}}}}}\n" SERVICE("own", "192.0.2.1:80/tcp"));
	team("a.yaml", NULL);
	merge(false, "", "own/ 192.0.2.1:80/tcp");
	team("a.yaml",
	     SERVICE("dns", "192.0.2.3:53/udp") "    group: team\n    on_demand: {stop: {command: [/bin/sh]}}\n");
	merge(false, no, "own/ 192.0.2.1:80/tcp");
	team("a.yaml",
	     SERVICE("dns", "192.0.2.3:53/udp") "    group: team\n    on_demand: {stop: {url: \"http://b\"}}\n");
	merge(false, no, "own/ 192.0.2.1:80/tcp");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    group: team\n    on_demand: {idle: 5m}\n");
	merge(false, "", is);
	assert_string_equal(config_find_service(present, "dns")->demands[0].start.command[0], "/bin/true");
	assert_int_equal(config_find_service(present, "dns")->demands[0].idle, 300000);
}

/* One after another: each begins with what the one before has left. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups),
		cmocka_unit_test(groups_refuse),
		cmocka_unit_test(commands),
		cmocka_unit_test(hooks),
	};

	return cmocka_run_group_tests_name("config groups", tests, make_directory, remove_directory);
}
