#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Bad input to the real daemon: one clear error, and nothing changes. Each configuration is the good one with one fault.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

bad=$run/bad.yaml

nothing_changed() {
	shunt export | diff "$run/export" - && ring_slots | cmp "$run/ring" - && none_fails "$vip4" 20
}

# refuses PATTERN SED-SCRIPT: the good configuration, edited, is refused by apply, by check and by reload.
refuses() {
	local pattern=$1 good=$run/good.yaml
	sed "$2" "$conf" >"$bad"
	! cmp -s "$conf" "$bad" || return 1
	refused "$pattern" shunt apply "$bad" || return 1
	cp "$conf" "$good"
	cp "$bad" "$conf"
	refused "$pattern" shunt reload
	local status=$?
	cp "$good" "$conf"
	[ "$status" = 0 ] && nothing_changed
}

exit_status_is() { # STATUS COMMAND...
	local want=$1 got=0
	shift
	"$@" || got=$?
	echo "exit status $got, expected $want"
	[ "$got" = "$want" ]
}

second_daemon() {
	cp "$conf" "$run/second.yaml"
	refused "already|another|running|in use" timeout 10 "${shuntd_command[@]}" --socket "$run/second.sock" && shuntd_answers &&
		nothing_changed
}

# Pins, socket, state file: whichever of them another daemon has, the second one leaves no trace.
second_daemon_with() { # PATTERN OPTION...
	local pattern=$1 before
	shift
	before=$(md5sum <"$run/state.json")
	refused "$pattern" inside lb timeout 10 "$build/shuntd" --config "$conf" "$@" && shuntd_answers && nothing_changed &&
		[ "$(md5sum <"$run/state.json")" = "$before" ] && [ ! -e "$pins/second" ]
}

first_start_that_fails() {
	sed 's/name: eth0/name: eth9/' "$conf" >"$bad"
	refused eth9 inside lb timeout 10 "$build/shuntd" --config "$bad" --state "$run/second.json" --socket "$run/second.sock" \
		--pin-dir "$pins/second" && [ ! -e "$pins/second" ] && [ ! -e "$run/second.json" ] && [ ! -e "$run/second.sock" ]
}

# With the daemon away: it refuses to start, and forwarding goes on.
refuses_to_start() { # PATTERN
	refused "$1" timeout 10 "${shuntd_command[@]}" && none_fails "$vip4" 20
}

truncated_state() {
	local state=$run/state.json
	cp "$state" "$run/state.good"
	truncate -s "$(($(stat -c %s "$state") / 2))" "$state"
	cp "$state" "$run/state.bad"
	refuses_to_start "state.json" && cmp "$state" "$run/state.bad"
	local status=$?
	cp "$run/state.good" "$state"
	return "$status"
}

control=$pins/shuntd/shunt_control

control_bytes() { bpftool -j map dump pinned "$control" | jq -r '.[0].value | join(" ")'; }

write_control() { # BYTES
	# shellcheck disable=SC2086 # a list of bytes
	bpftool map update pinned "$control" key 0 0 0 0 value $1
}

other_format() {
	local good
	good=$(control_bytes)
	# struct shunt_control: 8 bytes of magic, then the format, here 99
	write_control "$(awk '{ $9 = "0x63"; print }' <<<"$good")" || return 1
	refuses_to_start "format|version"
	local status=$?
	write_control "$good"
	return "$status"
}

export config_more='limits: {ring_slots: 4093, services: 2, vips: 4, destinations: 5}' service_more='ring_size: 4093'
start_all
shunt export >"$run/export"
settled >/dev/null || bail "the ring is as wanted"
ring_slots >"$run/ring"

test_that "an unknown key" refuses 'bad.yaml:[0-9]+.*wieght|shunt.yaml:[0-9]+.*wieght' '0,/weight/s//wieght/'
test_that "a syntax error" refuses 'yaml:[0-9]+' 's/^services:/services: [/'
test_that "a VIP twice" refuses "duplicate|twice|already" "s|\"$vip4:80/tcp\"|\"$vip4:80/tcp\", \"$vip4:80/tcp\"|"
test_that "a backend twice" refuses "duplicate|twice|already" "s|10.0.2.12|10.0.2.11|"
test_that "an address family that the encapsulation cannot carry" refuses "ipip" 's|check:|encap: ipip\n    check:|'
test_that "no outer source for a backend's family" refuses "source" '/ipv6: fd00/d'
test_that "a weight out of range" refuses "65535" '0,/weight: 100/s//weight: 65536/'
test_that "a negative weight" refuses "65535" '0,/weight: 100/s//weight: -1/'
test_that "a weight that is no number" refuses "weight" '0,/weight: 100/s//weight: heavy/'
test_that "a port out of range" refuses "80000" "s|$vip4:80/|$vip4:80000/|"
test_that "an address that is none" refuses "10.0.2.1111" "s|10.0.2.11\"|10.0.2.1111\"|"
test_that "a full table: destinations" refuses "destinations" \
	's|^      - {address: "10.0.2.11"|      - {address: "10.0.2.20"}\n      - {address: "10.0.2.21"}\n&|'
test_that "a full table: ring slots" refuses "ring_slots" 's/ring_size: 4093/ring_size: 8191/'
test_that "a size other than that of the pinned maps" refuses "limits" 's/destinations: 5/destinations: 6/'
test_that "an interface that is missing" refuses "eth9" 's/name: eth0/name: eth9/'
test_that "a file that is not there" refused "nothere.yaml" shunt apply "$run/nothere.yaml"

test_that "a command for a service that is not there" refused "webb" shunt backend drain webb 10.0.2.11
test_that "a command for a backend that is not there" refused "10.0.2.99" shunt backend drain web 10.0.2.99
test_that "a weight out of range by command" refused "65535" shunt backend set web 10.0.2.11 weight=70000
test_that "one bad change undoes all of its transaction" refused "70000|65535" \
	shunt backend drain web 10.0.2.11 + backend set web 10.0.2.12 weight=70000
test_that "none of it changed anything" nothing_changed
test_that "exit status 1: refused" exit_status_is 1 shunt backend drain webb 10.0.2.11
test_that "exit status 2: usage" exit_status_is 2 shunt backend dry web
test_that "exit status 3: no daemon" exit_status_is 3 inside lb "$build/shunt" -s "$run/nothing.sock" status

test_that "a second daemon" second_daemon
test_that "a second daemon on the same state file" second_daemon_with "state file of another" \
	--state "$run/state.json" --socket "$run/second.sock" --pin-dir "$pins/second"
test_that "a second daemon on the same socket" second_daemon_with "shunt.sock" \
	--state "$run/second.json" --socket "$sock" --pin-dir "$pins/second"
test_that "a first start that fails leaves nothing" first_start_that_fails
shuntd_end TERM
test_that "a truncated state file, which is left alone" truncated_state
test_that "pins of another format" other_format
test_that "with all that mended the daemon starts" shuntd_start
test_that "and has what it had" nothing_changed
tap_end
