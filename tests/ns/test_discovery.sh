#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Backends that no operator lists: target files, registrations. Whatever a source does, the configuration stays what it is, and who is served is not
# harmed by a source that fails.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

begin() {
	local b
	lab_begin || return 1
	targets=$run/targets.d
	mkdir "$targets"
	export service_more="registration: true
    discover: [{files: $targets/*.json}]"
	write_config 10.0.2.11
	for b in b1 b2 b3 b4; do
		nginx_start $b || return 1
	done
	shuntd_start && wait_for 20 count_is up 1
}

# target_file NAME TARGET...: as configuration management writes it, in one rename.
target_file() {
	local name=$1
	shift
	printf '[{"targets": [%s], "labels": {"job": "web"}}]\n' "$(printf '"%s",' "$@" | sed 's/,$//')" >"$run/$name.new"
	mv "$run/$name.new" "$targets/$name"
}

from_is() { # ADDRESS FROM
	[ "$(shunt --json service show web | jq -r --arg a "$1" '.backends[] | select(.address == $a) | .from')" = "$2" ]
}
has_no() { [ -z "$(backend_state "$1")" ]; }
logged() { grep -q -- "$1" "$run/shuntd.log"; }
stays() { ! wait_for 1 has_no "$1"; }

a_file_comes() {
	local etag
	etag=$(shunt export | cksum)
	target_file web.json 10.0.2.12:80 10.0.2.13:9100 && wait_for 10 count_is up 3 && all_answered "[$vip6]" b1 b2 b3 && from_is 10.0.2.11 config && from_is 10.0.2.12 "file $targets/web.json" &&
		shunt backend list web | grep -Eq "10\.0\.2\.13 .*file $targets/web.json" && [ "$(shunt export | cksum)" = "$etag" ] &&
		[ "$(shunt --json status | jq .revision)" = 1 ]
}

exchange() { target_file web.json 10.0.2.12 && wait_for 10 has_no 10.0.2.13; }

a_torn_file() {
	printf '[\n {"targets": ["10.0.2.14",\n' >"$targets/web.json"
	wait_for 10 logged "file $targets/web.json: nothing changes: $targets/web.json:[34]: not JSON" && state_is 10.0.2.12 up &&
		shunt --json service show web | jq -e '.discovered[0].problem | test("not JSON")' &&
		printf '[\n {"targets":\n  ["10.0.2.14",\n   "www.example.org:80"]}]\n' >"$targets/web.json" &&
		wait_for 10 logged "web.json:4: .*\"www.example.org:80\" is not a target; expected an address" && state_is 10.0.2.12 up
}

one_of_them_is_wrong() {
	target_file web.json 10.0.2.12 "$vip4" fd00:2::13 && wait_for 10 count_is up 3 && logged "can be used again" &&
		logged "web.json: 1 of 3 backends are refused: $vip4: the address of a VIP of service \"web\"" && has_no "$vip4"
}

# Nobody can read it while the daemon is away: what was known is known again.
restarted() {
	sleep 1.2 # what is kept is a second behind
	mv "$targets" "$targets.away" && shuntd_end KILL && shuntd_start && wait_for 10 count_is up 3 &&
		wait_for 10 logged "targets.d: cannot be read: No such file" && all_answered "$vip4" b1 b2 b3 && mv "$targets.away" "$targets"
}

operators_win() {
	shunt backend add web 10.0.2.12 state=drain && from_is 10.0.2.12 config && state_is 10.0.2.12 drain &&
		shunt backend delete web 10.0.2.12 && wait_for 10 from_is 10.0.2.12 "file $targets/web.json" && wait_for 10 state_is 10.0.2.12 up
}

away() { rm "$targets/web.json" && wait_for 15 has_no 10.0.2.12 && has_no fd00:2::13; }

# By itself, so that its process is the one that is started.
register=(nsenter --net="/run/netns/$SHUNT_LAB-lb" -- "$build/shunt" -s "$sock" register web)

registered() {
	"${register[@]}" fd00:2::14 --ttl 3 --keep >"$run/register.log" 2>&1 &
	register_pid=$!
	wait_for 10 state_is fd00:2::14 up && from_is fd00:2::14 registration
}

# Heartbeats are no changes, and a restart in between is none either.
kept() {
	local revision
	revision=$(shunt --json status | jq .revision)
	shuntd_end KILL && shuntd_start && sleep 4 && state_is fd00:2::14 up && [ "$(shunt --json status | jq .revision)" = "$revision" ] &&
		! logged "no heartbeat" && ! logged "nothing to change"
}

silent() {
	kill -KILL "$register_pid"
	wait_for 10 state_is fd00:2::14 drain && wait_for 10 has_no fd00:2::14 && logged "fd00:2::14: registration: no heartbeat for 3 s: drained"
}

comes_back() {
	shunt register web fd00:2::14 --ttl 2 && wait_for 10 state_is fd00:2::14 drain && shunt register web fd00:2::14 --ttl 60 --weight 7 &&
		wait_for 10 state_is fd00:2::14 up && logged "registration: heard of again" && shunt deregister web fd00:2::14 && wait_for 10 has_no fd00:2::14
}

leaves() {
	local pid
	"${register[@]}" fd00:2::14 --ttl 600 --keep >"$run/register.log" 2>&1 &
	pid=$!
	wait_for 10 state_is fd00:2::14 up && kill -TERM "$pid" && wait "$pid" && wait_for 5 has_no fd00:2::14
}

# What keeps it is at the other end of a pipe, as of a connection.
cut_off() {
	mkfifo "$run/pipe"
	"${register[@]}" fd00:2::14 --ttl 2 --until-eof <"$run/pipe" >"$run/register.log" 2>&1 &
	local pid=$!
	exec 9>"$run/pipe"
	wait_for 10 state_is fd00:2::14 up && exec 9>&- && wait "$pid" && wait_for 10 has_no fd00:2::14
}

refusals() {
	refused "the address of a VIP of service" shunt register web "$vip4" &&
		refused "no service \"wbe\"" shunt register wbe 10.0.2.14 && shunt deregister web 10.0.2.14 | grep "was not registered" &&
		refused "expected 2 to 86400" client_put '{"ttl": 1}' && refused "unknown key" client_put '{"weigth": 1}' &&
		shunt service set web registration=false && refused "takes no registrations" shunt register web 10.0.2.14
}

client_put() {
	curl -sS --fail-with-body --unix-socket "$sock" -X PUT -H 'Content-Type: application/json' -d "$1" \
		http://localhost/v1/registrations/web/10.0.2.14
}

begin || bail "the configured backend is up"
test_that "backends in a target file are used, and the configuration is what it was" a_file_comes
test_that "a file is exchanged under load: nothing fails" under_load exchange
test_that "a torn file changes nothing, nor does one with a mistake" a_torn_file
test_that "a backend that is none is refused alone" one_of_them_is_wrong
test_that "a restart while the files are away changes nothing" restarted
test_that "what an operator says of a backend counts" operators_win
test_that "a file vanishes under load: nothing fails" under_load away
test_that "a backend registers" registered
test_that "heartbeats keep it, over a restart of the daemon too" kept
test_that "without them it is drained, then removed" silent
test_that "a heartbeat in between brings it back" comes_back
test_that "one that ends takes itself back" leaves
test_that "one that is cut off is not there much longer" cut_off
test_that "what cannot register is refused, with the reason" refusals
tap_end
