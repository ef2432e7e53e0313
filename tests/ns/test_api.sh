#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The API of a real daemon: every answer as docs/openapi.yaml describes it; two editors; readers; and hostile input, which gets an error
# and nothing else. The daemon is built with the sanitizers.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

read_sock=$run/shunt-ro.sock
shuntd_command=("${shuntd_command[@]/#"$build/shuntd"/"$build/san/shuntd"}" --read-group nogroup)

# One of everything that makes an answer's members: pools, sources, QUIC, drains, registrations, a pool on demand, next hops that are not known, groups, files.
rich_config() {
	export config_more='seed: "0x00000000feedface"
groups: {team: {vips: [192.0.2.53], defaults: {idle_timeout: 66, sources: {deny: [198.51.100.0/24]}}}}' service_more='registration: true'
	write_config
	cat >>"$conf" <<-CONF
		      - {address: 10.0.2.21, pool: green}
		    sources: {deny: [198.51.100.0/24], pools: {green: [10.8.0.0/16]}}
		    on_demand: {pools: {cpu: {start: {command: [/bin/true]}, stop: {url: "http://127.0.0.1:9/", method: GET}, awake: [mon UTC]}}}
		  - name: h3
		    vips: ["192.0.2.10:443/udp"]
		    ring_size: 4093
		    quic: {configs: [{id: 0, server_id_length: 4}]}
		    check: {type: none}
		    backends: [10.0.2.11, {address: 10.0.2.12, state: drain, server_id: 0xd00dfeed, encap: {type: gue}}]
		  - name: empty
		    group: team
		    vips: ["192.0.2.53:53/udp"]
		    ring_size: 251
		    sources: null
	CONF
	mkdir "$run/services.d"
	echo 'services: [{name: owned, group: team, vips: ["192.0.2.53:54/udp"], ring_size: 251}]' >"$run/services.d/a.yaml"
	echo 'services: [{name: refused, group: team, vips: ["192.0.2.54:54/udp"]}]' >"$run/services.d/b.yaml"
}

tested() { /usr/bin/python3 "$top/tests/api/$1" "$sock" "$read_sock" "${@:2}"; }

# Somebody of the group, and of no other: the one socket answers, the other does not.
as_reader() { setpriv --reuid=65534 --regid=nogroup --clear-groups -- curl -sS --max-time 10 --unix-socket "$1" "http://localhost/v1/$2"; }

readers_read() {
	[ "$(stat -c '%a %G' "$read_sock")" = "660 nogroup" ] && [ "$(stat -c '%a %G' "$sock")" = "660 root" ] || return 1
	as_reader "$read_sock" status | jq -e .pid && ! as_reader "$sock" status && as_reader "$read_sock" config | jq -e 'has("seed") | not' &&
		shunt export | grep -q '^seed:.*0x00000000feedface'
}

# A daemon that cannot give its socket away does not start, and leaves nothing.
no_such_group() {
	refused 'no group "no-such-group"' timeout 10 "${shuntd_command[@]}" --state "$run/second.json" --socket "$run/second.sock" \
		--read-group no-such-group && [ ! -e "$run/second.sock" ] && [ ! -e "$run/second-ro.sock" ]
}

# What the sanitizers found, a leak at its end among it, is in its log.
ends_clean() {
	wait_for 10 pid_gone "$shuntd_pid" || return 1
	! grep -E -A30 'AddressSanitizer|LeakSanitizer|runtime error' "$run/shuntd.log"
}

lab_begin || bail "the lab comes up"
nginx_start b1 # the others are down, which answers say more of
rich_config
shuntd_start || bail "the daemon comes up"
wait_for 30 state_is 10.0.2.11 up || bail "a backend comes up"

test_that "a group may read, and no more" readers_read
test_that "a group that is not there is said so" no_such_group
test_that "hostile input gets an error and nothing else" tested fuzz.py --count "${COUNT:-600}" ${SEED:+--seed "$SEED"}
test_that "answers are as docs/openapi.yaml describes them" tested conform.py
test_that "the sanitizers have found nothing" ends_clean
tap_end
