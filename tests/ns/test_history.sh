#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A plan says what will happen and changes nothing; history, diff and rollback, across restarts, kills and damaged files.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

next=$run/next.yaml
history=$run/state.json.history

exit_status_is() { # STATUS COMMAND...
	local want=$1 got=0
	shift
	"$@" || got=$?
	echo "exit status $got, expected $want"
	[ "$got" = "$want" ]
}

revision() { shunt --json status | jq .revision; }
revision_is() { echo "revision $(revision), expected $1" && [ "$(revision)" = "$1" ]; }
by() { shunt --json history | jq -r ".revisions[$1].by"; } # of the one so many before the last

# What of the daemon a plan could touch.
picture() {
	shunt export
	shunt --json status | jq '.generation, .revision'
	shunt --json conn | jq '.services[] | .moved, .prepared, .waiting'
	ring_slots
	ls "$history"
}

the_first_is_the_start() { revision_is 1 && [ "$(by 0)" = start ] && exit_status_is 0 shunt plan "$conf"; }

# plan_of SED-SCRIPT: of what is in force, edited.
plan_of() {
	shunt export | sed -E "$1" >"$next"
	shunt plan "$next"
}

plan_changes_nothing() {
	picture >"$run/before"
	exit_status_is 4 plan_of 's/weight: 100/weight: 7/' && exit_status_is 4 plan_of 's/name: web/name: other/' &&
		exit_status_is 4 plan_of '/address: 10.0.2.12/,+1d' && picture | diff "$run/before" - && none_fails "$vip4" 20
}

# The slots that give new connections to another backend than in the file FROM, once they have moved.
slots_moved() { # FROM
	settled && ring_slots | paste "$1" - | awk '$1 != $2 { n++ } END { print n + 0 }'
}

# moves_as_planned SED-SCRIPT: as many slots as the plan said, by the words of the plan and by its JSON.
moves_as_planned() {
	local planned
	settled && ring_slots >"$run/ring" || return 1
	plan_of "$1"
	planned=$(shunt --json plan "$next" | jq '.services[0].moved')
	shunt apply "$next" || return 1
	wait_for 20 moved_are "$planned"
	echo "planned $planned, moved $(slots_moved "$run/ring")"
	[ "$planned" -gt 0 ] && moved_are "$planned"
}

# Nothing is said of connections in slots that move before any have moved; then, by what those came to.
expected_is() { # null|number
	plan_of '0,/weight: 100/s//weight: 90/' >/dev/null
	{ shunt --json plan "$next" || true; } | jq -e --arg t "$1" '.services[0].tracked.expected | type == $t'
}

estimates_come_of_changes() { wait_for 20 expected_is number; }

moved_are() { [ "$(slots_moved "$run/ring")" = "$1" ]; }

