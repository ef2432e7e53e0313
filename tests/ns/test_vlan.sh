#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# VLANs end to end, the program attached to the interface below: packets come in with one VLAN's tag and leave with that of their
# next hop's. Skipped where the kernel has no VLAN devices.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# vlan NAME BELOW NET OPTION...: lb's device NAME on eth0BELOW, 10.0.NET.2, and the router's at the other end, 10.0.NET.1.
vlan() {
	local name=$1 below=$2 net=$3
	shift 3
	ip -n "$SHUNT_LAB-router" link add link "lb$below" name "lb$name" type vlan "$@"
	ip -n "$SHUNT_LAB-lb" link add link "eth0$below" name "eth0$name" type vlan "$@"
	ip -n "$SHUNT_LAB-router" link set dev "lb$name" up
	ip -n "$SHUNT_LAB-lb" link set dev "eth0$name" up
	[ "$net" != - ] || return 0
	ip -n "$SHUNT_LAB-router" address add "10.0.$net.1/24" dev "lb$name"
	ip -n "$SHUNT_LAB-router" address add "fd00:$net::1/64" dev "lb$name" nodad
	ip -n "$SHUNT_LAB-lb" address add "10.0.$net.2/24" dev "eth0$name"
	ip -n "$SHUNT_LAB-lb" address add "fd00:$net::2/64" dev "eth0$name" nodad
}

rx_packets() { ip -n "$SHUNT_LAB-router" -s -j link show dev "$1" | jq '.[0].stats64.rx.packets'; }

tags_are() { # ADDRESS TAGS
	[ "$(shunt --json service show web | jq -rc --arg a "$1" '.backends[] | select(.address == $a) | .nexthop |
		[.interface, .vlan[] | if type == "object" then "\(.protocol) \(.id)" else . end] | join(", ")')" = "$2" ]
}

backends_over() { # NET TAGS: the route to the backends, from now on
	ip -n "$SHUNT_LAB-lb" route replace 10.0.2.0/24 via "10.0.$1.1"
	ip -n "$SHUNT_LAB-lb" route replace fd00:2::/64 via "fd00:$1::1"
	wait_for 15 tags_are 10.0.2.11 "$2" && wait_for 15 tags_are fd00:2::13 "$2" && wait_for 10 count_is up 4
}

vips_over() { # NET: the router's route to the VIPs
	ip -n "$SHUNT_LAB-router" route replace "$vip4" via "10.0.$1.2"
	ip -n "$SHUNT_LAB-router" route replace "$vip6" via "fd00:$1::2"
}

# carries DEVICE: requests to both VIPs are answered, and what is sent to the backends comes to the router by that device: of a
# request's packets at least four.
carries() {
	local before
	before=$(rx_packets "$1")
	all_answered "$vip4" b1 b2 b3 b4 && all_answered "[$vip6]" b1 b2 b3 b4 || return 1
	echo "$1 carried $(($(rx_packets "$1") - before)) packets"
	[ $(($(rx_packets "$1") - before)) -gt 600 ]
}

transfers() {
	local host down up
	for host in "$vip4" "[$vip6]"; do
		down=$(client curl -s --max-time 100 "http://$host/big" | wc -c)
		up=$(client curl -s --max-time 100 -H 'Expect:' --data-binary "@$run/b1.nginx/www/big" "http://$host/upload")
		echo "$host: $down bytes down, $up bytes up"
		[ "$down" = 10485760 ] && [ "$up" = 10485760 ] || return 1
	done
}

# A check that fails because the machine is slow would move connections, and what follows is about packets.
patient_checks() {
	sed -Ei 's/interval: [0-9]+ms, timeout: [0-9]+ms/interval: 1s, timeout: 10s/' "$conf"
	kill -HUP "$shuntd_pid"
	wait_for 10 checks_are_patient && wait_for 30 count_is up 4
}

checks_are_patient() { [ "$(shunt --json service show web | jq -r .check.timeout)" = 10s ]; }

# While next hops move to other links, a check may fail and take backends away, which is not what this test is about.
none_dropped() {
	local dropped
	dropped=$(shunt --json stats | jq -c '[.reasons[] | select(.action == "drop" and .packets > 0) | {reason, packets}]') || return 1
	echo "$dropped"
	[ "$(jq '[.[] | select(.reason != "no_backend")] | length' <<<"$dropped")" = 0 ]
}

start_all
if ! ip -n "$SHUNT_LAB-lb" link add link eth0 name eth0.100 type vlan id 100 2>"$run/said"; then
	skip "VLAN devices" "the kernel has none: $(head -1 "$run/said")"
	tap_end
fi
ip -n "$SHUNT_LAB-lb" link delete eth0.100
patient_checks || bail "other health checks are in force"
# XDP sees a tag only where it is in the frame: without this the router's veth would leave it beside.
inside router ethtool -K lb txvlan off >/dev/null
vlan .100 "" 6 id 100
vlan .200 "" 7 id 200
vlan .ad "" - protocol 802.1ad id 300
vlan .ad.9 .ad 8 id 9

test_that "the next hop is behind a VLAN device: its tag is known" backends_over 6 "eth0, 802.1Q 100"
test_that "packets come without a tag and leave with one" carries lb.100
test_that "10 MB up and down" transfers
vips_over 7
test_that "packets come with a tag and leave with another one" carries lb.100
test_that "10 MB up and down, tag in and out" transfers
test_that "the next hop is behind two VLAN devices" backends_over 8 "eth0, 802.1ad 300, 802.1Q 9"
test_that "packets come with a tag and leave with two" carries lb.ad.9
vips_over 8
test_that "packets come with two tags and leave with two" carries lb.ad.9
test_that "10 MB up and down, two tags in and out" transfers
test_that "the next hop is behind the interface itself" backends_over 1 "eth0"
test_that "packets come with two tags and leave without" carries lb
test_that "nothing was dropped" none_dropped
tap_end
