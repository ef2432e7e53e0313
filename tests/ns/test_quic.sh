#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# QUIC: flows that change their address and port keep their backend, by their connection ids; those of a UDP service that is not
# QUIC do not. Servers and client are tests/ns/quic_client.py.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

program=$(dirname "$0")/quic_client.py
quic=443 plain=5000 # ports: of a QUIC service, of one that is not

# Server ids as the configuration derives or gives them: b1 and b2 by their addresses' last two octets, b3 and b4 as told.
server_ids=([1]=0x020b [2]=0x020c [3]=0xc0de [4]=0xbeef)

quic_config() { # BACKEND... : those of both services
	local name port b
	cat <<-CONF
		interfaces: [eth0]
		source: {ipv4: 172.31.0.0/16, ipv6: "fd00:5::/64"}
		services:
	CONF
	for name in quic plain; do
		port=${!name}
		echo "  - name: $name"
		echo "    vips: [\"$vip4:$port/udp\", \"[$vip6]:$port/udp\"]"
		echo "    check: {type: none}"
		[ $name = plain ] || echo "    quic: {configs: [{id: 0, server_id_length: 2}, {id: 3, server_id_length: 7}]}"
		echo "    backends:"
		for b; do
			case $name$b in
			quic3) echo "      - {address: \"fd00:2::13\", server_id: 0xc0de}" ;;
			quic4) echo "      - {address: \"fd00:2::14\", server_id: 0xbeef}" ;;
			plain[34]) echo "      - \"fd00:2::1$b\"" ;;
			*) echo "      - 10.0.2.1$b" ;;
			esac
		done
	done
}

serve() { # NUMBER
	local log=$run/b$1.quic
	inside "b$1" python3 "$program" serve "b$1" "${server_ids[$1]}" "$vip4" $quic $plain >"$log" 2>&1 &
	disown
	inside "b$1" python3 "$program" serve "b$1" "${server_ids[$1]}" "$vip6" $quic $plain >"${log}6" 2>&1 &
	disown
	wait_for 10 grep -q ready "$log" && wait_for 10 grep -q ready "${log}6"
}

all_up() { # COUNT
	[ "$(shunt --json service show quic | jq '[.backends[] | select(.state == "up")] | length')" = "$1" ] &&
		[ "$(shunt --json service show plain | jq '[.backends[] | select(.state == "up")] | length')" = "$1" ]
}

flows() { client python3 "$program" flows "$@" | tee "$run/flows"; }

# From its first packet on, whatever the address, each flow had one backend; and all backends had flows.
kept() { # FAMILY-OF-SOURCES VIP PORT BACKENDS
	local sources=(10.0.0.2 10.0.0.99 10.0.0.2 10.0.0.98)
	[ "$1" = 4 ] || sources=(fd00:0::2 fd00:0::99 fd00:0::2 fd00:0::98)
	flows "$2" "$3" 80 "${sources[@]}"
	awk 'NF != 5 || /nobody/ { bad = 1 } { for (i = 2; i <= NF; i++) if ($i != $1) bad = 1; seen[$1] = 1 }
		END { for (s in seen) n++; exit bad || n != '"$4"' }' "$run/flows"
}

moved() { # the same, but some flow changed its backend, and none was left without
	kept "$@" && return 1
	! grep -q nobody "$run/flows"
}

choices() { shunt --json stats | jq --arg c "$1" '.services[] | select(.name == "quic") | .quic[] | select(.choice == $c) | .packets'; }

# At least the packets that were sent: one that is slow to be answered is sent again.
counted() {
	shunt stats
	[ "$(choices followed)" -ge 640 ] && [ "$(choices opening)" -ge 160 ] && [ "$(choices unroutable)" = 0 ] &&
		[ "$(choices unavailable)" = 0 ] && [ "$(shunt --json stats | jq '.services[] | select(.name == "plain") | has("quic")')" = false ]
}

ids_are_shown() {
	[ "$(shunt --json service show quic | jq -c '[.backends[] | .server_ids[0]]')" = '["0x020b","0x020c","0xc0de","0xbeef"]' ] &&
		[ "$(shunt --json service show quic | jq -r '.backends[0].server_ids[1]')" = 0x0000000a00020b ]
}

# Flows go on, from a new port with each packet, while all this happens to the other backends and to theirs.
kept_through() { # COMMAND...
	local stop=$run/stop.$RANDOM out=$run/keep.$RANDOM keeper
	client python3 "$program" keep "$vip4" "$quic" 30 10.0.0.2 "$stop" >"$out" 2>&1 &
	keeper=$!
	wait_for 20 grep -q open "$out" && "$@"
	local status=$?
	touch "$stop"
	wait "$keeper"
	cat "$out"
	[ "$status" = 0 ] && awk '$1 == "open" { next } NF != 1 || /nobody/ { bad = 1 } { n++ } END { exit bad || n != 30 }' "$out"
}

# A fifth backend, which does not exist, comes and goes, and the ring with it: new flows would be lost, open ones are not.
others_come_and_go() {
	local i
	for i in 1 2 3; do
		shunt backend add quic 10.0.2.19 mac=02:00:00:00:00:99 && shunt backend set quic 10.0.2.19 server_id=0x77"0$i" &&
			shunt backend delete quic 10.0.2.19 || return 1
	done
}

drained_and_back() {
	local b
	for b in 10.0.2.11 10.0.2.12 fd00:2::13; do
		shunt backend drain quic "$b" || return 1
	done
	settled && kept 4 "$vip4" "$quic" 1 && grep -q b4 "$run/flows" && shunt backend undrain quic 10.0.2.11 10.0.2.12 fd00:2::13
}

config_rotates() { # configuration 3 goes, 5 comes with ids of one octet; what 0 made stays good
	shunt service set quic quic=0:2 quic=5:1 && wait_for 10 all_up 4 && shunt service set quic quic=0:2 quic=3:7
}

restarted() { shuntd_end KILL && shuntd_start && shunt reload; }

id_taken() { refused 'server id 0x020b, .*10\.0\.2\.12.*10\.0\.2\.11' shunt backend set quic 10.0.2.12 server_id=0x020b; }

lab_begin || bail "the lab comes up"
for host in 98 99; do
	ip -n "$SHUNT_LAB-client" address add 10.0.0.$host/24 dev eth0
	ip -n "$SHUNT_LAB-client" address add fd00:0::$host/64 dev eth0 nodad
done
for n in 1 2 3 4; do
	serve $n || bail "b$n serves"
done
quic_config 1 2 3 4 >"$conf"
shuntd_start || bail "shuntd starts"
wait_for 20 all_up 4 || bail "all backends are up"

test_that "QUIC, IPv4: flows that change address and port keep their backend" kept 4 "$vip4" $quic 4
test_that "QUIC, IPv6: the same" kept 6 "$vip6" $quic 4
test_that "each packet's choice was counted" counted
test_that "UDP without QUIC, IPv4: flows that change address and port move" moved 4 "$vip4" $plain 4
test_that "UDP without QUIC, IPv6: the same" moved 6 "$vip6" $plain 4
test_that "the API shows the server ids, derived ones too" ids_are_shown
test_that "flows stay while another backend comes, changes its id and goes" kept_through others_come_and_go
test_that "flows stay with draining backends, new ones go elsewhere" kept_through drained_and_back
test_that "flows stay while other configurations come and go" kept_through config_rotates
test_that "flows stay while the daemon is killed, started and reloads" kept_through restarted
test_that "an id that another backend has is refused" id_taken
tap_end
