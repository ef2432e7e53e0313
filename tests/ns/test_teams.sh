#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One balancer, two teams: each has a file of services. What one team writes, or breaks, is nothing to the other.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

teams=$run/services.d

# The lab routes one address to the balancer, so teams share it with different ports; nginx listens to 80, so that of the others is
# a port that the backends lead there.
write_main() {
	cat >"$conf" <<-CONF
		interfaces:
		  - name: eth0
		source:
		  ipv4: 172.31.0.0/16
		groups:
		  edge:
		    vips: [$vip4]
		    defaults:
		      check: {type: http, path: /, interval: $((200 * patience))ms, timeout: $((200 * patience))ms, rise: 1, fall: 2}
		      idle_timeout: 77
	CONF
}

team() { # FILE SERVICE VIP BACKEND [MORE]
	printf 'services:\n  - name: %s\n    group: edge\n    vips: ["%s"]\n    backends: [%s]\n' "$2" "$3" "$4" >"$teams/$1"
	[ -z "${5:-}" ] || echo "    $5" >>"$teams/$1"
}

members() { shunt --json service show "$1" | jq -c "$2"; }
is_up() { shunt --json service show "$1" | jq -e '[.backends[].state] | all(. == "up")'; }
name_at() { client curl -s --max-time $((3 * patience)) -H 'Connection: close' "http://$vip4:$1/"; }
answers() { [ "$(name_at "$1")" = "$2" ]; } # PORT BACKEND
silent() { ! client curl -s --max-time "$patience" "http://$vip4:$1/"; }
reload_says() { # STATUS PATTERN [OPTION...]
	local want=$1 pattern=$2 said got=0
	shift 2
	said=$(shunt reload "$@" 2>&1) || got=$?
	echo "reload ended with $got and said: $said"
	[ "$got" = "$want" ] && grep -Eq -- "$pattern" <<<"$said"
}
events_say() { shunt events --kind config | tee /dev/stderr | grep -Eq -- "$1"; }
made_by() { shunt --json history | jq -e --arg by "$1" '.revisions[0].by == $by'; }
status_says() { shunt status | tee /dev/stderr | grep -Eq -- "$1"; }

lab_begin || bail "the lab comes up"
for b in b1 b2 b3 b4; do
	nginx_start $b || bail "nginx on $b starts"
	sed -i 's/listen 80; listen/listen 80; listen 81; listen 82; listen/' "$run/$b.nginx/nginx.conf"
	inside $b nginx -c "$run/$b.nginx/nginx.conf" -e "$run/$b.nginx/error.log" -s reload
done
mkdir "$teams"
write_main
team a.yaml web "$vip4:80/tcp" 10.0.2.11
team b.yaml shop "$vip4:81/tcp" 10.0.2.12
shuntd_start || bail "shuntd starts"

both_teams_are_served() {
	wait_for 10 is_up web && wait_for 10 is_up shop && wait_for 10 answers 80 b1 && wait_for 10 answers 81 b2 &&
		[ "$(members web '[.file, .group, .idle_timeout]')" = '["a.yaml","edge",77]' ]
}

one_breaks_the_other_changes() {
	echo "services: [{name: web, vips: 5}]" >"$teams/a.yaml"
	team b.yaml shop "$vip4:82/tcp" 10.0.2.12
	reload_says 1 "NOT APPLIED: $teams/a.yaml:1: services\[web\].vips: 5 is not a list" &&
		wait_for 10 answers 82 b2 && silent 81 && answers 80 b1 && status_says "NOT APPLIED: $teams/a.yaml:1" &&
		events_say "not applied: $teams/a.yaml:1: services\[web\].vips: 5 is not a list" && made_by reload
}

a_restart_keeps_both() {
	shuntd_end KILL && shuntd_start && wait_for 10 answers 80 b1 && wait_for 10 answers 82 b2 &&
		status_says "NOT APPLIED: $teams/a.yaml:1" && events_say "not applied: $teams/a.yaml:1" && made_by reload
}

mended() {
	team a.yaml web "$vip4:80/tcp" 10.0.2.13
	reload_says 0 '^done' && settled && answers 80 b3 && ! status_says 'NOT APPLIED'
}

a_vip_is_taken() {
	team b.yaml shop "$vip4:80/tcp" 10.0.2.12
	reload_says 1 "$teams/b.yaml:4: services\[shop\].vips.*\"web\" \($teams/a.yaml:4\) has $vip4:80/tcp" &&
		answers 80 b3 && answers 82 b2
}

outside_of_the_group() {
	team b.yaml shop "198.51.100.1:80/tcp" 10.0.2.12
	reload_says 1 "b.yaml:4: .*not for services of group \"edge\"; expected a VIP in $vip4" && answers 82 b2
}

