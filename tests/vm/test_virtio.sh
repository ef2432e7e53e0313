#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# virtio-net in native mode: eth0 with several queues in the place of the lab's veth, and eth1 with a single one as a second uplink. Packets
# go out by the interface that they came in by (XDP_TX) or by the other one (redirection), and what the driver counts is what shuntd does.
# shellcheck source=tests/vm/links.sh
. "$(dirname "$0")/links.sh"

# driver_counts NAME DEVICE: the sum over its queues; per queue the names differ from kernel to kernel by one "_queue_".
driver_counts() {
	inside lb ethtool -S "$2" | sed -nE "s/^ *rx(_queue_)?[0-9]+_$1: //p" | awk '{ n += $1 } END { print n + 0 }'
}
queues_with() { # NAME DEVICE: how many queues have counted any
	inside lb ethtool -S "$2" | sed -nE "s/^ *rx(_queue_)?[0-9]+_$1: //p" | grep -cvx 0
}
forwarded() { shunt --json stats | jq '[.services[0].backends[].packets] | add'; }
mode_is() { [ "$(shunt --json status | jq -r --arg i "$1" '.interfaces[] | select(.name == $i) | .mode')" = "$2" ]; }

several_queues() {
	inside lb ethtool -L eth0 combined 2 && shuntd_start && mode_is eth0 native && wait_for 20 count_is up 4
}

# What the driver has counted, and shuntd, once neither moves any more: a connection that has ended for its client still sends a packet or two.
counts_at_rest() { # NAME
	local now last=
	for _ in {1..20}; do
		now="$(driver_counts "$1" eth0) $(forwarded)"
		[ "$now" != "$last" ] || break
		last=$now
		sleep 0.5
	done
	echo "$now"
}

# Each packet that shuntd counts has been sent by the driver in the way that is expected, xdp_tx or xdp_redirects.
counted_as() { # NAME HOST
	local sent forwarded sent_before forwarded_before
	read -r sent_before forwarded_before < <(counts_at_rest "$1")
	all_answered "$2" b1 b2 b3 b4 || return 1
	read -r sent forwarded < <(counts_at_rest "$1")
	sent=$((sent - sent_before)) forwarded=$((forwarded - forwarded_before))
	echo "forwarded $forwarded; $1 of the driver: $sent"
	[ "$forwarded" -ge 400 ] && [ "$sent" = "$forwarded" ]
}

all_queues_used() {
	inside lb ethtool -S eth0 | grep xdp_packets
	[ "$(queues_with xdp_packets eth0)" -ge 2 ]
}

upload() {
	head -c 1000000 /dev/zero >"$run/body"
	[ "$(client curl -s --max-time $((10 * patience)) -H 'Expect:' --data-binary "@$run/body" "http://$1/upload")" = 1000000 ]
}

go_by() {
	shunt --json service show web | jq -e --arg i "$1" '[.backends[].nexthop.interface] | all(. == $i)'
}

# A NIC without a program drops what is redirected to it, and nobody would know.
no_program_there() {
	lb_ip route add 10.0.2.12 via 10.0.3.1 || return 1
	wait_for 10 says_why && all_answered "$vip4" b1 b3 b4
}
says_why() { shunt --json service show web | grep 'eth1 takes no redirected packets without an XDP program: list it under interfaces'; }

second_uplink() {
	lb_ip route add 10.0.2.0/24 via 10.0.3.1 && lb_ip route add fd00:2::/64 via fd00:3::1 &&
		sed 's/^  - name: eth0/&\n  - name: eth1/' "$conf" >"$run/two.yaml" && shunt apply "$run/two.yaml" &&
		mode_is eth1 native && wait_for 10 go_by eth1 && wait_for 20 count_is up 4
}

set_up() {
	place 0 a lb eth0 && place 0 b router lb && place 1 a lb eth1 && place 1 b router lb2 && address_link eth0 lb &&
		address_second_link &&
		inside router ethtool -L lb combined 4
}

modprobe -a veth virtio_net 2>/dev/null
if ! card 1 b >/dev/null; then
	echo "skip - virtio: this machine has no two pairs of virtio network cards"
	exit 0
fi
lab_begin || bail "the lab comes up"
without_veth
set_up || bail "network cards take the place of veth"
servers_start || bail "nginx starts"
write_config

test_that "several queues: native mode, all backends are up" several_queues
test_that "IPv4, one-armed: the driver has sent what shuntd counts" counted_as xdp_tx "$vip4"
test_that "IPv6, one-armed" counted_as xdp_tx "[$vip6]"
test_that "several queues have had packets" all_queues_used
test_that "1 MB up" upload "$vip4"
test_that "an interface without a program is not redirected to, and that is said" no_program_there
test_that "with one it is the second uplink, natively" second_uplink
test_that "IPv4, to the other interface: the driver has redirected what shuntd counts" counted_as xdp_redirects "$vip4"
test_that "IPv6, to the other interface" counted_as xdp_redirects "[$vip6]"
test_that "1 MB up through the other interface" upload "[$vip6]"
tap_end
