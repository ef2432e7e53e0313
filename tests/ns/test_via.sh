#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Health checks through the tunnel, to the VIP on a backend, over IPv4 and IPv6, inside and outside: what a direct check does not see
# (no VIP, no tunnel, rp_filter) takes the backend out with its reason, and mending it brings it back. And what the daemon makes for them in the
# host's network goes again.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

every="interval: $((200 * patience))ms, timeout: $((300 * patience))ms, rise: 1, fall: 1"
silence='no answer from .* through the tunnel in [0-9]+ ms: VIP on its lo\? tunnel open\? rp_filter off\?'

# web: checked through the tunnel, as is the default: the VIP of each backend's family. near: the same backends, directly. six: an IPv6 VIP for IPv4 backends,
# and the other way round. name and ping: other kinds of check.
write_via_config() {
	local all='backends: [10.0.2.11, 10.0.2.12, "fd00:2::13", "fd00:2::14"]'
	cat >"$conf" <<-CONF
		interfaces: [eth0]
		source: {ipv4: 172.31.0.0/16, ipv6: "fd00:5::/64"}
		limits: {ring_slots: 5020}
		services:
		  - {name: web, vips: ["$vip4:80/tcp", "[$vip6]:80/tcp"], ring_size: 251, check: {type: http, $every}, $all}
		  - {name: near, vips: ["$vip4:81/tcp", "[$vip6]:81/tcp"], ring_size: 251, check: {port: 80, via: direct, $every}, $all}
		  - {name: four, vips: ["$vip4:82/tcp"], ring_size: 251, check: {port: 80, via: tunnel, $every}, $all}
		  - {name: six, vips: ["[$vip6]:82/tcp"], ring_size: 251, check: {port: 80, via: tunnel, $every}, $all}
		  - {name: udp, vips: ["$vip4:7000/udp"], ring_size: 251, check: {type: udp, send: ping, via: tunnel, $every}, $all}
		  - {name: ping, vips: ["$vip4:7001/udp", "[$vip6]:7001/udp"], ring_size: 251, check: {type: icmp, via: tunnel, $every}, $all}
	CONF
}

is() { # SERVICE ADDRESS STATE REASON (a regular expression, of all of it); with "" as ADDRESS: all of its backends
	shunt --json service show "$1" | jq -e --arg a "$2" --arg s "$3" --arg r "^($4)\$" \
		'[.backends[] | select($a == "" or .address == $a).health | .state == $s and (.reason | test($r))] | all and any'
}

becomes() { # the same, soon
	wait_for 10 is "$@" && return
	shunt --json service show "$1" | jq -c '.backends[] | [.address, .health.state, .health.reason]'
	return 1
}

# out SERVICE ADDRESS REASON: through the tunnel it is down; at its own address the same server answers.
out() { becomes "$1" "$2" down "$3" && is near "$2" up connected; }

all_up() {
	becomes web "" up 'HTTP 200' && becomes near "" up connected && becomes four "" up connected && becomes six "" up connected &&
		becomes udp "" up 'UDP: an answer of 5 octets' && becomes ping "" up 'echo reply'
}

no_vip() {
	ip -n "$SHUNT_LAB-b1" address del "$vip4/32" dev lo
	out web 10.0.2.11 "$silence" && is web 10.0.2.12 up 'HTTP 200' && is six 10.0.2.11 up connected || return 1
	ip -n "$SHUNT_LAB-b1" address add "$vip4/32" dev lo && becomes web 10.0.2.11 up 'HTTP 200'
}

no_vip6() {
	ip -n "$SHUNT_LAB-b3" address del "$vip6/128" dev lo
	out web fd00:2::13 "$silence" && becomes ping fd00:2::13 down 'no answer from 2001:db8::10 through .*' || return 1
	ip -n "$SHUNT_LAB-b3" address add "$vip6/128" dev lo nodad && becomes web fd00:2::13 up 'HTTP 200' && becomes ping fd00:2::13 up 'echo reply'
}

