# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the benchmarks through real devices share: a generator's end and a balancer's of a veth, in namespaces of their own, and what is put
# at the latter: NAME_on and NAME_off. The one who sources it sets $name, that of the namespaces, and goes to the project's directory before.
: "${name:?}"

build=${SHUNT_BUILD:-build}
work=$(mktemp -d)
pins=/sys/fs/bpf/$name
vip=192.0.2.10
shuntd_pid=

veth_clean_up() {
	trap - EXIT
	shunt_off || true
	ip netns del "$name-gen" 2>/dev/null || true
	ip netns del "$name-lb" 2>/dev/null || true
	rm -rf "$work" "$pins"
}

gen() { nsenter --net="/run/netns/$name-gen" -- "$@"; }
lb() { nsenter --net="/run/netns/$name-lb" -- "$@"; }

devices() {
	ip netns add "$name-gen"
	ip netns add "$name-lb"
	ip -n "$name-gen" link add gen type veth peer name lb netns "$name-lb"
	gen sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	lb sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.lb.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.lb.send_redirects=0
	ip -n "$name-gen" address add 10.8.0.2/24 dev gen
	ip -n "$name-lb" address add 10.8.0.1/24 dev lb
	ip -n "$name-gen" link set gen up
	ip -n "$name-lb" link set lb up
	gen_mac=$(ip -n "$name-gen" -j link show dev gen | jq -r ".[0].address")
	lb_mac=$(ip -n "$name-lb" -j link show dev lb | jq -r ".[0].address")
	ip -n "$name-lb" neighbour add 10.8.0.2 lladdr "$gen_mac" dev lb nud permanent
	ip -n "$name-lb" route add default via 10.8.0.2
}

# program DEVICE NAME: of those in tests/bpf. Devices are called as their namespaces; "off" takes it away.
program() {
	if [ "$2" = off ]; then
		ip -n "$name-$1" link set dev "$1" xdp off
	else
		ip -force -n "$name-$1" link set dev "$1" xdp object "$build/tests/bpf/$2.bpf.o" section xdp.frags
	fi
}

reflect_on() { program lb reflect; }
reflect_off() { program lb off; }

# nft's map: 100 backends by the hash of address and port.
nftables_on() {
	lb nft -f - <<-NFT
		table ip balance {
			chain in {
				type filter hook prerouting priority raw;
				ip daddr $vip meta l4proto { tcp, udp } th dport 80 ip daddr set jhash ip saddr . th sport mod 100 map { $(backends ', ' '%d : 10.9.0.%d') }
			}
		}
	NFT
}
nftables_off() { lb nft delete table ip balance; }

backends() { # SEPARATOR FORMAT: of two numbers, from 0 and from 1
	local n out=
	for ((n = 0; n < 100; n++)); do
		# shellcheck disable=SC2059
		out+=${out:+$1}$(printf "$2" $n $((n + 1)))
	done
	echo "$out"
}

shunt_on() {
	local n
	{
		printf 'interfaces: [{name: lb, mode: native}]\nsource: {ipv4: 172.31.0.0/16}\nservices:\n'
		printf '  - {name: web, vips: ["%s:80/tcp", "%s:80/udp"], check: {type: none}, backends: [' "$vip" "$vip"
		for ((n = 1; n <= 100; n++)); do printf '{address: 10.9.0.%d}, ' "$n"; done
		printf ']}\n'
	} >"$work/shunt.yaml"
	lb "$build/shuntd" --config "$work/shunt.yaml" --state "$work/state.json" --socket "$work/sock" --pin-dir "$pins" \
		>"$work/shuntd.log" 2>&1 &
	shuntd_pid=$!
	for ((n = 0; n < 100; n++)); do
		! grep -q . <(lb "$build/shunt" -s "$work/sock" --json status 2>/dev/null) || return 0
		sleep 0.1
	done
	die "shuntd did not come up: $(tail -3 "$work/shuntd.log")"
}

shunt_off() {
	[ -n "$shuntd_pid" ] || return 0
	lb "$build/shunt" -s "$work/sock" detach >/dev/null || kill "$shuntd_pid" 2>/dev/null || true
	wait "$shuntd_pid" 2>/dev/null || true
	shuntd_pid=
	rm -f "$work/state.json"
}

# Frames that the program at a device has dropped, for their end is there.
dropped() { # DEVICE
	"$1" ethtool -S "$1" | awk '/rx_queue_[0-9]+_drops|rx_queue_[0-9]+_xdp_drops/ { n += $2 } END { print n + 0 }'
}

# flood OPTION...: packets for the VIP, out of the generator's end, made on CPU $cpu if that is set.
flood() { gen ${cpu:+taskset -c "$cpu"} "$build/tests/live/flood" --dev gen --mac "$lb_mac" --to "$vip" --port 80 "$@"; }
