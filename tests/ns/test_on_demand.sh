#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Services that sleep while nobody needs them: a real nginx is started by a hook for the first request, which succeeds, and stopped by one when nobody comes.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

backends=(b1 b2)

# What the hooks do: they enter the backend's namespace, as an agent on it would be asked to, and note that they ran.
write_hooks() {
	local node
	for node in "${backends[@]}"; do
		nginx_start "$node"
		nginx_stop "$node"
	done
	cat >"$run/start" <<-HOOK
		#!/bin/bash
		echo "\$SHUNT_ACTION \$SHUNT_SERVICE \$SHUNT_POOL" >>"$run/ran"
		[ ! -e "$run/break" ] || { echo "no power"; exit 3; }
		[ ! -e "$run/hang" ] || exec sleep 1000
		for node in b1 b2; do
			[ -z "\$SHUNT_POOL" ] || [ "\$SHUNT_POOL" = "\$node" ] || continue
			nsenter --net=/run/netns/$SHUNT_LAB-\$node nginx -c "$run/\$node.nginx/nginx.conf" -e "$run/\$node.nginx/error.log"
		done
	HOOK
	cat >"$run/stop" <<-HOOK
		#!/bin/bash
		echo "\$SHUNT_ACTION \$SHUNT_SERVICE \$SHUNT_POOL" >>"$run/ran"
		for node in b1 b2; do
			[ -z "\$SHUNT_POOL" ] || [ "\$SHUNT_POOL" = "\$node" ] || continue
			[ ! -e "$run/\$node.nginx/pid" ] || kill "\$(cat "$run/\$node.nginx/pid")" || true # it may have ended by itself
		done
	HOOK
	chmod +x "$run/start" "$run/stop"
	: >"$run/ran"
}

demand() { shunt --json service show web | jq -r "[.demand[] | .pool + \":\" + .state] | join(\" \")"; }
demand_is() { [ "$(demand)" = "$1" ]; }
ran() { grep -c "^$1" "$run/ran"; }
dropped() { shunt --json stats | jq '.reasons[] | select(.reason == "asleep") | .packets'; }
told() { shunt --json events | jq -es --arg to "$1" --arg why "$2" 'any(.[]; .to == $to and (.reason | test($why)))'; }
warned() { shunt --json events | jq -es --arg why "$1" 'any(.[]; .level == "warning" and (.reason | test($why)))'; }
get() { client curl -s --max-time $((20 * patience)) "http://$vip4$1"; }

sleeps_at_first() {
	wait_for 10 demand_is :asleep && [ "$(ran start)" = 0 ] && [ "$(backends_in asleep)" = 2 ]
}

wakes_by_a_request() {
	local name
	name=$(get /) && [[ $name == b[12] ]] && [ "$(ran start)" = 1 ] && [ "$(dropped)" -ge 1 ] &&
		wait_for 5 demand_is :awake && told waking "a packet from 10.0.0.2" && told awake "a check passes"
}

stays_awake_while_used() { # twice its idle time, on one connection that is alive
	client /usr/bin/python3 -c '
import http.client, sys, time
c = http.client.HTTPConnection(sys.argv[1], timeout=5)
for _ in range(6):
    c.request("GET", "/")
    assert c.getresponse().read() in (b"b1\n", b"b2\n")
    time.sleep(1)
' "$vip4" && demand_is :awake && [ "$(ran stop)" = 0 ]
}

is_stopped_when_idle() {
	wait_for 15 demand_is :asleep && [ "$(ran "stop web")" = 1 ] && told stopping "no packets for" &&
		pid_gone "$(cat "$run/b1.nginx/pid" 2>/dev/null || echo 0)"
}

wakes_again() {
	local before
	before=$(ran start)
	[[ $(client curl -s --max-time 20 "http://[$vip6]/") == b[12] ]] && [ "$(ran start)" = $((before + 1)) ]
}

is_not_stopped_by_a_hand_that_does_not_insist() {
	get / >/dev/null
	wait_for 5 demand_is :awake && ! shunt sleep web && demand_is :awake
}

is_stopped_by_hand() {
	shunt sleep web --force && wait_for 10 demand_is :asleep && told stopping "POST /v1/sleep/"
}

is_woken_by_hand() {
	shunt wake web && wait_for 10 demand_is :awake && told waking "POST /v1/wake/"
}

# A daemon that comes and goes changes nothing, asleep or awake.
survives_a_restart() {
	local before now
	before=$(cat "$run/ran")
	shuntd_end KILL && shuntd_start && wait_for 5 demand_is "$1"
	sleep 2.5 # more than what is unknown is looked for
	now=$(cat "$run/ran")
	[ "$before" = "$now" ] && demand_is "$1"
}

# Killed in the middle of a hook: the one after it finishes what it began.
survives_a_kill_in_a_hook() {
	touch "$run/hang"
	shunt sleep web --force && wait_for 10 demand_is :asleep && shunt wake web && wait_for 5 demand_is :waking && shuntd_end KILL || return 1
	rm "$run/hang"
	shuntd_start && wait_for 10 demand_is :awake
}

is_told_of_a_hook_that_fails() {
	touch "$run/break"
	shunt sleep web --force && wait_for 10 demand_is :asleep || return 1
	client curl -s --max-time 2 "http://$vip4/" && return 1
	warned "start: exec: exit status 3: no power; another try in" &&
		rm "$run/break" && wait_for 10 demand_is :awake && get / >/dev/null
}

# Killed at its timeout; and the daemon answers all the while.
is_told_of_a_hook_that_hangs() {
	touch "$run/hang"
	shunt sleep web --force && wait_for 10 demand_is :asleep && shunt wake web || return 1
	wait_for 10 hook_was_killed || return 1
	rm "$run/hang"
	wait_for 10 demand_is :awake && ! pgrep -f "$run/start"
}
hook_was_killed() {
	shunt --json status >/dev/null && warned "start: did not end within 4000 ms and was killed"
}