# The agent's program goes, and comes back.
no_tunnel() {
	ip -n "$SHUNT_LAB-b2" link set dev eth0 xdp off && ip -n "$SHUNT_LAB-b2" link set dev eth0 xdpgeneric off
	out web 10.0.2.12 "$silence" || return 1
	agent_start b2 && becomes web 10.0.2.12 up 'HTTP 200'
}

agent_start() { # NODE
	inside "$1" "$build/shunt" backend-setup --mode agent --apply --interface eth0 --vip "$vip4" --vip "$vip6" --from 172.31.0.0/16 --from fd00:5::/64 \
		--pin-dir "$pins/$1"
}

closed() { nginx_stop b1 && becomes web 10.0.2.11 down 'connect: Connection refused' && nginx_start b1 &&
	becomes web 10.0.2.11 up 'HTTP 200'; }

# The destination of each backend is one of the first ids; each is tried, and each answers.
uploads() {
	local id mark said
	for id in 1 2 3 4; do
		mark=$((0x5b100000 + id))
		said=$(inside lb "$top/tests/ns/via_upload.py" "$mark" 10.0.1.2 "$vip4" 1000000) || return 1
		said+=" $(inside lb "$top/tests/ns/via_upload.py" "$mark" fd00:1::2 "$vip6" 1000000)" || return 1
		echo "destination $id: $said"
		[ "$said" = "1000000 1000000" ] || return 1
	done
}

made_in_network() {
	local said
	said=$(ip -n "$SHUNT_LAB-lb" link show shunt-check0 && ip -n "$SHUNT_LAB-lb" rule && ip -n "$SHUNT_LAB-lb" -6 rule) || return 1
	echo "$said"
	[[ $said == *"alias $pins/shuntd"*"0x5b100000/0xfff00000"*"0x5b100000/0xfff00000"* ]]
}

nothing_made() {
	! ip -n "$SHUNT_LAB-lb" link show shunt-check0 && [[ $(ip -n "$SHUNT_LAB-lb" rule && ip -n "$SHUNT_LAB-lb" -6 rule) != *0x5b100000* ]] &&
		[ -z "$(ip -n "$SHUNT_LAB-lb" route show table 1456; ip -n "$SHUNT_LAB-lb" -6 route show table 1456)" ]
}

# Somebody who manages the host's network removes what is not his.
removed() { # COMMAND...
	"$@" || return 1
	wait_for 5 made_in_network && all_up && [[ $(tail -n "+$lines" "$run/shuntd.log") != *"-> down"* ]]
}

# Packets of clients that come out of a tunnel interface have sources that are routed elsewhere.
strict_rp_filter() {
	ip -n "$SHUNT_LAB-b2" link set dev eth0 xdp off
	inside b2 "$top/tests/ns/tun_tunnel.py" tun0 &
	tunnel_pid=$!
	disown
	wait_for 5 ip -n "$SHUNT_LAB-b2" link show tun0 && inside b2 sh -c 'echo 1 >/proc/sys/net/ipv4/conf/tun0/rp_filter' &&
		out web 10.0.2.12 "$silence" && inside b2 sh -c 'echo 0 >/proc/sys/net/ipv4/conf/tun0/rp_filter' &&
		becomes web 10.0.2.12 up 'HTTP 200'
	local status=$?
	kill "$tunnel_pid"
	agent_start b2
	return "$status"
}

# Of the balancer's own address nothing can be checked elsewhere; it says so, and no backend fails for it.
own_vip() {
	ip -n "$SHUNT_LAB-lb" address add "$vip4/32" dev lo
	wait_for 10 grep -q "$vip4: is this host's own address, so checks cannot leave for it; expected .* via: direct" "$run/shuntd.log" &&
		is web "" up 'HTTP 200'
	local status=$?
	ip -n "$SHUNT_LAB-lb" address del "$vip4/32" dev lo
	return "$status"
}

# With the last check through a tunnel goes what was made for it.
by_command() {
	local s
	for s in web four six udp ping; do
		shunt service set "$s" check.via=direct || return 1
	done
	wait_for 5 nothing_made && refused 'a check of type exec has no such key' shunt service set web check=exec check.command=/bin/true check.via=tunnel &&
		shunt service set web check.via=tunnel && wait_for 5 made_in_network && becomes web "" up 'HTTP 200' &&
		[ "$(shunt --json export | jq -r '.services[] | select(.name == "web").check.via')" = tunnel ]
}

