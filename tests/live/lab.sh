# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The live test's lab: eight backends that run `conns server`, a `conns client` with its connections, a balancer that is changed by whole
# configurations, floods. Sourced by scripts/live, after scripts/lib.sh; the caller sets what is in capitals.
: "${CONNECTIONS:?}" "${TABLE:?}" "${RING:?}" "${IDLE_TIMEOUT:?}" "${INTERVAL:?}" "${IDLE:?}" "${STALL:?}" "${FLOOD:?}" "${SEED:?}"

conns=$build/tests/live/conns
control=$run/conns.sock
wanted=$run/wanted.yaml # the configuration to apply; the daemon's own file stays as it was at its start
all=(1 2 3 4 5 6 7 8)
declare -A weight drained generation server_pid # by a backend's number; those that have a weight are configured
background=()                                   # processes of this shell's own, to be ended with it

# Both families, so that with both VIPs all four kinds of IP in IP are in use.
address_of() { [ $(($1 % 2)) = 1 ] && echo "10.0.2.1$1" || echo "fd00:2::1$1"; }
name_of() { echo "b$1.${generation[$1]}"; }

# --- servers -------------------------------------------------------------------------------------------------------

server_start() {
	generation[$1]=$((${generation[$1]:-0} + 1))
	# Not by inside, which would be a shell's child, and signals the shell's.
	nsenter --net="/run/netns/$SHUNT_LAB-b$1" -- "$conns" server --name "$(name_of "$1")" --port 80 --health 81 \
		>>"$run/server.log" 2>&1 &
	server_pid[$1]=$!
	disown
}

# What is on it from now on is lost, and that is no fault.
server_kill() {
	ask forgive "$(name_of "$1")" >/dev/null
	kill -9 "${server_pid[$1]}"
	wait_for 20 pid_gone "${server_pid[$1]}" # then its ports are free
}

health_off() { kill -USR1 "${server_pid[$1]}"; }
health_on() { kill -USR2 "${server_pid[$1]}"; }

# --- the balancer --------------------------------------------------------------------------------------------------

# Keys that a version does not know are left out: so an older one can be tested, too.
service_keys() {
	echo "    check: {type: tcp, port: 81, interval: 500ms, timeout: 2s, rise: 2, fall: 2}"
	[ -z "${knows_idle_timeout:-}" ] || echo "    idle_timeout: $IDLE_TIMEOUT"
}

config_write() {
	local n
	cat <<-CONF
		interfaces: [{name: eth0}]
		source: {ipv4: 172.31.0.0/16, ipv6: "fd00:5::/64"}
		limits: {connections: $TABLE}
		services:
		  - name: web
		    vips: ["$vip4:80/tcp", "[$vip6]:80/tcp"]
		    ring_size: $RING
		$(service_keys)
		    backends:
	CONF
	for n in "${all[@]}"; do
		[ -n "${weight[$n]:-}" ] || continue
		echo "      - {address: \"$(address_of "$n")\", weight: ${weight[$n]}, state: ${drained[$n]:-up}}"
	done
}

# The daemon may be killed before, while or after it does this; then it is asked again, which does no harm.
apply() {
	config_write >"$wanted"
	wait_for 20 shunt apply "$wanted" || { shunt apply "$wanted" && return; }
}

up_are() { # NUMBER...: exactly these
	local n addresses=()
	for n; do
		addresses+=("$(address_of "$n")")
	done
	[ "$(shunt --json service show web | jq -r '.backends[] | select(.state == "up") | .address' | sort | xargs)" = \
		"$(printf '%s\n' "${addresses[@]}" | sort | xargs)" ]
}

is_up() { state_is "$(address_of "$1")" up; }
is_down() { state_is "$(address_of "$1")" down; }

build_of_daemon() { # DIRECTORY: which build shuntd_start starts
	shuntd_command=(nsenter --net="/run/netns/$SHUNT_LAB-lb" -- "$1/shuntd" --config "$conf" --state "$run/state.json"
		--socket "$sock" --pin-dir "$pins/shuntd")
}

# upgrade_to DIRECTORY: the daemon ends as by a package's upgrade, the other build's takes over.
upgrade_to() {
	local before after
	before=$(inside lb bpftool -j net | jq '.[0].xdp[0].id')
	shuntd_end TERM || return 1
	build_of_daemon "$1"
	shuntd_start || return 1
	after=$(inside lb bpftool -j net | jq '.[0].xdp[0].id')
	echo "program $before, then $after; $(shunt --json status | jq -r .version)"
	[ "$("$1/shuntd" --version | awk '{ print $2 }')" = "$(shunt --json status | jq -r .version)" ] && [ "$before" != "$after" ]
}

# --- shuntd killed again and again ---------------------------------------------------------------------------------

# Kills it at random moments and starts it, one build or the other, until killer_stop.
killer() {
	local builds=("$build" "$other_build")
	RANDOM=$1
	while [ ! -e "$run/killer-stop" ]; do
		sleep "$((RANDOM % 3)).$((RANDOM % 10))"
		shuntd_end KILL
		sleep "0.$((RANDOM % 10))"
		build_of_daemon "${builds[$((RANDOM % 2))]}"
		shuntd_start || return 1
		echo "$shuntd_pid" >"$run/shuntd.pid"
		kills=$((${kills:-0} + 1))
		echo "$kills" >"$run/kills"
	done
	shuntd_end TERM
	build_of_daemon "$build"
	shuntd_start || return 1
	echo "$shuntd_pid" >"$run/shuntd.pid"
}