# Nobody may make the daemon busy: of thousands of SYNs it hears once a second.
is_not_flooded() {
	shunt sleep web --force && wait_for 10 demand_is :asleep || return 1
	touch "$run/break"
	client bash -c "for i in \$(seq 300); do timeout 0.01 bash -c '</dev/tcp/$vip4/80' 2>/dev/null; done"
	rm "$run/break"
	[ "$(dropped)" -ge 100 ] && wait_for 10 demand_is :awake
}

# Two pools, each with its own testers, nobody with a share awake: each is woken by its own. The hook is a request: a server that runs it.
serve_hooks() {
	inside lb /usr/bin/python3 -c '
import http.server, os, subprocess, sys
class Hooks(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        _, action, pool = self.path.split("/")
        done = subprocess.run([sys.argv[1] + "/" + action], env={"PATH": os.environ["PATH"], "SHUNT_POOL": pool, "SHUNT_ACTION": action, "SHUNT_SERVICE": "by-http"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.send_response(500 if done.returncode else 204)
        self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", 8099), Hooks).serve_forever()
' "$run" &
	hooks_pid=$!
	disown
	wait_for 5 inside lb curl -s -o /dev/null http://127.0.0.1:8099/
}

pools_config() {
	local pool
	service_more="sources: {pools: {b1: [10.0.0.2], b2: [fd00::2]}}
    on_demand:
      pools:"
	for pool in b1 b2; do
		service_more+="
        $pool: {start: {url: \"http://127.0.0.1:8099/start/$pool\"}, stop: {url: \"http://127.0.0.1:8099/stop/$pool\"}, idle: 3s, timeout: 5s${2:-}}"
	done
	write_config
	sed -i '/backends:$/,$d' "$conf"
	echo '    backends: [{address: 10.0.2.11, pool: b1}, {address: 10.0.2.12, pool: b2}]' >>"$conf"
}

each_pool_by_itself() {
	serve_hooks || return 1
	shunt sleep web --force && wait_for 20 demand_is :asleep || return 1 # twice, if somebody asked for it meanwhile
	pools_config
	inside lb ip address add 127.0.0.1/8 dev lo 2>/dev/null
	shunt reload && wait_for 10 demand_is "b1:asleep b2:asleep" && [ "$(get /)" = b1 ] && demand_is "b1:awake b2:asleep" &&
		[ "$(client curl -s --max-time 20 "http://[$vip6]/")" = b2 ] && [ "$(ran "start by-http")" = 2 ]
}

each_pool_is_stopped_by_itself() {
	wait_for 15 demand_is "b1:asleep b2:asleep" && shunt wake web/b2 && wait_for 10 demand_is "b1:asleep b2:awake" &&
		shunt sleep web/b2 --force && wait_for 10 demand_is "b1:asleep b2:asleep" && refused "no pool \"b3\"" shunt wake web/b3
}

of_b1() { shunt --json export | jq -c '.services[0].on_demand.pools.b1'; }

# One key of one pool, and what it does not speak of.
by_command() {
	local before
	before=$(of_b1) && shunt pool set web b1 on_demand.idle=1h && of_b1 && [ "$(of_b1)" = "$(jq -c '.idle = "1h"' <<<"$before")" ] &&
		demand_is "b1:asleep b2:asleep" && shunt pool set web b1 on_demand.idle=3s && [ "$(of_b1)" = "$before" ] &&
		refused 'its pools are on demand, each on their own' shunt service set web on_demand.idle=1h
}

# A window that is now, whatever now is.
is_awake_by_schedule() {
	pools_config "" ", awake: [\"00:00-24:00\"]"
	shunt reload && wait_for 10 demand_is "b1:awake b2:awake" || return 1
	sleep 5 # more than its idle time and what it takes to settle
	demand_is "b1:awake b2:awake" && told waking "pool b1: its schedule wants it awake"
}

hooks_pid=
export service_more="on_demand: {start: {command: [$run/start]}, stop: {command: [$run/stop]}, idle: 3s, timeout: 4s}"
lab_begin
write_hooks
write_config 10.0.2.11 10.0.2.12
shuntd_start || bail "shuntd did not start"

test_that "what does not run is found asleep, and nothing is started" sleeps_at_first
test_that "the first request wakes it, and is answered" wakes_by_a_request
test_that "a connection that is alive keeps it awake" stays_awake_while_used
test_that "it is stopped when nobody comes" is_stopped_when_idle
test_that "and sleeps over a daemon that is killed" survives_a_restart :asleep
test_that "the next request, by IPv6, wakes it again" wakes_again
test_that "who had packets a moment ago is stopped by force only" is_not_stopped_by_a_hand_that_does_not_insist
test_that "it is stopped by hand" is_stopped_by_hand
test_that "and woken by hand" is_woken_by_hand
test_that "a daemon that is killed in the middle of a hook is followed by one that goes on" survives_a_kill_in_a_hook
test_that "a hook that fails is told, and tried again" is_told_of_a_hook_that_fails
test_that "a hook that hangs is killed, and blocks nothing" is_told_of_a_hook_that_hangs
test_that "a flood wakes it once" is_not_flooded
test_that "pools are woken each by their own clients, by an HTTP request" each_pool_by_itself
test_that "and stopped each by itself" each_pool_is_stopped_by_itself
test_that "a command sets one key of one of them" by_command
test_that "a schedule keeps them awake" is_awake_by_schedule
[ -z "$hooks_pid" ] || kill "$hooks_pid"
tap_end
