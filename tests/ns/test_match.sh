#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# VIPs of several ports and addresses, with real clients and servers.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

prefix4=198.51.100.0/24 prefix6=2001:db8:51::/64
some4="198.51.100.1 198.51.100.77 198.51.100.254" some6="2001:db8:51::1 2001:db8:51::feed"
ports="8000 8001 8100"

# The prefixes are the backends' own: servers that listen on all addresses listen on theirs. Outside the prefixes' service, so is $lone.
lone=203.0.113.9
backend_has_prefixes() { # NODE
	local dir=$run/$1.nginx port vips=()
	inside "$1" ip route add local "$prefix4" dev lo && inside "$1" ip -6 route add local "$prefix6" dev lo &&
		inside "$1" ip addr add "$lone/32" dev lo || return 1
	for vip in $vip4 $vip6 $some4 $some6 $lone; do
		vips+=(--vip "$vip")
	done
	inside "$1" "$build/shunt" backend-agent eth0 "${vips[@]}" --from 172.31.0.0/16 --from fd00:5::/64 \
		--pin-dir "$pins/$1" || return 1
	for port in $ports; do
		sed -i "s/listen 80; listen \[::\]:80;/& listen $port; listen [::]:$port;/" "$dir/nginx.conf"
	done
	inside "$1" nginx -c "$dir/nginx.conf" -e "$dir/error.log" -s reload
}

routed_to_lb() {
	ip -n "$SHUNT_LAB-router" route add "$prefix4" via 10.0.1.2 && ip -n "$SHUNT_LAB-router" route add "$prefix6" via fd00:1::2 &&
		ip -n "$SHUNT_LAB-router" route add "$lone" via 10.0.1.2
}

prepare() {
	local b
	for b in b1 b2 b3 b4; do
		backend_has_prefixes "$b" || return 1
	done
	routed_to_lb
}

# answered HOST:PORT...: by whichever backend, ten times each.
answered() {
	local at
	for at; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			client curl -s --max-time 10 --retry 3 --retry-connrefused "http://$at/" >"$run/answer"
			grep -q '^b[1-4]$' "$run/answer" || {
				echo "no answer from $at"
				return 1
			}
		done
	done
}

silent() { # HOST:PORT
	! client curl -s --max-time 1 "http://$1/"
}

at_ports() { # COMMAND HOST: at every one of $ports
	local port
	for port in $ports; do
		"$1" "$2:$port" || return 1
	done
}

a_range() {
	shunt service set web "vip=$vip4:80/tcp" "vip=$lone:8000-8099/tcp" && answered "$vip4:80" "$lone:8000" "$lone:8001" && silent "$lone:8100"
}

all_ports() {
	shunt service set web "vip=$vip4:80/tcp" "vip=$lone:*/tcp" && answered "$vip4:80" "$lone:80" && at_ports answered "$lone"
}

a_prefix() {
	local a
	shunt service set web "vip=$vip4:80/tcp" "vip=$prefix4:80/tcp" "vip=[$prefix6]:8000-8001/tcp" || return 1
	for a in $some4; do
		answered "$a" && silent "$a:8000" || return 1
	done
	for a in $some6; do
		answered "[$a]:8000" "[$a]:8001" && silent "[$a]:80" || return 1
	done
}

shown_as_written() {
	shunt service show web | tee "$run/shown" && grep -q "$prefix4:80/tcp" "$run/shown" &&
		[ "$(shunt --json service show web | jq -c .vips)" = "[\"$vip4:80/tcp\",\"$prefix4:80/tcp\",\"[$prefix6]:8000-8001/tcp\"]" ] &&
		[ "$(shunt --json status | jq -c '[.usage.vips.used, .usage.prefixes.used, .usage.port_ranges.used]')" = "[3,2,2]" ]
}

pinged() {
	local a
	for a in $some4 198.51.100.0 $some6; do
		client ping -n -q -c 2 -i 0.01 -W 5 "$a" || return 1
	done
}

# Stopped and started: the maps say what they said, and the new daemon knows it.
restarted() {
	shuntd_end TERM && shuntd_start && wait_for 20 count_is up 4 && answered 198.51.100.77 "[2001:db8:51::feed]:8001"
}

start_all
test_that "backends have the prefixes" prepare
test_that "a range of ports" a_range
test_that "all ports" all_ports
test_that "addresses of prefixes" a_prefix
test_that "shown as they are written" shown_as_written
test_that "echo at addresses of prefixes" pinged
test_that "a new daemon takes the prefixes over" restarted
test_that "overlapping services are refused" refused "overlaps 198.51.100.0/24:443-444/tcp" \
	shunt service set web "vip=$prefix4:443-444/tcp" + service add other "vip=$prefix4:444-445/tcp" check.type=none
tap_end
