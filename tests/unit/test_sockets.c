/* SPDX-License-Identifier: GPL-2.0 */
/* The path of the socket for reading, from that of the other one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../user/lib/sockets.h"

static void names(void **state)
{
	static const char *const rows[][2] = {
		{"/run/shunt/shunt.sock", "/run/shunt/shunt-ro.sock"},
		{"x.sock", "x-ro.sock"},
		{"/run/shunt", "/run/shunt-ro"},
		{"/run/a.sock.d/x", "/run/a.sock.d/x-ro"},
		{"/run/.sock", "/run/.sock-ro"},
		{".sock", ".sock-ro"},
		{"", "-ro"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *path = socket_for_reading(rows[i][0]);

		assert_string_equal(path, rows[i][1]);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
