# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the namespace tests share: a lab named after the test's process, and a line for each thing tested, "ok - NAME",
# "not ok - NAME" or "skip - NAME: WHY", which scripts/check counts. Sourced by tests/ns/test_*.sh.
set -uo pipefail

[ "$(id -u)" = 0 ] || {
	echo "skip - $(basename "$0"): must run as root"
	exit 0
}
SHUNT_LAB=t$$
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

tap_failed=0
tap_now= # the test that runs

# What the daemon said last.
tap_log() { [ ! -e "$run/shuntd.log" ] || tail -20 "$run/shuntd.log" | sed 's/^/#   /'; }

tap_fail() { # NAME
	echo "not ok - $1"
	sed 's/^/#   /' "$run/said"
	tap_log
	tap_failed=1
}

# test_that NAME COMMAND...: what the command says on failure follows as comments, and the daemon's last words. In this shell, so that it may start the daemon.
test_that() {
	local name=$1
	shift
	tap_not_aborted
	tap_now=$name
	if "$@" >"$run/said" 2>&1; then
		echo "ok - $name"
	else
		tap_fail "$name"
	fi
	tap_now=
}

# Some errors (in an arithmetic expression, say) make bash leave all functions and go on with the script's next line.
tap_not_aborted() {
	[ -n "$tap_now" ] || return 0
	tap_fail "$tap_now"
	tap_now=
}

skip() { echo "skip - $1: $2"; }

# The end of a test that cannot go on.
bail() {
	echo "not ok - $*"
	tap_log
	exit 1
}

tap_end() {
	tap_not_aborted
	exit $tap_failed
}

# start_all [BACKEND...]: lab, servers, daemon, all backends up.
start_all() {
	local b
	lab_begin || bail "the lab comes up"
	write_config "$@"
	for b in b1 b2 b3 b4; do
		nginx_start $b || bail "nginx on $b starts"
	done
	shuntd_start || bail "shuntd starts"
	[ $# -gt 0 ] || set -- 1 2 3 4 # write_config's default
	wait_for 20 count_is up $# || bail "all backends are up"
}

# none_fails HOST COUNT: COUNT requests are all answered, by whichever backends.
none_fails() {
	local file=$run/requests.$BASHPID
	: >"$file"
	requests "$2" "$1" "$file"
	sort "$file" | uniq -c
	[ "$(made "$file")" = "$2" ] && [ "$(failed "$file")" = 0 ]
}

# all_answered HOST BACKEND...: no request fails, and exactly these backends answer: of 80 requests four get some each, but for one
# run in 10^9.
all_answered() {
	local file=$run/requests.$BASHPID b
	settled && none_fails "$1" 80 || return 1
	shift
	for b in b1 b2 b3 b4; do
		case " $* " in
		*" $b "*) [ "$(answered_by "$file" $b)" -gt 0 ] || return 1 ;;
		*) [ "$(answered_by "$file" $b)" = 0 ] || return 1 ;;
		esac
	done
}

# under_load COMMAND...: runs it in the middle of requests, none of which may fail. They are counted in the file $load.
under_load() {
	load=$run/load.$RANDOM
	: >"$load"
	load_start "$load"
	load_more "$load" 20 && "$@" && load_more "$load" 60
	local status=$?
	load_stop
	echo "status $status; $(made "$load") requests, $(failed "$load") failed"
	[ "$status" = 0 ] && [ "$(failed "$load")" = 0 ]
}

# refused PATTERN COMMAND...: the command fails, with a message that has PATTERN (an extended regular expression) in it.
refused() {
	local pattern=$1 said
	shift
	if said=$("$@" 2>&1); then
		echo "was not refused: $said"
		return 1
	fi
	echo "said: $said"
	grep -Eq -- "$pattern" <<<"$said"
}

# Which destination each slot of the ring gives new connections: the low 20 bits of its word.
ring_slots() {
	bpftool -j map dump pinned "$pins/shuntd/shunt_rings" |
		jq -r '.[].value | .[0][2:4] + .[1][2:4] + .[2][3:4]'
}
