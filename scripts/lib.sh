# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What scripts/demo and tests/ns/*.sh share: a lab of their own, real servers, a real daemon, requests and their failures.
# Sourced by bash; the caller sets SHUNT_LAB to a name of its own before. Everything ends with lab_end.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${SHUNT_BUILD:-$top/build}
export SHUNT_BUILD=$build SHUNT_LAB
run=/run/shunt-lab/$SHUNT_LAB
pins=/sys/fs/bpf/shunt-lab/$SHUNT_LAB
sock=$run/shunt.sock
conf=$run/shunt.yaml
vip4=192.0.2.10
vip6=2001:db8::10
patience=${SHUNT_PATIENCE:-1} # how many times longer than usual to wait: for emulated machines
pause=$(printf '%d.%03d' $((50 * patience / 1000)) $((50 * patience % 1000))) # seconds from one look to the next

lab() { "$top/scripts/lab" "$@"; }
inside() { # NODE COMMAND...
	local ns=$SHUNT_LAB-$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}
shunt() { inside lb "$build/shunt" -s "$sock" "$@"; }
client() { inside client "$@"; }

lab_begin() {
	trap lab_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	lab down
	lab up
}

lab_end() {
	trap - EXIT
	trap '' INT TERM # cleaning up is not to be interrupted
	load_stop
	[ -z "${SHUNT_KEEP_LAB:-}" ] || return 0
	lab down
}

