#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Checks that fail on nearly all backends at once, while the backends serve: below the threshold all are used, but for those that an operator drained.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

export service_more='panic: 50'
# What is checked is a file, which can be taken away from a server that is well.
well() { echo >"$run/$1.nginx/www/50"; }
unwell() { rm "$run/$1.nginx/www/50"; }

begin() {
	local b
	lab_begin && write_config && sed -i 's|path: /,|path: /50,|' "$conf" || return 1
	for b in b1 b2 b3 b4; do
		nginx_start $b && well $b || return 1
	done
	shuntd_start && wait_for 20 count_is up 4
}

half_is_enough() {
	unwell b1 && unwell b2 && wait_for 10 count_is down 2 && all_answered "$vip4" b3 b4
}

less_is_not() {
	unwell b3 && wait_for 10 count_is panic 3 && all_answered "$vip4" b1 b2 b3 b4 && all_answered "[$vip6]" b1 b2 b3 b4
}

is_shown() {
	shunt backend list web
	shunt backend list web | grep -Eq '^web +default +10\.0\.2\.11 +100 +panic +down .*HTTP 404' &&
		grep 'web.*only 1 of 4 backends are healthy, fewer than .panic. asks for' "$run/shuntd.log" &&
		[ "$(shunt --json status | jq -c '.services[0].backends')" = '{"up":1,"total":4}' ]
}

daemon_restarts() {
	shuntd_end KILL && all_answered "$vip4" b1 b2 b3 b4 && shuntd_start && wait_for 10 count_is panic 3 && all_answered "$vip4" b1 b2 b3 b4
}

drained_is_not_used() {
	shunt backend drain web fd00:2::13 && all_answered "$vip4" b1 b2 b4
}

nobody_is_well() {
	unwell b4 && wait_for 10 count_is panic 3 && all_answered "$vip4" b1 b2 b4
}

enough_again() {
	well b2 && well b4 && wait_for 10 count_is up 2 && state_is 10.0.2.11 down && all_answered "$vip4" b2 b4 &&
		grep 'web.*2 of 3 backends are healthy: those that are not are out again' "$run/shuntd.log"
}

can_be_set() {
	shunt service set web panic=100 && wait_for 10 state_is 10.0.2.11 panic && all_answered "$vip4" b1 b2 b4 &&
		shunt service set web panic=0 && wait_for 10 state_is 10.0.2.11 down && all_answered "$vip4" b2 b4 &&
		refused 'services\[web\].panic: 101 is out of range; expected 0 to 100' shunt service set web panic=101
}

begin || bail "all backends are up"
test_that "half of the backends is not fewer than 50 %" half_is_enough
test_that "a quarter is: all are used" less_is_not
test_that "which is shown, and told" is_shown
test_that "a killed daemon and a new one change nothing of it" daemon_restarts
test_that "who was drained is not used" drained_is_not_used
test_that "when no check passes, all others are used" nobody_is_well
test_that "when enough are healthy, the others are out" enough_again
test_that "the threshold can be set by command" can_be_set
tap_end
