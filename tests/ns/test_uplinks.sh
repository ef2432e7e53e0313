#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two uplinks with a gateway each: backends behind either at once, gateways that are replaced, routes that move. Requests go on all
# the while. Packets sent to a gateway that is no longer there are lost, but clients send them again: what may not be is a request
# that fails, since that means a connection that was sent to another backend.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

lb_ip() { ip -n "$SHUNT_LAB-lb" "$@"; }
router_ip() { ip -n "$SHUNT_LAB-router" "$@"; }
gateway_ip() { ip -n "$SHUNT_LAB-gateway" "$@"; }

# The second gateway: lb's eth1 on one side, the backends' bridge on the other. What it sends to lb, it sends by the first one: nothing
# that lb receives tells of its address.
add_gateway() {
	ip netns add "$SHUNT_LAB-gateway"
	# Before there are interfaces: their link-local addresses are to be of use at once, and outer sources have no route.
	# shellcheck disable=SC2016 # for the inner shell to expand
	inside gateway sh -c 'for f in all default; do
			echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad
		done; echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	gateway_ip link add lb mtu 1600 type veth peer name eth1 mtu 1600 netns "$SHUNT_LAB-lb"
	gateway_ip link add backends mtu 1600 type veth peer name gateway mtu 1600 netns "$SHUNT_LAB-router"
	# A bridge takes the lowest address of its ports unless it was given one: the first gateway is to keep its own.
	router_ip link set dev backends address "$(router_ip -j link show dev backends | jq -r '.[0].address')"
	router_ip link set gateway master backends up
	gateway_ip link set backends up
	gateway_ip link set lb up xdp object "$build/tests/bpf/pass.bpf.o" section xdp.frags
	# shellcheck disable=SC2016 # for the inner shell to expand
	inside lb sh -c 'for d in /proc/sys/net/ipv[46]/neigh/eth1; do
		echo 2000 >$d/base_reachable_time_ms; echo 1 >$d/delay_first_probe_time; echo 200 >$d/retrans_time_ms; done'
	lb_ip link set eth1 up
	gateway_ip address add 10.0.3.1/24 dev lb
	gateway_ip address add fd00:3::1/64 dev lb nodad
	gateway_ip address add 10.0.2.2/24 dev backends
	gateway_ip address add fd00:2::2/64 dev backends nodad
	lb_ip address add 10.0.3.2/24 dev eth1
	lb_ip address add fd00:3::2/64 dev eth1 nodad
}

# What lb itself sends there has eth0's address, so that the replies come back by the first uplink.
routes_set() {
	lb_ip route replace 10.0.2.12 via 10.0.3.1 src 10.0.1.2
	lb_ip route replace fd00:2::14 via fd00:3::1 src fd00:1::2
}

remove_gateway() {
	ip netns pids "$SHUNT_LAB-gateway" 2>/dev/null | xargs -r kill -9
	ip netns delete "$SHUNT_LAB-gateway" 2>/dev/null
	lab_end
}

nexthop_of() { # ADDRESS KEY
	shunt --json service show web | jq -r --arg a "$1" --arg k "$2" '.backends[] | select(.address == $a) | .nexthop[$k]'
}
nexthop_is() { [ "$(nexthop_of "$1" "$2")" = "$3" ]; } # ADDRESS KEY VALUE
go_by() { nexthop_is 10.0.2.12 interface "$1" && nexthop_is fd00:2::14 interface "$1"; }

received() { ip -n "$SHUNT_LAB-$1" -s -j link show dev lb | jq '.[0].stats64.rx.packets'; } # GATEWAY
forwarded_to() { # ADDRESS...: packets
	shunt --json stats | jq --arg a "$*" '[.services[0].backends[] | select(.address | IN($a | split(" ")[])) | .packets] | add'
}

# Whatever is for a backend goes to the gateway that its route names; what else goes there is little.
both_at_once() {
	local before by_second
	before=$(received gateway)
	by_second=$(forwarded_to 10.0.2.12 fd00:2::14)
	all_answered "$vip4" b1 b2 b3 b4 && all_answered "[$vip6]" b1 b2 b3 b4 || return 1
	before=$(($(received gateway) - before))
	by_second=$(($(forwarded_to 10.0.2.12 fd00:2::14) - by_second))
	echo "forwarded by the second uplink: $by_second; its gateway received $before"
	[ "$by_second" -ge 200 ] && [ "$before" -ge "$by_second" ]
}