killer_start() {
	rm -f "$run/killer-stop" "$run/kills"
	killer $RANDOM &
	killer_pid=$!
	background+=("$killer_pid")
}

killer_stop() {
	local status=0
	touch "$run/killer-stop"
	wait "$killer_pid" || status=$?
	shuntd_pid=$(cat "$run/shuntd.pid")
	echo "shuntd was killed $(cat "$run/kills" || echo 0) times"
	return "$status"
}

# --- floods --------------------------------------------------------------------------------------------------------

# flood_start KIND...: one after the other, all in FLOOD seconds.
flood_start() {
	floods "$@" &
	flood_pid=$!
	background+=("$flood_pid")
}

floods() {
	local kind
	for kind; do
		inside router "$build/tests/live/flood" --dev lb --mac "$lb_mac" --to "$vip4" --to "$vip6" --port 80 --kind "$kind" \
			--seconds $(((FLOOD + $# - 1) / $#)) --seed "$RANDOM" | sed "s/^/$kind flood: /" || return 1
	done
}

# --- the client ----------------------------------------------------------------------------------------------------

ask() { "$conns" ask "$control" "$@"; }

client_addresses() {
	local n
	for n in 1 2 3 4 5 6; do
		ip -n "$SHUNT_LAB-client" address add "10.0.0.10$n/32" dev eth0
		ip -n "$SHUNT_LAB-client" address add "fd00:0::10$n/128" dev eth0 nodad
		froms+=(--from "10.0.0.10$n" --from "fd00:0::10$n")
	done
}

# The client's lines on losses, and what the maps say of the first of them while they still say it.
losses_note() {
	local line from port to to_port count=0
	while read -r line; do
		[ -s "$run/losses" ] || count=0 # a new scenario
		echo "$line"
		read -r _ _ _ from port _ to to_port _ <<<"$line"
		[ $((count++)) -ge 20 ] || "$build/tests/live/where" "$pins/shuntd" "$from" "$port" "$to" "$to_port" 2>&1
	done >>"$run/losses"
}

client_start() {
	local froms=()
	client_addresses
	# shellcheck disable=SC2086 # INTERVAL and IDLE are two words each
	inside client "$conns" client --control "$control" --to "$vip4" --to "$vip6" --port 80 "${froms[@]}" \
		--connections "$CONNECTIONS" --interval $INTERVAL --idle $IDLE --stall "$STALL" --seed "$SEED" 2> >(losses_note) &
	disown
	wait_for 10 test -S "$control" && wait_for 60 all_open
}

capture_start() { # FILE
	inside client tcpdump -i eth0 -s 90 -Z root -w "$1" tcp 2>"$run/tcpdump.log" &
	disown
	wait_for 10 grep -q listening "$run/tcpdump.log"
}

# As good as all: at any moment some are being replaced.
all_open() { [ "$(ask report | jq '.open - .connecting')" -ge $((CONNECTIONS * 99 / 100)) ]; }

rates() { # BRIEF CHURN: a second
	ask set brief "$1" >/dev/null && ask set churn "$2" >/dev/null
}

# Do new connections go to this backend no more? Asked of the next hundred. Patience is the caller's.
avoided() {
	local name before made after
	name=$(name_of "$1")
	read -r made before < <(ask report | jq -r --arg s "$name" '"\(.made) \(.servers[$s].opened // 0)"')
	wait_for 30 made_more $((made + 100)) || return 1
	after=$(ask report | jq -r --arg s "$name" '.servers[$s].opened // 0')
	[ "$after" = "$before" ]
}

made_more() { [ "$(ask report | jq .made)" -ge "$1" ]; }

# --- what is tracked -----------------------------------------------------------------------------------------------

# From the maps, so that it can be asked while there is no daemon, and be compared with what the daemon says.
tracked() { # WHAT...: the sum of these; entries: of all states
	"$build/tests/live/where" "$pins/shuntd" |
		jq --args '[.[$ARGS.positional[]] | if type == "object" then add else . end] | add' "$@"
}

windows_over() { [ "$(tracked moved)" = 0 ]; }
nothing_tracked() { [ "$(tracked dirty moved entries)" = 0 ]; }

# Does the daemon say so, too? True where it does not know the question.
told_nothing_tracked() {
	local told
	told=$(shunt --json conn 2>/dev/null) || return 0
	[ "$(jq '[.services[] | .dirty, .moved, (.entries | if type == "object" then add else . end)] | add' <<<"$told")" = 0 ]
}

# --- all of it -----------------------------------------------------------------------------------------------------

live_begin() {
	local n
	weight=() drained=() generation=() server_pid=()
	lab_begin
	trap live_end EXIT
	ip -n "$SHUNT_LAB-router" -force link set dev lb xdp object "$build/tests/bpf/sink.bpf.o" section xdp.frags
	lb_mac=$(ip -n "$SHUNT_LAB-lb" -j link show eth0 | jq -r '.[0].address')
	for n in "${all[@]}"; do
		server_start "$n"
	done
	for n in 1 2 3 4 5 6; do
		weight[$n]=100
	done
	knows_idle_timeout=yes
	config_write >"$conf"
	"$build/shunt" check "$conf" >/dev/null 2>&1 || knows_idle_timeout=
	config_write >"$conf"
	build_of_daemon "$build"
	shuntd_start && wait_for 20 up_are 1 2 3 4 5 6 && client_start
}

# Processes in namespaces are the lab's to end.
live_end() {
	local pid
	trap - EXIT
	trap '' INT TERM
	for pid in "${background[@]}"; do
		kill "$pid" 2>/dev/null
	done
	background=()
	lab_end
}
