#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who is served, and who goes where: source lists and hash inputs, changed while the daemon runs.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

set_web() { # MEMBERS, as JSON: of the service
	shunt_api -X POST -d "{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", \"set\": {$1}}]}" \
		http://shunt/v1/changes
}

shunt_api() {
	inside lb curl -s --fail-with-body --unix-socket "$sock" -H 'Content-Type: application/json' "$@"
}

name_for() { # ADDRESS HOST: which backend answers a client that has this address
	client curl -s --max-time $((2 * patience)) -H 'Connection: close' --interface "$1" "http://$2/"
}

served() { [[ $(name_for "$1" "$2") == b[1-4] ]]; }

denied() { # ADDRESS HOST: no answer, and the reason is counted
	local before
	before=$(denials)
	! name_for "$1" "$2" && [ "$(denials)" -gt "$before" ]
}

denials() { shunt --json stats | jq '.reasons[] | select(.reason == "source_denied") | .packets'; }

only_those_listed() {
	set_web '"sources": {"allow": ["10.0.0.0/24", "fd00:0::/64"], "deny": ["10.0.0.66", "fd00:0::66"]}' &&
		served 10.0.0.2 "$vip4" && served fd00:0::2 "[$vip6]" && denied 10.0.0.66 "$vip4" && denied fd00:0::66 "[$vip6]"
}

all_but_those_listed() {
	set_web '"sources": {"deny": ["10.0.0.0/25", "fd00:0::/64"]}' &&
		denied 10.0.0.2 "$vip4" && denied fd00:0::2 "[$vip6]"
}

counts_are_shown() {
	[ "$(shunt --json service show web | jq -c .sources)" = '{"allow":0,"deny":2,"pools":{}}' ]
}

everybody() {
	set_web '"sources": null' && served 10.0.0.66 "$vip4" && served fd00:0::66 "[$vip6]"
}

daemon_restarts() {
	shuntd_end KILL && ! served 10.0.0.66 "$vip4" && served 10.0.0.2 "$vip4" && shuntd_start &&
		denied 10.0.0.66 "$vip4" && served 10.0.0.2 "$vip4"
}

one_backend_a_client() {
	local name
	set_web '"hash": "source"' | tee /dev/stderr | jq -e '.warnings | length == 1' || return 1
	name=$(name_for 10.0.0.2 "$vip4")
	[[ $name == b[1-4] ]] || return 1
	for _ in {1..20}; do
		[ "$(name_for 10.0.0.2 "$vip4")" = "$name" ] || return 1
	done
}

start_all
ip -n "$SHUNT_LAB-client" address add 10.0.0.66/32 dev eth0
ip -n "$SHUNT_LAB-client" address add fd00:0::66/128 dev eth0 nodad

test_that "without a list everybody is served" served 10.0.0.66 "$vip4"
test_that "who is not allowed, or is denied by a longer prefix, is not served" only_those_listed
test_that "a killed daemon and a new one change nothing of it" daemon_restarts
test_that "who is denied is not served" all_but_those_listed
test_that "the service shows how many there are" counts_are_shown
test_that "a list is taken away" everybody
test_that "a client whose address is hashed has one backend" one_backend_a_client
test_that "and all of them are used when the flow is hashed again" set_web '"hash": "5-tuple"'
test_that "by all ports of one client" all_answered "$vip4" b1 b2 b3 b4
tap_end
