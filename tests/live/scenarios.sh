# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What is done to the balancer while the connections go on. What a scenario changes it leaves so, for windows to end on it, and the next one
# that wants to begins with what is usual: that is a change, too. Sourced by scripts/live.

# Backends 1 to 6 with the same weight.
usual() {
	weight=([1]=100 [2]=100 [3]=100 [4]=100 [5]=100 [6]=100)
	drained=()
	apply && wait_for 20 up_are 1 2 3 4 5 6
}

nothing() { sleep 2; }

add() {
	weight[7]=100
	apply && wait_for 20 is_up 7 && wait_for 20 has_opened 7
}

has_opened() { [ "$(ask report | jq --arg s "$(name_of "$1")" '.servers[$s].opened // 0')" -gt 0 ]; }

remove() {
	unset 'weight[7]'
	apply && wait_for 40 avoided 7
}

drain() {
	drained[2]=drain
	apply && wait_for 40 avoided 2
}

undrain() {
	drained[2]=up
	apply && wait_for 20 is_up 2 && wait_for 20 has_opened_more 2
}

has_opened_more() { ! avoided "$1"; }

reweight() {
	usual || return 1
	weight[1]=300
	apply && sleep 4
}

shares() {
	weight=([1]=25 [2]=200 [3]=25 [4]=200 [5]=0 [6]=100)
	apply && wait_for 40 avoided 5
}

flap() {
	usual || return 1
	for _ in $(seq "$TIMES"); do
		health_off 4 && wait_for 20 is_down 4 || return 1
		sleep "0.$((RANDOM % 10))"
		health_on 4 && wait_for 20 is_up 4 || return 1
		sleep "0.$((RANDOM % 10))"
	done
}

killed() {
	server_kill 5
	wait_for 20 is_down 5 || return 1
	server_start 5
	wait_for 20 is_up 5 && wait_for 20 has_opened 5
}

# A host that is gone without a word, and for longer than the grace: what was on it is reset by who gets it then.
cut() {
	ask forgive "$(name_of 6)" >/dev/null
	ip -n "$SHUNT_LAB-router" link set b6 down
	wait_for 20 is_down 6 && wait_for $((STALL / 1000 + 20)) none_open "$(name_of 6)" || return 1
	server_kill 6
	ip -n "$SHUNT_LAB-router" link set b6 up
	server_start 6
	wait_for 20 is_up 6
}

none_open() { [ "$(ask report | jq --arg s "$1" '.servers[$s].open')" = 0 ]; }

# A third of the backends replaced at once.
rebuild() {
	usual || return 1
	unset 'weight[1]' 'weight[2]'
	weight[7]=100 weight[8]=100
	apply && wait_for 20 up_are 3 4 5 6 7 8 && wait_for 40 avoided 1
}

# restarts [changing]: the daemon is killed and started, and meanwhile changes go on, or nothing does.
restarts() {
	local status=0
	usual || return 1
	killer_start
	for _ in $(seq $((2 * TIMES))); do
		if [ -n "${1:-}" ]; then
			drain_for_a_moment $((RANDOM % 6 + 1)) || status=1
		else
			sleep 2
		fi
	done
	killer_stop && return "$status"
}

drain_for_a_moment() {
	drained[$1]=drain
	apply || return 1
	sleep "$((RANDOM % 2)).$((RANDOM % 10))"
	drained[$1]=up
	apply || return 1
	sleep "$((RANDOM % 2)).$((RANDOM % 10))"
}

# upgrade [changing]: to the other build and back, while a backend drains, or while nothing changes.
upgrade() {
	usual || return 1
	if [ -n "${1:-}" ]; then
		drained[3]=drain
		apply || return 1
	fi
	upgrade_to "$other_build" && upgrade_to "$build"
}

# flooded KIND...: changes under floods, one after the other. That new connections avoid a drained backend is not to be had while the table is
# full.
flooded() {
	local status=0
	usual || return 1
	flood_start "$@"
	drained[1]=drain weight[7]=100
	apply || status=1
	sleep "$((FLOOD / 2))"
	health_off 3
	wait_for 20 is_down 3 || status=1
	health_on 3
	wait "$flood_pid" || status=1
	wait_for 20 is_up 3 && return "$status"
}

# When the last connections from before a change have ended, nothing is tracked: 120 s after their last packet, and after that of the last of the
# slots that waited for room.
forget() {
	ask renew && wait_for 60 all_are_new || return 1
	wait_for 900 nothing_tracked && wait_for 20 told_nothing_tracked && return
	"$build/tests/live/where" "$pins/shuntd"
	shunt conn
	return 1
}

all_are_new() { [ "$(ask report | jq .old)" = 0 ]; }

# --- all at once ---------------------------------------------------------------------------------------------------

event_drain() {
	local n=$((RANDOM % 6 + 1))
	[ "${drained[$n]:-up}" = up ] && drained[$n]=drain || drained[$n]=up
	[ "${#weight[@]}" -gt 3 ] && [ "$(grep -o drain <<<"${drained[*]}" | wc -l)" -lt 4 ] || drained[$n]=up
	apply
}

event_weight() {
	weight[$((RANDOM % 6 + 1))]=$((RANDOM % 400 + 1))
	apply
}

event_member() { # 7 and 8 come and go
	local n=$((RANDOM % 2 + 7))
	if [ -n "${weight[$n]:-}" ]; then
		unset "weight[$n]"
	else
		weight[$n]=100
	fi
	apply
}

event_flap() {
	usual || return 1
	local n=$((RANDOM % 6 + 1))
	health_off $n
	sleep "$((RANDOM % 4)).$((RANDOM % 10))"
	health_on $n
}

event_kill() {
	local n=$((RANDOM % 6 + 1))
	server_kill $n
	sleep "$((RANDOM % 4)).$((RANDOM % 10))"
	server_start $n
}

event_flood() {
	local kinds=(syn ack synack)
	kill -0 "${flood_pid:-}" 2>/dev/null || flood_start "${kinds[$((RANDOM % 3))]}"
}

together() {
	local events=(drain drain weight weight member member flap kill flood flood) event status=0
	local end=$((SECONDS + TOGETHER))
	killer_start
	while [ "$SECONDS" -lt "$end" ]; do
		event=${events[$((RANDOM % ${#events[@]}))]}
		echo "$event"
		"event_$event" || status=1
		sleep "$((RANDOM % 2)).$((RANDOM % 10))"
	done
	wait "${flood_pid:-}" 2>/dev/null
	killer_stop && return "$status"
}
