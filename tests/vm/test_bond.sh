#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A bond of two ports in the place of the balancer's interface: the program runs on the bond, in native mode, and one port's link goes
# down under load. The ports are veth, whose carrier goes with their other end's; with LACP the router has a bond, too.
# shellcheck source=tests/vm/links.sh
. "$(dirname "$0")/links.sh"

make_ports() {
	local n
	for n in 0 1; do
		router_ip link add "up$n" mtu 1600 type veth peer name "port$n" mtu 1600 netns "$SHUNT_LAB-lb" || return 1
	done
}

bond() { # NODE NAME PORT PORT OPTION...
	local ns=$SHUNT_LAB-$1 name=$2 port
	ip -n "$ns" link add "$name" mtu 1600 type bond miimon 50 "${@:5}" || return 1
	for port in "$3" "$4"; do
		ip -n "$ns" link set "$port" master "$name" && ip -n "$ns" link set "$port" up || return 1
	done
	ip -n "$ns" link set "$name" up
}

bridge() { # NAME PORT PORT
	router_ip link add "$1" mtu 1600 type bridge && router_ip link set "$2" master "$1" up && router_ip link set "$3" master "$1" up &&
		router_ip link set "$1" up
}

# What veth ports send on for XDP arrives only where the other end has a program as well.
make_bond() { # MODE
	make_ports || return 1
	case $1 in
	active-backup)
		bond lb bond0 port0 port1 mode "$1" && bridge lb up0 up1 && passes up0 && passes up1
		;;
	802.3ad)
		bond lb bond0 port0 port1 mode "$1" lacp_rate fast xmit_hash_policy layer3+4 &&
			bond router lb up0 up1 mode "$1" lacp_rate fast xmit_hash_policy layer3+4 && passes lb
		;;
	esac && address_link bond0 lb
}

passes() { router_ip link set dev "$1" xdp object "$build/tests/bpf/pass.bpf.o" section xdp.frags; }

remove_bond() {
	shuntd_end TERM && inside lb "$build/shuntd" --detach --pin-dir "$pins/shuntd" && lb_ip link delete bond0 &&
		router_ip link delete lb && router_ip link delete up0 && router_ip link delete up1
}

runs_natively() {
	shuntd_start && shunt --json status | jq -e '.interfaces[0] | .name == "bond0" and .mode == "native"' && wait_for 20 count_is up 4
}

received() { router_ip -s -j link show dev "$1" | jq '.[0].stats64.rx.packets'; }

# The port with the lesser number carries all or some: with it gone, the other one does.
port_down() {
	local before
	router_ip link set up0 down || return 1
	before=$(received up1)
	load_more "$load" 40 && echo "the other port carried $(($(received up1) - before))" && [ $(($(received up1) - before)) -ge 200 ]
}

both_used() {
	local n
	for n in 0 1; do
		echo "port $n: $(received "up$n")"
		[ "$(received "up$n")" -ge 50 ] || return 1
	done
}

modprobe -a veth bonding 2>/dev/null
if ! ip link add "try$$" type bond 2>/dev/null; then
	echo "skip - bonds: this kernel has none"
	exit 0
fi
ip link delete "try$$"
lab_begin || bail "the lab comes up"
without_veth
servers_start || bail "nginx starts"
write_config
sed -i 's/name: eth0/name: bond0/' "$conf"

for mode in active-backup 802.3ad; do
	make_bond $mode || bail "a bond, $mode"
	test_that "$mode: the program runs on the bond natively, all backends are up" runs_natively
	test_that "$mode: IPv4" all_answered "$vip4" b1 b2 b3 b4
	[ $mode = active-backup ] || test_that "$mode: both ports carry packets" both_used
	test_that "$mode: a port's link goes down: no request fails" under_load port_down
	remove_bond >/dev/null || bail "the bond, $mode, can be taken away again"
done
tap_end
