#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Can the tests of the connection table's rules fail? Leaves out one rule at a time, in a copy, and sees that the scenario which is there
# for it finds that. Prints TAP. ONLY=WORDS in the environment: only rules that say so. Each mutant is a Perl expression over the whole file, and has to change it.
# shellcheck disable=SC2016 # the expressions are Perl's
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
conn=include/shunt/conn_rules.h table=include/shunt/conn_table.h anchor=include/shunt/anchor_rules.h sweep=tests/conn/sweep.h
search=tests/conn/explore_search.c
tests=0 failed=0

fresh() {
	rm -rf "$work/include" "$work/tests"
	mkdir -p "$work/tests"
	cp -r include "$work/"
	cp -r tests/conn "$work/tests/"
}

build() { # LOG
	gcc -std=gnu11 -D_GNU_SOURCE -O1 -w -I"$work/include" "$work"/tests/conn/explore*.c -o "$work/explore" 2>"$1"
}

# mutant RULE FILE EXPRESSION SCENARIO...
mutant() {
	local rule=$1 file=$2 expression=$3 scenario why=
	shift 3
	[[ $rule == *${ONLY:-}* ]] || return
	fresh
	perl -0pi -e "$expression" "$work/$file"
	cmp -s "$file" "$work/$file" && why="the expression changes nothing"
	[ -n "$why" ] || build "$work/log" || why="does not compile: $(head -3 "$work/log")"
	for scenario; do
		[ -n "$why" ] && break
		timeout 100 "$work/explore" "$scenario" >"$work/log"
		grep -q '^not ok' "$work/log" || why="not found by: $scenario"
	done
	tests=$((tests + 1))
	if [ -z "$why" ]; then
		echo "ok $tests - without: $rule"
	else
		failed=$((failed + 1))
		echo "not ok $tests - without: $rule ($why)"
	fi
}

mutant "an entry is put in by compare-and-swap" $table \
	's/conn_cas\(way, found->entry, next\)( == found)/conn_cas(way, conn_load(way), next) ? found->entry : found->entry$1/' \
	"the same SYN twice in a moved slot, then data" "refresh and eviction of what has expired"
mutant "of two entries that say the same, one stays" $table \
	's/if \(own->at < other.at/if (0/' \
	"the same SYN twice, and a way before it becomes free"
mutant "after an insert, look for another entry" $table \
	's/if \(!conn_scan\(w, hash, own->at, now, &other\)\)/if (1)/' \
	"the same SYN twice, and later its connection anew"
mutant "anchors stay when slots move" $anchor \
	's/if \(conn_is_dead\(conn_state_of\(w, anchor\)\)\)/if (1)/' \
	"the same SYN twice while a slot moves" "there and back" "a SYN takes an anchored way: its slot goes back and forth"
mutant "beginnings get entries while a move is prepared" $conn \
	's/is_moved \|\| word & SHUNT_SLOT_PREP/is_moved/' \
	"the same SYN twice after a planned move was announced"
mutant "beginnings get entries in moved slots" $conn \
	's/\(is_moved \|\| word & SHUNT_SLOT_PREP\)/0/' \
	"SYN insert, data and the end of a window" "UDP that keeps, down and up" "current fails and dies"
mutant "what is refused goes to the anchor of the word that got FAIL" $conn \
	's/return conn_anchor\(w, conn_or\(slot, SHUNT_SLOT_FAIL\)\);/__u64 word = conn_load(slot); conn_or(slot, SHUNT_SLOT_FAIL); return conn_anchor(w, word);/' \
	"refused SYN and the end of a window"
mutant "what is refused sets FAIL" $conn \
	's/conn_anchor\(w, conn_or\(slot, SHUNT_SLOT_FAIL\)\)/conn_anchor(w, conn_load(slot))/' \
	"refused data and the end of a window" "refused data, room, and the end of a window"
