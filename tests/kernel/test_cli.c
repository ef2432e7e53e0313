/* SPDX-License-Identifier: GPL-2.0 */
/* The built command against a daemon without a datapath: what it prints where, and its exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli_run.h"

static void texts(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT version", 0, "shuntd " SHUNT_VERSION " (map format 2)", ""},
		{"$SHUNT status", 0, "eth0       yes       native  no      77", ""},
		{"$SHUNT stats", 0, "web      all      all             -        2.0 k  18.0 PB\n", ""},
		{"$SHUNT stats", 0, "no_backend       drop          8   800 B  for a VIP, but no backend", ""},
		{"$SHUNT stats dns", 0, "dns      default  2001:db8:1::11  down     1.0 k  9.0 PB\n", ""},
		{"$SHUNT service list", 0, "dns    0         1  none   auto   192.0.2.53:53/udp and 1 more\n", ""},
		{"$SHUNT service show web", 0, "check:\n  type: http\n  via: tunnel\n  path: /healthz\n", ""},
		{"$SHUNT service show web", 0, "udp: keep\nidle_timeout: 900\ndrain_timeout: 3600\n", ""},
		{"$SHUNT service show web", 0, "10.1.0.12     100  drain  up", ""},
		{"$SHUNT service show web", 0,
		 "drained by an operator: 120 connections recorded, 3000 slots still recording\n", ""},
		{"$SHUNT stats dns | grep -c forwarded", 1, "0\n", ""},
		{"$SHUNT backend list dns", 0, "2001:db8:1::11     100  down", ""},
		{"$SHUNT help service", 0, "  service delete NAME... [--force]\n        delete services", ""},
		{"$SHUNT backend --help", 0, "  backend drain SERVICE ADDRESS... [--wait] [--timeout SECONDS]\n", ""},
		{"$SHUNT -h", 0, "exit status: 0 done, 1 refused, 2 wrong usage, 3 daemon not reachable", ""},
		{"$SHUNT stats --watch 0.1 web | head -2", 0,
		 "web      all      all        -              0      0 B\n", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void refusals(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT", 2, "", "shunt: expected a command"},
		{"$SHUNT stauts", 2, "", "did you mean \"status\"?"},
		{"$SHUNT st", 2, "", "ambiguous: status or stats"},
		{"$SHUNT service", 2, "", "shunt: service: expected a verb"},
		{"$SHUNT service lits", 2, "", "did you mean \"list\"?"},
		{"$SHUNT status now", 2, "", "argument \"now\": status takes no arguments"},
		{"$SHUNT --jsn status", 2, "", "shunt: --jsn: unknown option"},
		{"$SHUNT -s", 2, "", "expected the path"},
		{"$SHUNT backend add web 10.1.0.300", 2, "", "argument \"10.1.0.300\""},
		{"$SHUNT stats --watch=x", 2, "", "argument \"--watch=x\""},
		{"$SHUNT stats no", 1, "", "no service \"no\""},
		{"$SHUNT service show no/../web", 1, "", "shunt: no service \"no/../web\""},
		{"$SHUNT backend delete web 10.1.0.99", 1, "", "changes[0].address: no backend 10.1.0.99"},
		{"$SHUNT backend set web 10.1.0.11 weight=70000", 1, "", "expected 0 to 65535"},
		{"$SHUNT service add too-many vip=192.0.2.77:1/tcp", 1, "", "shunt: limits.destinations: full"},
		{"$SHUNT reload", 1, "", "shunt.yaml"},
		{"$SHUNT stats >/dev/full", 1, "", "shunt: stdout: cannot be written"},
		{"$SHUNT -s $DIR/none status", 3, "",
		 "/none: no daemon answers here (No such file or directory); start it"},
		{"$SHUNT --socket=$DIR/none version", 0, "shuntd not reachable at", ""},
		{"$SHUNT -s $(printf 'x%.0s' $(seq 120)) status", 3, "", "no daemon answers here"},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void changes(void **state)
{
	static const struct cli_row rows[] = {
		/* one of two is refused: none is made */
		{"$SHUNT backend add web 10.1.0.15 + backend delete web 10.1.0.99", 1, "", "changes[1]"},
		{"$SHUNT backend add web 10.1.0.15 weight=7 + backend delete web 10.1.0.11", 0,
		 "backend 10.1.0.15 of web added\nbackend 10.1.0.11 of web deleted\n", ""},
		{"$SHUNT backend set web 10.1.0.15 weight=7", 0, "nothing to change (generation 2)\n", ""},
		{"$SHUNT backend set web 10.1.0.15 pool=default", 0, "nothing to change (generation 2)\n", ""},
		{"$SHUNT export > $DIR/e.yaml; $SHUNT apply $DIR/e.yaml", 0, "nothing to change (generation 2)\n", ""},
		{"$SHUNT check $DIR/e.yaml", 0, "e.yaml: valid, services 2, backends 3\n", ""},
		{"sed -i 's/weight: 7/weight: x/' $DIR/e.yaml; $SHUNT apply $DIR/e.yaml", 1, "",
		 ": services[web].backends[10.1.0.15].weight: "},
		{"$SHUNT -s /none check $DIR/e.yaml", 1, "", ": services[web].backends[10.1.0.15].weight: "},
		{"$SHUNT apply - < $DIR/e.yaml", 1, "", "stdin:"},
		{"sed -i '/weight: x/d; /state: drain/d' $DIR/e.yaml; $SHUNT apply $DIR/e.yaml", 0,
		 "done (generation 3)\nwarning: services[web].backends[10.1.0.12]: was drained", ""},
		{"rm $DIR/e.yaml; $SHUNT apply $DIR/e.yaml", 1, "", "/e.yaml: cannot be read: No such file"},
		{"$SHUNT backend add web 10.1.0.16 pool=green", 0, "backend 10.1.0.16 of web added\n", ""},
		{"$SHUNT backend list web", 0, "web      green    10.1.0.16     100  ", ""},
		{"$SHUNT export | sed '0,/^  encap:/s//  sources: {pools: {green: [{file: l}]}}\\n&/' > $DIR/e.yaml; "
		 "$SHUNT apply $DIR/e.yaml",
		 1, "", "sources.pools.green[0].file: "},
		{"printf '10.8.0.0/16 # testers\n10.9.0/16' > $DIR/l; $SHUNT apply $DIR/e.yaml", 1, "",
		 "/l:2: services[web].sources.pools.green[10.9.0/16]: \"10.9.0/16\" is not a prefix"},
		{"sed -i 2d $DIR/l; $SHUNT check $DIR/e.yaml && cd $DIR && $SHUNT apply - < e.yaml", 0,
		 "done (generation 5)\n", ""},
		{"rm $DIR/l; $SHUNT export | grep -A2 green:", 0, "      green:\n      - 10.8.0.0/16\n", ""},
		{"$SHUNT service show web", 0, "sources:\n  allow: 0\n  deny: 0\n  pools:\n    green: 1\n", ""},
		{"$SHUNT backend set web 10.1.0.16 pool=blue", 1, "",
		 "no backend of service \"web\" is in pool \"green\""},
		{"rm $DIR/e.yaml", 0, "", ""},
		{"$SHUNT service set web idle_timeout=0", 1, "",
		 "services[web].idle_timeout: 0 is out of range; expected 1 to 14400"},
		{"$SHUNT service set web udp=track", 1, "",
		 "services[web].udp: track, but no VIP of the service is UDP"},
		{"$SHUNT ser del dns web", 0, "service dns deleted\nservice web deleted\n", ""},
		{"$SHUNT service list", 0, "NAME  UP  BACKENDS  CHECK  ENCAP  VIPS\n", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

/* Weights are the fake's slots. */
static void pools(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT service add web vip=192.0.2.9:80/tcp backend=10.1.0.11 backend=10.1.0.12", 0,
		 "service web added\n", ""},
		{"$SHUNT backend add web 10.1.0.21 pool=green + backend add web 10.1.0.22 pool=green weight=0 "
		 "state=drain",
		 0, "10.1.0.22 of web added", ""},
		{"$SHUNT pool list", 0,
		 "SERVICE  POOL     SHARE     ASKED     NOW  UP  BACKENDS  NEEDS  SOURCES  STATE\n"
		 "web      default    100  100.00 %  ",
		 ""},
		{"$SHUNT pool share web green=20", 1, "",
		 "shunt: pool share: pool \"default\" has a share now (100) and is not named; expected "
		 "default=SHARE as well (0: no new connections)"},
		{"$SHUNT pool share web green=20 default=60", 0, "service web changed\n", ""},
		{"$SHUNT pool share web default=60 green=20", 0, "nothing to change", ""},
		{"$SHUNT pool show web", 0, "web      green       20  25.00 %  ", ""},
		{"$SHUNT pool show web", 0, "web      green    10.1.0.22       0  drain", ""},
		{"$SHUNT service show web", 0, "pools:\n  default: 60\n  green: 20\n", ""},
		{"$SHUNT pool set web green min_healthy=50% + x", 2, "", "argument \"+\": expected KEY=VALUE"},
		{"$SHUNT pool set web green min_healthy=half", 2, "",
		 "argument \"min_healthy=half\": expected a number of backends such as 2, or percent such as 50%"},
		{"$SHUNT pool set web green colour=red", 2, "",
		 "argument \"colour=red\": unknown key \"colour\", expected share, backup or min_healthy"},
		{"$SHUNT pool set web green", 2, "", "pool set: expected SERVICE, POOL and KEY=VALUE..."},
		{"$SHUNT pool set web green min_healthy=50%", 0, "pool green of web changed\n", ""},
		{"$SHUNT pool set web green backup=true", 1, "",
		 "services[web].pools.green.min_healthy: of a backup pool, behind which nobody serves"},
		{"$SHUNT pool set web green backup=true min_healthy=0 share=1", 0, "pool green of web changed\n", ""},
		{"$SHUNT pool show web", 0, "web      green        1    backup  ", ""},
		{"$SHUNT service show web", 0, "pools:\n  default: 60\n  green:\n    backup: true\n    share: 1\n", ""},
		{"$SHUNT pool set web green backup=false share=20", 0, "pool green of web changed\n", ""},
		{"$SHUNT pool share web green=0 default=0", 1, "", "services[web].pools: no pool has a share"},
		{"$SHUNT pool share web grene=1 default=1 green=1", 1, "",
		 "services[web].pools.grene: no backend of service \"web\" is in pool \"grene\"; did you mean "
		 "\"green\"?; expected one with `pool: grene`"},
		{"$SHUNT pool share web green=65536 default=1", 1, "", "65536 is out of range; expected 0 to 65535"},
		{"$SHUNT pool share web", 2, "", "shunt: pool share: expected SERVICE and POOL=SHARE..."},
		{"$SHUNT pool share web green", 2, "", "argument \"green\": expected POOL=SHARE, such as green=20"},
		{"$SHUNT pool share web green=5% default=1", 2, "", "argument \"green=5%\": expected POOL=SHARE"},
		{"$SHUNT pool share web green=1 green=2", 2, "", "argument \"green=2\": given twice"},
		{"$SHUNT pool share wbe green=1", 1, "", "no service \"wbe\""},
		{"$SHUNT backend drain web 10.1.0.21", 0, "backend 10.1.0.21 of web drains\n", ""},
		{"$SHUNT pool switch web green", 1, "",
		 "pool switch: no backend of pool \"green\" is available, so that new connections would be dropped "
		 "(`shunt backend list web` says why); expected --force"},
		{"$SHUNT pool switch web green --force", 0, "service web changed\n", ""},
		{"$SHUNT pool show web", 0, "web      default      0    0.00 %", ""},
		{"$SHUNT pool switch web blue --force", 1, "", "services[web].pools.blue: no backend"},
		{"$SHUNT pool switch web", 2, "", "pool switch: expected SERVICE and POOL"},
		{"$SHUNT pool switch web green blue", 2, "", "argument \"blue\": pool switch takes SERVICE and POOL"},
		{"$SHUNT pool switch web default", 0, "service web changed\n", ""},
		{"$SHUNT pool delete web green", 0, "pool green of web deleted\n", ""},
		{"$SHUNT pool delete web green", 1, "", "no pool \"green\" in `pools` of service \"web\""},
		{"$SHUNT pool delete web", 2, "", "pool delete: expected SERVICE and POOL"},
		{"$SHUNT backend delete web 10.1.0.21 10.1.0.22", 0, "deleted", ""},
		{"$SHUNT backend delete web 10.1.0.11 10.1.0.12", 1, "",
		 "services[web].pools.default: no backend of service \"web\" is in pool \"default\""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void json(void **state)
{
	static const struct cli_json_row rows[] = {
		{"$SHUNT --json status", 0, "interfaces"},
		{"$SHUNT status --json", 0, "interfaces"},
		{"$SHUNT --json stats", 0, "reasons"},
		{"$SHUNT --json stats --watch 0.1 | head -1", 0, "seconds"},
		{"$SHUNT --json service list", 0, "services"},
		{"$SHUNT --json service show web", 0, "vips"},
		{"$SHUNT --json backend list dns", 0, "services"},
		{"$SHUNT --json export", 0, "interfaces"},
		{"$SHUNT --json version", 0, "daemon"},
		{"$SHUNT --json help", 0, "commands"},
		{"$SHUNT --json backend drain web 10.1.0.12", 0, "changed"},
		{"$SHUNT --json nonsense", 2, "detail"},
		{"$SHUNT --json backend add web $(printf '\\377')", 2, "where"},
		{"$SHUNT --json service show no", 1, "status"},
		{"$SHUNT --json -s /none status", 3, "detail"},
	};

	(void)state;
	cli_json_rows(rows, COUNT(rows));
}

static void endings(void **state)
{
	struct cli_result r;

	(void)state;
	/* once there is output, the command is past its start */
	cli_run(&r,
		"$SHUNT stats --watch 0.1 > $DIR/w & p=$!; while ! [ -s $DIR/w ]; do sleep 0.05; done; kill -INT $p; "
		"wait $p; s=$?; rm $DIR/w; exit $s");
	assert_int_equal(r.status, 0);
	cli_run(&r, "$SHUNT detach");
	assert_string_equal(r.out, "done (generation 17)\n");
	assert_int_equal(fake_daemon_wait(&fake), 0);
}

int main(void)
{
	/* In this order: each goes on from the configuration that the last one left. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),   cmocka_unit_test(refusals), cmocka_unit_test(json),
		cmocka_unit_test(changes), cmocka_unit_test(pools),    cmocka_unit_test(endings),
	};

	return cmocka_run_group_tests_name("cli", tests, start_cli, stop_fake);
}
