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

# run NAME COMMAND...: counts the tests that it reports; one that reports none is a test itself, and so is ending badly.
run() {
	local name=$1 log status=0 ok bad skips started=$SECONDS
	shift
	log=$logs/${name//\//-}.log
	timeout --kill-after=30 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
	skips=$(count_lines '^(not )?ok [0-9]+ # SKIP|^skip - ' "$log")
	ok=$(count_lines '^ok( [0-9]+)? - ' "$log")
	bad=$(count_lines '^not ok( [0-9]+)? - ' "$log")
	[ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ "$((ok + bad + skips))" -gt 0 ] || ok=1
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skips))
	printf '  %-24s %4d passed' "$name" "$ok"
	[ "$bad" = 0 ] || printf ', %d FAILED' "$bad"
	[ "$skips" = 0 ] || printf ', %d skipped' "$skips"
	printf '  (%d s)\n' $((SECONDS - started))
	grep -E '^skip(ped)?( -|:) |# SKIP' "$log" | sed 's/^/    /'
	[ "$bad" = 0 ] && return
	grep -A 12 -E '^not ok' "$log" | head -40 | sed 's/^/    /'
	[ "$status" = 0 ] || echo "    exit status $status$([ "$status" != 124 ] || echo ": took longer than $limit s"); its last lines:"
	tail -25 "$log" | sed 's/^/    /'
	echo "    all of it: $log"
	return 1
}

run_each() { # DIRECTORY-OF-NAMES PROGRAM...
	local kind=$1 program
	shift
	for program; do
		[ -x "$program" ] && run "$kind/$(basename "$program" .sh)" "$program"
	done
}
