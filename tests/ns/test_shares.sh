#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Shares of pools: a canary, testers that are sent to it whatever its share, blue and green, with real requests and downloads that go on.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

# Room for all slots to move at once.
export config_more='limits: {connections: 524288}'

# The default pool is b1 and b3, green is b2 and b4, of a weight that makes no difference. 10.0.0.66 is a tester's.
config() {
	local service_more=$'pools: {default: 75, green: {share: 25}}\n    sources: {pools: {green: [10.0.0.66]}}'
	write_config
	sed -i -E 's/"(10.0.2.12|fd00:2::14)", weight: 100/"\1", weight: 9000, pool: green/' "$conf"
}

pool() { shunt --json service show web | jq ".pools.$1.$2"; }
testers() { client curl -s --fail-early --max-time $((2 * patience)) -H 'Connection: close' --interface 10.0.0.66 "http://$vip4/?[1-16]" | sort -u | xargs; }

# Of COUNT requests, those that green answers are PERCENT, give or take four and a half standard deviations; and no request fails.
green_has() { # PERCENT COUNT
	local file=$run/shares
	settled || return 1
	: >"$file"
	requests "$2" "$vip4" "$file"
	sort "$file" | uniq -c
	[ "$(made "$file")" = "$2" ] && [ "$(failed "$file")" = 0 ] &&
		awk -v p="$1" -v n="$2" '$2 == "b2" || $2 == "b4" { g++ }
			END { w = n * p / 100; s = 4.5 * sqrt(w * (100 - p) / 100); printf "green %d, expected %d +- %d\n", g, w, s
			      exit !(g >= w - s && g <= w + s) }' "$file"
}

canary() { green_has 25 2000 && [ "$(pool green slots)" -ge 16380 ] && [ "$(pool green slots)" -le 16390 ]; }

is_shown() {
	shunt pool show web
	shunt pool show web | grep -Eq '^web +green +25 +25\.00 % +25\.00 % +2 +2 +- +1 +serving$' &&
		shunt pool list | grep -Eq '^web +default +75 +75\.00 % +75\.00 % +2 +2 +- +- +serving$'
}

testers_are_pinned() { [ "$(testers)" = "b2 b4" ]; }

one_fails() { # within the pool its share stays
	local before
	before=$(pool green slots)
	nginx_stop b2 && wait_for 10 state_is 10.0.2.12 down && settled && [ "$(pool green slots)" = "$before" ] && green_has 25 400 &&
		[ "$(testers)" = b4 ]
}

nobody_is_left() { # of the pool: the others serve its share, but not its testers
	nginx_stop b4 && wait_for 10 state_is fd00:2::14 down && settled && [ "$(pool green slots)" = 0 ] && none_fails "$vip4" 100 &&
		[ -z "$(testers)" ]
}

switch_is_refused() {
	refused 'no backend of pool "green" is available.*--force' shunt pool switch web green &&
		refused 'pool "default" has a share now \(75\) and is not named' shunt pool share web green=100 &&
		refused 'services\[web\].pools.grene: no backend' shunt pool share web default=1 grene=1 green=1 && [ "$(pool default share)" = 75 ]
}

comes_back() {
	nginx_start b2 && nginx_start b4 && wait_for 10 count_is up 4 && green_has 25 400
}

# Connections that wait for $run/ask, then ask who is there; and downloads that last some seconds. Begun while the default pool has everything.
connections_begin() {
	shunt pool share web default=1 green=0 && settled || return 1
	# shellcheck disable=SC2016 # for the inner shell to expand
	client timeout 120 bash -c '
		for i in {1..24}; do exec {fd}<>"/dev/tcp/$0/80" && fds+=("$fd"); done
		touch "$1.open"
		until [ -e "$1" ]; do sleep 0.1; done
		for fd in "${fds[@]}"; do printf "GET / HTTP/1.0\r\n\r\n" >&"$fd" && tail -n 1 <&"$fd"; done' "$vip4" "$run/ask" >"$run/held" &
	held=$!
	client curl -sZ --limit-rate 1500k --max-time 60 -w '%{http_code} %{size_download}\n' \
		-o /dev/null "http://$vip4/big" -o /dev/null "http://$vip4/big?2" >"$run/downloads" &
	downloads=$!
	wait_for 10 [ -e "$run/ask.open" ] && green_has 0 100 && testers_are_pinned
}

switch() { shunt pool switch web green && green_has 100 100; }
switch_under_load() { under_load switch && testers_are_pinned; }

connections_go_on() {
	touch "$run/ask"
	wait "$held" && wait "$downloads" || return 1
	sort "$run/held" | uniq -c
	cat "$run/downloads"
	[ "$(grep -c '^b[13]$' "$run/held")" = 24 ] && [ "$(grep -cx '200 10485760' "$run/downloads")" = 2 ]
}

switches_back() {
	under_load shunt pool switch web default && green_has 0 100 && testers_are_pinned && [ "$(pool default share)" = 100 ]
}

daemon_restarts() {
	local before
	shunt pool share web default=60 green=20 && green_has 25 200 || return 1
	before=$(pool green slots)
	shuntd_end KILL && green_has 25 200 && shuntd_start && settled && [ "$(pool green slots)" = "$before" ] &&
		[ "$(pool default share)" = 60 ] && testers_are_pinned
}

without_shares() {
	sed -i '/^ *pools: {default/d' "$conf"
	shunt reload && [ "$(pool green share)" = 0 ] && green_has 0 100 && testers_are_pinned
}

lab_begin || bail "the lab comes up"
config
for b in b1 b2 b3 b4; do
	nginx_start $b || bail "nginx on $b starts"
done
shuntd_start || bail "shuntd starts"
wait_for 20 count_is up 4 || bail "all backends are up"
ip -n "$SHUNT_LAB-client" address add 10.0.0.66/32 dev eth0

test_that "a canary gets the share that was asked for" canary
test_that "shares are shown, as asked for and as they are" is_shown
test_that "a tester goes to it whatever its share" testers_are_pinned
test_that "while one of its backends is down, the other has its share" one_fails
test_that "when nobody of it is left, other pools have it, but not its testers" nobody_is_left
test_that "what would surprise is refused" switch_is_refused
test_that "it comes back" comes_back
test_that "connections begin in the default pool" connections_begin
test_that "green gets all new connections, under load, testers as ever" switch_under_load
test_that "the connections are still the default pool's" connections_go_on
test_that "and back, under load" switches_back
test_that "a killed daemon and a new one change nothing of it" daemon_restarts
test_that "without shares the default pool has everything" without_shares
tap_end
