#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The backend's side without a balancer: the agent's life on an interface, what it lets through, and backend-setup.
# Tunnel packets come from Scapy, at the balancer's place.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

agent() { inside b1 "$build/shunt" backend-agent eth0 --pin-dir "$pins/b1" "$@"; }
agent_json() { inside b1 "$build/shunt" --json backend-agent eth0 --pin-dir "$pins/b1" --status; }
packets() { agent_json | jq --arg r "$1" '.counters[] | select(.result == $r) | .packets'; }
program() { inside b1 bpftool -j net | jq '.[0].xdp[0].id // 0'; }

# tunnel OUTER-SOURCE INNER-DESTINATION: a client's ping in IPIP to b1; succeeds if the reply reaches the client.
tunnel() {
	inside client timeout 10 /usr/bin/python3 - "$run/ready" "${seconds:-5}" >"$run/reply" <<-'PYTHON' &
		import sys
		from scapy.layers.inet import ICMP
		from scapy.sendrecv import AsyncSniffer
		def ready():
		    open(sys.argv[1], "w").close()
		sniffer = AsyncSniffer(iface="eth0", lfilter=lambda p: ICMP in p and p[ICMP].type == 0, count=1,
		                       timeout=float(sys.argv[2]), started_callback=ready)
		sniffer.start()
		sniffer.join()
		print(len(sniffer.results))
	PYTHON
	local sniffer=$!
	wait_for 10 test -e "$run/ready"
	inside lb /usr/bin/python3 - "$1" "$2" <<-'PYTHON'
		import sys
		from scapy.layers.inet import ICMP, IP
		from scapy.sendrecv import send
		outer, inner = sys.argv[1:]
		send(IP(src=outer, dst="10.0.2.11", proto=4) / IP(src="10.0.0.2", dst=inner) / ICMP(id=7), verbose=False)
	PYTHON
	wait "$sniffer"
	rm -f "$run/ready"
	[ "$(cat "$run/reply")" = 1 ]
}

no_answer() { ! seconds=1 tunnel "$@"; }

counted() { # RESULT COMMAND...: the command succeeds, and a packet comes to that result
	local result=$1 before
	before=$(packets "$result")
	shift
	"$@" && [ "$(packets "$result")" -gt "$before" ]
}

replaced() {
	local before
	before=$(program)
	agent --from 172.31.0.0/16 && [ "$(program)" != "$before" ] && [ "$(program)" != 0 ] &&
		[ "$(agent_json | jq -c .from)" = '["172.31.0.0/16"]' ]
}

keeps_counters() {
	local before
	before=$(packets ipip)
	[ "$before" -gt 0 ] && agent && [ "$(packets ipip)" -ge "$before" ]
}

detached() {
	agent --detach && [ "$(program)" = 0 ] && [ ! -e "$pins/b1/eth0" ] && agent --detach && refused "no backend agent" agent --status
}

generic() { agent --generic && [ "$(agent_json | jq -r .mode)" = generic ]; }

others_program() {
	ip -n "$SHUNT_LAB-b1" link set dev eth0 xdp object "$build/tests/bpf/pass.bpf.o" section xdp.frags
	local foreign
	foreign=$(program)
	refused "another XDP program" agent && [ "$(program)" = "$foreign" ] && agent --detach && [ "$(program)" = "$foreign" ]
}

setup() { inside b1 "$build/shunt" backend-setup --interface eth0 --pin-dir "$pins/b1" "$@"; }

setup_twice() {
	inside b1 ip address delete 192.0.2.10/32 dev lo
	setup --mode agent --vip 192.0.2.10 --apply && setup --mode agent --vip 192.0.2.10 --apply &&
		[ "$(inside b1 cat /proc/sys/net/ipv4/conf/eth0/arp_ignore)" = 1 ] &&
		[ "$(inside b1 ip -j address show dev lo | jq '[.[].addr_info[] | select(.local == "192.0.2.10")] | length')" = 1 ] &&
		[ "$(program)" != 0 ]
}

setup_golden() {
	setup --mode kernel --vip 192.0.2.10 --vip 2001:db8::10 | grep -v '^#' | diff "$top/tests/golden/backend-setup-kernel.txt" -
}

setup_fails() { # where eth0 is not: the line that failed is named
	refused "arp_ignore.*status" inside b1 "$build/shunt" backend-setup --vip 192.0.2.10 --interface eth7 --local 10.0.2.11 \
		--mode agent --apply
}

lab_begin || bail "the lab comes up"

test_that "a tunnelled packet reaches the VIP, and the answer the client" counted ipip tunnel 172.31.0.9 192.0.2.10
test_that "not from a source that is no balancer's" counted bad_source no_answer 10.0.1.2 192.0.2.10
test_that "not to an address that is no VIP" counted not_vip no_answer 172.31.0.9 10.0.2.11
test_that "a second run replaces the program and its rules" replaced
test_that "and goes on counting" keeps_counters
test_that "--detach takes it off, twice without harm" detached
test_that "generic mode" generic
test_that "and off again" detached
test_that "another's program is left alone" others_program
ip -n "$SHUNT_LAB-b1" link set dev eth0 xdp off
test_that "backend-setup --apply, twice" setup_twice
test_that "and packets reach the VIP" tunnel 172.31.0.9 192.0.2.10
test_that "backend-setup prints what kernel tunnels need" setup_golden
test_that "backend-setup names the line that failed" setup_fails
tap_end
