#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A real DNS server behind a UDP VIP: answers of 4,000 bytes, and requests that the client's kernel sends in fragments, all of which
# must reach one backend.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

sources4=() sources6=()

client_addresses() {
	local i
	for i in {11..26}; do
		ip -n "$SHUNT_LAB-client" address add "10.0.0.$i/24" dev eth0
		ip -n "$SHUNT_LAB-client" address add "fd00:0::$i/64" dev eth0 nodad
		sources4+=("10.0.0.$i") sources6+=("fd00:0::$i")
	done
}

# 18 records, 4,000 bytes in all; one says who answers. It also listens by TCP, for the health checks.
dnsmasq_start() { # NODE
	local node=$1 text i records=()
	text=$(printf 'x%.0s' {1..215})
	for i in {10..26}; do
		records+=("--txt-record=big.test,$i-$text")
	done
	inside "$node" dnsmasq --conf-file=/dev/null --pid-file="$run/$node.dnsmasq.pid" --user=root --no-resolv --no-hosts --local=/test/ \
		--bind-interfaces --listen-address="$vip4,$vip6,10.0.2.1${node#b},fd00:2::1${node#b}" --edns-packet-max=4096 \
		--txt-record="big.test,who=$node" "${records[@]}"
}

write_dns_config() {
	cat >"$conf" <<-CONF
		interfaces: [eth0]
		source:
		  ipv4: 172.31.0.0/16
		  ipv6: fd00:5::/64
		limits: {fragments: 1024}
		services:
		  - name: web
		    vips: ["$vip4:53/udp", "[$vip6]:53/udp"]
		    check: {type: tcp, port: 53, interval: $((200 * patience))ms, timeout: $((1000 * patience))ms}
		    backends: [10.0.2.11, 10.0.2.12, "fd00:2::13", "fd00:2::14"]
	CONF
}

reason_packets() { shunt --json stats | jq --arg r "$1" '.reasons[] | select(.reason == $r) | .packets'; }

# What a node's IP has reassembled, of both families: OKs or Fails.
reassembled() { # NODE OKs|Fails
	inside "$1" cat /proc/net/snmp /proc/net/snmp6 | awk -v what="Reasm$2" '
		$1 == "Ip:" && !column { for (i = 2; i <= NF; i++) if ($i == what) column = i; next }
		$1 == "Ip:" { n += $column }
		$1 == "Ip6" what { n += $2 }
		END { print n + 0 }'
}

on_backends() { # OKs|Fails
	local b n=0
	for b in b1 b2 b3 b4; do
		n=$((n + $(reassembled "$b" "$1")))
	done
	echo "$n"
}

# answered SERVER PADDING SOURCE...: all are, with all records, and by more than one backend.
answered() {
	local before
	before=$(reassembled client OKs)
	client /usr/bin/python3 "$top/tests/ns/dns_client.py" "$@" >"$run/answers" || return 1
	sort "$run/answers" | uniq -c
	[ "$(awk '$1 > 3900 && $2 == 18' "$run/answers" | wc -l)" = $(($# - 2)) ] || return 1
	[ "$(awk '{ print $3 }' "$run/answers" | sort -u | wc -l)" -gt 1 ] || return 1
	[ $(($(reassembled client OKs) - before)) -ge $(($# - 2)) ]
}

# The same with requests of some fragments: the backends have put as many together as there were.
asked() {
	local before
	before=$(on_backends OKs)
	answered "$@" || return 1
	echo "backends put together $(($(on_backends OKs) - before)) datagrams"
	[ $(($(on_backends OKs) - before)) -ge $(($# - 2)) ]
}

# Nothing waits for its rest anywhere, and nothing came before its first fragment.
none_lost() {
	echo "early: $(reason_packets fragment_early)"
	[ "$(reason_packets fragment_early)" = 0 ] && [ "$(on_backends Fails)" = 0 ]
}

# The last fragment first: the stated rule. Scapy cuts and sends.
backwards() {
	local before
	before=$(reason_packets fragment_early)
	client /usr/bin/python3 - "$vip4" <<-'PYTHON' || return 1
		import sys
		from scapy.layers.inet import IP, UDP, fragment
		from scapy.packet import Raw
		from scapy.sendrecv import send
		send(fragment(IP(dst=sys.argv[1], id=77) / UDP(sport=999, dport=53) / Raw(b"x" * 3000), 1480)[::-1], verbose=False)
	PYTHON
	wait_for 5 early_is $((before + 2))
}

early_is() { [ "$(reason_packets fragment_early)" = "$1" ]; }

lab_begin || bail "the lab comes up"
client_addresses
for b in b1 b2 b3 b4; do
	dnsmasq_start $b || bail "dnsmasq on $b starts"
done
write_dns_config
shuntd_start || bail "shuntd starts"
wait_for 20 count_is up 4 || bail "all backends are up"

test_that "answers in fragments, IPv4" answered "$vip4" 0 "${sources4[@]}"
test_that "answers in fragments, IPv6" answered "$vip6" 0 "${sources6[@]}"
test_that "requests of two fragments, IPv4" asked "$vip4" 2000 "${sources4[@]}"
test_that "requests of two fragments, IPv6" asked "$vip6" 2000 "${sources6[@]}"
test_that "requests of three fragments, IPv4" asked "$vip4" 3900 "${sources4[@]}"
test_that "requests of three fragments, IPv6" asked "$vip6" 3900 "${sources6[@]}"
test_that "all fragments of a datagram reached one backend" none_lost
test_that "fragments before their first are dropped and counted" backwards
tap_end
