/* SPDX-License-Identifier: GPL-2.0 */
/* config_dir.c, config_merge.c and theirs: files of services, what of them is applied, and what is said of the rest. Groups
 * are in test_config_groups.c. */
#include "merge_fixture.h"

#define ANY_PORT "    check: {type: none}\n"

static void each_file_has_its_services(void **state)
{
	(void)state;
	write_file("shunt.yaml", HEAD SERVICE("own", "192.0.2.1:80/tcp"));
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp"));
	team("a.yaml", SERVICE("dns", "192.0.2.2:53/udp"));
	team(".hidden.yaml", "no");
	team("a.yaml~", "no");
	merge(false, "", "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.2:53/udp, web/b.yaml 192.0.2.2:80/tcp");
	assert_int_equal(json_object_size(hashes), 2);
}

static void others_are_left_alone(void **state)
{
	(void)state;
	set_timeout("web", 77);
	set_timeout("own", 78);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	merge(false, "", "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp");
	assert_int_equal(timeout_of("web"), 77);
	assert_int_equal(timeout_of("own"), 78);
	merge(true, "", "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp");
	assert_int_equal(timeout_of("web"), 900);
	assert_int_equal(timeout_of("own"), 900);
}

static void what_is_wrong_is_refused_by_itself(void **state)
{
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp";

	(void)state;
	team("a.yaml", "services: [\n");
	merge(false, "services.d/a.yaml:2: did not find expected node content", is);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/upd") "  - {name: x, vips: [192.0.2.9:1/tcp], ring_size: 4}\n");
	merge(false,
	      "services.d/a.yaml:3: services[dns].vips[192.0.2.3:53/upd]: \"192.0.2.3:53/upd\" is not a VIP; expected "
	      "ADDRESS:PORT/tcp or /udp, such as 192.0.2.10:80/tcp or [2001:db8::10]:80/tcp; PORT may be a range such "
	      "as "
	      "8000-8999, or * for all, and ADDRESS a prefix such as 192.0.2.0/24\n"
	      "services.d/a.yaml:4: services[x].ring_size: 4 is out of range; expected 251 to 4194301",
	      is);
	team("a.yaml", "interfaces: [eth0]\n" SERVICE("dns", "192.0.2.3:53/udp"));
	merge(false,
	      "services.d/a.yaml:1: interfaces: not for a file of services; expected services alone, the rest is in "
	      "the "
	      "main file",
	      is);
	team("a.yaml", "services: 5\n");
	merge(false, "services.d/a.yaml:1: expected the key services, and a list of services behind it", is);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    file: b.yaml\n");
	merge(false, "services.d/a.yaml:4: file: says itself whose a service is; leave it out here", is);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    ring_size: 251\n");
	merge(false,
	      "services.d/a.yaml:2: services[dns].ring_size: a ring keeps its size, 65537, for the service's life, "
	      "since "
	      "connections depend on it; take the service out and then, in a second change, add it again",
	      is);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    sources: {deny: [{file: /etc/passwd}]}\n");
	merge(false,
	      "services.d/a.yaml:4: services[dns].sources.deny[0].file: \"/etc/passwd\" is not for a file of the "
	      "directory of "
	      "services; expected a path that begins there, without \"..\"",
	      is);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	team("\xff.yaml", SERVICE("odd", "192.0.2.77:80/tcp"));
	merge(false, "services.d/?.yaml: a name that is not UTF-8; expected one such as web.yaml", is);
	team("\xff.yaml", NULL);
	merge(false, "", is);
}

static void who_has_a_vip_keeps_it(void **state)
{
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp";

	(void)state;
	team("a.yaml", SERVICE("dns", "192.0.2.2:80/tcp"));
	merge(false,
	      "services.d/a.yaml:3: services[dns].vips[192.0.2.2:80/tcp]: service \"web\" (services.d/b.yaml:3) has "
	      "192.0.2.2:80/tcp; service \"dns\" needs another address, port or protocol",
	      is);
	/* Also when its file has changed, too. */
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp") "    echo: false\n");
	merge(false,
	      "services.d/a.yaml:3: services[dns].vips[192.0.2.2:80/tcp]: service \"web\" (services.d/b.yaml:3) has "
	      "192.0.2.2:80/tcp; service \"dns\" needs another address, port or protocol",
	      is);
	assert_false(config_find_service(present, "web")->echo);
	team("b.yaml", SERVICE("web", "192.0.2.2:70-90/tcp") ANY_PORT);
	team("a.yaml", SERVICE("dns", "192.0.2.2:80/tcp"));
	merge(false, "", "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.2:80/tcp, web/b.yaml 192.0.2.2:70-90/tcp");
	team("a.yaml", SERVICE("dns", "192.0.2.2:90-99/tcp") ANY_PORT);
	merge(false,
	      "services.d/a.yaml:3: services[dns].vips[192.0.2.2:90-99/tcp]: service \"web\" (services.d/b.yaml:3) has "
	      "192.0.2.2:70-90/tcp; service \"dns\" needs another address, port or protocol",
	      "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.2:80/tcp, web/b.yaml 192.0.2.2:70-90/tcp");
	/* They change places. */
	team("a.yaml", SERVICE("dns", "192.0.2.2:70-90/tcp") ANY_PORT);
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp"));
	merge(false, "", "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.2:70-90/tcp, web/b.yaml 192.0.2.2:80/tcp");
	team("a.yaml", SERVICE("web", "192.0.2.4:80/tcp"));
	merge(false,
	      "services.d/a.yaml:2: services[web]: a service of this name is in services.d/b.yaml:2; expected another "
	      "name",
	      "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.2:70-90/tcp, web/b.yaml 192.0.2.2:80/tcp");
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp"));
	merge(false, "", is);
}

