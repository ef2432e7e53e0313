/* SPDX-License-Identifier: GPL-2.0 */
/* A loop for the tests of what runs on one. What is to happen is awaited; the deadline only ends a test that has failed. */
#ifndef SHUNT_LOOP_BENCH_H
#define SHUNT_LOOP_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#define DEADLINE_NS 30000000000ull

static uv_loop_t loop;
static uv_timer_t wake; /* so that a loop without events looks at the clock */

#define AWAIT(condition)                                                     \
	do {                                                                 \
		uint64_t end_ = uv_hrtime() + DEADLINE_NS;                   \
		while (!(condition)) {                                       \
			if (uv_hrtime() > end_)                              \
				fail_msg("never came true: %s", #condition); \
			uv_run(&loop, UV_RUN_ONCE);                          \
		}                                                            \
	} while (0)

static inline void loop_wake(uv_timer_t *timer)
{
	(void)timer;
}

static inline void loop_open(void)
{
	uv_loop_init(&loop);
	uv_timer_init(&loop, &wake);
	uv_timer_start(&wake, loop_wake, 50, 50);
}

#endif
