/* SPDX-License-Identifier: GPL-2.0 */
/* The command where configuration is in several files, and services are in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_run.h"

static void files(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT service add busy vip=192.0.2.99:80/tcp", 0, "service busy added\n", ""},
		{"$SHUNT service delete busy", 1, "", "shunt: services[busy]: had 42 packets within the last minute"},
		{"$SHUNT service delete busy --force", 0, "service busy deleted\n", ""},
		{"$SHUNT export > $DIR/shunt.yaml; $SHUNT reload --all", 1,
		 "done (generation 4)\nNOT APPLIED: b.yaml:7: broken\n", ""},
		{"$SHUNT status", 0, "NOT APPLIED: b.yaml:7: broken\n", ""},
		{"mkdir $DIR/services.d; printf 'services: [{name: t, vips: [192.0.2.7:80/tcp]}]' > "
		 "$DIR/services.d/t.yaml; "
		 "$SHUNT check $DIR",
		 0, "/shunt.yaml: valid, services 3, backends 3\n", ""},
		{"printf 'services: [' > $DIR/services.d/u.yaml; sed -i s/80/x/ $DIR/services.d/t.yaml; $SHUNT check "
		 "$DIR",
		 1, "", "t.yaml:1: services[t].vips[192.0.2.7:x/tcp]: "},
		{"$SHUNT check $DIR", 1, "", "/services.d/u.yaml:2: "},
		{"$SHUNT --json check $DIR", 1, "", "\"faults\": ["},
		{"printf '\n- {name: own, vips: [192.0.2.8:80/tcp]}\n- {name: t, file: t.yaml, vips: "
		 "[192.0.2.7:80/tcp]}\n' >> "
		 "$DIR/shunt.yaml; $SHUNT apply $DIR/shunt.yaml",
		 0, "done", ""},
		{"$SHUNT service list", 0, "tcp    auto   t.yaml  192.0.2.7:80/tcp\n", ""},
		{"$SHUNT export t.yaml", 0, "services:\n- name: t\n  vips:\n", ""},
		{"$SHUNT check $DIR/shunt.yaml", 1, "", "a service that a file of services has; leave it out here"},
		{"$SHUNT export --main | grep -c 'name: t\\|t.yaml'", 1, "0\n", ""},
		{"rm -r $DIR/services.d $DIR/shunt.yaml", 0, "", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("cli-files", tests, start_cli, stop_fake);
}
