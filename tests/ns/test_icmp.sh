#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ICMP with real stacks: ping, path MTU discovery on either side of the balancer, the limit in rate.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

reason_packets() { shunt --json stats | jq --arg r "$1" '.reasons[] | select(.reason == $r) | .packets'; }

moved_by() { # REASON COUNT BEFORE
	local now
	now=$(reason_packets "$1")
	echo "$1: $3, then $now"
	[ $((now - $3)) = "$2" ]
}

# ping VIP...: five of each are answered, and by the program.
ping_all() {
	local vip before
	for vip; do
		before=$(reason_packets echo_reply)
		client ping -n -q -c 5 -i 0.01 -W 5 "$vip" && moved_by echo_reply 5 "$before" || return 1
	done
}

ping_sizes() { # VIP: whatever fits a packet
	local size
	for size in 0 1 16 17 1000 1452; do
		client ping -n -c 1 -W 5 -s "$size" "$1" >"$run/ping.out" || return 1
		grep "bytes from" "$run/ping.out"
		grep -q "ttl=63" "$run/ping.out" || return 1 # 64, less one at the router
	done
}

no_ping() { # VIP: nobody behind the balancer has the address, so nobody answers
	local before
	before=$(reason_packets echo_refused)
	! client ping -n -q -c 2 -i 0.01 -W 1 "$1" && moved_by echo_refused 2 "$before"
}

echo_off() {
	shunt service set web echo=false && no_ping "$vip4" && no_ping "$vip6" && shunt service set web echo=true &&
		ping_all "$vip4" "$vip6"
}

# The links between balancer and router as the client's: no room for an outer header.
tight_path() { # MTU
	ip -n "$SHUNT_LAB-router" link set dev lb mtu "$1" && ip -n "$SHUNT_LAB-lb" link set dev eth0 mtu "$1" &&
		wait_for 10 path_is 10.0.2.11 "$1" && wait_for 10 path_is fd00:2::13 "$1" && wait_for 10 count_is up 4
}

path_is() { # BACKEND MTU
	[ "$(shunt --json service show web | jq --arg a "$1" '.backends[] | select(.address == $a) | .nexthop.mtu')" = "$2" ]
}

# What NODE has learned of the way to an address; 0: nothing.
learned() { # NODE ADDRESS
	inside "$1" ip -j route get "$2" | jq '[.[0].metrics[]?.mtu // empty] | first // 0'
}

forget() { # NODE...
	local node
	for node; do
		ip -n "$SHUNT_LAB-$node" -4 route flush cache
		ip -n "$SHUNT_LAB-$node" -6 route flush cache
	done
}

upload() { # HOST
	[ "$(client curl -s --max-time 20 -H 'Expect:' --data-binary "@$run/b1.nginx/www/big" "http://$1/upload")" = 10485760 ]
}

download() { # HOST
	[ "$(client curl -s --max-time 20 "http://$1/big" | wc -c)" = 10485760 ]
}

# upload_discovers HOST VIP: full-sized segments do not fit, the client is told, and the upload ends.
upload_discovers() {
	local before told
	before=$(reason_packets too_big_reply) # first: what an upload that was given up still sends may be answered at any time
	forget client b1 b2 b3 b4 # a backend that knows of a narrow way to the client announces a smaller MSS
	upload "$1" || return 1
	told=$(($(reason_packets too_big_reply) - before))
	echo "told $told times; the client's path MTU is now $(learned client "$2")"
	[ "$told" -gt 0 ] && case $(learned client "$2") in 1480 | 1460) true ;; *) false ;; esac
}

# What backends have learned of the way to the client.
learned_by_backends() { # CLIENT MTU
	local b n=0
	for b in b1 b2 b3 b4; do
		echo "$b: $(learned "$b" "$1")"
		[ "$(learned "$b" "$1")" != "$2" ] || n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}

# download_discovers HOST CLIENT: a hop to the client takes less than the backends send. The router's errors go to the VIP, so to the
# balancer, which knows whose they are.
download_discovers() {
	local n
	forget b1 b2 b3 b4
	for n in 1 2 3 4 5 6; do
		download "$1" || return 1
	done
	learned_by_backends "$2" 1300
}

# two_downloads HOST VIP: 50 MB each, at once, in answer to requests whose first segment does not fit.
two_downloads() {
	local before told one
	before=$(reason_packets too_big_reply)
	forget client b1 b2 b3 b4
	client curl -s --max-time 60 -H "X-Long: $long" "http://$1/50" | cmp - "$run/50" >"$run/cmp" 2>&1 &
	one=$!
	client curl -s --max-time 60 -H "X-Long: $long" "http://$1/50" | cmp - "$run/50" && wait "$one" || return 1
	told=$(($(reason_packets too_big_reply) - before))
	echo "told $told times; the client's path MTU is now $(learned client "$2")"
	[ "$told" -gt 0 ]
}

# Without being told, the client sends the same segment again and again.
untold_at_rate_0() { # HOST
	local replies drops
	sed 's/^icmp: .*/icmp: {rate: 0}/' "$conf" >"$run/rate.yaml"
	shunt apply "$run/rate.yaml" || return 1
	forget client b1 b2 b3 b4
	replies=$(reason_packets too_big_reply) drops=$(reason_packets too_big)
	! client curl -s --max-time 2 -H 'Expect:' --data-binary "@$run/b1.nginx/www/big" "http://$1/upload" || return 1
	moved_by too_big_reply 0 "$replies" && [ "$(reason_packets too_big)" -gt "$drops" ] && shunt apply "$conf"
}

config_more='icmp: {rate: 1000}'
start_all

test_that "ping, IPv4 and IPv6" ping_all "$vip4" "$vip6"
test_that "ping of all sizes, IPv4" ping_sizes $vip4
test_that "ping of all sizes, IPv6" ping_sizes $vip6
test_that "echo off and on again" echo_off

ip -n "$SHUNT_LAB-router" link set dev client mtu 1300
for number in 1 2; do # other ports, other backends
	test_that "10 MB down through a hop of 1300 on the client's side, IPv4, $number" download_discovers $vip4 10.0.0.2
	test_that "10 MB down through a hop of 1300 on the client's side, IPv6, $number" download_discovers "[$vip6]" fd00:0::2
done
ip -n "$SHUNT_LAB-router" link set dev client mtu 1500

test_that "the path to the backends takes 1500" tight_path 1500
for number in 1 2 3; do
	test_that "10 MB up, the client is told its path MTU, IPv4, $number" upload_discovers $vip4 $vip4
	test_that "10 MB up, the client is told its path MTU, IPv6, $number" upload_discovers "[$vip6]" $vip6
done
head -c 52428800 /dev/urandom >"$run/50"
for node in b1 b2 b3 b4; do
	ln -f "$run/50" "$run/$node.nginx/www/50"
done
long=$(head -c 6000 /dev/zero | tr '\0' x)
test_that "two downloads of 50 MB, asked for in packets too large, IPv4" two_downloads $vip4 $vip4
test_that "two downloads of 50 MB, asked for in packets too large, IPv6" two_downloads "[$vip6]" $vip6
test_that "icmp.rate 0: the client is not told, and an upload hangs" untold_at_rate_0 $vip4
test_that "and set back: it is told" upload_discovers $vip4 $vip4
tap_end
