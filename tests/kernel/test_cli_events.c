/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt events`: what it prints, how it asks, and how a stream ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_run.h"

/* A follower in the background; once it has written something, the rest of the line; and when there are so many lines, an interrupt. */
#define UNTIL(lines) "for i in $(seq 200); do [ $(wc -l <$DIR/out) -ge " lines " ] && break; sleep 0.05; done; "
#define FOLLOW(args, rest, lines)                                   \
	"$SHUNT " args " >$DIR/out & p=$!; " UNTIL("1") rest UNTIL( \
		lines) "kill -INT $p; wait $p; echo status $?; cat $DIR/out"

static void texts(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT events", 0, "", ""},
		{"$SHUNT service add " FAKE_EVENTFUL " vip=192.0.2.77:7/tcp + backend add " FAKE_EVENTFUL " 10.1.0.71",
		 0, "added", ""},
		{"$SHUNT events | cut -c26-", 0,
		 "backend     service eventful: backend 10.1.0.71: up -> down: what the check said: ? \"\n"
		 "config      committed by POST /v1/changes of uid ",
		 ""},
		{"$SHUNT events | grep -cE '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z '", 0, "2\n", ""},
		{"$SHUNT --json events --limit 1 --kind backend,drain", 0, "\"seq\":1,\"time_ms\":", ""},
		{"$SHUNT --json events --since 1 | grep -c '\"seq\":2,'", 0, "1\n", ""},
		{"$SHUNT events --since=1h --service eventful --backend 10.1.0.71 | wc -l", 0, "1\n", ""},
		{"$SHUNT events --service other", 0, "", ""},
		{"$SHUNT events -n 1 | wc -l", 0, "1\n", ""},
		{"$SHUNT help events", 0, "  events [--follow] [--since SEQ|AGE]", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void refusals(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT events --since", 2, "", "shunt: --since: needs a value\n"},
		{"$SHUNT events --pony", 2, "", "shunt: --pony: not understood; expected --follow, --since SEQ|AGE,"},
		{"$SHUNT events web", 2, "", "shunt: web: not understood; expected --follow"},
		{"$SHUNT events --since x", 1, "", "shunt: since: \"x\" is neither the number of an event nor an age"},
		{"$SHUNT events --kind pony", 1, "", "shunt: kind: unknown kind \"pony\", expected some of daemon,"},
		{"$SHUNT events --follow --kind pony", 1, "", "shunt: kind: unknown kind \"pony\""},
		{"$SHUNT --json events --follow --limit 0", 1, "", "\"where\": \"limit\""},
		{"$SHUNT -s $DIR/none events --follow", 3, "", "no daemon answers here"},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static void streams(void **state)
{
	static const struct cli_row rows[] = {
		{FOLLOW("--json events --follow --limit 2", "", "2"), 0, "\"seq\":2,", ""},
		{FOLLOW("events -f --since 0 --kind config", "$SHUNT backend set web 10.1.0.11 weight=3 >$DIR/said; ",
			"2"),
		 0, "status 0\n20", ""},
		{"wc -l <$DIR/out", 0, "2\n", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(refusals),
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests_name("cli-events", tests, start_cli, stop_fake);
}
