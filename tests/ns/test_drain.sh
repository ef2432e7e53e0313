#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A drain that is waited for: what is said of it meanwhile, and that it ends.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# Windows, so drains, last 16 s more than the idle timeout.
export service_more='idle_timeout: 1'
start_all

web() { shunt --json service show web | jq ".backends[] | select(.address == \"$1\") | $2"; }

begins() {
	shunt backend drain web 10.0.2.12 --wait --timeout $((90 * patience)) >"$run/drain" 2>&1 &
	waiting=$!
	wait_for 10 grep -q 'slots still recording' "$run/drain"
}

is_shown() {
	shunt conn web
	shunt conn web | grep -E 'web: [0-9]+ slots moved and recording their connections, for another [0-9]+s at least' &&
		shunt conn web | grep -E 'web: 10\.0\.2\.12 drains since .*slots still recording.*; cut off in ' &&
		[ "$(web 10.0.2.12 .drained)" = false ] && [ "$(web 10.0.2.12 .hold.anchors)" -gt 0 ] &&
		[ "$(shunt --json stats | jq '.services[0].connections.moved')" -gt 0 ]
}

times_out() {
	local text status=0
	text=$(shunt backend drain web 10.0.2.12 --wait --timeout 1 2>&1) || status=$?
	echo "$text"
	[ "$status" = 1 ] && [[ $text =~ not\ done\ yet,\ and\ goes\ on\;\ left:\ 10\.0\.2\.12\ of\ web ]]
}

ends() {
	wait "$waiting"
	local status=$?
	cat "$run/drain"
	[ "$status" = 0 ] && tail -1 "$run/drain" | grep 'nothing holds it any more' && [ "$(web 10.0.2.12 .drained)" = true ]
}

is_told() {
	shunt --json events --kind drain --backend 10.0.2.12 | jq -es 'any(.[]; .from == "drain" and .to == "drained")'
}

is_quiet() {
	[ "$(shunt --json conn web | jq '.services[0] | .moved + .prepared + .waiting')" = 0 ] &&
		all_answered "$vip4" b1 b3 b4
}

test_that "a drain begins, and says what it waits for" begins
test_that "and is shown, with its windows" is_shown
test_that "who waits for less long is told what is left" times_out
test_that "killed and started, the daemon goes on with it" shuntd_end KILL
shuntd_start || bail "the daemon starts again"
test_that "it ends" ends
test_that "and its end is an event" wait_for 10 is_told
test_that "then no slot is moved any more, and the others answer" is_quiet
tap_end