silent() { # on port 8081 of b1's VIP: takes connections, and says nothing
	inside b1 /usr/bin/python3 -c '
import socket, sys, time
listener = socket.create_server((sys.argv[1], 8081))
time.sleep(120)' "$vip4" &
	silent_pid=$!
	disown
	wait_for 5 has_listener
}

has_listener() { [ -n "$(inside b1 ss -Htnl "sport = :8081")" ]; }
under_way() { [ -n "$(inside b1 ss -Htn state established "sport = :8081")" ]; }
nothing_under_way() { [ -z "$(inside b1 ss -Htna state all exclude listening "sport = :8081")" ]; }
strays() { inside lb nft list counter inet via_test strays | grep -c 'packets 0 '; }

# A check that waits for an answer ends when its way goes, and none of its packets takes another one.
ended_with_their_way() {
	inside lb nft -f - <<-RULES || return 1
		table inet via_test {
			counter strays {}
			chain out {
				type filter hook output priority 0
				meta mark & 0xfff00000 == 0x5b100000 oifname != "shunt-check0" counter name strays
			}
		}
	RULES
	silent && shunt service set web check.port=8081 check.interval=1m check.timeout=1m && wait_for 5 under_way && made_in_network &&
		shunt service set web check.via=direct check.port=80 check.interval=$((200 * patience))ms check.timeout=$((300 * patience))ms &&
		wait_for 5 nothing_under_way && wait_for 5 nothing_made && becomes web "" up 'HTTP 200' && [ "$(strays)" = 1 ]
	local status=$?
	inside lb nft list counter inet via_test strays
	inside lb nft delete table inet via_test
	kill "$silent_pid"
	[ "$status" = 0 ] && shunt service set web check.via=tunnel && wait_for 5 made_in_network && becomes web "" up 'HTTP 200'
}

# Killed, it leaves what the next start replaces, and --detach removes.
killed() {
	shuntd_end KILL && made_in_network && shuntd_start && becomes web "" up 'HTTP 200' && shuntd_end KILL && made_in_network &&
		"${shuntd_command[@]}" --detach && nothing_made
}

ended() { shuntd_start && becomes web "" up 'HTTP 200' && made_in_network && shuntd_end TERM && nothing_made; }

removals() {
	all_up || return 1
	lines=$(($(wc -l <"$run/shuntd.log") + 1))
	removed ip -n "$SHUNT_LAB-lb" rule del pref 1456 && removed ip -n "$SHUNT_LAB-lb" -6 rule del pref 1456 &&
		removed ip -n "$SHUNT_LAB-lb" route flush table 1456 && removed ip -n "$SHUNT_LAB-lb" link del shunt-check0
}

lab_begin || bail "the lab comes up"
write_via_config
for b in b1 b2 b3 b4; do
	nginx_start $b || bail "nginx on $b starts"
	printf 'pong\n' >"$run/$b.answer"
	nsenter --net="/run/netns/$SHUNT_LAB-$b" -- /usr/bin/python3 "$top/tests/ns/udp_answers.py" 7000 "$run/$b.answer" $vip4 &
	disown
done
shuntd_start || bail "shuntd starts"

test_that "checks through the tunnel pass: TCP, HTTP, UDP and ping, either family in either" all_up
test_that "what they need of the host's network has its owner's name" made_in_network
test_that "a megabyte on such a road: segments, checksums" uploads
test_that "a VIP that is not on lo: down, though the backend's address answers" no_vip
test_that "the same, IPv6 in IPv6" no_vip6
test_that "a tunnel that is not open" no_tunnel
test_that "a closed port" closed
test_that "what somebody removes is made again, and no backend fails for it" removals
test_that "rp_filter on a tunnel interface" strict_rp_filter
test_that "a VIP that the balancer has itself" own_vip
test_that "by command; what was made goes with the last of them" by_command
test_that "checks under way end with their way" ended_with_their_way
test_that "a killed daemon's leavings: replaced by a start, removed by --detach" killed
test_that "a daemon that ends leaves nothing" ended
tap_end
