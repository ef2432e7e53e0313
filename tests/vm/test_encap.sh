#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# GUE and GRE against the kernel's own: fou's sockets and gre devices strip what shuntd's program put in front. For each tunnel, both
# families outside (b1, b2 by IPv4, b3, b4 by IPv6) and inside. Runs wherever the kernel has them, so in scripts/check-vm.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/../ns/tap.sh"

# What docs/backend.md tells to do. For GUE the devices of IP in IP take the packets once fou has taken UDP's header off.
make_backend() { # NODE
	local net=$SHUNT_LAB-$1 local4=10.0.2.1${1#b} local6=fd00:2::1${1#b}
	inside "$1" "$build/shunt" backend-setup --interface eth0 --vip "$vip4" --vip "$vip6" --apply >"$run/$1.setup" &&
		ip -n "$net" fou add port 6080 gue &&
		ip -n "$net" -6 fou add port 6080 gue &&
		ip -n "$net" fou add port 6084 ipproto 4 &&
		ip -n "$net" -6 fou add port 6084 ipproto 4 &&
		ip -n "$net" fou add port 6086 ipproto 41 &&
		ip -n "$net" -6 fou add port 6086 ipproto 41 &&
		ip -n "$net" link add shunt-gre type gre local "$local4" &&
		ip -n "$net" link add shunt-gre6 type ip6gre local "$local6" &&
		ip -n "$net" link set shunt-gre up &&
		ip -n "$net" link set shunt-gre6 up &&
		inside "$1" sh -c 'echo 0 >/proc/sys/net/ipv4/conf/shunt-gre/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/shunt-gre6/rp_filter'
}

has_tunnels() {
	modprobe -a fou ip_gre ip6_gre ipip sit ip6_tunnel &&
		ip -n "$SHUNT_LAB-b1" fou add port 9 gue && ip -n "$SHUNT_LAB-b1" fou del port 9 &&
		ip -n "$SHUNT_LAB-b1" link add try0 type gre local 10.0.2.11 && ip -n "$SHUNT_LAB-b1" link delete try0
}

rx() { # NODE DEVICE
	ip -n "$SHUNT_LAB-$1" -s -j link show dev "$2" | jq '.[0].stats64.rx.packets'
}

udp_in() { # of all backends: datagrams that UDP's sockets have taken, fou's among them
	local b
	for b in b1 b2 b3 b4; do
		inside "$b" nstat -asz UdpInDatagrams Udp6InDatagrams
	done | awk '/InDatagrams/ { n += $2 } END { print n + 0 }'
}

# through DEVICE4 DEVICE6 HOST: all backends answer, and what comes to b1 and b3 comes out of these devices.
through() {
	local before4 before6 now4 now6
	before4=$(rx b1 "$1") before6=$(rx b3 "$2")
	all_answered "$3" b1 b2 b3 b4 || return 1
	now4=$(rx b1 "$1") now6=$(rx b3 "$2")
	echo "b1: $((now4 - before4)) packets out of $1; b3: $((now6 - before6)) out of $2"
	[ $((now4 - before4)) -ge 5 ] && [ $((now6 - before6)) -ge 5 ]
}

# tunnel DEVICE-IPv4 DEVICE-IPv6 DEVICE6 WORD...: as `shunt service set` has them, for both VIPs.
tunnel() {
	local in4=$1 in6=$2 out6=$3
	shift 3
	shunt service set web "$@" && through "$in4" "$out6" "$vip4" && through "$in6" "$out6" "[$vip6]"
}

# Direct encapsulation knows one protocol a port: one VIP's at a time, which for the other one is not that of the checks.
fou() { # PORT DEVICE HOST
	shunt service set web check.via=direct encap=gue encap.variant=1 encap.port="$1" && through "$2" shunt-ip6 "$3"
}

upload() { # HOST
	[ "$(client curl -s --max-time $((10 * patience)) -H 'Expect:' --data-binary "@$run/body" "http://$1/upload")" = 1000000 ]
}

no_errors() { # COUNTER...
	local b errors
	for b in b1 b2 b3 b4; do
		errors=$(inside "$b" nstat -asz "$@" | awk '/Csum/ { n += $2 } END { print n + 0 }')
		echo "$b: $errors"
		[ "$errors" = 0 ] || return 1
	done
}

export SHUNT_LAB_BARE=1
lab_begin || bail "the lab comes up"
has_tunnels >"$run/said" 2>&1 || {
	skip "kernel tunnels" "this kernel has no fou, gre or ip6gre"
	exit 0
}
for node in b1 b2 b3 b4; do
	make_backend $node || bail "$node has its tunnels"
	nginx_start $node || bail "nginx on $node starts"
done
head -c 1000000 /dev/zero >"$run/body"
write_config
shuntd_start || bail "shuntd starts"
wait_for 20 count_is up 4 || bail "all backends are up"

test_that "GUE variant 1 to fou's gue sockets" tunnel shunt-ipip shunt-sit shunt-ip6 encap=gue
test_that "1 MB up by GUE variant 1, IPv4" upload "$vip4"
test_that "1 MB up by GUE variant 1, IPv6" upload "[$vip6]"
test_that "GUE variant 0 to fou's gue sockets" tunnel shunt-ipip shunt-sit shunt-ip6 encap=gue encap.variant=0
test_that "1 MB up by GUE variant 0, IPv6" upload "[$vip6]"
test_that "GRE to gre and ip6gre devices" tunnel shunt-gre shunt-gre shunt-gre6 encap=gre
test_that "1 MB up by GRE, IPv4" upload "$vip4"
test_that "no checksum was wrong, UDP's of 0 included" no_errors UdpInCsumErrors Udp6InCsumErrors TcpInCsumErrors
test_that "GUE variant 1 to fou's sockets for IPv4" fou 6084 shunt-ipip "$vip4"
test_that "GUE variant 1 to fou's sockets for IPv6" fou 6086 shunt-sit "[$vip6]"
test_that "UDP sockets took the packets" [ "$(udp_in)" -gt 500 ]
# Not TCP's: checks that were under way when they became direct ones end by the ordinary road, from this host, whose NIC was to sum.
test_that "and no checksum of UDP was wrong" no_errors UdpInCsumErrors Udp6InCsumErrors
tap_end
