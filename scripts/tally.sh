# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What scripts/check and scripts/check-vm share: running programs that report tests, and counting what they report. The one who
# sources it sets $logs, a directory for the programs' output, and $limit, the seconds that a program may take.
: "${logs:?}" "${limit:?}"
passed=0 failed=0 skipped=0
declare -A command_of=() # what was run, by name, quoted for the shell
declare -A failed_of=()	 # of those that failed: how many tests

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
	echo "$status $((SECONDS - started))" >"$log.ending"
	mv "$log.ending" "$log.end"
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
	failed_of[$name]=$bad
	grep -A 24 -E '^not ok' "$log" | head -60 | cut -c 1-300 | sed 's/^/    /'
	[ "$status" = 0 ] || echo "    exit status $status$([ "$status" != 124 ] || echo ": took longer than $limit s"); its last lines:"
	tail -25 "$log" | sed 's/^/    /'
	echo "    all of it: $log"
	return 1
}

run() { # NAME COMMAND...
	command_of[$1]=$(printf '%q ' "${@:2}")
	execute "$@"
	report "$1"
}

# run_each DIRECTORY-OF-NAMES PROGRAM...: $jobs at a time (one, unless that is set), reported as they end.
run_each() {
	local kind=$1 program name pid
	local -A names=()
	shift
	for program; do
		[ -x "$program" ] || continue
		[ ${#names[@]} -lt "${jobs:-1}" ] || report_next
		name=$kind/$(basename "$program" .sh)
		command_of[$name]=$(printf '%q' "$program")
		rm -f "$(log_of "$name").end"
		execute "$name" "$program" &
		names[$!]=$name
	done
	while [ ${#names[@]} -gt 0 ]; do
		report_next
	done
}

# Of run_each: the next that ends. By the file that it leaves, since bash forgets which of its jobs ended where two do so at once.
report_next() {
	while true; do
		for pid in "${!names[@]}"; do
			[ -e "$(log_of "${names[$pid]}").end" ] || continue
			report "${names[$pid]}"
			unset "names[$pid]"
			return
		done
		wait -n "${!names[@]}" 2>/dev/null || sleep 0.1
	done
}

# What failed a second time, one after the other: on a machine that others load, tests that wait for something are late at times. A failure stays in the output,
# and what passed only now is told by name.
run_again() {
	local name flaky=()
	for name in $(printf '%s\n' "${!failed_of[@]}" | sort); do
		echo "  again: $name"
		failed=$((failed - failed_of[$name]))
		unset "failed_of[$name]"
		execute "$name" bash -c "${command_of[$name]}"
		report "$name" && flaky+=("$name")
	done
	[ ${#flaky[@]} = 0 ] || echo "  passed only when run again: ${flaky[*]}"
}

# The names of what failed, in one line at the end: nobody should have to look for them.
name_failures() {
	[ ${#failed_of[@]} = 0 ] || echo "  FAILED: $(printf '%s\n' "${!failed_of[@]}" | sort | paste -sd ' ')"
}