/* Neither has it: nobody gains by a file's name. */
static void of_two_new_ones_none_has_it(void **state)
{
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp";

	(void)state;
	team("a.yaml", SERVICE("dns", "192.0.2.8:80/tcp"));
	team("b.yaml", SERVICE("web", "192.0.2.8:80/tcp"));
	merge(false,
	      "services.d/a.yaml:3: services[dns].vips[192.0.2.8:80/tcp]: service \"web\" (services.d/b.yaml:3) has "
	      "192.0.2.8:80/tcp, and neither is in force: both files are refused; service \"dns\" needs another "
	      "address, port "
	      "or protocol\n"
	      "services.d/b.yaml:3: services[web].vips[192.0.2.8:80/tcp]: service \"dns\" (services.d/a.yaml:3) has "
	      "192.0.2.8:80/tcp, and neither is in force: both files are refused; service \"web\" needs another "
	      "address, port "
	      "or protocol",
	      is);
	/* One gives way: it goes for the other as well, which has not been touched again. */
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	merge(false, "", "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.8:80/tcp");
	/* The main file has it before others, but takes it from nobody. */
	write_file("shunt.yaml", HEAD SERVICE("own", "192.0.2.9:80/tcp"));
	team("a.yaml", SERVICE("dns", "192.0.2.9:80/tcp"));
	merge(false,
	      "services.d/a.yaml:3: services[dns].vips[192.0.2.9:80/tcp]: service \"own\" (shunt.yaml:5) has "
	      "192.0.2.9:80/tcp; service \"dns\" needs another address, port or protocol",
	      "own/ 192.0.2.9:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.8:80/tcp");
	write_file("shunt.yaml", HEAD SERVICE("own", "192.0.2.8:80/tcp"));
	team("a.yaml", SERVICE("dns", "192.0.2.3:54/udp"));
	merge(false,
	      "shunt.yaml:5: services[own].vips[192.0.2.8:80/tcp]: service \"web\" (services.d/b.yaml:3) has "
	      "192.0.2.8:80/tcp; service \"own\" needs another address, port or protocol",
	      "own/ 192.0.2.9:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.8:80/tcp");
	write_file("shunt.yaml", HEAD SERVICE("own", "192.0.2.1:80/tcp"));
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp"));
	merge(false, "", is);
}

/* What only all together show. */
static void who_comes_last_is_at_fault(void **state)
{
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp";

	(void)state;
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    check: {type: none}\n    backends: [192.0.2.2]\n");
	merge(false,
	      "services.d/a.yaml:5: services[dns].backends[192.0.2.2]: the address of a VIP of service \"web\"; "
	      "expected an "
	      "address of the server's own",
	      is);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp") "    backends: [10.0.0.1]\n");
	merge(false, "", is);
	/* It is seen at dns, which has not changed; web is why. */
	team("b.yaml", SERVICE("web", "10.0.0.0/24:80/tcp"));
	merge(false,
	      "services.d/a.yaml:2: services[dns].backends[10.0.0.1]: in 10.0.0.0/24:80/tcp, a VIP of service \"web\"; "
	      "expected "
	      "an address of the server's own",
	      is);
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp"));
	merge(false, "", is);
}

static void a_full_table_is_its_doing(void **state)
{
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp";

	(void)state;
	write_file("shunt.yaml", HEAD "limits: {vips: 4}\n" SERVICE("own", "192.0.2.1:80/tcp"));
	merge(false, "", is);
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp,192.0.2.3:54/udp,192.0.2.3:55/udp"));
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp") "    echo: false\n");
	merge(false, "shunt.yaml: limits.vips: 4 is too small for 5 VIPs; raise it to 5 or more", is);
	assert_false(config_find_service(present, "web")->echo);
	write_file("shunt.yaml", HEAD SERVICE("own", "192.0.2.1:80/tcp"));
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	team("b.yaml", SERVICE("web", "192.0.2.2:80/tcp"));
	merge(false, "", is);
}

