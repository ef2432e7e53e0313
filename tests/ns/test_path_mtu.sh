#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A hop between balancer and backends takes less than the link that the balancer sees: routers' errors about outer packets are
# believed where they can be true, and clients learn the size that fits.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

narrow=1400

nexthop() { # BACKEND FIELD
	shunt --json service show web | jq --arg a "$1" ".backends[] | select(.address == \$a) | .nexthop.$2 // 0"
}

narrow_backends() { # how many are known to be behind the narrow hop
	shunt --json service show web | jq "[.backends[] | select(.nexthop.path_mtu == $narrow and .nexthop.mtu == $narrow)] | length"
}

reason_packets() { shunt --json stats | jq --arg r "$1" '.reasons[] | select(.reason == $r) | .packets'; }

upload() { # HOST
	[ "$(client curl -s --max-time 30 -H 'Expect:' --data-binary "@$run/b1.nginx/www/big" "http://$1/upload")" = 10485760 ]
}

# Nobody is told anything at first: the router drops outer packets, and says so to their source.
upload_learns() { # HOST BACKEND BACKEND: until the paths of both have been learned
	local n
	for n in $(seq 40); do
		ip -n "$SHUNT_LAB-client" -4 route flush cache # or it never sends as much again to the VIP, whichever the backend
		ip -n "$SHUNT_LAB-client" -6 route flush cache
		upload "$1" || return 1
		[ "$(nexthop "$2" path_mtu)" = "$narrow" ] && [ "$(nexthop "$3" path_mtu)" = "$narrow" ] && break
	done
	echo "after $n uploads: $2 $(nexthop "$2" path_mtu), $3 $(nexthop "$3" path_mtu); $(reason_packets path_mtu) errors"
	[ "$(nexthop "$2" mtu)" = "$narrow" ] && [ "$(nexthop "$3" mtu)" = "$narrow" ]
}

# forge SOURCE BACKEND MTU: the router says that the path from SOURCE to BACKEND takes MTU bytes.
forge() {
	inside router /usr/bin/python3 - "$@" <<-'PYTHON'
		import logging, sys
		logging.getLogger("scapy").setLevel(logging.ERROR)
		from scapy.all import ICMP, IP, TCP, send
		source, backend, mtu = sys.argv[1:]
		quote = IP(src=source, dst=backend, proto=4) / IP(src="198.51.100.7", dst="192.0.2.10") / TCP()
		send(IP(src="10.0.1.1", dst=source) / ICMP(type=3, code=4, nexthopmtu=int(mtu)) / quote, verbose=False)
	PYTHON
}

forged() { # SOURCE BACKEND MTU: counted, and not believed
	local before
	before=$(reason_packets path_mtu)
	forge "$@" || return 1
	wait_for 5 counted_more "$before" || return 1
	sleep 0.3 # for what must not happen
	[ "$(nexthop "$2" path_mtu)" = "$narrow" ]
}

counted_more() { [ "$(reason_packets path_mtu)" -gt "$1" ]; }

start_all
for number in 1 2; do
	ip -n "$SHUNT_LAB-router" route add "10.0.2.1$number/32" dev backends mtu lock $narrow
	ip -n "$SHUNT_LAB-router" route add "fd00:2::1$((number + 2))/128" dev backends mtu lock $narrow
done
ip -n "$SHUNT_LAB-router" route add 172.31.0.0/16 via 10.0.1.2
ip -n "$SHUNT_LAB-router" route add fd00:5::/64 via fd00:1::2

test_that "nothing is known of the paths at first" [ "$(narrow_backends)" = 0 ]
test_that "10 MB up through a hop of $narrow: the paths are learned, IPv4" upload_learns "$vip4" 10.0.2.11 10.0.2.12
test_that "10 MB up through a hop of $narrow: the paths are learned, IPv6" upload_learns "[$vip6]" fd00:2::13 fd00:2::14
test_that "a forged error about a packet that is not ours is not believed" forged 10.0.1.2 10.0.2.11 1300
test_that "a size below 576 is not believed" forged 172.31.0.9 10.0.2.11 500
test_that "nothing else was learned" [ "$(narrow_backends)" = 4 ]
tap_end
