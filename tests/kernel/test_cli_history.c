/* SPDX-License-Identifier: GPL-2.0 */
/* plan, history, diff and rollback as the built command prints them, and their exit statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli_run.h"

static void in_order(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT export > $DIR/e.yaml; $SHUNT plan $DIR/e.yaml", 0, "nothing would change\n", ""},
		{"$SHUNT history", 0, "  start  the first\n", ""},
		{"$SHUNT rollback", 1, "", "shunt: there is no revision before 1, which is in force\n"},
		{"$SHUNT diff 1", 0, "no difference\n", ""},
		{"sed -i 's/\\(- address: 10.1.0.11\\)/\\1\\n    mac: 02:00:00:00:00:09/; s/state: drain/state: up/' "
		 "$DIR/e.yaml; $SHUNT plan $DIR/e.yaml",
		 4,
		 "+ services[web].backends[10.1.0.11].mac: 02:00:00:00:00:09\n"
		 "~ services[web].backends[10.1.0.12].state: drain -> up\n\n"
		 "web: ",
		 ""},
		{"$SHUNT plan $DIR/e.yaml", 4, " of 65537 slots move (", ""},
		{"$SHUNT plan $DIR/e.yaml", 4, "\n  10.1.0.12: 0 -> ", ""},
		{"$SHUNT plan $DIR/e.yaml", 4, "\n  connections that would be tracked: ", ""},
		{"$SHUNT plan $DIR/e.yaml", 4, "slot at this service's last changes); tracked now: 126\n", ""},
		{"$SHUNT plan $DIR/e.yaml", 4, "\nconnections tracked now, of all services: 126, room for 524288\n",
		 ""},
		{"$SHUNT plan - < $DIR/e.yaml | grep -c state", 0, "1\n", ""},
		{"$SHUNT history | wc -l", 0, "2\n", ""},
		{"$SHUNT apply $DIR/e.yaml", 0, "done", ""},
		{"$SHUNT history | sed -n 2p", 0, "  PUT /v1/config ", ""},
		{"$SHUNT history | sed -n 2p | grep -c \" $(id -un) \"", 0, "1\n", ""},
		{"$SHUNT diff 1", 4, "~ services[web].backends[10.1.0.12].state: drain -> up\n", ""},
		{"$SHUNT diff 1 2", 4, "~ services[web].backends[10.1.0.12].state: drain -> up\n", ""},
		{"$SHUNT diff 2 1", 4, "~ services[web].backends[10.1.0.12].state: up -> drain\n", ""},
		{"$SHUNT rollback", 0, "as in revision 1 again (revision 3, generation 3)\n", ""},
		{"$SHUNT rollback 1", 0, "nothing to change: revision 1 says what is in force\n", ""},
		{"$SHUNT rollback", 0, "as in revision 2 again (revision 4, generation 4)\n", ""},
		{"$SHUNT rollback 1", 0, "as in revision 1 again (revision 5, generation 5)\n", ""},
		{"$SHUNT service add new vip=192.0.2.9:1/tcp", 0, "service new added\n", ""},
		{"$SHUNT diff 5", 4, "+ services[new]\n+     name: new\n+     vips:\n+     - 192.0.2.9:1/tcp\n", ""},
		{"$SHUNT diff 6 5", 4, "- services[new]\n", ""},
		{"$SHUNT export | sed '/name: new/,$d' > $DIR/e.yaml; $SHUNT plan $DIR/e.yaml", 4,
		 "- services[new]\n\nnew: goes, with all of its connections\n", ""},
		{"printf 'interfaces: [eth0]\\nservices:\\n- {name: n2, vips: [\"192.0.2.8:1/tcp\"]}\\n' | $SHUNT plan "
		 "-",
		 4, "\nn2: new, 65537 slots\n", ""},
		{"$SHUNT service set dns hash=destination-port >/dev/null; $SHUNT export | "
		 "sed 's/inputs: dest.*/inputs: 5-tuple/' | $SHUNT plan -",
		 4, "\ndns: 0 of 65537 slots move (0.0 %); nearly every flow gets another slot\n", ""},
		{"$SHUNT plan - < /dev/null", 1, "", "stdin"},
		{"rm $DIR/e.yaml", 0, "", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

/* Of a command: what it would change is said, and is not so afterwards. */
static void of_commands(void **state)
{
	static const char drained[] = "+ services[web].backends[10.1.0.11].state: drain\n";
	static const struct cli_row rows[] = {
		{"$SHUNT plan backend drain web 10.1.0.11", 4, drained, ""},
		{"$SHUNT plan backend drain web 10.1.0.11 --wait", 4, drained, ""},
		{"$SHUNT plan backend dr web 10.1.0.11", 4, " of 65537 slots move (", ""},
		{"$SHUNT plan backend drain web 10.1.0.12", 0, "nothing would change\n", ""},
		{"$SHUNT plan backend drain web 10.1.0.11 + backend delete web 10.1.0.11", 4,
		 "- services[web].backends[10.1.0.11]\n", ""},
		{"$SHUNT plan service delete web", 4, "- services[web]\n", ""},
		{"$SHUNT plan pool share web default=1", 4, "+ services[web].pools", ""},
		{"$SHUNT plan service delete none", 1, "", "no service \"none\""},
		{"$SHUNT plan backend weigh web 10.1.0.11", 2, "", "unknown verb \"weigh\""},
		{"$SHUNT plan backend drain", 2, "", "plan takes one FILE"},
		{"$SHUNT plan backend show web 10.1.0.11", 2, "", "unknown verb \"show\""},
		{"$SHUNT plan service show web web", 2, "",
		 "shunt: plan: \"service show\" is not a change; expected FILE"},
		{"$SHUNT plan detach now at once", 2, "", "shunt: plan: \"detach\" is not a change"},
		{"$SHUNT plan plan backend drain web 10.1.0.11", 2, "", "shunt: plan: \"plan\" is not a change"},
		{"$SHUNT --json plan backend drain web 10.1.0.11 | jq -r '.services[0].name'", 0, "web\n", ""},
		{"$SHUNT export | grep -A3 10.1.0.11 | grep -c state", 1, "0\n", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void guarded(void **state)
{
	static const char busy[] = "shunt: services[busy]: had 42 packets within the last minute; add --force\n";
	static const struct cli_row rows[] = {
		{"$SHUNT export > $DIR/e.yaml; $SHUNT service add busy vip=192.0.2.99:80/tcp", 0,
		 "service busy added\n", ""},
		{"$SHUNT rollback", 1, "", busy},
		{"$SHUNT plan $DIR/e.yaml", 1, "", busy},
		{"$SHUNT plan $DIR/e.yaml --force", 4, "- services[busy]\n", ""},
		{"$SHUNT apply $DIR/e.yaml", 1, "", busy},
		{"EDITOR=\"cp $DIR/e.yaml\" TMPDIR=$DIR $SHUNT edit", 1, "", busy},
		{"$SHUNT rollback --force", 0, "as in revision ", ""},
		{"$SHUNT rollback", 0, "as in revision ", ""},
		{"EDITOR=\"cp $DIR/e.yaml\" TMPDIR=$DIR $SHUNT edit --force", 0, "done", ""},
		{"$SHUNT rollback && $SHUNT apply --force $DIR/e.yaml", 0, "done", ""},
		{"rm $DIR/*.yaml", 0, "", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void refusals(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT plan", 2, "", "shunt: plan: expected one FILE"},
		{"$SHUNT plan /none.yaml", 1, "", "/none.yaml"},
		{"echo 'colour: 1' | $SHUNT plan -", 1, "", "stdin:1: colour"},
		{"$SHUNT history 1", 2, "", "history takes no arguments"},
		{"$SHUNT diff", 2, "", "shunt: diff: expected N [M], numbers of revisions"},
		{"$SHUNT diff 1 2 3", 2, "", "argument \"2\": diff takes N [M]"},
		{"$SHUNT diff one", 2, "", "argument \"one\": expected the number of a revision"},
		{"$SHUNT diff 1/..", 2, "", "argument \"1/..\""},
		{"$SHUNT diff 99", 1, "", "no revision 99; `shunt history` lists those there are, from 1 to "},
		{"$SHUNT rollback -1", 2, "", "argument \"-1\""},
		{"$SHUNT rollback 1 2", 2, "", "argument \"2\": rollback takes [N]"},
		{"$SHUNT rollback 99", 1, "", "no revision 99"},
		{"$SHUNT -s /none plan /dev/null", 3, "", "/none"},
		{"$SHUNT help plan", 0, "exit status 4 if there is anything, 0 if there", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void json(void **state)
{
	static const struct cli_json_row rows[] = {
		{"$SHUNT --json history", 0, "revisions"},
		{"$SHUNT --json diff 1 2", 4, "changes"},
		{"$SHUNT --json rollback 2", 0, "to"},
		{"echo 'interfaces: [eth0]' | $SHUNT plan --json -", 4, "services"},
	};

	(void)state;
	cli_json_rows(rows, COUNT(rows));
}

int main(void)
{
	/* In this order: each goes on from the revision that the last one left. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order), cmocka_unit_test(of_commands), cmocka_unit_test(guarded),
		cmocka_unit_test(refusals), cmocka_unit_test(json),
	};

	return cmocka_run_group_tests_name("cli-history", tests, start_cli, stop_fake);
}