# wait_for SECONDS COMMAND...: until it succeeds; 1 if it does not.
wait_for() {
	local end=$((SECONDS + $1 * patience + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep "$pause"
	done
}

# --- servers -------------------------------------------------------------------------------------------------------

# A real nginx: says its name at /, has 10 MB at /big, and at /upload answers only when the whole body has come.
nginx_start() {
	local node=$1 dir=$run/$1.nginx
	mkdir -p "$dir/www"
	[ -e "$dir/www/big" ] || head -c 10485760 /dev/urandom >"$dir/www/big"
	cat >"$dir/nginx.conf" <<-CONF
		daemon on;
		worker_processes 1;
		pid $dir/pid;
		error_log $dir/error.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
			uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
			client_max_body_size 64m;
			server {
				listen 80; listen [::]:80;
				location / { return 200 "$node\n"; }
				location = /big { root $dir/www; }
				location = /50 { root $dir/www; }
				location = /upload { proxy_pass http://unix:$dir/sock:/; }
			}
			server {
				listen unix:$dir/sock;
				location / { return 200 "\$http_content_length\n"; }
			}
		}
	CONF
	rm -f "$dir/sock"
	inside "$node" nginx -c "$dir/nginx.conf" -e "$dir/error.log"
}

nginx_stop() {
	local pid
	pid=$(cat "$run/$1.nginx/pid")
	kill "$pid"
	wait_for 5 pid_gone "$pid"
}

pid_gone() { # or a zombie, which nobody may come to reap soon
	local state
	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
	[ -z "$state" ] || [ "$state" = Z ]
}

# --- the daemon ----------------------------------------------------------------------------------------------------

# write_config [BACKEND...]: one service "web" on both VIPs. Default: two backends by IPv4 and two by IPv6, so that with the two VIPs
# all four kinds of encapsulation are in use. $config_more and (in the service) $service_more go in as they are.
write_config() {
	local b
	[ $# -gt 0 ] || set -- 10.0.2.11 10.0.2.12 fd00:2::13 fd00:2::14
	{
		echo "${config_more:-}"
		cat <<-CONF
			interfaces:
			  - name: eth0
			source:
			  ipv4: 172.31.0.0/16
			  ipv6: fd00:5::/64
			services:
			  - name: web
			    vips: ["$vip4:80/tcp", "[$vip6]:80/tcp"]
			    ${service_more:-}
			    check: {type: http, path: /, interval: $((200 * patience))ms, timeout: $((200 * patience))ms, rise: 2, fall: 2}
			    backends:
		CONF
		for b; do
			echo "      - {address: \"$b\", weight: 100}"
		done
	} >"$conf"
}

# With this lab's paths; nsenter executes the daemon, so its process is the one started.
shuntd_command=(nsenter --net="/run/netns/$SHUNT_LAB-lb" -- "$build/shuntd" --config "$conf" --state "$run/state.json"
	--socket "$sock" --pin-dir "$pins/shuntd")

shuntd_start() {
	"${shuntd_command[@]}" >>"$run/shuntd.log" 2>&1 &
	shuntd_pid=$!
	disown # or bash would report its end by a signal
	wait_for 10 shuntd_answers && return
	echo "shuntd did not come up:" >&2
	tail -5 "$run/shuntd.log" >&2
	return 1
}

shuntd_answers() { # the one that was started, and no other
	local pid
	pid=$(shunt --json status 2>/dev/null | jq .pid) && [ -n "$pid" ] && [ "$pid" = "$shuntd_pid" ]
}

# shuntd_end SIGNAL
shuntd_end() {
	kill -"$1" "$shuntd_pid"
	wait_for 10 pid_gone "$shuntd_pid" || return 1
	shuntd_pid=
}

# backend_state ADDRESS: up, down, drain, ...
backend_state() {
	shunt --json service show web | jq -r --arg a "$1" '.backends[] | select(.address == $a) | .state'
}

state_is() { [ "$(backend_state "$1")" = "$2" ]; }

# backends_in STATE: how many.
backends_in() {
	shunt --json service show web | jq --arg s "$1" '[.backends[] | select(.state == $s)] | length'
}

count_is() { [ "$(backends_in "$1")" = "$2" ]; }

# New connections go where the configuration says: slots move some seconds after a change. Without a daemon none will.
is_settled() {
	[ -z "${shuntd_pid:-}" ] || shunt --json conn | jq -e '[.services[] | .waiting + .prepared] | add == 0'
}

settled() { wait_for 30 is_settled; }

# --- requests ------------------------------------------------------------------------------------------------------

# requests COUNT URL-HOST FILE: COUNT requests, each on a connection of its own; a line "STATUS NAME" each into FILE, 000 for no
# answer, which is the last one then.
requests() {
	local out
	out=$(mktemp "$run/requests.XXXXXX")
	client curl -s --fail-early --max-time $((3 * patience)) -H 'Connection: close' -w '%{http_code} \n' "http://$2/?[1-$1]" >"$out" || true
	# The body ("b1\n") comes before its status.
	awk '/^[0-9]+ $/ { print $1, name; name = ""; next } { name = $1 }' "$out" >>"$3"
	rm -f "$out"
}

# failed FILE: how many of its requests were not answered 200 by a backend.
failed() { awk '!($1 == 200 && $2 ~ /^b[1-4]$/) { n++ } END { print n + 0 }' "$1"; }
made() { wc -l <"$1"; }
answered_by() { awk -v b="$2" '$2 == b { n++ } END { print n + 0 }' "$1"; } # FILE BACKEND

# load_start FILE: requests to both VIPs, one after the other, until load_stop.
load_start() {
	load_stop_file=$run/load-stop
	rm -f "$load_stop_file"
	{
		while [ ! -e "$load_stop_file" ]; do
			requests 20 "$vip4" "$1"
			requests 20 "[$vip6]" "$1"
		done
	} &
	load_pid=$!
}

load_stop() {
	[ -n "${load_pid:-}" ] || return 0
	touch "$load_stop_file"
	wait "$load_pid" 2>/dev/null || true
	load_pid=
}

# load_more FILE COUNT: has the load made COUNT more requests than now? Waits for it.
load_more() {
	local from
	from=$(made "$1")
	wait_for 20 more_than "$1" $((from + $2))
}

more_than() { [ "$(made "$1")" -gt "$2" ]; }