a_command_outlives_the_others_reload() {
	shunt service set web idle_timeout=99 || return 1
	team b.yaml shop "$vip4:81/tcp" 10.0.2.12
	reload_says 0 '^done' && wait_for 10 answers 81 b2 && [ "$(members web .idle_timeout)" = 99 ] &&
		reload_says 0 'nothing to change' && [ "$(members web .idle_timeout)" = 99 ] &&
		reload_says 0 '^done' --all && [ "$(members web .idle_timeout)" = 77 ]
}

defaults_change() {
	sed -i 's/idle_timeout: 77/idle_timeout: 78/' "$conf"
	reload_says 0 '^done' && [ "$(members web .idle_timeout),$(members shop .idle_timeout)" = 78,78 ]
}

exported_by_file() {
	shunt export b.yaml >"$run/exported.yaml" && shunt export --main >"$run/main.yaml" &&
		! grep -q 'name: web' "$run/exported.yaml" && ! grep -q 'name: shop' "$run/main.yaml" || return 1
	cp "$run/exported.yaml" "$teams/b.yaml"
	cp "$run/main.yaml" "$conf"
	shunt check "$run" && reload_says 0 'nothing to change' && shunt export | grep -q 'group: edge'
}

check_finds_all() {
	mkdir -p "$run/bad/services.d"
	cp "$conf" "$run/bad/shunt.yaml"
	echo "services: [{name: web}]" >"$run/bad/services.d/a.yaml"
	echo "services: {" >"$run/bad/services.d/b.yaml"
	refused 'a.yaml:1: services.web..vips: missing' shunt check "$run/bad" && refused 'b.yaml:[12]: ' shunt check "$run/bad"
}

in_use_stays() {
	answers 81 b2 || return 1
	refused 'services.shop.: had [0-9]+ packets.*--force' shunt service delete shop || return 1
	[ "$(inside lb curl -s -o "$run/problem" -w '%{http_code}' --unix-socket "$sock" -H 'Content-Type: application/json' \
		-d '{"changes": [{"op": "service.delete", "service": "shop"}]}' http://shunt/v1/changes)" = 409 ] || return 1
	mv "$teams/b.yaml" "$run/b.yaml"
	reload_says 1 'NOT APPLIED: b.yaml: services.shop.: had [0-9]+ packets' && answers 81 b2
}

forced_it_goes() {
	reload_says 0 '^done' --force && silent 81 && answers 80 b3 && ! status_says 'NOT APPLIED' || return 1
	mv "$run/b.yaml" "$teams/b.yaml"
	reload_says 0 '^done' && wait_for 10 answers 81 b2 && shunt service delete shop --force && silent 81
}

unused_it_goes() {
	team b.yaml shop "$vip4:82/tcp" 10.0.2.12
	reload_says 0 '^done' && shunt service delete shop
}

# From a revision with the service to one without, and back.
rollback_asks_too() {
	team b.yaml shop "$vip4:81/tcp" 10.0.2.12
	reload_says 0 '^done' && wait_for 10 answers 81 b2 && made_by reload || return 1
	shunt export | sed '/name: shop/,$d' >"$run/without.yaml"
	refused 'services.shop.: had [0-9]+ packets.*--force' shunt rollback &&
		refused 'services.shop.: had [0-9]+ packets.*--force' shunt plan "$run/without.yaml" && answers 81 b2 || return 1
	{ shunt plan "$run/without.yaml" --force || [ $? = 4 ]; } | grep -x -- '- services\[shop\]' && answers 81 b2 || return 1
	shunt rollback --force && silent 81 && reload_says 0 'nothing to change' && silent 81 && shunt rollback &&
		wait_for 10 answers 81 b2 && [ "$(members shop .file)" = '"b.yaml"' ]
}

directory_away() {
	mv "$teams" "$run/away"
	reload_says 1 "NOT APPLIED: $teams: cannot be read: No such file" && answers 80 b3 &&
		shuntd_end TERM && shuntd_start && wait_for 10 answers 80 b3 || return 1
	mv "$run/away" "$teams"
	reload_says 0 '^(done|nothing to change)'
}

test_that "two teams' files share an address, with defaults of their group" both_teams_are_served
test_that "one file is broken: it alone is refused, the other one's change goes through" one_breaks_the_other_changes
test_that "a daemon that is killed comes back with both" a_restart_keeps_both
test_that "mended, it is applied" mended
test_that "a VIP that another team has in force is refused, with both names and lines" a_vip_is_taken
test_that "so is one outside of the group's" outside_of_the_group
test_that "what was changed by command outlives the other team's reload" a_command_outlives_the_others_reload
test_that "other defaults reach all services of the group" defaults_change
test_that "what is exported is what the files say" exported_by_file
test_that "check says what is wrong in all files" check_finds_all
test_that "a service in use is not deleted, by command, API or file" in_use_stays
test_that "unless it is forced" forced_it_goes
test_that "one without packets needs no force" unused_it_goes
test_that "a plan and a rollback ask as well" rollback_asks_too
test_that "a directory that is away ends no service" directory_away
tap_end
