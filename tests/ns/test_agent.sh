#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The backend's side without a balancer: the agent's life on an interface, what it lets through, and backend-setup.
# Tunnel packets come from Scapy, at the balancer's place.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source=tests/ns/relay.sh
. "$top/tests/ns/relay.sh"

agent() { inside b1 "$build/shunt" backend-agent eth0 --pin-dir "$pins/b1" "$@"; }
agent_json() { inside b1 "$build/shunt" --json backend-agent eth0 --pin-dir "$pins/b1" --status; }
packets() { agent_json | jq --arg r "$1" '.counters[] | select(.result == $r) | .packets'; }
program() { inside b1 bpftool -j net | jq '.[0].xdp[0].id // 0'; }

# tunnel OUTER-SOURCE INNER-DESTINATION: a client's ping in IPIP to b1; succeeds if the reply reaches the client.
tunnel() {
	rm -f "$run/ready" # of the one before: nothing is to be sent before somebody listens
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

# --- real connections through the other tunnels ---

get() { [ "$(client curl -s --max-time $((5 * patience)) "http://$1/")" = b1 ]; }

upload() { # HOST: a body of 1 MB arrives whole
	[ "$(client curl -s --max-time $((10 * patience)) -H 'Expect:' --data-binary "@$run/body" "http://$1/upload")" = 1000000 ]
}

through() { # KIND RESULT VIP BACKEND HOST: a request and an upload, through that tunnel and no other
	local status before
	before=$(packets "$2")
	relay_start "$1" "$3" "$4" || return 1
	get "$5" && upload "$5"
	status=$?
	relay_stop
	echo "$2: $before packets, then $(packets "$2")"
	[ "$status" = 0 ] && [ "$(packets "$2")" -gt $((before + 500)) ]
}

# The router finds the backend on its own link and puts the VIP's packets there untouched.
through_l2dsr() {
	local status
	ip -n "$SHUNT_LAB-router" route replace "$vip4" via 10.0.2.11
	counted l2dsr get "$vip4"
	status=$?
	ip -n "$SHUNT_LAB-router" route replace "$vip4" via 10.0.1.2
	return "$status"
}

only_told_kinds() { # gre is not among them: the packet goes up untouched, to a host without GRE
	agent --tunnel gue --tunnel ipip || return 1
	agent_json | jq -ce .tunnels | grep -Fx '["ipip","gue"]' || return 1
	relay_start gre "$vip4" 10.0.2.11 || return 1
	! client curl -s --max-time 1 "http://$vip4/"
	local status=$?
	relay_stop
	[ "$status" = 0 ] && agent
}

# --- the MSS clamp ---

announced() { # HOST: the MSS in the SYN-ACK of a request, as the client sees it
	client timeout $((10 * patience)) tcpdump -i eth0 -c 1 -n -l "tcp[13] == 18 or (ip6[6] == 6 and ip6[53] == 18)" \
		>"$run/capture" 2>"$run/capture.log" &
	local capture=$!
	wait_for 5 grep -q listening "$run/capture.log"
	get "$1" || echo "no answer" >&2
	wait "$capture"
	cat "$run/capture" "$run/capture.log" >&2
	sed -n 's/.*[[,]mss \([0-9]*\).*/\1/p' "$run/capture"
}

announces() { # HOST MSS: and the connection works, so its checksum is right
	local mss
	rm -f "$run/capture" "$run/capture.log"
	mss=$(announced "$1")
	echo "announced: $mss, expected $2"
	[ "$mss" = "$2" ] && get "$1"
}

offload() { inside b1 ethtool -K eth0 tx "$1" >/dev/null; }

# The agent's overhead: the largest of its tunnels, GUE in IPv6, 52 bytes.
clamps() { # TX
	local status
	offload "$1" && agent --path-mtu 1500 && relay_start gue1 "$vip4" 10.0.2.11 || return 1
	announces "$vip4" 1408
	status=$?
	relay_stop
	relay_start gue0 "$vip6" fd00:2::11 && announces "[$vip6]" 1388 || status=1
	relay_stop
	offload on
	[ "$status" = 0 ] && [ "$(packets mss_clamped)" -gt 0 ]
}

fixed_mss() {
	agent --mss 1000 && relay_start gue1 "$vip4" 10.0.2.11 || return 1
	announces "$vip4" 1000
	local status=$?
	relay_stop
	return "$status"
}

# With 1500 bytes everywhere a client's full segments do not fit into a tunnel.
uploads_need_it() {
	local status
	ip -n "$SHUNT_LAB-lb" link set dev eth0 mtu 1500
	relay_start gue0 "$vip4" 10.0.2.11
	agent --mss off && [ "$(agent_json | jq .mss)" = null ] && ! client curl -s --max-time 2 -H 'Expect:' --data-binary "@$run/body" \
		"http://$vip4/upload" && agent --path-mtu 1500 && upload "$vip4"
	status=$?
	relay_stop
	ip -n "$SHUNT_LAB-lb" link set dev eth0 mtu 1600
	return "$status"
}

filters() { inside b1 tc filter show dev "${1:-eth0}" egress; }
clamped() { filters "$@" | grep shunt_clamp; }
other_filter() { inside b1 tc filter "$1" dev eth0 egress pref "$2" handle "$3" bpf bytecode '1,6 0 0 0,'; }

others_filters_stay() {
	other_filter add 7 1 && agent && clamped && agent --mss off && ! clamped &&
		agent && agent --detach && ! clamped && filters | grep 'pref 7' &&
		inside b1 tc filter delete dev eth0 egress pref 7
}

taken_place() {
	local status
	agent --detach
	other_filter add 1 0x5348
	refused "the place of the MSS clamp.*tc filter delete" agent && [ "$(program)" = 0 ] && filters | grep bytecode
	status=$?
	inside b1 tc filter delete dev eth0 egress pref 1
	return "$status"
}

# Where the XDP program is refused the clamp of the run before stays, or none.
undone() {
	ip -n "$SHUNT_LAB-b1" link set dev eth0 xdp object "$build/tests/bpf/pass.bpf.o" section xdp.frags
	refused "another XDP program" agent && ! clamped
	local status=$?
	ip -n "$SHUNT_LAB-b1" link set dev eth0 xdp off
	return "$status"
}

other_interface() {
	ip -n "$SHUNT_LAB-b1" link add out0 type veth peer name out1
	agent && agent --reply out0 && ! clamped && clamped out0 &&
		[ "$(agent_json | jq -c '[.mss.interface, .mss.attached]')" = '["out0",true]' ] &&
		inside b1 tc filter delete dev out0 egress pref 1 && [ "$(agent_json | jq .mss.attached)" = false ] &&
		agent && clamped
	local status=$?
	ip -n "$SHUNT_LAB-b1" link delete out0
	return "$status"
}

wrong_words() {
	refused "neither auto nor off nor a number from 536" agent --mss 100 && refused "from 576 to 65535" agent --path-mtu 100 &&
		refused "only of use with --mss auto" agent --mss 1400 --path-mtu 1500 && refused "no kind of tunnel" agent --tunnel vxlan &&
		refused "from 1 to 65535" agent --gue-port 0 && refused "none0" agent --reply none0 &&
		refused "less than the 576" agent --path-mtu 600 && refused "not the name" setup --mode agent --vip "$vip4" --reply 'a;b' &&
		refused "are the agent's" setup --vip "$vip4" --mss off
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
	setup --mode kernel --vip 192.0.2.10 --vip 2001:db8::10 | grep -v '^#' | diff "$top/tests/golden/backend-setup-kernel.txt" - &&
		setup --mode kernel --vip 192.0.2.10 --vip 2001:db8::10 --tunnel gue --gue-port 6081 --tunnel gre --tunnel l2dsr |
		grep -v '^#' | diff "$top/tests/golden/backend-setup-tunnels.txt" -
}

setup_passes_on() {
	setup --mode agent --vip 192.0.2.10 --tunnel gre --tunnel ipip --gue-port 6081 --path-mtu 1500 --reply eth0 |
		grep -F -- "--tunnel ipip --tunnel gre --gue-port 6081 --path-mtu 1500 --reply eth0 --pin-dir $pins/b1"
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
head -c 1000000 /dev/zero >"$run/body"
nginx_start b1 || bail "nginx on b1 starts"
# Checksums that b1 or the router left to a device are computed before the client sees them.
inside router ethtool -K client tx off >/dev/null
agent || bail "the agent attaches"
test_that "TCP through GUE, variant 0, in IPv4" through gue0 gue "$vip4" 10.0.2.11 "$vip4"
test_that "TCP through GUE, variant 1, in IPv6" through gue1 gue "$vip6" fd00:2::11 "[$vip6]"
test_that "TCP through GRE, IPv6 in IPv4" through gre gre "$vip6" 10.0.2.11 "[$vip6]"
test_that "TCP through GRE, IPv4 in IPv6" through gre gre "$vip4" fd00:2::11 "$vip4"
test_that "TCP by layer-2 direct server return" through_l2dsr
test_that "--tunnel: no other kind is taken" only_told_kinds
test_that "the MSS is clamped, checksums left to the device" clamps on
test_that "the MSS is clamped, checksums computed by the kernel" clamps off
test_that "--mss 1000" fixed_mss
test_that "with 1500 bytes everywhere uploads need the clamp" uploads_need_it
test_that "filters of others stay, ours goes" others_filters_stay
test_that "another's filter in the clamp's place is left alone" taken_place
test_that "a clamp whose XDP program was refused goes again" undone
test_that "--reply: on another interface, and back" other_interface
test_that "wrong words are refused, with what is expected" wrong_words
test_that "backend-setup --apply, twice" setup_twice
test_that "and packets reach the VIP" tunnel 172.31.0.9 192.0.2.10
test_that "backend-setup prints what kernel tunnels need" setup_golden
test_that "backend-setup hands the agent's options on" setup_passes_on
test_that "backend-setup names the line that failed" setup_fails
tap_end