mutant "a window ends by compare-and-swap, expecting FAIL clear" $anchor \
	's/return conn_cas\(slot, word, next\) == word \?/return conn_cas(slot, conn_load(slot), next) ?/' \
	"refused data and the end of a window" "refused SYN and the end of a window"
mutant "who takes an anchored way sets FAIL" $table \
	's/shunt_slot_anchor\(conn_or\(slot, SHUNT_SLOT_FAIL\)\) != /shunt_slot_anchor(conn_load(slot)) != /' \
	"a SYN takes an anchored way: its data, its window's end"
mutant "who takes an anchored way looks at the anchor again" $table \
	's/!slot \|\| shunt_slot_anchor\(conn_or\(slot, SHUNT_SLOT_FAIL\)\) != shunt_conn_dest\(oldest->entry\)/!slot || !conn_or(slot, SHUNT_SLOT_FAIL)/' \
	"two SYN take an anchored way: its data, its window's end"
mutant "drops are by compare-and-swap" $anchor \
	's/conn_cas\(way, entry, shunt_conn_gone\(now\)\)/conn_cas(way, conn_load(way), shunt_conn_gone(now))/' \
	"refresh and a drop of what has expired"
mutant "free ways go before evictable ones" $table \
	's/\(has_none \|\| shunt_conn_dest\(found->entry\)\)/has_none/' \
	"data and eviction of what has not been confirmed"
mutant "an RCU wait before the table is read" $search \
	's/sweep_begin\(&held, &world\);\s*rcu_wait\(\);/sweep_begin(&held, &world);/' \
	"late inserts of data while DIRTY is cleared" "data and a drop of what has become redundant"
mutant "slots in which entries were met are not clean" $sweep \
	's/ && !s->met\[i\]//' \
	"late inserts while DIRTY is cleared" "back to the anchor, and clean"
mutant "what is down keeps what it has" $conn \
	's/return !conn_is_dead\(dest_state\);/return conn_is_live(dest_state);/' \
	"an anchor dies" "current fails and dies"
mutant "anchors leave what is dead, not what is down" $anchor \
	's/if \(conn_is_dead\(conn_state_of\(w, anchor\)\)\)/if (!conn_is_live(conn_state_of(w, anchor)))/' \
	"down and up within the grace"
mutant "ways become empty by compare-and-swap" $anchor \
	's/conn_cas\(&way\[i\], entry, 0\)/conn_cas(\&way[i], conn_load(\&way[i]), 0)/' \
	"gone ways become empty while entries are made"
mutant "an RCU wait before ways become empty" tests/conn/explore_scenarios.c \
	's/rcu_wait\(\);\s*announce\(1\);/announce(1);/' \
	"gone ways become empty, and an entry went next door before"
mutant "what may have been evicted is not made again" $conn \
	's/conn_evictable\(found->entry, now, expiry\) \? 0 : dest/dest/; s/(\t\t\tdest = )(conn_without_entry\(w, slot, word, hash, kind\);)/$1proven ? conn_insert(w, slot, word, hash, shunt_conn_entry(shunt_flow_tag(hash), proven, SHUNT_CONN_EST, conn_now(w))) : $2/' \
	"an id becomes free" "a settled slot becomes clean, and an entry in it is evicted"
mutant "UDP that is tracked gets entries only in moved slots" $conn \
	's/\(is_moved \|\| word & SHUNT_SLOT_PREP\)/(word \& SHUNT_SLOT_DIRTY)/' \
	"UDP while DIRTY is cleared"
mutant "what is picked and finds no room is the anchor's" $conn \
	's/__u8 must = picked != shunt_slot_anchor\(word\) \|\|/__u8 must = 0 \&\& picked ||/' \
	"picked: no room"
mutant "what is picked has an entry for the anchor, too" $conn \
	's/SHUNT_CONN_NEW, picked != CONN_PICK, must/SHUNT_CONN_NEW, picked != CONN_PICK \&\& picked != shunt_slot_anchor(word), must/' \
	"picked: the same SYN twice, for the anchor and for another"
echo "1..$tests"
[ "$failed" = 0 ]
