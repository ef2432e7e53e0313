# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the tests of devices share: the lab, with the veth between balancer and router taken out for something else. Sourced by
# tests/vm/test_*.sh. The machine's network cards (scripts/vm, VM_CARDS) are known by their addresses.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ns/tap.sh"

lb_ip() { ip -n "$SHUNT_LAB-lb" "$@"; }
router_ip() { ip -n "$SHUNT_LAB-router" "$@"; }

# card PAIR END: its name, as long as it is in no namespace of ours; END: a, b.
card() {
	ip -j link | jq -re --arg mac "02:00:00:00:0$1:0$2" '.[] | select(.address == $mac) | .ifname'
}

# place PAIR END NODE NAME
place() {
	local name
	name=$(card "$1" "$2") && ip link set dev "$name" mtu 1600 netns "$SHUNT_LAB-$3" name "$4" && ip -n "$SHUNT_LAB-$3" link set "$4" up
}

without_veth() { router_ip link delete lb; }

# What the lab gives these two at first, on interfaces that are there now.
address_link() {
	lb_ip address add 10.0.1.2/24 dev "$1" && lb_ip address add fd00:1::2/64 dev "$1" nodad &&
		router_ip address add 10.0.1.1/24 dev "$2" && router_ip address add fd00:1::1/64 dev "$2" nodad &&
		lb_ip route add default via 10.0.1.1 && lb_ip route add default via fd00:1::1 &&
		router_ip route add "$vip4" via 10.0.1.2 && router_ip route add "$vip6" via fd00:1::2
}

# Another one, eth1 to lb2, for a route to the backends.
address_second_link() {
	lb_ip address add 10.0.3.2/24 dev eth1 && lb_ip address add fd00:3::2/64 dev eth1 nodad &&
		router_ip address add 10.0.3.1/24 dev lb2 && router_ip address add fd00:3::1/64 dev lb2 nodad
}

servers_start() {
	local b
	for b in b1 b2 b3 b4; do
		nginx_start $b || return 1
	done
}
