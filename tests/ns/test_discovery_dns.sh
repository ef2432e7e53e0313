#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Backends by DNS names: addresses and SRV records, from a real server; by their TTL; and a resolver that is down, or denies what it said before,
# changes nothing.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# resolver RECORD...: dnsmasq beside shuntd, with these records (and no others), each good for a second.
resolver() {
	resolver_stop
	inside lb dnsmasq --conf-file=/dev/null --pid-file="$run/dnsmasq.pid" --user=root --no-resolv --no-hosts --local=/test/ \
		--bind-interfaces --listen-address=127.0.0.1 --port=5353 --local-ttl=1 --log-facility=- "$@" 2>>"$run/dnsmasq.log"
}

resolver_stop() {
	local pid
	[ -e "$run/dnsmasq.pid" ] || return 0
	pid=$(cat "$run/dnsmasq.pid")
	kill "$pid" && wait_for 5 pid_gone "$pid" && rm -f "$run/dnsmasq.pid"
}

begin() {
	local b
	lab_begin || return 1
	ip -n "$SHUNT_LAB-lb" link set lo up
	export config_more='resolvers: ["127.0.0.1:5353"]' service_more="discover:
      - {dns: web.test, min_ttl: 1s}
      - {srv: _http._tcp.test, min_ttl: 1s, family: ipv4}"
	write_config 10.0.2.11
	for b in b1 b2 b3 b4; do
		nginx_start $b || return 1
	done
	resolver --host-record=web.test,10.0.2.12,fd00:2::13 && shuntd_start && wait_for 20 count_is up 3
}

of() { shunt --json service show web | jq -r --arg a "$1" --arg m "$2" '.backends[] | select(.address == $a) | .[$m]'; } # ADDRESS MEMBER
of_is() { [ "$(of "$1" "$2")" = "$3" ]; }
has_no() { [ -z "$(backend_state "$1")" ]; }
logged() { grep -Eq -- "$1" "$run/shuntd.log"; }

by_name() { of_is 10.0.2.12 from "dns web.test" && of_is fd00:2::13 from "dns web.test" && none_fails "$vip4" 20; }

changed() { resolver --host-record=web.test,fd00:2::13 --host-record=web.test,fd00:2::14 && wait_for 10 has_no 10.0.2.12 && wait_for 10 state_is fd00:2::14 up; }

# problem TEXT: what is told of the name now.
problem() { shunt --json service show web | jq -e --arg t "$1" '.discovered[] | select(.from == "dns web.test") | .problem // "" | test($t)'; }
unreachable='web.test: (Could not contact|Timeout)'

silent() { resolver_stop && wait_for 20 problem "$unreachable" && count_is up 3 && logged "dns web.test: nothing changes: $unreachable"; }

restarted() { sleep 1.2 && shuntd_end KILL && shuntd_start && count_is up 3 && wait_for 20 problem "$unreachable" && count_is up 3; }

denied() {
	resolver --host-record=other.test,10.0.2.12 && wait_for 70 problem 'web.test has no address: Domain name not found' && count_is up 3
}

# Two of one priority with weights 3 and 0, which is next to nothing; one in reserve; the targets' IPv6 addresses are not asked for.
by_srv() {
	resolver --host-record=web.test,fd00:2::13 --host-record=two.test,10.0.2.12,fd00:2::12 --host-record=four.test,10.0.2.14 \
		--host-record=three.test,10.0.2.13 --srv-host=_http._tcp.test,two.test,80,10,3 --srv-host=_http._tcp.test,four.test,80,10,0 \
		--srv-host=_http._tcp.test,three.test,80,20,9 && wait_for 70 of_is 10.0.2.12 weight 3 && of_is 10.0.2.14 weight 1 &&
		of_is 10.0.2.12 from "srv _http._tcp.test" && has_no 10.0.2.13 && has_no fd00:2::12 && wait_for 10 state_is 10.0.2.12 up
}

# A target that cannot be resolved is as the whole: half of the backends would be gone.
half() {
	resolver --host-record=web.test,fd00:2::13 --srv-host=_http._tcp.test,four.elsewhere,80,10,5 --srv-host=_http._tcp.test,two.test,80,10,5 \
		--host-record=two.test,10.0.2.12 && wait_for 10 logged 'srv _http._tcp.test: nothing changes: four.elsewhere: ' &&
		of_is 10.0.2.12 weight 3 && of_is 10.0.2.14 weight 1
}

without() {
	shunt service set web discover=dns:web.test && wait_for 10 has_no 10.0.2.12 && has_no 10.0.2.14 && state_is fd00:2::13 up &&
		refused 'is not a domain name' shunt service set web discover=srv:a..b
}

begin || bail "backends are found by their name"
test_that "addresses of both families, of a name" by_name
test_that "which are others when the TTL is over, under load" under_load changed
test_that "a resolver that is down changes nothing" silent
test_that "nor does a restart meanwhile" restarted
test_that "nor one that denies the name" denied
test_that "SRV records: weights, and the lowest priority" by_srv
test_that "one of their targets that cannot be resolved changes nothing" half
test_that "a source that is not configured any more takes its backends with it" without
tap_end
