#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# After a reboot: the state file is there, and of what the kernel held nothing. The daemon goes on from what was configured, and
# believes nothing else that was before.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# Nobody has time to do anything more; programs, pins and what is known of neighbours are gone. The socket file may stay.
reboot() {
	shuntd_end KILL || return 1
	inside lb ip link set dev eth0 xdp off
	inside lb ip neigh flush all
	rm -r "$pins/shuntd"
}

weight_is() { [ "$(shunt --json service show web | jq --arg a "$1" '.backends[] | select(.address == $a) | .weight')" = "$2" ]; }
total() { shunt --json stats | jq '.services[0].packets'; }
said() { grep -c "$1" "$run/shuntd.log"; }

changed() {
	shunt backend drain web 10.0.2.12 && shunt backend set web 10.0.2.11 weight=7 && wait_for 10 state_is 10.0.2.12 drain &&
		none_fails "$vip4" 40
}

# Neither counted nor known to be well, as a backend is that stays up over a restart.
begins_anew() {
	reboot && nginx_stop b4 && shuntd_start && wait_for 10 state_is fd00:2::14 down || return 1
	echo "packets: $(total)"
	[ "$(total)" = 0 ] || return 1
	# Not even for a moment: a daemon that takes maps over takes a backend for up until its checks say otherwise.
	[ "$(said 'maps made anew')" = 2 ] && [ "$(said 'fd00:2::14: .* -> down: ')" = 1 ] && [ "$(said 'fd00:2::14: up -> ')" = 0 ]
}

as_configured() { state_is 10.0.2.12 drain && weight_is 10.0.2.11 7 && wait_for 10 count_is up 2; }

# The state speaks of an interface that the new boot has not, or not yet.
late_interface() {
	reboot
	inside router ip link set lb down
	inside lb ip link set eth0 down
	inside lb ip link set eth0 name eth9
	shuntd_start || return 1
	shunt --json status | jq -e '.interfaces[0].attached == false' || return 1
	inside lb ip link set eth9 name eth0
	inside lb ip link set eth0 up
	inside router ip link set lb up
	wait_for 10 attached
}

attached() { shunt --json status | jq -e '.interfaces[0].attached'; }

start_all
test_that "before: changes by command, requests" changed
test_that "after: nothing of counters or health is believed" begins_anew
test_that "what was configured is, changes by command included" as_configured
test_that "and requests are answered" none_fails "$vip4" 40
test_that "an interface that the state knows is waited for" late_interface
tap_end
