#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A spare that serves when too few of the others are healthy, and a backend that comes back slowly; with real servers that are taken for
# ill while they serve, so that it shows which connections go where.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

export config_more='limits: {ring_slots: 4036}' # a ring that is soon read
export service_more='pools: {default: {share: 100, min_healthy: 2}, spare: {backup: true}}
    ring_size: 1009'

# What is checked is a file, which can be taken away from a server that is well.
well() { echo >"$run/$1.nginx/www/50"; }
unwell() { rm "$run/$1.nginx/www/50"; }

begin() {
	local b
	lab_begin && write_config || return 1
	sed -i -E 's|path: /,|path: /50,|; s/"fd00:2::14", weight: 100/&, pool: spare/' "$conf"
	for b in b1 b2 b3 b4; do
		nginx_start $b && well $b || return 1
	done
	shuntd_start && wait_for 20 count_is up 4
}

serving() { shunt --json service show web | jq -r .serving.rule; }
rule_is() { [ "$(serving)" = "$1" ]; }
told() { shunt --json events --kind service | jq -es --arg from "$1" --arg to "$2" --arg why "$3" 'any(.[]; .from == $from and .to == $to and (.reason | contains($why)))'; }

# connections_begin NAME: 24 of them, that ask who is there, and again when $run/NAME.ask is there; both answers of each into $run/NAME.answers.
connections_begin() {
	# shellcheck disable=SC2016 # for the inner shell to expand
	client timeout 120 bash -c '
		ask() {
			local line
			printf "GET / HTTP/1.1\r\nHost: web\r\n\r\n" >&"$1"
			while read -t 10 -r -u "$1" line && [ "$line" != $'"'\\r'"' ]; do :; done
			read -t 10 -r -u "$1" name || name=none
		}
		for i in {1..24}; do exec {fd}<>"/dev/tcp/$0/80" && fds+=("$fd"); done
		for fd in "${fds[@]}"; do ask "$fd" && first+=("$name"); done
		touch "$1.open"
		until [ -e "$1.ask" ]; do sleep 0.1; done
		for i in "${!fds[@]}"; do ask "${fds[i]}" && echo "${first[i]} $name"; done' "$vip4" "$run/$1" >"$run/$1.answers" &
	asking=$!
	wait_for 10 [ -e "$run/$1.open" ]
}

connections_end() { # NAME
	touch "$run/$1.ask"
	wait "$asking"
	sort "$run/$1.answers" | uniq -c
}

spare_stands_by() {
	all_answered "$vip4" b1 b2 b3 && rule_is shares && shunt pool list | tee /dev/stderr | grep -Eq '^web +spare +100 +backup +0\.00 % +1 +1 +- +- +standby$'
}

one_is_down() { connections_begin old && unwell b1 && wait_for 10 state_is 10.0.2.11 down && all_answered "$vip4" b2 b3 && rule_is shares; }

too_few() {
	unwell b2 && wait_for 10 rule_is backup && all_answered "$vip4" b4 && all_answered "[$vip6]" b4
}

is_shown() {
	shunt status | tee /dev/stderr | grep -q '^web: backup: backups serve: pool default has failed: 1 of 3 backends is healthy, min_healthy is 2$' &&
		shunt service show web | grep -q '^backup: backups serve: ' && shunt pool show web | grep -Eq '^web +default .* 2 +- +failed$' &&
		told shares backup 'pool default has failed: 1 of 3 backends is healthy, min_healthy is 2'
}

old_live_on() { # the healthy one's, though its pool has failed
	connections_end old
	[ "$(grep -c '^b3 b3$' "$run/old.answers")" -gt 0 ] && [ "$(grep -c '^b3 ' "$run/old.answers")" = "$(grep -c '^b3 b3$' "$run/old.answers")" ]
}

daemon_restarts() {
	shuntd_end KILL && all_answered "$vip4" b4 && shuntd_start && wait_for 10 rule_is backup && all_answered "$vip4" b4
}

comes_back() {
	connections_begin spare && well b2 && wait_for 10 rule_is shares && all_answered "$vip4" b2 b3 && told backup shares 'by their shares again'
}

spares_live_on() {
	connections_end spare
	[ "$(grep -c '^b4 b4$' "$run/spare.answers")" = 24 ]
}

nobody_else() { # to go to: the one that is left serves, whatever min_healthy says, and when it fails as well, nobody
	unwell b4 && unwell b2 && wait_for 10 rule_is healthy && all_answered "$vip4" b3 && unwell b3 && wait_for 10 rule_is nobody &&
		told healthy nobody 'new connections are dropped' && well b1 && well b2 && well b3 && well b4 && wait_for 10 count_is up 4 && rule_is shares
}