static void files_go(void **state)
{
	static const char is[] = "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp, web/b.yaml 192.0.2.2:80/tcp";

	(void)state;
	busy = "dns";
	team("a.yaml", "services: []\n");
	merge(false, "services.d/a.yaml: services[busy]: had 7 packets", is);
	team("a.yaml", NULL);
	team("b.yaml", NULL);
	merge(false, "a.yaml: services[busy]: had 7 packets", "own/ 192.0.2.1:80/tcp, dns/a.yaml 192.0.2.3:53/udp");
	/* It moves: nothing is deleted. */
	team("b.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	merge(false, "", "own/ 192.0.2.1:80/tcp, dns/b.yaml 192.0.2.3:53/udp");
	busy = "own";
	write_file("shunt.yaml", HEAD);
	merge(false, "shunt.yaml: services[busy]: had 7 packets", "own/ 192.0.2.1:80/tcp, dns/b.yaml 192.0.2.3:53/udp");
	busy = NULL;
	merge(false, "", "dns/b.yaml 192.0.2.3:53/udp");
	team("b.yaml", NULL);
	merge(false, "", "");
	assert_int_equal(json_object_size(hashes), 0);
}

static void directory_goes(void **state)
{
	char *path = xasprintf("%s/services.d", dir), *away = xasprintf("%s/away", dir);

	(void)state;
	team("a.yaml", SERVICE("dns", "192.0.2.3:53/udp"));
	merge(false, "", "dns/a.yaml 192.0.2.3:53/udp");
	assert_int_equal(rename(path, away), 0);
	merge(false,
	      "services.d: cannot be read: No such file or directory; services of its files stay as they are. Expected "
	      "a "
	      "directory (an empty one has none), or `services_dir: false`",
	      "dns/a.yaml 192.0.2.3:53/udp");
	write_file("shunt.yaml", HEAD "services_dir: away\n");
	merge(false, "", "dns/a.yaml 192.0.2.3:53/udp");
	write_file("shunt.yaml", HEAD "services_dir: false\n");
	merge(false, "", "");
	write_file("shunt.yaml", HEAD);
	assert_int_equal(rename(away, path), 0);
	free(path);
	free(away);
}

static void all_faults_are_found(void **state)
{
	char *path = xasprintf("%s/shunt.yaml", dir), *main_path, *said, *of_directory;
	json_t *faults = json_array();
	struct config *config;

	(void)state;
	write_file("shunt.yaml",
		   HEAD SERVICE("own", "192.0.2.1:80/tcp") "    echo: 5\n  - {name: two, vips: [192.0.2.7:1/tcp]}\n");
	team("a.yaml", SERVICE("dns", "192.0.2.7:1/tcp"));
	team("b.yaml", SERVICE("web", "192.0.2.200:80/tcp") "    udp: x\n");
	config = config_verify(path, faults, &main_path);
	said = faults_text(faults);
	assert_string_equal(
		said,
		"shunt.yaml:6: services[own].echo: 5 is not a boolean; expected true or false\n"
		"services.d/b.yaml:4: services[web].udp: \"x\" is not a known word; expected keep, rehash or track\n"
		"services.d/a.yaml:3: services[dns].vips[192.0.2.7:1/tcp]: service \"two\" (shunt.yaml:7) has "
		"192.0.2.7:1/tcp; service \"dns\" needs another address, port or protocol");
	assert_int_equal(config->service_count, 1);
	config_free(config);
	free(main_path);
	json_array_clear(faults);
	config = config_verify(dir, faults, &main_path);
	of_directory = faults_text(faults);
	assert_string_equal(of_directory, said);
	assert_string_equal(main_path, path);
	config_free(config);
	json_decref(faults);
	free(main_path);
	free(of_directory);
	free(said);
	free(path);
}

/* One after another: each begins with what the one before has left. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_has_its_services),
		cmocka_unit_test(others_are_left_alone),
		cmocka_unit_test(what_is_wrong_is_refused_by_itself),
		cmocka_unit_test(who_has_a_vip_keeps_it),
		cmocka_unit_test(of_two_new_ones_none_has_it),
		cmocka_unit_test(who_comes_last_is_at_fault),
		cmocka_unit_test(a_full_table_is_its_doing),
		cmocka_unit_test(files_go),
		cmocka_unit_test(directory_goes),
		cmocka_unit_test(all_faults_are_found),
	};

	return cmocka_run_group_tests_name("config_merge", tests, make_directory, remove_directory);
}
