#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/bench/devices.sh PACKETS FLOWS...: what scripts/bench-instructions runs in its machine, where a nanosecond of the clock is an instruction. The
# same packets go through a veth and, in turn:
#
#   drop      a program that ends them as soon as they are there: what generator and device take before
#   reflect   a program that sends them back
#   shunt     the daemon's program; one service of 100 backends, IP in IP
#   forward   the kernel's forwarding, and nothing more
#   nftables  forwarding with a stateless rule that hashes the flow and rewrites the destination address
#   ipvs      IPVS with IP in IP to the same backends
#
# Packets are of established TCP connections (ack), of UDP, or the beginnings of ever new connections (syn, with 0 flows). Prints lines "KIND FLOWS PROGRAM NS".
# Fails if a packet does not arrive, or not as it must. PROGRAMS: only those.
set -euo pipefail

cd "$(dirname "$0")/../.."
packets=$1
shift
name=shunt-devices-$$
checked=1000 # packets, of half as many flows, that are looked at
# shellcheck source=tests/bench/veth.sh
. tests/bench/veth.sh

die() {
	echo "devices: $*" >&2
	exit 1
}

drop_on() { program lb drop; }
drop_off() { program lb off; }
forward_on() { :; }
forward_off() { :; }

# Its best: as many buckets as every kernel lets it have, and a scheduler that does not look at other connections. The module goes in the
# end, or its connections would stay.
ipvs_on() {
	local protocol
	modprobe ip_vs conn_tab_bits=20
	ip -n "$name-lb" address add "$vip/32" dev lo
	for protocol in t u; do
		echo "-A -$protocol $vip:80 -s mh -b mh-port"
		backends $'\n' "%.0s-a -$protocol $vip:80 -r 10.9.0.%d:80 -i"
	done | lb ipvsadm -R
}
ipvs_off() {
	ip -n "$name-lb" address del "$vip/32" dev lo
	lb ipvsadm -C
	modprobe -r ip_vs_mh ip_vs
}

# Backends are behind the veth. When the kernel's own ways are measured, they are behind a device that does no more than count, which
# is less than any real one takes.
route() { # back | out
	case $1 in
	back) ip -n "$name-lb" route replace default via 10.8.0.2 ;;
	out) ip -n "$name-lb" route replace default dev out ;;
	esac
}

way_of() { # PROGRAM
	case $1 in
	drop | reflect | shunt) echo back ;;
	*) echo out ;;
	esac
}

ended() { # PROGRAM: packets that have come to their end
	case $1 in
	drop) dropped lb ;;
	reflect | shunt) dropped gen ;;
	*) ip -n "$name-lb" -s -j link show dev out | jq '.[0].stats64.tx.packets' ;;
	esac
}

# send PROGRAM PACKETS OPTION...: prints the nanoseconds of a packet.
send() {
	local before after sent took program=$1 count=$2
	shift 2
	before=$(ended "$program")
	read -r sent _ _ took _ < <(flood --packets "$count" --seconds 3600 "$@")
	after=$(ended "$program")
	[ "$((after - before))" = "$count" ] || die "$program: of $count packets $sent went and $((after - before)) arrived ($*)"
	awk -v took="$took" -v n="$count" 'BEGIN { printf "%.1f\n", took * 1e9 / n }'
}

# check PROGRAM KIND: looks at some packets as they arrive; every flow comes twice.
check() {
	local program=$1 kind=$2 first=$2 mode=same listener
	case $program in
	drop) return ;;
	shunt | ipvs) mode=tunnelled ;;
	nftables) mode=rewritten ;;
	esac
	[ "$kind" != ack ] || first=syn
	program gen pass
	route back
	gen tests/bench/arrivals.py gen "$mode" "$checked" >"$work/arrivals" &
	listener=$!
	read -r _ <"$work/arrivals" || die "the packets cannot be looked at"
	for kind in "$first" "$kind"; do
		flood --packets $((checked / 2)) --seconds 3600 --kind "$kind" --flows $((checked / 2)) --seed 7 >/dev/null
	done
	wait "$listener" || die "$program, $2: what arrives is not what must"
	route "$(way_of "$program")"
	program gen drop
}

# Connections of what is established begin before; all flows come once, so that the rest is the same for each.
establish() { # PROGRAM KIND FLOWS
	[ "$2" != ack ] || send "$1" "$3" --kind syn --flows "$3" >/dev/null
	send "$1" "$3" --kind "$2" --flows "$3" >/dev/null
}

# The least of three: interrupts only add.
measure() { # PROGRAM KIND FLOWS
	local round flows=(--flows "$3")
	route "$(way_of "$1")"
	"$1_on"
	sleep 5 # for the daemon's first seconds
	check "$1" "$2"
	[ "$3" = 0 ] || establish "$@"
	for round in 1 2 3; do
		[ "$3" != 0 ] || flows=(--seed "$round")
		send "$1" "$packets" --kind "$2" "${flows[@]}"
	done >"$work/costs"
	"$1_off"
	echo "$2 $3 $1 $(sort -n "$work/costs" | head -1)"
}

trap veth_clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
modprobe -a veth dummy ipip
mkfifo "$work/arrivals"
devices
lb ethtool -K lb gro on # which has it receive what XDP sends without a program of its own, too
program gen drop
ip -n "$name-lb" link add out type dummy
ip -n "$name-lb" link set out up
for program in ${PROGRAMS:-drop reflect shunt forward nftables ipvs}; do
	for flows; do
		measure "$program" ack "$flows"
		measure "$program" udp "$flows"
	done
	measure "$program" syn 0
done
