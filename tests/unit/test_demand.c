/* SPDX-License-Identifier: GPL-2.0 */
/* The states of what is on demand, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../user/shuntd/demand.h"

#define IDLE 10000
#define TIMEOUT 5000

/* The world, with what was asked of it. */
static struct {
	struct demand d;
	uint64_t now;
	bool passes, in_window;
	uint64_t packets;
	unsigned int starts, stops, kills, failures;
	char why[256], failure[256];
	bool ends_at_once, ends_well; /* of hooks */
} w;

static void run(void *arg, enum demand_hook hook)
{
	(void)arg;
	*(hook == DEMAND_START ? &w.starts : &w.stops) += 1;
	if (w.ends_at_once)
		demand_ended(&w.d, w.now, w.ends_well, "exit status 3");
}

static void kill_hook(void *arg)
{
	(void)arg;
	w.kills++;
}

static void changed(void *arg, enum demand_state from, enum demand_state to, const char *why)
{
	(void)arg;
	assert_int_not_equal(from, to);
	assert_int_equal(w.d.state, to);
	snprintf(w.why, sizeof(w.why), "%s", why);
}

static void failed(void *arg, const char *why)
{
	(void)arg;
	w.failures++;
	snprintf(w.failure, sizeof(w.failure), "%s", why);
}

static const struct demand_ops ops = {run, kill_hook, changed, failed};

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	demand_init(&w.d, w.now, &ops, NULL);
	w.d.idle = IDLE;
	w.d.timeout = TIMEOUT;
	w.d.has_stop = w.d.checked = true;
	return 0;
}

/* So many ms pass, a tick every 250. */
static void pass(uint64_t ms)
{
	for (uint64_t end = w.now + ms; w.now < end;) {
		w.now += 250;
		demand_count(&w.d, w.now, w.packets);
		demand_tick(&w.d, w.now, w.passes, w.in_window);
	}
}

static void be(enum demand_state state)
{
	demand_restore(&w.d, w.now, state, false);
}

static void test_found_asleep(void **state)
{
	(void)state;
	pass(DEMAND_FIND_MS - 250);
	assert_int_equal(w.d.state, DEMAND_UNKNOWN);
	pass(250);
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
	assert_int_equal(w.starts + w.stops, 0);
}

