#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A backend that takes GUE and GRE by the kernel's own means, as backend-setup makes them; then by the agent, whose two programs must
# load and run on this kernel, too. Runs wherever the kernel has them, so in scripts/check-vm.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/../ns/tap.sh"
# shellcheck source=tests/ns/relay.sh
. "$top/tests/ns/relay.sh"

setup() {
	inside b1 "$build/shunt" backend-setup --interface eth0 --vip "$vip4" --vip "$vip6" --pin-dir "$pins/b1" --tunnel gue --tunnel gre "$@"
}

has_tunnels() {
	inside b1 sh -c 'modprobe -qa fou fou6 ip_gre ip6_gre; ip fou add port 1 gue && ip fou del port 1 gue &&
		ip link add name try0 type gre local 10.0.2.11 remote any && ip link delete try0'
}

set_up_twice() { setup --apply && setup --apply; }

received() { # DEVICE...: packets that came out of them
	local device
	for device; do
		ip -n "$SHUNT_LAB-b1" -s -j link show dev "$device" | jq '.[0].stats64.rx.packets'
	done
}

# A request's packets, SYN, ACK, GET, ACK, FIN: the last may come after the answer.
five_more() { # BEFORE COMMAND...: prints a number
	[ "$("${@:2}")" -ge $(($1 + 5)) ]
}

through() { # KIND VIP BACKEND HOST DEVICE: a request is answered, by way of this device
	local before status
	before=$(received "$5")
	relay_start "$1" "$2" "$3" || return 1
	[ "$(client curl -s --max-time $((5 * patience)) "http://$4/")" = b1 ] && wait_for 2 five_more "$before" received "$5"
	status=$?
	relay_stop
	echo "$5: $before packets, then $(received "$5")"
	return "$status"
}

agent_instead() {
	local device
	for device in shunt-ipip shunt-sit shunt-ip6 shunt-gre shunt-gre6; do
		ip -n "$SHUNT_LAB-b1" link delete "$device" || return 1
	done
	setup --mode agent --mss 1200 --apply
}

counted() { # RESULT
	inside b1 "$build/shunt" --json backend-agent eth0 --status --pin-dir "$pins/b1" |
		jq --arg r "$1" '.counters[] | select(.result == $r) | .packets'
}

by_agent() { # KIND RESULT VIP BACKEND HOST
	local before clamped status
	before=$(counted "$2") clamped=$(counted mss_clamped)
	relay_start "$1" "$3" "$4" || return 1
	[ "$(client curl -s --max-time $((5 * patience)) "http://$5/")" = b1 ] && wait_for 2 five_more "$before" counted "$2"
	status=$?
	relay_stop
	[ "$status" = 0 ] && [ "$(counted mss_clamped)" -gt "$clamped" ]
}

export SHUNT_LAB_BARE=1
lab_begin || bail "the lab comes up"
has_tunnels 2>/dev/null || {
	skip "GUE and GRE" "this kernel has no fou or gre"
	exit 0
}
# Checksums that b1 leaves to a device are computed before the client sees them: wrong ones would count.
inside router ethtool -K client tx off >/dev/null
nginx_start b1 || bail "nginx on b1 starts"

test_that "backend-setup --tunnel gue --tunnel gre --apply, twice" set_up_twice
test_that "GUE, variant 0, IPv4 in IPv4: fou and ipip" through gue0 "$vip4" 10.0.2.11 "$vip4" shunt-ipip
test_that "GUE, variant 1, IPv4 in IPv4: fou and ipip" through gue1 "$vip4" 10.0.2.11 "$vip4" shunt-ipip
test_that "GUE, variant 0, IPv6 in IPv4: fou and sit" through gue0 "$vip6" 10.0.2.11 "[$vip6]" shunt-sit
test_that "GUE, variant 1, IPv6 in IPv4: fou and sit" through gue1 "$vip6" 10.0.2.11 "[$vip6]" shunt-sit
test_that "GUE, variant 0, IPv4 in IPv6: fou6 and ip6tnl" through gue0 "$vip4" fd00:2::11 "$vip4" shunt-ip6
test_that "GUE, variant 1, IPv4 in IPv6: fou6 and ip6tnl" through gue1 "$vip4" fd00:2::11 "$vip4" shunt-ip6
test_that "GUE, variant 0, IPv6 in IPv6: fou6 and ip6tnl" through gue0 "$vip6" fd00:2::11 "[$vip6]" shunt-ip6
test_that "GUE, variant 1, IPv6 in IPv6: fou6 and ip6tnl" through gue1 "$vip6" fd00:2::11 "[$vip6]" shunt-ip6
test_that "GRE, IPv4 in IPv4" through gre "$vip4" 10.0.2.11 "$vip4" shunt-gre
test_that "GRE, IPv6 in IPv4" through gre "$vip6" 10.0.2.11 "[$vip6]" shunt-gre
test_that "GRE, IPv4 in IPv6" through gre "$vip4" fd00:2::11 "$vip4" shunt-gre6
test_that "GRE, IPv6 in IPv6" through gre "$vip6" fd00:2::11 "[$vip6]" shunt-gre6
test_that "the agent in their place" agent_instead
test_that "GUE through the agent, the MSS clamped" by_agent gue0 gue "$vip4" 10.0.2.11 "$vip4"
test_that "GRE through the agent, the MSS clamped" by_agent gre gre "$vip6" fd00:2::11 "[$vip6]"
tap_end
