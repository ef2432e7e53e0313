#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Backends that leave the ring, and come back to exactly their slots: by health check and by command.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# slots_moved BEFORE AFTER: only slots of one destination changed, and all of its.
only_one_left() {
	paste "$1" "$2" | awk '$1 != $2 { moved[$1]++; gained[$2]++ } { had[$1]++ }
		END { for (d in moved) { n++; if (moved[d] != had[d] || d in gained) bad = 1 } exit !(n == 1 && !bad) }'
}

goes_down() {
	nginx_stop b2
	wait_for 10 state_is 10.0.2.12 down && all_answered "$vip4" b1 b3 b4 && all_answered "[$vip6]" b1 b3 b4
}

comes_back() {
	nginx_start b2
	wait_for 10 state_is 10.0.2.12 up && all_answered "$vip4" b1 b2 b3 b4
}

fails_by_status() { # a server that answers, but not as it should
	sed -i 's/return 200 "b3/return 503 "b3/' "$run/b3.nginx/nginx.conf"
	kill -HUP "$(cat "$run/b3.nginx/pid")"
	wait_for 10 state_is fd00:2::13 down &&
		shunt --json service show web | jq -r '.backends[].health.reason' | grep 503
}

drains() {
	shunt backend drain web 10.0.2.11 && state_is 10.0.2.11 drain && all_answered "$vip4" b2 b4
}

undrains() {
	shunt backend undrain web 10.0.2.11 && wait_for 5 state_is 10.0.2.11 up && all_answered "$vip4" b1 b2 b4
}

none_is_left() {
	for b in b1 b2 b4; do
		nginx_stop "$b"
	done
	wait_for 10 count_is down 4 || return 1
	[ "$(client curl -s -o /dev/null --max-time 1 -w '%{http_code}' "http://$vip4/")" = 000 ] &&
		[ "$(shunt --json stats | jq '.reasons[] | select(.reason == "no_backend") | .packets')" -gt 0 ]
}

export config_more='limits: {ring_slots: 65537}'
start_all
settled || bail "the ring is what the configuration asks for"

ring_slots >"$run/all"
test_that "the ring has 65537 slots" [ "$(wc -l <"$run/all")" = 65537 ]
test_that "a backend that is down gets no requests, and none fails" goes_down
ring_slots >"$run/without"
test_that "only its slots moved" only_one_left "$run/all" "$run/without"
test_that "it comes back" comes_back
ring_slots >"$run/again"
test_that "to exactly its slots" cmp "$run/all" "$run/again"
test_that "an unexpected HTTP status is a failure, and is told" fails_by_status
ring_slots >"$run/three"
test_that "a drained backend gets no new connections" drains
ring_slots >"$run/drained"
test_that "only its slots moved when it was drained" only_one_left "$run/three" "$run/drained"
test_that "undrained, it gets connections again" undrains
ring_slots >"$run/undrained"
test_that "and exactly its slots" cmp "$run/three" "$run/undrained"
test_that "with no backend left packets are dropped and counted as no_backend" none_is_left
tap_end
