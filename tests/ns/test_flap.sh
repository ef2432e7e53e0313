#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One backend's check fails and passes again every second: its slots go and come back, no other backend's moves, and no request fails, since it serves
# all the while.
# shellcheck source=tests/ns/tap.sh
. "$(dirname "$0")/tap.sh"

export config_more='limits: {ring_slots: 1021, services: 2, vips: 4, destinations: 8}' service_more='ring_size: 1021'
well() { echo >"$run/b4.nginx/www/50"; } # what is checked, on all: a file
unwell() { rm "$run/b4.nginx/www/50"; }

begin() {
	local b
	lab_begin && write_config && sed -i 's|path: /,|path: /50,|' "$conf" || return 1
	for b in b1 b2 b3 b4; do
		nginx_start $b && echo >"$run/$b.nginx/www/50" || return 1
	done
	shuntd_start && wait_for 20 count_is up 4 && settled >/dev/null
}

# Slots that are not as at first, by whose they were: lines "COUNT ID".
moved() {
	ring_slots | paste -d ' ' "$run/ring" - | awk '$1 != $2 { n[$1]++ } END { for (id in n) print n[id], id }'
}

# To whom a slot goes while b4 is down is as it was for good: what moves away is all of b4's.
goes_down() {
	local before
	ring_slots >"$run/ring"
	unwell && wait_for 10 count_is down 1 && settled && moved >"$run/moved" || return 1
	cat "$run/moved"
	before=$(grep -c " $(cut -d ' ' -f 2 "$run/moved")$" <(sed 's/^/ /' "$run/ring"))
	[ "$(wc -l <"$run/moved")" = 1 ] && [ "$(cut -d ' ' -f 1 "$run/moved")" = "$before" ] && [ "$before" -gt 200 ]
}

only_its_own() {
	moved | awk -v id="$(cut -d ' ' -f 2 "$run/moved")" '$2 != id { print; bad = 1 } END { exit bad }'
}

# Five times down and up, looked at in between.
flaps() {
	local n
	for n in 1 2 3 4 5; do
		well && sleep 0.5 && only_its_own && sleep 0.5 && only_its_own && unwell && sleep 0.5 && only_its_own && sleep 0.5 &&
			only_its_own || return 1
	done
	n=$(grep -c 'fd00:2::14: .*up -> down' "$run/shuntd.log")
	echo "went down $n times"
	[ "$n" -ge 2 ]
}

back_for_good() { well && wait_for 10 count_is up 4 && settled && [ -z "$(moved)" ]; }

begin || bail "all backends are up"
test_that "a backend goes down: all of its slots move, and no others" goes_down
test_that "it flaps every second: no other backend's slots move, and no request fails" under_load flaps
test_that "it is up for good: the ring is as it was" back_for_good
tap_end
