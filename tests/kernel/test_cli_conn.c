/* SPDX-License-Identifier: GPL-2.0 */
/* What the command says of connections while rings change, and how it waits for drains. */
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
		{"$SHUNT conn", 0,
		 "connection table: 126 of 524288 entries in use; the last sweep took 12 ms\n\n"
		 "SERVICE  SLOTS  WAITING  PREPARED  MOVED  DIRTY  WINDOW  NEW  ESTABLISHED  ANCHORED  CLOSING  "
		 "REFUSED\n"
		 "web      65537       40         7   3000   3500     12s    2          100        20        4    "
		 "1.0 k\n"
		 "dns      65537        0         0      0      0       -    0            0         0        0        "
		 "0\n\n"
		 "web: 40 slots waiting until the connection table has room\n"
		 "web: 7 slots about to move\n"
		 "web: 3000 slots moved and recording their connections, for another 12s at least\n"
		 "web: 10.1.0.12 drains since 40s: 120 connections recorded, 3000 slots still recording (window ends "
		 "in "
		 "12s at the earliest); cut off in 58m 0s\n"
		 "web: " FAKE_REMOVED " was removed 1m 0s ago: 9 connections recorded; without a deadline\n\n"
		 "dns: 2001:db8:1::11 is down since 5s: 6 connections recorded; cut off in 15s\n",
		 ""},
		{"$SHUNT conn web | grep -c dns", 1, "0\n", ""},
		{"$SHUNT conn dns", 0, "SERVICE  SLOTS", ""},
		{"$SHUNT conn no", 1, "", "shunt: no service \"no\""},
		{"$SHUNT conn web dns", 2, "", "argument \"dns\": conn takes at most one SERVICE"},
		{"$SHUNT --json conn web | head -3", 0, "  \"services\": [\n    {\n", ""},
		{"$SHUNT --json conn", 0, "\"sweeps\": 33", ""},
		{"$SHUNT help conn", 0, "  conn [SERVICE]\n", ""},
		{"$SHUNT stats", 0,
		 "CONNECTIONS OF  COUNT      PACKETS  MEANING\n"
		 "web             dirty        1.0 k  packets whose slot was dirty",
		 ""},
		{"$SHUNT stats dns | grep -c CONN", 1, "0\n", ""},
		{"$SHUNT --json stats dns | grep -c sweeps", 1, "0\n", ""},
		{"$SHUNT status", 0, "connections      126   524288\n", ""},
		{"$SHUNT backend list web", 0,
		 "drained by an operator: 120 connections recorded, 3000 slots still recording\n", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

#define PROGRESS                                                                                             \
	"web: " FAKE_ENDING " drains since 0s: 5 slots not moved yet; cut off in 1h 0m\n"                    \
	"web: " FAKE_ENDING " drains since 0s: 2 connections recorded, 5 slots still recording; cut off in " \
	"1h 0m\n"                                                                                            \
	"web: " FAKE_ENDING " drains since 0s: 2 connections recorded; cut off in 1h 0m\n"                   \
	"web: " FAKE_ENDING " drains since 0s: nothing holds it any more\n"

static void waiting(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT backend drain web 10.1.0.12 --timeout 1", 2, "", "--timeout: expected together with --wait"},
		{"$SHUNT backend drain web 10.1.0.12 --wait --timeout=x", 2, "",
		 "--timeout: \"x\", expected 1 to 2592000 seconds"},
		{"$SHUNT backend drain web 10.1.0.12 --wait --timeout", 2, "", "--timeout: \"\", expected 1"},
		{"$SHUNT backend drain --wait web", 2, "", "backend drain: expected SERVICE and ADDRESS..."},
		{"$SHUNT backend drain web 10.1.0.12 --wiat", 2, "", "argument \"--wiat\""},
		/* what is held for ever, and what has nothing */
		{"$SHUNT backend drain web 10.1.0.11 --wait --timeout 1 10.1.0.12", 1,
		 "backend 10.1.0.11 of web drains\nbackend 10.1.0.12 of web drains\n"
		 "web: 10.1.0.11 drains since 0s: nothing holds it any more\n"
		 "web: 10.1.0.12 drains since 40s: 120 connections recorded, 3000 slots still recording; cut off in "
		 "58m 0s\n",
		 "shunt: backend drain: not done yet, and goes on; left: 10.1.0.12 of web (120 connections recorded, "
		 "3000 slots still recording)\n"},
		{"$SHUNT backend add web " FAKE_ENDING " + backend drain web " FAKE_ENDING, 0,
		 FAKE_ENDING " of web drains\n", ""},
		{"$SHUNT backend drain web --wait " FAKE_ENDING, 0, "(generation 3)\n" PROGRESS, ""},
		{"$SHUNT --json backend drain web 2>&1 --wait " FAKE_ENDING " | tail -1", 0,
		 "{\"service\":\"web\",\"address\":\"" FAKE_ENDING
		 "\",\"drained\":true,\"state\":\"drain\",\"slots\":0",
		 ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

/* What becomes of one that waits when somebody else changes his mind. */
static void overtaken(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT backend drain web 10.1.0.12 --wait > $DIR/w & p=$!; while ! grep -q since $DIR/w; do sleep "
		 "0.05; "
		 "done; $SHUNT backend undrain web 10.1.0.12; wait $p; s=$?; rm $DIR/w; exit $s",
		 1, "undrained", "shunt: web: 10.1.0.12 does not drain any more: somebody has changed its state"},
		{"$SHUNT backend drain web 10.1.0.12 --wait --timeout 2 > $DIR/w & p=$!; while ! grep -q since $DIR/w; "
		 "do sleep "
		 "0.05; done; $SHUNT backend delete web 10.1.0.12; wait $p; s=$?; rm $DIR/w; exit $s",
		 1,
		 "note: services[web].backends[10.1.0.12]: gets no new connections; those that it has live on until "
		 "they end, at most 3600 s (drain_timeout)\n",
		 "left: 10.1.0.12 of web (120 connections"},
		{"$SHUNT backend drain dns 2001:DB8:1:0::11 --wait > $DIR/w & p=$!; while ! grep -q since $DIR/w; do "
		 "sleep 0.05; "
		 "done; rm $DIR/w; $SHUNT service delete dns; wait $p",
		 1, "service dns deleted\n", "shunt: no service \"dns\"\n"},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

int main(void)
{
	/* In this order: each goes on from the configuration that the last one left. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(waiting),
		cmocka_unit_test(overtaken),
	};

	return cmocka_run_group_tests_name("cli-conn", tests, start_cli, stop_fake);
}