static void test_found_awake(void **state)
{
	(void)state;
	w.passes = true;
	pass(250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	assert_int_equal(w.starts + w.stops, 0);
}

static void test_asked_for_while_unknown(void **state)
{
	(void)state;
	demand_want(&w.d, w.now, "a packet");
	pass(250);
	assert_int_equal(w.d.state, DEMAND_UNKNOWN);
	pass(DEMAND_FIND_MS);
	assert_int_equal(w.d.state, DEMAND_WAKING);
	assert_int_equal(w.starts, 1);
}

static void test_wakes(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	demand_want(&w.d, w.now, "a packet from 10.0.0.2");
	assert_int_equal(w.d.state, DEMAND_WAKING);
	assert_string_equal(w.why, "a packet from 10.0.0.2");
	demand_want(&w.d, w.now, "another packet");
	assert_int_equal(w.starts, 1);
	pass(1000);
	demand_ended(&w.d, w.now, true, "exit status 0");
	pass(1000);
	assert_int_equal(w.d.state, DEMAND_WAKING);
	w.passes = true;
	pass(250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	assert_int_equal(w.starts, 1);
	assert_int_equal(w.failures, 0);
}

static void test_not_checked(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	w.d.checked = false;
	w.passes = true; /* as what is not checked always does */
	demand_want(&w.d, w.now, "a packet");
	pass(1000);
	assert_int_equal(w.d.state, DEMAND_WAKING);
	demand_ended(&w.d, w.now, true, "exit status 0");
	pass(250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
}

static void test_check_before_hook(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	demand_want(&w.d, w.now, "a packet");
	w.passes = true;
	pass(250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	demand_ended(&w.d, w.now, false, "exit status 3");
	assert_int_equal(w.failures, 1);
	pass(IDLE / 2);
	assert_int_equal(w.starts, 1);
}

static void test_hook_fails(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	w.ends_at_once = true;
	demand_want(&w.d, w.now, "a packet");
	assert_string_equal(w.failure, "start: exit status 3; another try in 1 s");
	pass(750);
	assert_int_equal(w.starts, 1);
	pass(250);
	assert_int_equal(w.starts, 2);
	assert_string_equal(w.failure, "start: exit status 3; another try in 2 s");
	pass(2000);
	assert_int_equal(w.starts, 3);
	w.ends_well = true;
	pass(4000);
	assert_int_equal(w.starts, 4);
	w.passes = true;
	pass(250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
}

static void test_backoff_has_an_end(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	w.ends_at_once = true;
	demand_want(&w.d, w.now, "a packet");
	for (int minute = 0; minute < 10; minute++) {
		demand_want(&w.d, w.now, "another packet");
		pass(60000);
	}
	assert_string_equal(w.failure, "start: exit status 3; another try in 60 s");
	assert_int_equal(w.starts, 15); /* after 1, 2, 4, ... 32 s, then every minute */
}

static void test_hand_does_not_wait(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	w.ends_at_once = true;
	demand_want(&w.d, w.now, "a packet");
	pass(15000);
	assert_int_equal(w.starts, 5);
	w.ends_well = true;
	demand_wake(&w.d, w.now, "a hand");
	pass(250);
	assert_int_equal(w.starts, 6);
}

static void test_nobody_asks_any_more(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	w.ends_at_once = true;
	demand_want(&w.d, w.now, "a packet");
	pass(DEMAND_PATIENCE_MS - 250);
	assert_int_equal(w.d.state, DEMAND_WAKING);
	pass(250);
	assert_int_equal(w.d.state, DEMAND_STOPPING);
	w.ends_well = true;
	pass(DEMAND_SETTLE_MS + 250);
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
	assert_int_equal(w.stops, 1);
}

static void test_hook_hangs(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	demand_want(&w.d, w.now, "a packet");
	pass(TIMEOUT - 250);
	assert_int_equal(w.kills, 0);
	pass(250);
	assert_int_equal(w.kills, 1);
	assert_string_equal(w.failure, "start: did not end within 5000 ms and was killed; another try in 1 s");
	pass(1000);
	assert_int_equal(w.starts, 2);
}

static void test_no_check_passes(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	w.ends_at_once = w.ends_well = true;
	demand_want(&w.d, w.now, "a packet");
	pass(TIMEOUT);
	assert_string_equal(w.failure, "started, but no check has passed for 5000 ms; another try in 1 s");
	pass(1000);
	assert_int_equal(w.starts, 2);
}

static void test_idle(void **state)
{
	(void)state;
	be(DEMAND_AWAKE);
	w.passes = true;
	for (int i = 0; i < 20; i++) {
		w.packets++;
		pass(IDLE - 250);
	}
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	w.packets++;
	pass(250);
	pass(IDLE - 250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	pass(250);
	assert_int_equal(w.d.state, DEMAND_STOPPING);
	assert_string_equal(w.why, "no packets for 10 s");
	pass(DEMAND_SETTLE_MS - 250);
	assert_int_equal(w.stops, 0);
	pass(250);
	assert_int_equal(w.stops, 1);
	assert_true(demand_rests(&w.d));
	demand_ended(&w.d, w.now, true, "exit status 0");
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
}

static void stop_by_idleness(void)
{
	be(DEMAND_AWAKE);
	w.passes = true;
	pass(IDLE);
	assert_int_equal(w.d.state, DEMAND_STOPPING);
}

static void test_packets_before_it_is_stopped(void **state)
{
	(void)state;
	stop_by_idleness();
	w.packets++;
	pass(250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	pass(IDLE - 250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	assert_int_equal(w.starts + w.stops, 0);
}

static void test_asked_for_before_it_is_stopped(void **state)
{
	(void)state;
	stop_by_idleness();
	demand_want(&w.d, w.now, "a packet");
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	assert_int_equal(w.starts + w.stops, 0);
}

static void test_asked_for_while_it_is_stopped(void **state)
{
	(void)state;
	stop_by_idleness();
	pass(DEMAND_SETTLE_MS);
	assert_int_equal(w.stops, 1);
	w.packets++; /* of connections that were left, too late */
	demand_want(&w.d, w.now, "a packet");
	pass(250);
	assert_int_equal(w.d.state, DEMAND_STOPPING);
	demand_ended(&w.d, w.now, true, "exit status 0");
	assert_int_equal(w.d.state, DEMAND_WAKING);
	assert_int_equal(w.starts, 1);
}

static void test_stop_fails(void **state)
{
	(void)state;
	stop_by_idleness();
	w.ends_at_once = true;
	pass(DEMAND_SETTLE_MS);
	assert_string_equal(w.failure, "stop: exit status 3; another try in 1 s");
	pass(1000);
	assert_int_equal(w.stops, 2);
	demand_want(&w.d, w.now, "a packet"); /* who is wanted is not stopped again */
	pass(250);
	assert_int_equal(w.d.state, DEMAND_WAKING);
	assert_int_equal(w.stops, 2);
}

static void test_nothing_to_stop(void **state)
{
	(void)state;
	w.d.has_stop = false;
	stop_by_idleness();
	pass(DEMAND_SETTLE_MS);
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
	assert_int_equal(w.stops, 0);
}

static void test_sleep_by_hand(void **state)
{
	(void)state;
	be(DEMAND_AWAKE);
	w.ends_at_once = w.ends_well = true;
	assert_true(demand_sleep(&w.d, w.now, "a hand"));
	w.packets += 100;
	pass(DEMAND_SETTLE_MS);
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
	assert_false(demand_sleep(&w.d, w.now, "a hand"));
}

static void test_sleep_while_waking(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	demand_want(&w.d, w.now, "a packet");
	assert_true(demand_sleep(&w.d, w.now, "a hand"));
	assert_int_equal(w.kills, 1);
	pass(DEMAND_SETTLE_MS);
	assert_int_equal(w.stops, 1);
}

static void test_window(void **state)
{
	(void)state;
	be(DEMAND_ASLEEP);
	w.ends_at_once = w.ends_well = w.passes = w.in_window = true;
	pass(250);
	assert_int_equal(w.starts, 1);
	pass(250);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	pass(10 * IDLE);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	w.in_window = false; /* and has been idle for long */
	pass(DEMAND_SETTLE_MS + 250);
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
}

/* Who sends it to sleep within its window means it: only the next window wakes it, or who asks for it. */
static void test_sleep_in_window(void **state)
{
	(void)state;
	test_window(state);
	w.in_window = true;
	pass(500);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	demand_sleep(&w.d, w.now, "a hand");
	pass(10 * IDLE);
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
	w.in_window = false;
	pass(250);
	w.in_window = true;
	pass(250);
	assert_int_not_equal(w.d.state, DEMAND_ASLEEP);
}

static void test_restart(void **state)
{
	static const enum demand_state rests[] = {DEMAND_ASLEEP, DEMAND_AWAKE};

	for (size_t i = 0; i < 2; i++) {
		begin(state);
		be(rests[i]);
		w.passes = rests[i] == DEMAND_AWAKE;
		w.packets = 12345; /* counted before, and no news */
		pass(IDLE - 250);
		assert_int_equal(w.d.state, rests[i]);
		assert_int_equal(w.starts + w.stops, 0);
	}
}

/* The hook may have been killed with the daemon, or have done its work. */
static void test_restart_while_waking(void **state)
{
	(void)state;
	be(DEMAND_WAKING);
	pass(DEMAND_RESUME_MS - 250);
	assert_int_equal(w.starts, 0);
	pass(250);
	assert_int_equal(w.starts, 1);
	begin(state);
	be(DEMAND_WAKING);
	w.passes = true;
	pass(10 * DEMAND_RESUME_MS - 1000);
	assert_int_equal(w.d.state, DEMAND_AWAKE);
	assert_int_equal(w.starts, 0);
}

static void test_restart_while_stopping(void **state)
{
	(void)state;
	be(DEMAND_STOPPING);
	w.packets = 12345;
	w.passes = w.ends_at_once = w.ends_well = true;
	pass(DEMAND_SETTLE_MS);
	assert_int_equal(w.stops, 1);
	assert_int_equal(w.d.state, DEMAND_ASLEEP);
}

static void test_names(void **state)
{
	(void)state;
	for (enum demand_state s = DEMAND_UNKNOWN; s < DEMAND_STATES; s++)
		assert_int_equal(demand_state_of(demand_state_name(s)), s);
	assert_int_equal(demand_state_of("nothing"), DEMAND_STATES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_found_asleep, begin),
		cmocka_unit_test_setup(test_found_awake, begin),
		cmocka_unit_test_setup(test_asked_for_while_unknown, begin),
		cmocka_unit_test_setup(test_wakes, begin),
		cmocka_unit_test_setup(test_not_checked, begin),
		cmocka_unit_test_setup(test_check_before_hook, begin),
		cmocka_unit_test_setup(test_hook_fails, begin),
		cmocka_unit_test_setup(test_backoff_has_an_end, begin),
		cmocka_unit_test_setup(test_hand_does_not_wait, begin),
		cmocka_unit_test_setup(test_nobody_asks_any_more, begin),
		cmocka_unit_test_setup(test_hook_hangs, begin),
		cmocka_unit_test_setup(test_no_check_passes, begin),
		cmocka_unit_test_setup(test_idle, begin),
		cmocka_unit_test_setup(test_packets_before_it_is_stopped, begin),
		cmocka_unit_test_setup(test_asked_for_before_it_is_stopped, begin),
		cmocka_unit_test_setup(test_asked_for_while_it_is_stopped, begin),
		cmocka_unit_test_setup(test_stop_fails, begin),
		cmocka_unit_test_setup(test_nothing_to_stop, begin),
		cmocka_unit_test_setup(test_sleep_by_hand, begin),
		cmocka_unit_test_setup(test_sleep_while_waking, begin),
		cmocka_unit_test_setup(test_window, begin),
		cmocka_unit_test_setup(test_sleep_in_window, begin),
		cmocka_unit_test_setup(test_restart, begin),
		cmocka_unit_test_setup(test_restart_while_waking, begin),
		cmocka_unit_test_setup(test_restart_while_stopping, begin),
		cmocka_unit_test_setup(test_names, begin),
	};

	return cmocka_run_group_tests_name("demand", tests, NULL, NULL);
}
