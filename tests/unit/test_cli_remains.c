/* SPDX-License-Identifier: GPL-2.0 */
/* What is said of a daemon that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "../../user/shunt/remains.h"

#define NOW 1700000012u

static const struct row {
	struct remains remains;
	const char *text;
} rows[] = {
	{{REMAINS_NOTHING, 0, ENOENT},
	 "nothing is forwarded: no maps are pinned in /pins (--pin-dir names another directory)"},
	{{REMAINS_HIDDEN, 0, EACCES},
	 "whether packets are forwarded is not known: /pins: Permission denied; run as root"},
	{{REMAINS_MAPS, NOW - 12, 0},
	 "shuntd is not running (last seen 12s ago, 2023-11-14 22:13:20 UTC), and nothing is forwarded: no program "
	 "uses "
	 "the maps in /pins"},
	{{REMAINS_PROGRAM, NOW - 12, 0},
	 "shuntd is not running (last seen 12s ago, 2023-11-14 22:13:20 UTC); packets are forwarded as it left them: "
	 "health checks, drains and windows stand still"},
	{{REMAINS_PROGRAM, 0, 0},
	 "shuntd is not running; packets are forwarded as it left them: health checks, drains and windows stand still"},
	{{REMAINS_PROGRAM, NOW - 2, 0},
	 "shuntd has only just ended (last seen 2s ago, 2023-11-14 22:13:30 UTC), or has another socket; packets are "
	 "forwarded"},
	{{REMAINS_PROGRAM, NOW + 60, 0},
	 "shuntd is not running (last seen 2023-11-14 22:14:32 UTC, says its clock); packets are forwarded as it left "
	 "them: health checks, drains and windows stand still"},
};

static void texts(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = remains_text(&rows[i].remains, "/pins", NOW);

		assert_string_equal(text, rows[i].text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests_name("cli-remains", tests, NULL, NULL);
}
