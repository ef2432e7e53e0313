#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Events: what becomes of real backends is told with its reason, to followers too, over restarts, and whoever does not read.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

api() { curl -sN --max-time 20 --unix-socket "$sock" "http://shunt/v1/events$1"; }

follow() { # FILE OPTION...: in the background, its process in $follower
	local file=$1
	shift
	nsenter --net="/run/netns/$SHUNT_LAB-lb" -- "$build/shunt" -s "$sock" --json events --follow "$@" >"$file" 2>"$file.said" &
	follower=$!
}

unfollow() { # PID
	kill -INT "$1"
	wait "$1"
}

# has FILE JQ-CONDITION: an event of which it is true.
has() { jq -es "any(.[]; $2)" "$1"; }

# Every number once, in order, without a gap.
is_whole() { jq -es 'map(.seq) | . == [range(.[0]; .[0] + length)]' "$1"; }

starts_are_told() {
	shunt events
	api '' >"$run/list" && jq -e '.lost == 0 and .more == false and .events[-1].seq == .next' "$run/list" &&
		jq -c '.events[]' "$run/list" >"$run/lines" && is_whole "$run/lines" &&
		has "$run/lines" '.kind == "daemon" and (.reason | test("started, services 1, maps made anew"))' &&
		has "$run/lines" '.kind == "interface" and .interface == "eth0" and (.reason | test("runs the XDP program"))' &&
		has "$run/lines" '.backend == "fd00:2::14" and .from == "checking" and .to == "up" and .reason == "HTTP 200"'
}

goes_down() {
	nginx_stop b2
	wait_for 10 has "$run/all" '.kind == "backend" and .service == "web" and .backend == "10.0.2.12" and
		.from == "up" and .to == "down" and .level == "warning" and .reason == "connect: Connection refused"'
}

comes_back() {
	nginx_start b2
	wait_for 10 has "$run/all" '.backend == "10.0.2.12" and .from == "down" and .to == "up" and .reason == "HTTP 200"'
}

is_drained() {
	shunt backend drain web 10.0.2.11
	wait_for 5 has "$run/all" '.backend == "10.0.2.11" and .from == "up" and .to == "drain" and
		.reason == "by POST /v1/changes of uid 0"' &&
		wait_for 5 has "$run/all" '.kind == "config" and
			(.reason | test("committed by POST /v1/changes of uid 0, .*service web: backend 10.0.2.11 drained"))'
}

# Its state does not say what its checks say, so they are told themselves.
fails_while_it_drains() {
	nginx_stop b1
	wait_for 10 has "$run/all" '.kind == "health" and .backend == "10.0.2.11" and .to == "down" and (.reason | test("refused"))' &&
		nginx_start b1 && shunt backend undrain web 10.0.2.11 && wait_for 10 state_is 10.0.2.11 up
}

commits() {
	shunt service add dns vip=192.0.2.53:53/udp check.type=none + backend set web 10.0.2.12 weight=50 || return 1
	shunt service delete dns
	wait_for 5 has "$run/all" '.service == "dns" and .to == "removed"' &&
		has "$run/all" '.service == "dns" and .to == "added"' &&
		has "$run/all" '.kind == "config" and (.reason | test("web: backend 10.0.2.12 weight 50; service dns: added"))'
}

interface_is_repaired() {
	inside lb ip link set dev eth0 xdp off
	wait_for 5 has "$run/all" '.kind == "interface" and (.reason | test("had lost the XDP program"))'
}

# The log says the same, once, in the same words.
log_agrees() {
	[ "$(grep -c 'service web: backend 10.0.2.12: up -> down: connect: Connection refused$' "$run/shuntd.log")" = 1 ] &&
		[ "$(shunt events --kind backend --backend 10.0.2.12 | grep -c ': up -> down: connect: Connection refused$')" = 1 ]
}

filtered() {
	! grep -v '"backend":"10.0.2.12"' "$run/one" && [ "$(jq -r .to "$run/one" | paste -sd' ')" = "down up" ] &&
		[ "$(shunt --json events --service web --kind backend,config --limit 3 | jq -r .kind | sort -u)" = backend ] &&
		[ -z "$(shunt events --service nothing)" ] && refused 'kind: unknown kind "pony", expected some of daemon,' shunt events --kind pony
}

since() {
	local last
	last=$(api '?limit=1' | jq .next)
	[ "$(shunt --json events --since $((last - 2)) | jq -s 'map(.seq)' -c)" = "[$((last - 1)),$last]" ] &&
		[ "$(shunt --json events --since 1h | head -1 | jq .seq)" = 1 ] && [ -z "$(shunt events --since 0s)" ] &&
		refused 'since: "x" is neither the number of an event nor an age' shunt events --since x
}

# Before it ends, the daemon says so to all who follow; then the next one's events follow on it, from its first one on.
follows_over_a_restart() {
	shuntd_end TERM && wait_for 5 has "$run/all" '.reason | test("Terminated: ending")' || return 1
	wait_for 5 grep 'waiting for the next one' "$run/all.said" && shuntd_start &&
		wait_for 5 has "$run/all" '.reason | test("maps taken over")' && cat "$run/all.said" &&
		grep 'another daemon answers' "$run/all.said" &&
		jq -es 'group_by(.daemon) | length == 2 and all(.[]; map(.seq) == [range(.[0].seq; .[0].seq + length)])' "$run/all" &&
		jq -es 'map(select(.seq == 1)) | length == 2' "$run/all"
}

