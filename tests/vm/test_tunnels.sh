#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Backends without a program of ours: the kernel's own ipip, sit and ip6tnl devices strip what shuntd's program put in front. Then
# with one, since libxdp's dispatcher differs from kernel to kernel.
# Runs wherever the kernel has them, so in scripts/check-vm; sizes are for an emulated processor.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/../ns/tap.sh"

setup() { # NODE [--apply|--mode agent]...
	inside "$1" "$build/shunt" backend-setup --interface eth0 --vip "$vip4" --vip "$vip6" --pin-dir "$pins/$1" "${@:2}"
}

has_tunnels() {
	local try
	for try in "ipip local 10.0.2.11" "sit local 10.0.2.11" "ip6tnl local fd00:2::11"; do
		# shellcheck disable=SC2086 # words
		ip -n "$SHUNT_LAB-b1" link add name try0 type $try && ip -n "$SHUNT_LAB-b1" link delete try0 || return 1
	done
}

# What administrators find sensible, and what drops clients' packets as they come out of a tunnel.
filter_strictly() { # NODE
	# shellcheck disable=SC2016 # for the inner shell to expand
	inside "$1" sh -c 'for f in all default eth0; do echo 1 >/proc/sys/net/ipv4/conf/$f/rp_filter; done'
}

filtered() { # packets that rp_filter dropped on the backends
	local b
	for b in b1 b2 b3 b4; do
		inside "$b" nstat -asz TcpExtIPReversePathFilter
	done | awk '/ReversePath/ { n += $2 } END { print n }'
}

# Everything that backend-setup says but for its lines on rp_filter: IPv4 clients get no answer, and that is why.
needs_rp_filter_lines() {
	local b before
	for b in b1 b2 b3 b4; do
		setup "$b" | grep -v rp_filter | inside "$b" sh -e || return 1
	done
	before=$(filtered)
	! client curl -s --max-time 2 "http://$vip4/" || return 1
	echo "rp_filter dropped $(($(filtered) - before)) packets"
	[ "$(filtered)" -gt "$before" ] && none_fails "[$vip6]" 10
}

set_up() {
	local b
	for b in b1 b2 b3 b4; do
		setup "$b" --apply || return 1
	done
	[ "$(inside b1 cat /proc/sys/net/ipv4/conf/eth0/rp_filter)" = 1 ] # the others filter as before
}

# Two checks in a row would have failed by then.
checked_through_tunnels() {
	shunt service set web check.via=tunnel && sleep $((patience / 2 + 1)) && count_is up 4 && log_is_quiet
}

log_is_quiet() { ! grep 'through the tunnel' "$run/shuntd.log"; }

# forwarded: lines "BACKEND PACKETS", by shuntd's counters.
forwarded() {
	shunt --json stats | jq -r '.services[0].backends[] | "b\(.address[-1:]) \(.packets)"'
}

# stripped FAMILY: the same by the counters of the tunnel devices that this inner family comes out of.
stripped() {
	local b device
	for b in b1 b2 b3 b4; do
		device=shunt-ip6
		case $b$1 in
		b[12]4) device=shunt-ipip ;;
		b[12]6) device=shunt-sit ;;
		esac
		echo "$b $(ip -n "$SHUNT_LAB-$b" -s -j link show dev "$device" | jq '.[0].stats64.rx.packets')"
	done
}

grown() { # COMMAND FILE: what it prints now, less what it printed into the file
	$1 | paste -d ' ' "$2" - | awk '{ print $1, $4 - $2 }'
}

same_growth() { # FAMILY
	grown forwarded "$run/forwarded" >"$run/forwarded-now"
	grown "stripped $1" "$run/stripped" >"$run/stripped-now"
	cmp "$run/forwarded-now" "$run/stripped-now"
}

# Every packet that shuntd counts for a backend comes out of the one tunnel device there that this inner family is to come out of; at
# least five for each request that the backend has answered: SYN, ACK, GET, ACK, FIN.
through_tunnels() { # FAMILY HOST
	local file=$run/requests.$BASHPID b n
	forwarded >"$run/forwarded"
	stripped "$1" >"$run/stripped"
	all_answered "$2" b1 b2 b3 b4 || return 1
	wait_for 2 same_growth "$1" # the last packet of a connection may come after its answer
	echo "forwarded, stripped:"
	paste "$run/forwarded-now" "$run/stripped-now"
	cmp "$run/forwarded-now" "$run/stripped-now" || return 1
	while read -r b n; do
		[ "$n" -ge $((5 * $(answered_by "$file" "$b"))) ] || return 1
	done <"$run/stripped-now"
}

upload() { # HOST: segments of full size, which with the outer header are longer than 1500
	[ "$(client curl -s --max-time $((10 * patience)) -H 'Expect:' --data-binary "@$run/body" "http://$1/upload")" = 1000000 ]
}

killed_and_started() {
	shuntd_end KILL
	load_more "$load" 40 && shuntd_start && wait_for 5 count_is up 4
}

agent_stripped() { # KIND
	inside b1 "$build/shunt" --json backend-agent eth0 --status --pin-dir "$pins/b1" |
		jq --arg r "$1" '.counters[] | select(.result == $r) | .packets'
}

# The agent in place of b1's devices, for every backend answers: it attaches with this kernel, and a second run replaces it.
agent_instead() {
	local device
	shunt service set web check.via=direct || return 1 # or b1 would be down while it has neither
	for device in shunt-ipip shunt-sit shunt-ip6; do
		ip -n "$SHUNT_LAB-b1" link delete "$device" || return 1
	done
	setup b1 --mode agent --apply && all_answered "$vip4" b1 b2 b3 b4 && [ "$(agent_stripped ipip)" -gt 0 ] &&
		setup b1 --mode agent --apply && all_answered "[$vip6]" b1 b2 b3 b4 && [ "$(agent_stripped sit)" -gt 0 ]
}

export SHUNT_LAB_BARE=1
lab_begin || bail "the lab comes up"
has_tunnels 2>/dev/null || {
	skip "kernel tunnels" "this kernel has no ipip, sit or ip6tnl devices"
	exit 0
}
for node in b1 b2 b3 b4; do
	filter_strictly $node
	nginx_start $node || bail "nginx on $node starts"
done
write_config
sed -i 's/check: {/&via: direct, /' "$conf" # until there are tunnels, and while their packets are counted
shuntd_start || bail "shuntd starts"
wait_for 20 count_is up 4 || bail "all backends are up"

test_that "with rp_filter=1 the lines of backend-setup on rp_filter are needed" needs_rp_filter_lines
test_that "backend-setup --apply, on top of that" set_up
test_that "IPv4 VIP: in IPv4 through ipip, in IPv6 through ip6tnl" through_tunnels 4 "$vip4"
test_that "IPv6 VIP: in IPv4 through sit, in IPv6 through ip6tnl" through_tunnels 6 "[$vip6]"
head -c 1000000 /dev/zero >"$run/body"
test_that "1 MB up to the IPv4 VIP" upload "$vip4"
test_that "1 MB up to the IPv6 VIP" upload "[$vip6]"
test_that "checks through these tunnels pass" checked_through_tunnels
test_that "killed with -9 and started again under load: no request fails" under_load killed_and_started
test_that "with the agent in place of one backend's devices all answer" agent_instead
tap_end