# refused_alike [SED-SCRIPT]: plan and apply say the same of what is in force, edited; without a script, of what $next has.
refused_alike() {
	local planned applied
	[ $# = 0 ] || shunt export | sed -E "$1" >"$next"
	planned=$(shunt plan "$next" 2>&1) && return 1
	applied=$(shunt apply "$next" 2>&1) && return 1
	echo "plan:  $planned"
	echo "apply: $applied"
	[ -n "$planned" ] && [ "$planned" = "$applied" ]
}

all_refused_alike() {
	refused_alike 's/name: eth0/name: eth9/' && refused_alike 's/vips: 1024/vips: 2048/' &&
		refused_alike 's/ring_size: .*/ring_size: 251/' && refused_alike 's/seed: .*//; 1s/^/seed: "0x1"\n/' &&
		refused_alike 's/weight: 100/weight: 100000/' && shunt export >"$run/now" && revision_is "$1"
}

# Which the maps would refuse: as many backends as there are destinations, and one.
too_many_backends() {
	{
		shunt export
		printf -- '- {name: many, vips: ["192.0.2.99:1/tcp"], ring_size: 251, check: {type: none}, backends: ['
		printf '10.9.0.%d, ' {1..64}
		echo ']}'
	} >"$next"
	refused_alike
}

drain_is_rolled_back() {
	shunt backend drain web 10.0.2.11 && state_is 10.0.2.11 drain || return 1
	shunt rollback && ! state_is 10.0.2.11 drain && wait_for 10 state_is 10.0.2.11 up
}

rollbacks_under_load() { under_load drain_is_rolled_back; }

and_that_is_rolled_back() {
	local now
	now=$(revision)
	shunt rollback && state_is 10.0.2.11 drain && shunt rollback && ! state_is 10.0.2.11 drain && revision_is $((now + 2)) &&
		[ "$(by 0)" = "rollback to $now" ]
}

differences() { shunt diff "$@" || [ $? = 4 ]; }

diffs_show() {
	local now line='services\[web\].backends\[10.0.2.11\].weight'
	now=$(revision)
	shunt backend set web 10.0.2.11 weight=33 || return 1
	differences "$now" | tee /dev/stderr | grep -qx "~ $line: .* -> 33" || return 1
	exit_status_is 4 shunt diff "$now" && exit_status_is 0 shunt diff $((now + 1)) &&
		differences $((now + 1)) "$now" | grep -q "^~ $line: 33 -> " && shunt history | sed -n 2p | grep "$line: .* -> 33"
}

# The file is not what was in force last: its weights are.
reload_is_a_revision() {
	local now
	now=$(revision)
	shunt reload && revision_is $((now + 1)) && [ "$(by 0)" = reload ] && shunt reload && revision_is $((now + 1)) &&
		shunt rollback && shunt --json service show web | jq -e '.backends[0].weight == 33' && kill -HUP "$shuntd_pid" &&
		wait_for 10 revision_is $((now + 3)) && [ "$(by 0)" = SIGHUP ]
}

# A start makes one only if it changes something.
restart_keeps_it() {
	local now
	now=$(revision)
	shunt history >"$run/history"
	shuntd_end KILL && shuntd_start && shunt history | diff "$run/history" - && shuntd_end TERM && sed -i 's/weight: 100/weight: 90/' "$conf" &&
		shuntd_start && revision_is $((now + 1)) && [ "$(by 0)" = start ] && shunt history | sed 2d | diff "$run/history" - &&
		shunt rollback && shunt --json service show web | jq -e '.backends[0].weight == 100'
}

# A change was killed between its revision and its state: it did not happen.
not_acknowledged_not_there() {
	local now
	now=$(revision)
	shunt history >"$run/history"
	shuntd_end KILL
	printf '{"format": 1, "rev' >"$(printf '%s/%08d.jsonl' "$history" $((now + 1)))"
	shuntd_start && revision_is "$now" && shunt history | diff "$run/history" - && shunt backend set web 10.0.2.11 weight=44 &&
		revision_is $((now + 1)) && differences "$now" | grep -q -- '-> 44'
}

damaged_files_are_left_out() {
	local now
	now=$(revision)
	shuntd_end TERM
	truncate -s 100 "$history/00000001.jsonl"
	sed -i 's/"weight":44/"weight":45/' "$(printf '%s/%08d.jsonl' "$history" "$now")"
	: >"$run/shuntd.log"
	shuntd_start && shunt --json history | jq -e '.revisions | length > 3 and all(.revision != 1)' || return 1
	grep warning "$run/shuntd.log"
	[ "$(grep -c 'warning: history: .*jsonl: damaged.*left out' "$run/shuntd.log")" = 2 ] && refused 'no revision 1;' shunt rollback 1 &&
		none_fails "$vip4" 20
}

# The daemon has not its directory, but starts; then changes are refused until it has, since they could not be undone.
without_its_directory() {
	shuntd_end TERM
	mv "$history" "$run/moved" && touch "$history"
	shuntd_start && none_fails "$vip4" 20 && refused 'state.json.history/.*cannot' shunt backend set web 10.0.2.11 weight=55 &&
		grep -q 'warning: history: .*starting without it' "$run/shuntd.log" || return 1
	rm "$history" && mv "$run/moved" "$history" && shuntd_end TERM && shuntd_start && shunt backend set web 10.0.2.11 weight=55 &&
		shunt rollback &&
		shunt --json service show web | jq -e '.backends[0].weight == 44'
}

# Limits belong to the maps, so a rollback leaves them.
rollback_to_other_limits() {
	local now
	now=$(revision)
	shunt detach && wait_for 10 pid_gone "$shuntd_pid" || return 1
	shuntd_pid=
	sed -i 's/limits: {/&vips: 512, /' "$conf"
	shuntd_start && [ "$(by 0)" = start ] && shunt rollback "$now" && shunt export | grep -q 'vips: 512' &&
		shunt --json service show web | jq -e '.backends[0].weight == 44' && wait_for 10 count_is up 4 && none_fails "$vip4" 20
}

export config_more='limits: {ring_slots: 16384, destinations: 64}' service_more='ring_size: 4093'
start_all
test_that "the first revision is the start" the_first_is_the_start
test_that "a plan changes nothing" plan_changes_nothing
test_that "of connections it says that it does not know" expected_is null
test_that "slots move as planned: weights" moves_as_planned '0,/weight: 100/s//weight: 10/'
test_that "after that it estimates connections" estimates_come_of_changes
test_that "slots move as planned: a backend that goes" moves_as_planned '/address: 10.0.2.12/,/weight/d'
test_that "what apply refuses is refused by a plan" all_refused_alike 3
test_that "and what the maps have no room for" too_many_backends
test_that "a drain is rolled back under load" rollbacks_under_load
test_that "and the rollback" and_that_is_rolled_back
test_that "diffs" diffs_show
test_that "a reload is a revision" reload_is_a_revision
test_that "restarts keep the history" restart_keeps_it
test_that "a change that was killed half-way is not in it" not_acknowledged_not_there
test_that "damaged files are named, and left out" damaged_files_are_left_out
test_that "without its directory the daemon starts, but takes no changes" without_its_directory
test_that "a rollback keeps the limits of new maps" rollback_to_other_limits
tap_end
