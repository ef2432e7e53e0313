#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Layer-2 DSR end to end: the balancer has a port on the backends' link, and the backends nothing but the VIP on lo. A backend behind
# a gateway stays out of the ring.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# What docs/backend.md tells to do, and no decapsulator.
make_backend() { # NODE
	# shellcheck disable=SC2016 # for the inner shell to expand
	inside "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce'
	ip -n "$SHUNT_LAB-$1" address add "$vip4/32" dev lo
	ip -n "$SHUNT_LAB-$1" address add "$vip6/128" dev lo nodad
}

# lb's eth1 on the backends' bridge. XDP at the port's other end is what packets redirected to eth1 need to arrive. A bridge has the
# lowest of its ports' MACs: not this one's, or the backends would know their gateway no more.
join_backends() {
	ip -n "$SHUNT_LAB-router" link add lb2 address fe:ff:ff:ff:ff:fe type veth peer name eth1 netns "$SHUNT_LAB-lb"
	ip -n "$SHUNT_LAB-router" link set dev lb2 master backends up xdp object "$build/tests/bpf/pass.bpf.o" section xdp.frags
	ip -n "$SHUNT_LAB-lb" address add 10.0.2.2/24 dev eth1
	ip -n "$SHUNT_LAB-lb" address add fd00:2::2/64 dev eth1 nodad
	ip -n "$SHUNT_LAB-lb" link set dev eth1 up
}

why() { # ADDRESS
	shunt --json service show web | jq -r --arg a "$1" '.backends[] | select(.address == $a) | .nexthop.why'
}

behind_a_gateway() {
	wait_for 10 count_is unresolved 4 || return 1
	why 10.0.2.11
	why fd00:2::13
	[[ $(why 10.0.2.11) == *"behind a gateway"*"l2dsr"* ]] && [[ $(why fd00:2::13) == *"behind a gateway"* ]]
}

transfers() { # HOST
	local down up
	down=$(client curl -s --max-time 60 "http://$1/big" | wc -c)
	up=$(client curl -s --max-time 60 -H 'Expect:' --data-binary "@$run/b1.nginx/www/big" "http://$1/upload")
	echo "$down bytes down, $up bytes up"
	[ "$down" = 10485760 ] && [ "$up" = 10485760 ]
}

# One backend by a tunnel that it cannot open: its checks go through it too, and fail, so the tunnel is the backend's own.
other_tunnel() {
	shunt backend set web 10.0.2.11 encap=gue && wait_for 20 count_is down 1 && count_is up 3 &&
		shunt backend set web 10.0.2.11 encap=l2dsr && wait_for 20 count_is up 4 && none_fails "$vip4" 40
}

encap_of() { # ADDRESS
	shunt --json service show web | jq -rc --arg a "$1" '.backends[] | select(.address == $a) | .encap'
}

export SHUNT_LAB_BARE=1
lab_begin || bail "the lab comes up"
for node in b1 b2 b3 b4; do
	make_backend $node
	nginx_start $node || bail "nginx on $node starts"
done
service_more="encap: l2dsr"
write_config
shuntd_start || bail "shuntd starts"
test_that "behind a gateway, backends stay out of the ring, and the reason says so" behind_a_gateway
join_backends
test_that "on a link of the balancer, all are up" wait_for 20 count_is up 4
test_that "IPv4 VIP: all backends answer, those with IPv6 addresses, too" all_answered "$vip4" b1 b2 b3 b4
test_that "IPv6 VIP: all backends answer, those with IPv4 addresses, too" all_answered "[$vip6]" b1 b2 b3 b4
test_that "10 MB down from and up to the IPv4 VIP: full packets fit an MTU of 1500" transfers "$vip4"
test_that "10 MB down from and up to the IPv6 VIP" transfers "[$vip6]"
test_that "a backend's own tunnel replaces the service's" other_tunnel
shunt service set web encap=gue encap.variant=0 >/dev/null
test_that "each backend says its tunnel" [ "$(encap_of 10.0.2.11) $(encap_of fd00:2::13)" = \
	'l2dsr {"type":"gue","variant":0,"port":6080}' ]
tap_end