announced() { # MAC: by gratuitous ARP and unsolicited neighbour advertisements
	inside gateway sh -c 'echo 1 >/proc/sys/net/ipv4/conf/lb/arp_notify; echo 1 >/proc/sys/net/ipv6/conf/lb/ndisc_notify'
	gateway_ip link set dev lb address "$1"
	wait_for 5 nexthop_is 10.0.2.12 mac "$1" && wait_for 5 nexthop_is fd00:2::14 mac "$1"
}

# Not a word of it, and nothing comes from there that would tell. Checks fail, which makes the daemon have the kernel ask for the old
# address; once it has asked in vain, anybody may answer. (Of IPv6 gateways known not to answer the kernel prefers another, so the first one may
# have the IPv6 backend from then on.)
unannounced() { # MAC
	inside gateway sh -c 'echo 0 >/proc/sys/net/ipv4/conf/lb/arp_notify; echo 0 >/proc/sys/net/ipv6/conf/lb/ndisc_notify'
	gateway_ip link set dev lb address "$1"
	wait_for 10 state_is 10.0.2.12 down && wait_for 30 nexthop_is 10.0.2.12 mac "$1" && wait_for 30 count_is up 4
}

# A request to each VIP can be under way to a backend behind the old gateway when that one is taken out. No other may fail.
two_fail_at_most() { # COMMAND...
	under_load "$@" && return
	grep -v '^200 b[1-4]$' "$load"
	[ "$(failed "$load")" -le 2 ] && count_is up 4
}

# Gone from one interface to the other and back. The neighbours there are known, as other backends are behind them or were.
route_to() { # GATEWAY-NET INTERFACE
	lb_ip route replace 10.0.2.12 via "10.0.$1.1" src 10.0.1.2 &&
		lb_ip route replace fd00:2::14 via "fd00:$1::1" src fd00:1::2 && wait_for 5 go_by "$2"
}

to_and_fro() { route_to 1 eth0 && route_to 3 eth1; }

# Four downloads, which their number of ports spreads over the backends, while the routes go to and fro: what the clients acknowledge
# goes through lb.
downloads() {
	local n pids=() ok=0
	for n in 1 2 3 4 5 6; do
		client curl -s --max-time $((30 * patience)) --limit-rate 3M -o "$run/down.$n" "http://$vip4/big" &
		pids+=($!)
	done
	to_and_fro && sleep "$pause" && to_and_fro && sleep "$pause" && to_and_fro || return 1
	for n in "${pids[@]}"; do
		wait "$n" && ok=$((ok + 1))
	done
	stat -c %s "$run"/down.* | sort | uniq -c
	[ "$ok" = 6 ] && [ "$(stat -c %s "$run"/down.* | sort -u)" = 10485760 ]
}

# Nobody knows the gateway's address any more: the daemon must ask before it can send there.
to_and_fro_unknown() {
	route_to 1 eth0 || return 1
	sleep "$pause"
	lb_ip neigh flush dev eth1
	route_to 3 eth1
}

# by the log no next hop was unresolved meanwhile, and no check failed
quietly() { # COMMAND...
	local from
	from=$(wc -l <"$run/shuntd.log")
	"$@" || return 1
	! tail -n +$((from + 1)) "$run/shuntd.log" | grep 'warning:'
}

start_all
trap remove_gateway EXIT
add_gateway
routes_set
sed 's/^  - name: eth0/&\n  - name: eth1/' "$conf" >"$run/two.yaml"
shunt apply "$run/two.yaml" >/dev/null || bail "both uplinks are taken"
wait_for 10 go_by eth1 || bail "routes to the second uplink"
wait_for 10 count_is up 4 || bail "all backends are up"

test_that "both uplinks carry what their routes say" both_at_once
test_that "a gateway replaced, which says so: no request fails" under_load announced 02:00:00:00:00:88
test_that "a route goes to the other uplink and back: no request fails" under_load to_and_fro
test_that "the same where the gateway must be asked for first" quietly under_load to_and_fro_unknown
test_that "10 MB downloads, meanwhile the route goes to and fro" downloads
test_that "a gateway replaced without a word: at most the requests under way fail" two_fail_at_most unannounced 02:00:00:00:00:99
tap_end
