#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Interfaces come and go while the daemon runs, and while it does not.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

lb_link() { inside lb ip link "$@"; }
add_eth1() { lb_link add eth1 type veth peer name eth1peer && lb_link set eth1 up; }
program_on() { inside lb bpftool -j net | jq -e --arg i "$1" '.[0].xdp[] | select(.devname == $i)' >/dev/null; }
attached() { [ "$(shunt --json status | jq --arg i "$1" '.interfaces[] | select(.name == $i) | .attached')" = "$2" ]; }

another_is_added() {
	add_eth1 && sed 's/^  - name: eth0/&\n  - name: eth1/' "$conf" >"$run/two.yaml" && shunt apply "$run/two.yaml" &&
		attached eth1 true && program_on eth1 && program_on eth0
}

gone_but_changes_go_on() {
	lb_link del eth1 && wait_for 5 attached eth1 false && shunt backend drain web 10.0.2.12 &&
		shunt backend undrain web 10.0.2.12 && none_fails "$vip4" 20
}

restarted_without_it() {
	shuntd_end KILL
	shuntd_start && attached eth1 false && attached eth0 true && wait_for 5 count_is up 4 && none_fails "$vip4" 20
}

back_again() { add_eth1 && wait_for 5 attached eth1 true && program_on eth1; }

# Valid, but the ring does not fit beside the one that it replaces; and eth1 in the place of eth0, which must not be without the
# program for a moment.
refused_change_lets_nothing_go() {
	local before
	before=$(grep -c 'eth0: does not run' "$run/shuntd.log")
	sed 's/name: eth0/name: eth1/; s/name: web/name: web2/; s/check:/ring_size: 4194301\n    &/' "$conf" >"$run/bad.yaml"
	shunt check "$run/bad.yaml" && refused ring_slots shunt apply --force "$run/bad.yaml" && program_on eth0 && program_on eth1 &&
		[ "$(grep -c 'eth0: does not run' "$run/shuntd.log")" = "$before" ]
}

taken_away() { shunt apply "$conf" && ! program_on eth1 && program_on eth0 && none_fails "[$vip6]" 20; }

start_all
test_that "another interface is added" another_is_added
test_that "it is removed from the host: changes and requests go on" gone_but_changes_go_on
test_that "the daemon starts again without it" restarted_without_it
test_that "it comes back and runs the program" back_again
test_that "a change that is refused lets no interface go" refused_change_lets_nothing_go
test_that "it is taken out of the configuration" taken_away
tap_end
