#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How backends are chosen: in turn, by weight, where there are fewer connections, by the client's address; changed while clients are served.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

start_all
ip -n "$SHUNT_LAB-client" address add 10.0.0.66/32 dev eth0

# From one CPU, since each takes turns by itself: "b1 N b2 N ..." of COUNT requests, each a connection of its own.
served() { # COUNT
	client taskset -c 0 curl -s --fail-early --max-time $((2 * patience)) -H 'Connection: close' "http://$vip4/?[1-$1]" |
		sort | uniq -c | awk '{ print $2, $1 }' | xargs
}

# Give or take 2: the kernel may have handled a packet on another CPU. That turns are exact, shows test_datapath_picks.
serves() { # COUNT EXPECTED
	local got
	got=$(served "$1")
	echo "got $got, expected $2"
	awk -v got="$got" -v want="$2" 'BEGIN {
		n = split(got, g); if (n != split(want, w)) exit 1
		for (i = 1; i <= n; i += 2) if (g[i] != w[i] || g[i + 1] - w[i + 1] > 2 || w[i + 1] - g[i + 1] > 2) exit 1
	}'
}

in_turn() {
	settled && under_load shunt service set web algorithm=round-robin && serves 40 "b1 10 b2 10 b3 10 b4 10"
}

by_weight() {
	shunt backend set web 10.0.2.11 weight=300 + backend set web 10.0.2.12 weight=0 && serves 50 "b1 30 b3 10 b4 10" &&
		shunt backend set web 10.0.2.11 weight=100 + backend set web 10.0.2.12 weight=100
}

one_fails() {
	nginx_stop b3 && wait_for 10 state_is fd00:2::13 down && serves 30 "b1 10 b2 10 b4 10" &&
		nginx_start b3 && wait_for 10 state_is fd00:2::13 up && serves 40 "b1 10 b2 10 b3 10 b4 10"
}

is_killed() {
	under_load shuntd_end KILL && serves 40 "b1 10 b2 10 b3 10 b4 10" && under_load shuntd_start && wait_for 10 count_is up 4 &&
		serves 40 "b1 10 b2 10 b3 10 b4 10"
}

connections() { shunt --json service show web | jq -c '[.backends[].connections]'; }

# Twelve that stay open on each of three backends. Of those that come next the fourth gets more, until it has about as many: in turn, it would still have
# twelve less.
fewest() {
	under_load shunt service set web algorithm=least-connections || return 1
	shunt backend drain web 10.0.2.11 && client taskset -c 0 python3 "$top/tests/ns/hold.py" "$vip4" 36 "$run/held" &
	held=$!
	wait_for 20 test -e "$run/held" && shunt backend undrain web 10.0.2.11 || return 1
	echo "with 36 held: $(connections)" # about: a sweep may have counted meanwhile
	[ "$(connections | jq '.[1:] | add >= 32 and min >= 6')" = true ] || return 1
	client taskset -c 0 python3 "$top/tests/ns/hold.py" "$vip4" 100 "$run/more" &
	more=$!
	wait_for 20 test -e "$run/more"
	echo "with 100 more: $(connections)"
	[ "$(connections | jq 'max - min <= 8')" = true ]
	local status=$?
	kill "$held" "$more"
	return "$status"
}

by_client() {
	local got
	under_load shunt service set web algorithm=source-hash sticky=0 && settled || return 1
	got=$(served 30)
	echo "got $got"
	[[ $got =~ ^b[1-4]\ 30$ ]]
}

# From ADDRESS: "b1 N b2 N ..." of COUNT requests.
served_to() { # COUNT ADDRESS
	client taskset -c 0 curl -s --fail-early --max-time $((2 * patience)) -H 'Connection: close' --interface "$2" "http://$vip4/?[1-$1]" |
		sort | uniq -c | awk '{ print $2, $1 }' | xargs
}

# Two clients have one backend each, and another one when that is drained.
clients_stick() {
	local one other
	under_load shunt service set web algorithm=round-robin sticky=600 || return 1
	one=$(served_to 24 10.0.0.2) other=$(served_to 24 10.0.0.66)
	echo "10.0.0.2: $one; 10.0.0.66: $other"
	[[ $one =~ ^b[1-4]\ 24$ && $other =~ ^b[1-4]\ 24$ ]] || return 1
	shunt backend drain web "$(address_of "${one% *}")" && settled || return 1
	echo "drained: $(served_to 24 10.0.0.2); 10.0.0.66: $(served_to 24 10.0.0.66)"
	[[ $(served_to 24 10.0.0.2) =~ ^b[1-4]\ 24$ && $(served_to 24 10.0.0.2) != "$one" ]] &&
		[[ $one = "$other" || $(served_to 24 10.0.0.66) = "$other" ]] &&
		shunt backend undrain web "$(address_of "${one% *}")"
}

address_of() {
	case $1 in
	b1) echo 10.0.2.11 ;;
	b2) echo 10.0.2.12 ;;
	b3) echo fd00:2::13 ;;
	*) echo fd00:2::14 ;;
	esac
}

refusals() {
	refused 'services\[web\].hash: source, but algorithm round-robin chooses for each connection; expected 5-tuple' \
		shunt service set web algorithm=round-robin hash=source &&
		refused 'unknown algorithm "fastest", expected maglev, source-hash, round-robin or least-connections' \
			shunt service set web algorithm=fastest
}

back_to_the_ring() {
	under_load shunt service set web algorithm=maglev sticky=0 && shunt --json service show web | jq -e '.backends[0] | has("connections") | not' &&
		all_answered "$vip4" b1 b2 b3 b4
}

test_that "round-robin: each in its turn, from the moment on that it is set" in_turn
test_that "by weight" by_weight
test_that "a backend that fails loses its turns, and gets them back" one_fails
test_that "the turns go on while no daemon is there, and with the next one" is_killed
test_that "least-connections: the one that has fewest" fewest
test_that "sticky: a client keeps its backend for its next connections" clients_stick
test_that "source-hash: a client has one backend" by_client
test_that "what does not go together is refused" refusals
test_that "and back" back_to_the_ring
tap_end
