#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Upgrades to another build and back, under numbered datagrams and requests: none is lost, and none passes the program by to
# the balancer's stack. SHUNT_OTHER names another daemon to upgrade from and to, perhaps of an earlier format (then there is no way back, and
# the test goes there once).
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

other=${SHUNT_OTHER:-$build/other/shuntd}
port=7000
rate=${SHUNT_RATE:-$((4000 / patience))} # datagrams a second, of each family

write_upgrade_config() {
	write_config
	cat >>"$conf" <<-CONF
		  - name: counted
		    vips: ["$vip4:$port/udp", "[$vip6]:$port/udp"]
		    check: {type: tcp, port: 80, interval: $((200 * patience))ms, timeout: $((200 * patience))ms, rise: 2, fall: 2}
		    backends: [10.0.2.11, 10.0.2.12, "fd00:2::13", "fd00:2::14"]
	CONF
}

counted_up() { shunt --json service show counted | jq -e '[.backends[] | select(.state == "up")] | length == 4'; }

# Packets for a VIP that the balancer's stack got to see. (It forwards nothing.)
passed_by() { inside lb nstat -asz IpInAddrErrors Ip6InAddrErrors | awk '/InAddrErrors/ { n += $2 } END { print n }'; }

counting=() # processes
counted() { # NODE ARGUMENTS...: in the background
	nsenter --net="/run/netns/$SHUNT_LAB-$1" -- /usr/bin/python3 "$top/tests/ns/counted.py" "${@:2}" &
	counting+=($!)
	disown
}

counting_end() {
	local pid
	for pid in "${counting[@]}"; do
		kill "$pid"
	done
	for pid in "${counting[@]}"; do
		wait_for 10 pid_gone "$pid" || return 1
	done
	counting=()
}

listens() { inside "$1" ss -Hlun "sport = :$port" | awk 'END { exit NR != 2 }'; }

receivers_start() {
	local b
	for b in b1 b2 b3 b4; do
		counted "$b" receive "$port" "$run/came.$b" "$vip4" "$vip6"
		wait_for 10 listens "$b" || return 1
	done
}

# What came: how many datagrams, how many different ones, and how many to another backend than those before from the same port.
sum_up() {
	awk '!seen[$1, $3]++ { different++ }
		!(($1, $2) in at) { at[$1, $2] = FILENAME }
		at[$1, $2] != FILENAME { moved++ }
		END { print NR, different + 0, moved + 0 }' "$run"/came.b?
}

# as_numbered COMMAND...: runs it in the middle of two streams of numbered datagrams, all of which must come, once each, to the backends
# that have had those from their ports.
as_numbered() {
	local status came sent senders
	receivers_start || return 1
	senders=${#counting[@]}
	counted client send "$vip4" "$port" "$rate" "$run/sent4"
	counted client send "$vip6" "$port" "$rate" "$run/sent6"
	sleep "$pause"
	"$@"
	status=$?
	kill "${counting[@]:senders}"
	wait_for 20 test -s "$run/sent4" -a -s "$run/sent6"
	sleep 1 # for the last ones to arrive
	counting=("${counting[@]:0:senders}")
	counting_end || return 1
	sent=$(cat "$run"/sent[46] | awk '{ n += $1 } END { print n }')
	came=$(sum_up)
	echo "status $status; $sent datagrams; came, different, moved: $came"
	rm -f "$run"/sent? "$run"/came.*
	[ "$status" = 0 ] && [ "$came" = "$sent $sent 0" ] && [ "$sent" -gt "$rate" ]
}

version_is() { [ "$(shunt --json status | jq -r .version)" = "$1" ]; }
version_of() { "$1" --version | awk '{ print $2 }'; }

# upgrade SIGNAL DAEMON
upgrade() {
	shuntd_end "$1" || return 1
	shuntd_command[3]=$2
	shuntd_start && version_is "$(version_of "$2")" && wait_for 10 count_is up 4
}

to_and_fro() { # SIGNAL TIMES
	for _ in $(seq "$2"); do
		upgrade "$1" "$other" && upgrade "$1" "$build/shuntd" || return 1
	done
}

nothing_dropped() {
	shunt --json stats | jq -c '[.reasons[] | select(.packets > 0) | {(.reason): .packets}]'
	[ "$(shunt --json stats | jq '[.reasons[] | select(.action == "drop") | .packets] | add // 0')" = 0 ]
}

# --- the test

lab_begin || bail "the lab comes up"
write_upgrade_config
for b in b1 b2 b3 b4; do
	nginx_start $b || bail "nginx on $b starts"
done
[ -z "${SHUNT_OTHER:-}" ] || shuntd_command[3]=$other
shuntd_start || bail "shuntd starts"
all_up() { count_is up 4 && counted_up; }
wait_for 20 all_up || bail "all backends are up"
passed_before=$(passed_by)

if [ -n "${SHUNT_OTHER:-}" ]; then
	test_that "upgraded from another version: not one datagram is lost" as_numbered upgrade TERM "$build/shuntd"
elif [ "$patience" -gt 1 ]; then # an emulated machine has not the time for more
	test_that "upgraded to another build: not one datagram is lost" as_numbered upgrade TERM "$other"
	test_that "killed with -9 and upgraded: not one datagram is lost" as_numbered upgrade KILL "$build/shuntd"
else
	test_that "upgraded to another build and back: not one datagram is lost" as_numbered to_and_fro TERM 2
	test_that "killed with -9 and upgraded: not one datagram is lost" as_numbered to_and_fro KILL 2
	test_that "upgraded under requests: none fails" under_load to_and_fro TERM 1
fi
test_that "nothing was dropped" nothing_dropped
test_that "and nothing passed the program by" [ "$(passed_by)" = "$passed_before" ]
tap_end
