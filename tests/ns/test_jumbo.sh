#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Jumbo frames: more than a buffer holds, in native mode, through balancer and agent.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

raise_mtu() { # between client and router 9000, behind it room for an outer header
	local node
	ip -n "$SHUNT_LAB-client" link set dev eth0 mtu 9000 && ip -n "$SHUNT_LAB-router" link set dev client mtu 9000 || return 1
	for node in lb b1 b2 b3 b4; do
		ip -n "$SHUNT_LAB-$node" link set dev eth0 mtu 9100 && ip -n "$SHUNT_LAB-router" link set dev "$node" mtu 9100 ||
			return 1
	done
	ip -n "$SHUNT_LAB-router" link set dev backends mtu 9100
}

# The MSS clamp follows the MTU that it found when the agent ran.
agents_anew() {
	local node
	for node in b1 b2 b3 b4; do
		inside "$node" "$build/shunt" backend-setup --mode agent --apply --interface eth0 --vip "$vip4" --vip "$vip6" \
			--from 172.31.0.0/16 --from fd00:5::/64 --pin-dir "$pins/$node" || return 1
	done
}

all_native() { [ "$(shunt --json status | jq -c '[.interfaces[].mode]')" = '["native"]' ]; }

mtu_known() { # of every backend
	[ "$(shunt --json service show web | jq "[.backends[] | select(.nexthop.mtu == 9100)] | length")" = 4 ]
}

service() { shunt --json stats web | jq ".services[0].$1"; }

# Nearly all that the client sends in an upload is full segments: frames larger than any one buffer.
upload() { # HOST
	local packets bytes
	packets=$(service packets) bytes=$(service bytes)
	[ "$(client curl -s --max-time 30 -H 'Expect:' --data-binary "@$run/b1.nginx/www/big" "http://$1/upload")" = 10485760 ] || return 1
	packets=$(($(service packets) - packets)) bytes=$(($(service bytes) - bytes))
	echo "$packets packets, $bytes bytes"
	[ "$bytes" -gt 10485760 ] && [ $((bytes / packets)) -gt 4096 ]
}

download() { [ "$(client curl -s --max-time 30 "http://$1/big" | cmp - "$run/b1.nginx/www/big" 2>&1)" = "" ]; } # HOST

start_all
for b in b2 b3 b4; do
	cp "$run/b1.nginx/www/big" "$run/$b.nginx/www/big"
done
test_that "interfaces that run the programs take an MTU of 9100" raise_mtu
test_that "the agents follow when they run again" agents_anew
test_that "the balancer follows" wait_for 10 mtu_known
test_that "in native mode" all_native
wait_for 10 count_is up 4
for number in 1 2 3; do
	test_that "10 MB up in jumbo frames, IPv4, $number" upload "$vip4"
	test_that "10 MB up in jumbo frames, IPv6, $number" upload "[$vip6]"
done
test_that "10 MB down in jumbo frames, IPv4" download "$vip4"
test_that "10 MB down in jumbo frames, IPv6" download "[$vip6]"
test_that "attached anew at that MTU, still in native mode" shuntd_end TERM
shuntd_start || bail "shuntd starts"
test_that "and after a restart" all_native
tap_end
