# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What scripts/check and scripts/check-vm share: running programs that report tests, and counting what they report. The one who
# sources it sets $logs, a directory for the programs' output, and $limit, the seconds that a program may take.
: "${logs:?}" "${limit:?}"
passed=0 failed=0 skipped=0

# Lines of a log that tell of single tests: TAP, as cmocka and our own tests print it.
count_lines() { grep -cE "$1" "$2" || true; }

skip_step() { # NAME WHY
	skipped=$((skipped + 1))
	printf '  %-24s skipped: %s\n' "$1" "$2"
}

log_of() { echo "$logs/${1//\//-}.log"; } # NAME

# execute NAME COMMAND...: its output and its end into files. May be one of several at a time.
execute() {
	local log status=0 started=$SECONDS
	log=$(log_of "$1")
	shift
	timeout --kill-after=30 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
	echo "$status $((SECONDS - started))" >"$log.end"
}

# report NAME: counts the tests that it has reported; one that reports none is a test itself, and so is ending badly.
report() {
	local name=$1 log status took ok bad skips
	log=$(log_of "$name")
	read -r status took <"$log.end"
	rm "$log.end"
	skips=$(count_lines '^(not )?ok [0-9]+ # SKIP|^skip - ' "$log")
	ok=$(count_lines '^ok( [0-9]+)? - ' "$log")
	bad=$(count_lines '^not ok( [0-9]+)? - ' "$log")
	[ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ "$((ok + bad + skips))" -gt 0 ] || ok=1
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skips))
	printf '  %-24s %4d passed' "$name" "$ok"
	[ "$bad" = 0 ] || printf ', %d FAILED' "$bad"
	[ "$skips" = 0 ] || printf ', %d skipped' "$skips"
	printf '  (%d s)\n' "$took"
	grep -E '^skip(ped)?( -|:) |# SKIP' "$log" | sed 's/^/    /'
	[ "$bad" = 0 ] && return
	grep -A 12 -E '^not ok' "$log" | head -40 | sed 's/^/    /'
	[ "$status" = 0 ] || echo "    exit status $status$([ "$status" != 124 ] || echo ": took longer than $limit s"); its last lines:"
	tail -25 "$log" | sed 's/^/    /'
	echo "    all of it: $log"
	return 1
}

run() { # NAME COMMAND...
	execute "$@"
	report "$1"
}

# run_each DIRECTORY-OF-NAMES PROGRAM...: $jobs at a time (one, unless that is set), reported as they end.
run_each() {
	local kind=$1 program pid
	local -A names=()
	shift
	for program; do
		[ -x "$program" ] || continue
		[ ${#names[@]} -lt "${jobs:-1}" ] || report_next
		execute "$kind/$(basename "$program" .sh)" "$program" &
		names[$!]=$kind/$(basename "$program" .sh)
	done
	while [ ${#names[@]} -gt 0 ]; do
		report_next
	done
}

report_next() { # of run_each
	wait -n -p pid "${!names[@]}"
	report "${names[$pid]}"
	unset "names[$pid]"
}