by_command() {
	shunt service set web min_healthy=100% && shunt pool set web default min_healthy=4 && wait_for 5 rule_is backup &&
		shunt pool switch web default && rule_is backup && shunt pool set web default min_healthy=2 && wait_for 5 rule_is shares &&
		refused 'pools.spare.min_healthy: of a backup pool' shunt pool set web spare min_healthy=1 &&
		refused 'expected true or false' shunt pool set web spare backup=yes &&
		[ "$(shunt --json export | jq -c '.services[0].pools')" = '{"default":{"share":100,"min_healthy":2},"spare":{"share":100,"backup":true}}' ]
}

by_turns() { # as well
	shunt service set web algorithm=round-robin && all_answered "$vip4" b1 b2 b3 && unwell b1 && unwell b2 && wait_for 10 rule_is backup &&
		all_answered "$vip4" b4 && well b1 && well b2 && wait_for 10 count_is up 4 && all_answered "$vip4" b1 b2 b3 &&
		refused 'one pool with a share, and at most one backup' shunt pool set web spare backup=false share=1 &&
		shunt service set web algorithm=maglev
}

# --- slow start

part() { shunt --json service show web | jq '.backends[0].slow_start // 100'; } # of b1
full() { [ "$(part)" = 100 ]; }
slots() { ring_slots | head -1009 | grep -c "^$1$"; }

falls_and_rises() {
	unwell b1 && wait_for 10 state_is 10.0.2.11 down && settled && well b1 && wait_for 10 state_is 10.0.2.11 up
}

# Which destination is b1's is seen when it is gone.
find_b1() {
	local before
	shunt service set web slow_start=1m && settled || return 1
	before=$(ring_slots | head -1009 | sort | uniq -c)
	unwell b1 && wait_for 10 state_is 10.0.2.11 down && settled || return 1
	ring_slots | head -1009 | sort -u >"$run/left"
	read -r b1_slots b1_id < <(grep -vFf "$run/left" <<<"$before")
	echo "$b1_slots slots are those of $b1_id"
	[ "$b1_slots" -gt 250 ] && well b1 && wait_for 10 state_is 10.0.2.11 up
}

more_slots_than() { [ "$(slots "$b1_id")" -gt "$1" ]; }
has_all_slots() { [ "$(slots "$b1_id")" = "$b1_slots" ]; }

# With a minute of time, so that a slow machine sees it as well.
begins_small() {
	local now
	shunt backend list web | tee /dev/stderr | grep -Eq '10\.0\.2\.11 .* slow start, at [1-6]0 % of its weight: HTTP 200' && settled || return 1
	now=$(slots "$b1_id")
	echo "$now slots"
	[ "$now" -gt 0 ] && [ "$now" -lt $((b1_slots * 3 / 4)) ] && wait_for 20 more_slots_than "$now" && ! full
}

grows() {
	shunt service set web slow_start=10s && wait_for 30 full && wait_for 20 has_all_slots
}

growth_is_told() {
	shunt --json events --kind backend --backend 10.0.2.11 | jq -r .reason | tee /dev/stderr | grep -A9 '^slow start: 10 % of its weight at first$' | grep -q '^slow start is over: it has its whole weight$'
}

killed_meanwhile() { # a new daemon does not know of it
	shunt service set web slow_start=1m && falls_and_rises && ! full && shuntd_end KILL && shuntd_start && wait_for 10 count_is up 4 && full && settled && has_all_slots
}

begin || bail "all backends are up"
test_that "a spare serves nobody while the others are well" spare_stands_by
test_that "one of three may fail" one_is_down
test_that "when fewer than two are healthy, new connections go to the spare" too_few
test_that "which is shown, and told" is_shown
test_that "connections of the healthy one live on where they are" old_live_on
test_that "a killed daemon and a new one change nothing of it" daemon_restarts
test_that "when enough have recovered, new connections go back" comes_back
test_that "and those of the spare live on there" spares_live_on
test_that "with nobody else to go to, whoever is healthy serves" nobody_else
test_that "it can be set by command, and shares leave it" by_command
test_that "so do services that go round their backends" by_turns
test_that "a backend that recovers begins" find_b1
test_that "with a small part, which grows" begins_small
test_that "to all of its slots" grows
test_that "as events say" growth_is_told
test_that "a daemon that is killed meanwhile goes on at full weight" killed_meanwhile
tap_end