ends_by_interrupt() {
	unfollow "$all" && unfollow "$one"
}

# Changes that drain 250 backends, or take them out of drain.
write_changes() { # STATE
	local i
	{
		echo '{"changes": ['
		for ((i = 1; i <= 250; i++)); do
			echo "{\"op\": \"backend.set\", \"service\": \"many\", \"address\": \"10.0.9.$i\", \"set\": {\"state\": \"$1\"}},"
		done
		echo '{"op": "backend.set", "service": "many", "address": "10.0.9.251", "set": {"weight": 1}}]}'
	} >"$run/$1.json"
}

add_backends() {
	seq 251 | sed 's|.*|{"op": "backend.add", "service": "many", "backend": {"address": "10.0.9.&"}}|'
}

change() { curl -s --unix-socket "$sock" -H 'Content-Type: application/json' --data-binary "@$1" http://shunt/v1/changes; }

make_events() {
	local before i
	before=$(api '?limit=1' | jq .next)
	for i in {1..20}; do
		change "$run/drain.json" >/dev/null && change "$run/up.json" >/dev/null || return 1
	done
	echo "events: $(($(api '?limit=1' | jq .next) - before))"
	[ "$(api '?limit=1' | jq .next)" -gt $((before + 9000)) ]
}

# A follower that is stopped holds nobody up; when it goes on it has what its socket had, then how much it missed, then the newest.
stuck_follower() {
	local stuck last status
	shunt service add many vip=192.0.2.99:99/tcp check.type=none ring_size=251 || return 1
	add_backends | jq -s '{changes: .}' >"$run/add.json"
	change "$run/add.json" | grep '"changed": true' || return 1
	write_changes drain
	write_changes up
	curl -sN --unix-socket "$sock" 'http://shunt/v1/events?follow=1&limit=1' >"$run/stuck" &
	stuck=$!
	wait_for 5 test -s "$run/stuck" || return 1
	kill -STOP "$stuck"
	make_events && none_fails "$vip4" 10 && make_events || return 1
	last=$(api '?limit=1' | jq .next)
	kill -CONT "$stuck"
	wait_for 10 has "$run/stuck" ".seq == $last"
	status=$?
	kill "$stuck"
	jq -c 'select(.kind == "lost")' "$run/stuck"
	# What it has and what it is told to have lost is all that there was.
	[ "$status" = 0 ] && jq -es 'any(.[]; .kind == "lost" and .lost > 1000) and
		(map(.lost // 1) | add) == .[-1].seq - .[0].seq + 1' "$run/stuck"
}

# A place: not at once, while somebody who has just gone is still there for the daemon.
follows_as() { # FILE
	: >"$1" # before that of the last attempt could be taken for an answer
	curl -sN --unix-socket "$sock" 'http://shunt/v1/events?follow=1&limit=1' >"$1" &
	placed=$!
	wait_for 5 test -s "$1" && ! grep -q '"status": 503' "$1"
}

# Followers do not use up the API's connections, and those who have gone make room.
many_followers() {
	local pids=() i
	for i in {1..16}; do
		follows_as "$run/f$i" || { sleep 2 && follows_as "$run/f$i"; } || return 1
		pids+=("$placed")
	done
	api '?follow=1' | tee /dev/stderr | jq -e '.status == 503 and (.detail | test("16 clients follow already"))' &&
		shunt status >/dev/null
	local status=$?
	kill "${pids[@]}"
	wait "${pids[@]}"
	[ "$status" = 0 ] && wait_for 10 followed
}

followed() { # once more
	local status=0
	curl -sN --max-time 0.5 --unix-socket "$sock" 'http://shunt/v1/events?follow=1&limit=1' >"$run/again" || status=$?
	[ "$status" = 28 ] && grep '"seq"' "$run/again"
}

start_all
test_that "a start is told: interfaces, backends, the daemon itself" starts_are_told
follow "$run/all" --since 0
all=$follower
follow "$run/one" --backend 10.0.2.12 --kind backend
one=$follower
wait_for 5 has "$run/all" .seq || bail "a follower gets what there is"
test_that "a backend that dies is told to followers, with what its check said" goes_down
test_that "and that it is back" comes_back
test_that "the log has the same words, once" log_agrees
test_that "filters: backend, kind, service" filtered
test_that "a drain is told, and who asked for it" is_drained
test_that "checks of what drains are told themselves" fails_while_it_drains
test_that "a change of the configuration is told in short" commits
test_that "an interface that has lost the program is told" interface_is_repaired
test_that "a follower misses none" is_whole "$run/all"
test_that "since a number, and an age" since
test_that "a follower goes on over a restart of the daemon, and says so" follows_over_a_restart
test_that "an interrupt ends it" ends_by_interrupt
test_that "one that does not read holds up nobody, and is told what it missed" stuck_follower
test_that "followers are so many at most, and leave when they go" many_followers
test_that "the daemon ends with followers" shuntd_end TERM
tap_end
