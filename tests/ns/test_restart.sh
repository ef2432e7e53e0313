#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The daemon comes and goes, is killed and reloaded, while requests go on: none may fail, and nothing may be forgotten.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

killed() {
	shuntd_end KILL
	load_more "$load" 60
}

# Nobody said goodbye: what the maps say of the daemon, and what uses them.
told_that_it_is_gone() {
	local text status=0
	text=$(shunt status --pin-dir "$pins/shuntd" 2>&1) || status=$?
	echo "$text"
	[ "$status" = 3 ] && [[ $text =~ last\ seen\ [0-9]+s\ ago.*packets\ are\ forwarded ]]
}

told_that_nothing_is_left() {
	local text
	text=$(shunt status --pin-dir "$pins/shuntd" 2>&1)
	[ $? = 3 ] && [[ $text == *"nothing is forwarded: no maps are pinned in"* ]]
}

started() { shuntd_start && wait_for 5 count_is up 4; }

killed_and_started() {
	for _ in 1 2 3; do
		shuntd_end KILL
		started || return 1
	done
}

terminated() {
	shuntd_end TERM
	! shuntd_answers && load_more "$load" 60
}

weight_is() { [ "$(shunt --json service show web | jq --arg a "$1" '.backends[] | select(.address == $a) | .weight')" = "$2" ]; }

change_and_restart() {
	shunt backend set web 10.0.2.11 weight=7 && shunt backend drain web 10.0.2.12 && shunt backend delete web fd00:2::14 || return 1
	shuntd_end KILL
	shuntd_start && weight_is 10.0.2.11 7 && state_is 10.0.2.12 drain && [ -z "$(backend_state fd00:2::14)" ]
}

reload_by_signal() {
	write_config 10.0.2.11 10.0.2.12 10.0.2.13
	kill -HUP "$shuntd_pid"
	wait_for 5 state_is 10.0.2.13 up && [ -z "$(backend_state fd00:2::13)" ] && weight_is 10.0.2.11 100
}

reload_by_command() {
	write_config 10.0.2.11 10.0.2.12 fd00:2::13
	shunt reload && wait_for 5 state_is fd00:2::13 up && [ -z "$(backend_state 10.0.2.13)" ]
}

drain_outlives_reload() { state_is 10.0.2.12 drain; }

new_file_wins_at_start() {
	shuntd_end TERM
	write_config
	shuntd_start && wait_for 5 state_is fd00:2::14 up
}

dropped() { shunt --json stats | jq --arg r "$1" '[.reasons[] | select(.reason == $r) | .packets] | add // 0'; }

# The kernel has forgotten who the backends' neighbours are: the maps still know, until they answer.
neighbours_forgotten() {
	local before
	before=$(dropped no_backend)
	for _ in 1 2 3; do
		shuntd_end KILL
		inside lb ip neigh flush all
		started || return 1
	done
	echo "dropped as no_backend: $before before, $(dropped no_backend) after"
	[ "$(dropped no_backend)" = "$before" ]
}

program_on_eth0() { [ "$(inside lb bpftool -j net | jq '.[0].xdp | length')" = "$1" ]; }

# Every map that the program uses, pinned or not, by ids.
maps_of_program() { bpftool -j prog show id "$(shunt --json status | jq '.interfaces[0].program')" | jq -r '.map_ids[]'; }

no_map_is_left() { # ID...
	local id
	for id; do
		! bpftool map show id "$id" || return 1
	done
}

detached() {
	local maps
	program_on_eth0 1 || return 1
	mapfile -t maps < <(maps_of_program)
	[ ${#maps[@]} -gt 17 ] || return 1
	shunt detach || return 1
	# Too late for changes: they must not bring the program back.
	! shunt backend drain web 10.0.2.11 || return 1
	wait_for 5 pid_gone "$shuntd_pid" && program_on_eth0 0 && [ ! -e "$pins/shuntd" ] || return 1
	wait_for 10 no_map_is_left "${maps[@]}"
}

# Packets for a VIP that the balancer's stack got to see: the program was not there for them. (The stack forwards nothing.)
passed_by() { inside lb nstat -asz IpInAddrErrors Ip6InAddrErrors | awk '/InAddrErrors/ { n += $2 } END { print n }'; }

start_all

passed_before=$(passed_by)
total() { shunt --json stats | jq '.services[0].packets'; }

test_that "killed with -9 under load: forwarding goes on" under_load killed
test_that "status says that it is gone, since when, and that forwarding goes on" told_that_it_is_gone
packets=$(bpftool -j map dump pinned "$pins/shuntd/shunt_dstat" | jq '[.[].formatted.values[].value.packets] | add')
test_that "started again under load: no request fails" under_load started
test_that "counters go on from where they were" [ "$(total)" -ge "$packets" ]
test_that "killed and started three times under load: no request fails" under_load killed_and_started
test_that "neighbours forgotten meanwhile: no request fails, no ring is empty" under_load neighbours_forgotten
test_that "ended with SIGTERM under load: forwarding goes on" under_load terminated
test_that "and started again" started
test_that "in all this not one packet passed the program by" [ "$(passed_by)" = "$passed_before" ]
test_that "what commands changed outlives kill -9 and restart" change_and_restart
test_that "reload by SIGHUP" reload_by_signal
test_that "reload by command" reload_by_command
test_that "a drain by command outlives the reload" drain_outlives_reload
test_that "a file that changed while the daemon was away wins" new_file_wins_at_start
test_that "all answer again" all_answered "$vip4" b1 b3 b4
test_that "detach takes the program off and ends the daemon" detached
test_that "and status says that nothing is forwarded" told_that_nothing_is_left
requests 1 "$vip4" "$run/unanswered"
test_that "then packets do pass it by" [ "$(passed_by)" -gt "$passed_before" ]
tap_end
