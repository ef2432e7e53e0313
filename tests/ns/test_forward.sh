#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The packet's way end to end: both families inside and outside, big transfers, what is not for a VIP, other next hops.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

decapsulated() { # NODE RESULT: packets
	inside "$1" "$build/shunt" --json backend-agent eth0 --status --pin-dir "$pins/$1" |
		jq --arg r "$2" '.counters[] | select(.result == $r) | .packets'
}

encapsulated_as() { # NODE RESULT...: the decapsulator there has stripped exactly these kinds
	local node=$1 kind n
	shift
	for kind in ipip ip6ip6 ipip6 sit; do
		n=$(decapsulated "$node" "$kind")
		echo "$node $kind $n"
		case " $* " in
		*" $kind "*) [ "$n" -gt 0 ] || return 1 ;;
		*) [ "$n" = 0 ] || return 1 ;;
		esac
	done
}

download() { # HOST
	[ "$(client curl -s --max-time 20 "http://$1/big" | wc -c)" = 10485760 ]
}

upload() { # HOST
	[ "$(client curl -s --max-time 20 -H 'Expect:' --data-binary "@$run/b1.nginx/www/big" "http://$1/upload")" = 10485760 ]
}

plain() { # HOST: a request to the balancer itself, whose port is no VIP's
	[ "$(client curl -s --max-time 5 "http://$1/")" = lb ]
}

reason_packets() { shunt --json stats | jq --arg r "$1" '.reasons[] | select(.reason == $r) | .packets'; }

passes_untouched() { # HOST
	local before
	before=$(reason_packets not_vip)
	plain "$1" && [ "$(reason_packets not_vip)" -gt "$before" ]
}

rx_packets() { ip -n "$SHUNT_LAB-router" -s -j link show dev "$1" | jq '.[0].stats64.rx.packets'; }

nexthop_is() { # ADDRESS KEY VALUE
	[ "$(shunt --json service show web | jq -r --arg a "$1" --arg k "$2" \
		'.backends[] | select(.address == $a) | .nexthop[$k]')" = "$3" ]
}

new_router_mac() {
	inside router sh -c 'echo 1 > /proc/sys/net/ipv4/conf/lb/arp_notify; echo 1 > /proc/sys/net/ipv6/conf/lb/ndisc_notify'
	ip -n "$SHUNT_LAB-router" link set dev lb address 02:00:00:00:00:77
	wait_for 15 nexthop_is 10.0.2.11 mac 02:00:00:00:00:77 && wait_for 15 nexthop_is fd00:2::13 mac 02:00:00:00:00:77 &&
		wait_for 10 count_is up 4 && all_answered "$vip4" b1 b2 b3 b4 && all_answered "[$vip6]" b1 b2 b3 b4
}

# A second link from balancer to router, which needs an XDP program (or GRO) at its far end for what is redirected to it.
second_link() {
	ip -n "$SHUNT_LAB-router" link add lb2 mtu 1600 type veth peer name eth1 mtu 1600 netns "$SHUNT_LAB-lb"
	ip -n "$SHUNT_LAB-router" address add 10.0.3.1/24 dev lb2
	ip -n "$SHUNT_LAB-router" address add fd00:3::1/64 dev lb2 nodad
	ip -n "$SHUNT_LAB-router" link set dev lb2 up xdp object "$build/tests/bpf/pass.bpf.o" section xdp.frags
	ip -n "$SHUNT_LAB-lb" address add 10.0.3.2/24 dev eth1
	ip -n "$SHUNT_LAB-lb" address add fd00:3::2/64 dev eth1 nodad
	ip -n "$SHUNT_LAB-lb" link set dev eth1 up
}

route_moves() { # add|delete INTERFACE
	local before
	ip -n "$SHUNT_LAB-lb" route "$1" 10.0.2.0/24 via 10.0.3.1
	ip -n "$SHUNT_LAB-lb" route "$1" fd00:2::/64 via fd00:3::1
	wait_for 15 nexthop_is 10.0.2.11 interface "$2" && wait_for 15 nexthop_is fd00:2::13 interface "$2" &&
		wait_for 10 count_is up 4 || return 1
	before=$(rx_packets lb2)
	all_answered "$vip4" b1 b2 b3 b4 && all_answered "[$vip6]" b1 b2 b3 b4 || return 1
	echo "the second link carried $(($(rx_packets lb2) - before)) packets"
	if [ "$2" = eth1 ]; then
		[ $(($(rx_packets lb2) - before)) -gt 600 ]
	else
		[ $(($(rx_packets lb2) - before)) -lt 600 ]
	fi
}

start_all

test_that "IPv4 VIP: all backends answer" all_answered "$vip4" b1 b2 b3 b4
test_that "IPv6 VIP: all backends answer" all_answered "[$vip6]" b1 b2 b3 b4
test_that "a backend with an IPv4 address gets IPIP and SIT" encapsulated_as b1 ipip sit
test_that "a backend with an IPv6 address gets IPIP6 and IP6IP6" encapsulated_as b3 ipip6 ip6ip6
for host in "$vip4" "[$vip6]"; do
	for number in 1 2 3 4; do # other source ports, other backends
		test_that "10 MB down from $host, $number" download "$host"
		test_that "10 MB up to $host, $number" upload "$host"
	done
done

nginx_start lb
test_that "IPv4 that is not for a VIP passes untouched" passes_untouched 10.0.1.2
test_that "IPv6 that is not for a VIP passes untouched" passes_untouched "[fd00:1::2]"

test_that "the router's new MAC address is followed" new_router_mac
second_link
test_that "the route to the backends moves to another interface" route_moves add eth1
test_that "and back" route_moves delete eth0
tap_end
