#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Sources that are sent to a pool, and lists of sources in files: real clients of two addresses, while the daemon runs, and while it does not.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# set_sources SOURCES: into the configuration file, b2 and b4 being in the pool green.
set_sources() {
	service_more="sources: {$1}" write_config
	sed -i -E 's/"(10.0.2.12|fd00:2::14)"/&, pool: green/' "$conf"
}

# Who answers 24 requests from ADDRESS to HOST, each once; nobody where none is answered.
answers_to() { # ADDRESS HOST
	client curl -s --fail-early --max-time $((2 * patience)) -H 'Connection: close' --interface "$1" "http://$2/?[1-24]" |
		sort -u | xargs
}

goes_to() { # NAMES ADDRESS...: of one family
	local names=$1 host address
	shift
	settled || return 1
	for address; do
		host=$vip4
		[[ $address == *:* ]] && host="[$vip6]"
		echo "$address: $(answers_to "$address" "$host"), expected $names"
		[ "$(answers_to "$address" "$host")" = "$names" ] || return 1
	done
}

reloads() { shunt reload | tee /dev/stderr | grep -q '^done'; }

pin_by_reload() {
	set_sources 'pools: {green: [10.0.0.66, "fd00:0::66"]}' && reloads &&
		goes_to "b2 b4" 10.0.0.66 fd00:0::66 && goes_to "b1 b3" 10.0.0.2 fd00:0::2
}

others_are_shown() {
	shunt backend list web | tee /dev/stderr | grep -Eq '^web +green +10.0.2.12 ' &&
		[ "$(shunt --json service show web | jq -c .sources)" = '{"allow":0,"deny":0,"pools":{"green":2}}' ]
}

daemon_restarts() {
	shuntd_end KILL && goes_to "b2 b4" 10.0.0.66 && goes_to "b1 b3" 10.0.0.2 && shuntd_start &&
		goes_to "b2 b4" 10.0.0.66 fd00:0::66 && goes_to "b1 b3" 10.0.0.2 fd00:0::2
}

drain_in_pool() {
	shunt backend drain web 10.0.2.12 && goes_to b4 10.0.0.66 && goes_to "b1 b3" 10.0.0.2
}

no_backend() { shunt --json stats | jq '.reasons[] | select(.reason == "no_backend") | .packets'; }

nobody_in_pool() {
	local before
	before=$(no_backend)
	shunt backend drain web fd00:2::14 && goes_to "" 10.0.0.66 && [ "$(no_backend)" -gt "$before" ] && goes_to "b1 b3" 10.0.0.2
}

check_fails_in_pool() {
	shunt backend undrain web 10.0.2.12 fd00:2::14 && goes_to "b2 b4" 10.0.0.66 && nginx_stop b2 &&
		wait_for 10 state_is 10.0.2.12 down && goes_to b4 10.0.0.66 && nginx_start b2 && wait_for 10 state_is 10.0.2.12 up
}

backend_moves() {
	shunt backend set web 10.0.2.11 pool=green && goes_to "b1 b2 b4" 10.0.0.66 && goes_to b3 10.0.0.2 &&
		shunt backend set web 10.0.2.11 pool=default && goes_to "b2 b4" 10.0.0.66 && goes_to "b1 b3" 10.0.0.2
}

last_one_stays() {
	refused 'sources.pools.green: no backend of service "web" is in pool "green"' \
		shunt backend delete web 10.0.2.12 fd00:2::14
}

pin_moves() {
	set_sources 'pools: {green: [10.0.0.0/26, "fd00::/64"]}, allow: [10.0.0.66, "fd00:0::66"]' && reloads &&
		goes_to "b1 b3" 10.0.0.66 fd00:0::66 && goes_to "b2 b4" 10.0.0.2 fd00:0::2
}

list_from_file() {
	printf '# testers\n10.0.0.66\nfd00:0::66 # by IPv6\n' >"$run/testers.txt"
	set_sources 'pools: {green: [{file: testers.txt}]}' && reloads &&
		goes_to "b2 b4" 10.0.0.66 fd00:0::66 && goes_to "b1 b3" 10.0.0.2
}

file_changes() {
	echo 10.0.0.2 >"$run/testers.txt"
	reloads && goes_to "b1 b3" 10.0.0.66 && goes_to "b2 b4" 10.0.0.2 && shunt reload | grep -q '^nothing to change'
}

file_is_wrong() {
	printf '10.0.0.66\n10.0.0.2/33\n' >"$run/testers.txt"
	refused '/testers.txt:2: services\[web\].sources.pools.green\[10.0.0.2/33\]: ' shunt reload && goes_to "b2 b4" 10.0.0.2
}

file_changes_meanwhile() {
	echo 10.0.0.66 >"$run/testers.txt"
	shuntd_end TERM && shuntd_start && goes_to "b2 b4" 10.0.0.66 && goes_to "b1 b3" 10.0.0.2
}

file_does_not_change() { # so what was set by command stays
	shunt backend drain web 10.0.2.11 && shuntd_end TERM && shuntd_start && state_is 10.0.2.11 drain && goes_to "b2 b4" 10.0.0.66 &&
		shunt backend undrain web 10.0.2.11
}

file_is_gone() {
	rm "$run/testers.txt"
	refused 'testers.txt cannot be read: No such file' shunt reload && shuntd_end KILL && shuntd_start &&
		goes_to "b2 b4" 10.0.0.66 && goes_to "b1 b3" 10.0.0.2 && tail "$run/shuntd.log" | grep -q 'testers.txt cannot be read.*going on'
}

apply_reads_files() {
	echo 10.0.0.2 >"$run/testers.txt"
	shunt apply "$conf" && goes_to "b1 b3" 10.0.0.66 && goes_to "b2 b4" 10.0.0.2
}

long_list() {
	{
		seq 0 99999 | awk '{ printf "11.%d.%d.%d\n", $1 / 65536, $1 / 256 % 256, $1 % 256 }'
		echo 10.0.0.66
	} >"$run/testers.txt"
	set_sources 'deny: [{file: testers.txt}]' && reloads && goes_to "" 10.0.0.66 && goes_to "b1 b3" 10.0.0.2 &&
		[ "$(shunt --json service show web | jq .sources.deny)" = 100001 ]
}

start_all
ip -n "$SHUNT_LAB-client" address add 10.0.0.66/32 dev eth0
ip -n "$SHUNT_LAB-client" address add fd00:0::66/128 dev eth0 nodad

test_that "a source that is sent to a pool goes there, others to the default one" pin_by_reload
test_that "pools are shown" others_are_shown
test_that "a killed daemon and a new one change nothing of it" daemon_restarts
test_that "a drain within the pool" drain_in_pool
test_that "with nobody in the pool its sources are dropped, and counted" nobody_in_pool
test_that "a check that fails in the pool" check_fails_in_pool
test_that "a backend moves to the pool and back" backend_moves
test_that "the last backend of a pool in use stays" last_one_stays
test_that "a reload moves the pin" pin_moves
test_that "a list is read from a file" list_from_file
test_that "a list that has changed is applied by a reload" file_changes
test_that "a list that is wrong is refused with its line" file_is_wrong
test_that "a list that has changed meanwhile is applied by a start" file_changes_meanwhile
test_that "one that has not leaves commands in force" file_does_not_change
test_that "a list that is gone changes nothing" file_is_gone
test_that "apply reads lists, too" apply_reads_files
test_that "a list of 100,000" long_list
tap_end
