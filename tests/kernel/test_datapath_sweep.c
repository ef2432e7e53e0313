/* SPDX-License-Identifier: GPL-2.0 */
/* Sweeps: what becomes of entries and of windows, with entries and flags that the tests write. */
#include "datapath_flows.h"

static uint32_t one_moves(const struct bench *b, uint32_t slot)
{
	return slot ? slot % b->m->services[0].dest_count : 1;
}

static bool is_first_moved(const struct bench *b)
{
	return word_of(b, 0) == moved_word(b, 1, 0);
}

static bool has_first_followed(const struct bench *b)
{
	return shunt_slot_anchor(word_of(b, 0)) == id_of(b, 1);
}

static bool is_first_clean(const struct bench *b)
{
	return b->f.rings[b->f.svcdir[0].ring_base] == clean_word(b, 1);
}

/* Slot 0 is on its way from backend 0 to backend 1, in its window, which has just begun. */
static void bench_in_window(struct bench *b)
{
	bench_open(b, 3);
	ring_to(b, one_moves);
	applies(b->dp, b->m);
	until(b, is_first_moved, PREP_MS + 250);
}

/* FAIL, at any time, is the beginning of another whole window, counted from the sweep that met it. */
static void fail_restarts_the_window(void **state)
{
	struct bench b;

	(void)state;
	bench_in_window(&b);
	for (int i = 0; i < 3; i++) {
		passes(b.dp, WINDOW_MS - SWEEP_MS);
		set_word(&b, 0, moved_word(&b, 1, 0) | SHUNT_SLOT_FAIL);
		sweeps(&b);
		assert_true(word_of(&b, 0) == moved_word(&b, 1, 0));
	}
	assert_true(until(&b, has_first_followed, WINDOW_MS + 2 * SWEEP_MS + 500) >= WINDOW_MS);
	assert_true(until(&b, is_first_clean, SWEEP_MS + 500) > 0);
	bench_close(&b);
}

/* Not even when its time is over. */
static void fail_is_stronger_than_time(void **state)
{
	struct bench b;

	(void)state;
	bench_in_window(&b);
	b.dp->ahead_ms += 2 * WINDOW_MS;
	set_word(&b, 0, moved_word(&b, 1, 0) | SHUNT_SLOT_FAIL);
	sweeps(&b);
	assert_true(word_of(&b, 0) == moved_word(&b, 1, 0));
	sweeps(&b);
	assert_true(word_of(&b, 0) == moved_word(&b, 1, 0));
	b.dp->ahead_ms += 2 * WINDOW_MS;
	sweeps(&b);
	assert_true(has_first_followed(&b));
	bench_close(&b);
}

/* A flow that has no room in the table says so itself: its packets set FAIL, and it stays with the anchor. */
static void refused_flows_hold_the_anchor(void **state)
{
	struct bench b;
	uint16_t port;

	(void)state;
	bench_open_sized(&b, 3, SLOTS, 16);
	ring_to(&b, one_moves);
	applies(b.dp, b.m);
	until(&b, is_first_moved, PREP_MS + 250);
	for (uint32_t n = 0; n < 16; n++) /* two buckets, each other's neighbours */
		put_entry(&b, port_in(&b, 0, n), id_of(&b, 1), SHUNT_CONN_EST, 0);
	assert_int_equal(count_entries(&b), 16);
	port = port_in(&b, 0, 16);
	assert_int_equal(sends(&b, port, SYN), 0);
	assert_true(word_of(&b, 0) == (moved_word(&b, 1, 0) | SHUNT_SLOT_FAIL));
	sweeps(&b);
	assert_true(word_of(&b, 0) == moved_word(&b, 1, 0));
	assert_int_equal(sends(&b, port, ACK), 0);
	assert_true(word_of(&b, 0) & SHUNT_SLOT_FAIL);
	bench_close(&b);
}

static void sweeps_while_moved(struct bench *b)
{
	set_word(b, 0, moved_word(b, 1, 0) | SHUNT_SLOT_FAIL | SHUNT_SLOT_FILTER_MASK);
	sweeps(b);
}

/* An entry made now stays until it is so many ticks old, and goes then. */
static void expires_at(struct bench *b, uint32_t backend, enum shunt_conn_state state, uint32_t expiry)
{
	uint64_t *at = put_entry(b, port_in(b, 0, 0), id_of(b, backend), state, 0), entry = *at;
	uint32_t age;

	b->dp->ahead_ms += (expiry - 5) * 1073;
	do {
		sweeps_while_moved(b);
		age = shunt_conn_age(entry, datapath_ticks(b->dp));
		assert_true(age <= expiry + 60); /* a slow machine's */
		b->dp->ahead_ms += 500;
	} while (*at == entry);
	assert_int_equal(shunt_conn_dest(*at), 0);
	assert_true(*at != 0);
	assert_true(age >= expiry);
}

/* In seconds: 60, 120, and the idle timeout and 16; the service's own, not the longest there is. */
static void entries_expire_by_their_state(void **state)
{
	struct bench b;

	(void)state;
	bench_in_window(&b);
	b.f.control->conn_expiry = shunt_conn_expiry(SHUNT_IDLE_MAX);
	for (uint32_t backend = 0; backend < 3; backend++) {
		expires_at(&b, backend, SHUNT_CONN_NEW, SHUNT_CONN_NEW_EXPIRY);
		expires_at(&b, backend, SHUNT_CONN_EST, shunt_conn_expiry(IDLE_S));
		expires_at(&b, backend, SHUNT_CONN_ANCH, shunt_conn_expiry(IDLE_S));
		expires_at(&b, backend, SHUNT_CONN_CLOSING, SHUNT_CONN_CLOSING_EXPIRY);
	}
	bench_close(&b);
}

/* What says the same as its slot is needless, but only when no packet can mean an older word of the slot: not while it is prepared,
 * not while it is moved, and not in the sweep that ends its window. */
static void redundant_entries_go_when_settled(void **state)
{
	uint64_t *same, *other;
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	ring_to(&b, one_moves);
	applies(b.dp, b.m);
	same = put_entry(&b, port_in(&b, 0, 0), id_of(&b, 0), SHUNT_CONN_EST, 0);
	sweeps(&b);
	assert_int_equal(shunt_conn_dest(*same), id_of(&b, 0));
	until(&b, is_first_moved, PREP_MS + 250);
	*same = 0;
	b.dp->ahead_ms += 2 * WINDOW_MS;
	same = put_entry(&b, port_in(&b, 0, 0), id_of(&b, 1), SHUNT_CONN_EST, 0);
	other = put_entry(&b, port_in(&b, 0, 1), id_of(&b, 0), SHUNT_CONN_ANCH, 0);
	sweeps(&b);
	assert_true(word_of(&b, 0) == (clean_word(&b, 1) | SHUNT_SLOT_DIRTY));
	assert_int_equal(shunt_conn_dest(*same), id_of(&b, 1));
	sweeps(&b);
	assert_int_equal(shunt_conn_dest(*same), 0);
	assert_int_equal(shunt_conn_dest(*other), id_of(&b, 0));
	sweeps(&b);
	assert_true(word_of(&b, 0) == (clean_word(&b, 1) | SHUNT_SLOT_DIRTY)); /* another's is there */
	bench_close(&b);
}

/* Neither a free id's nor one that cannot be; nor in a slot that is clean; nor of one that is dead. */
static void entries_of_nobody_go(void **state)
{
	uint64_t *stays, *gone[4];
	struct bench b;

	(void)state;
	bench_in_window(&b);
	stays = put_entry(&b, port_in(&b, 0, 0), id_of(&b, 2), SHUNT_CONN_EST, 0);
	gone[0] = put_entry(&b, port_in(&b, 0, 1), 77, SHUNT_CONN_EST, 0);
	gone[1] = put_entry(&b, port_in(&b, 0, 2), SHUNT_SLOT_DEST_MASK, SHUNT_CONN_NEW, 0);
	gone[2] = put_entry(&b, port_in(&b, 5, 0), id_of(&b, 1), SHUNT_CONN_EST, 0);
	b.f.dests[id_of(&b, 2)].state = SHUNT_DEST_DEAD;
	gone[3] = put_entry(&b, port_in(&b, 0, 3), id_of(&b, 2), SHUNT_CONN_ANCH, 0);
	b.f.dests[id_of(&b, 2)].state = SHUNT_DEST_UP;
	sweeps(&b);
	for (int i = 0; i < 3; i++)
		assert_int_equal(shunt_conn_dest(*gone[i]), 0);
	assert_int_equal(shunt_conn_dest(*stays), id_of(&b, 2));
	assert_int_equal(shunt_conn_dest(*gone[3]), id_of(&b, 2));
	b.f.dests[id_of(&b, 2)].state = SHUNT_DEST_DEAD;
	sweeps(&b);
	assert_int_equal(shunt_conn_dest(*stays), 0);
	assert_int_equal(shunt_conn_dest(*gone[3]), 0);
	bench_close(&b);
}

/* A slot with an entry stays dirty, and one that was met with one is not clean in that sweep, even if that took it out. */
static void slots_with_entries_are_not_clean(void **state)
{
	struct bench b;

	(void)state;
	bench_in_window(&b);
	b.dp->ahead_ms += 2 * WINDOW_MS;
	sweeps(&b);
	assert_true(word_of(&b, 0) == (clean_word(&b, 1) | SHUNT_SLOT_DIRTY));
	for (int i = 0; i < 3; i++) {
		put_entry(&b, port_in(&b, 0, i), id_of(&b, 1), SHUNT_CONN_NEW, 0);
		sweeps(&b);
		assert_int_equal(count_entries(&b), 0);
		assert_true(word_of(&b, 0) == (clean_word(&b, 1) | SHUNT_SLOT_DIRTY));
	}
	sweeps(&b);
	assert_true(is_first_clean(&b));
	bench_close(&b);
}

/* An entry that only the second slice meets. */
static uint64_t *put_late(struct bench *b, uint32_t id)
{
	for (uint32_t n = 0;; n++) {
		uint64_t *at = put_entry(b, port_in(b, 0, n), id, SHUNT_CONN_EST, 0);

		if (at >= (uint64_t *)&b->f.conns[4096])
			return at;
		*at = 0;
	}
}

/* An entry is not needless in a slot that was moved when the sweep began, and has been taken back since. */
static void taken_back_under_a_sweep(void **state)
{
	uint64_t *entry;
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, SLOTS, 2 * 4096 * SHUNT_CONN_WAYS); /* two slices */
	ring_to(&b, one_moves);
	applies(b.dp, b.m);
	until(&b, is_first_moved, PREP_MS + 250);
	entry = put_late(&b, id_of(&b, 0));
	datapath_sweep(b.dp);
	assert_true(b.dp->sweep.underway);
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	assert_true(word_of(&b, 0) == (clean_word(&b, 0) | SHUNT_SLOT_DIRTY));
	sweeps(&b);
	assert_int_equal(shunt_conn_dest(*entry), id_of(&b, 0));
	sweeps(&b);
	assert_int_equal(shunt_conn_dest(*entry), 0);
	bench_close(&b);
}

/* Nor is a slot clean that left what failed and came back while the sweep went on: in between an entry was made where it had been. */
static void failed_and_back_under_a_sweep(void **state)
{
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, SLOTS, 2 * 4096 * SHUNT_CONN_WAYS); /* two slices */
	b.m->services[0].dests[0].state = BACKEND_DOWN;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	b.m->services[0].dests[0].state = BACKEND_UP;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	assert_true(word_of(&b, 0) == (clean_word(&b, 0) | SHUNT_SLOT_DIRTY));
	datapath_sweep(b.dp);
	assert_true(b.dp->sweep.underway);
	b.m->services[0].dests[0].state = BACKEND_DOWN;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	b.m->services[0].dests[0].state = BACKEND_UP;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	sweeps(&b);
	assert_true(word_of(&b, 0) == (clean_word(&b, 0) | SHUNT_SLOT_DIRTY));
	sweeps(&b);
	assert_true(b.f.rings[0] == clean_word(&b, 0));
	bench_close(&b);
}

/* While a sweep reads the table, slots move on: those are not what it began with. */
static void changes_under_a_sweep(void **state)
{
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, SLOTS, 2 * 4096 * SHUNT_CONN_WAYS); /* two slices */
	ring_to(&b, one_moves);
	applies(b.dp, b.m);
	until(&b, is_first_moved, PREP_MS + 250);
	b.dp->ahead_ms += 2 * WINDOW_MS;
	sweeps(&b);
	assert_true(word_of(&b, 0) == (clean_word(&b, 1) | SHUNT_SLOT_DIRTY));
	datapath_sweep(b.dp);
	assert_true(b.dp->sweep.underway);
	ring_of_those_up(&b); /* back to backend 0, planned */
	applies(b.dp, b.m);
	sweeps(&b);
	assert_true(word_of(&b, 0) == (clean_word(&b, 1) | SHUNT_SLOT_DIRTY | SHUNT_SLOT_PREP));
	datapath_sweep(b.dp);
	b.dp->ahead_ms += PREP_MS;
	datapath_step_rings(b.dp);
	assert_true(word_of(&b, 0) == moved_word(&b, 0, 1));
	b.dp->ahead_ms += 1000;
	assert_true(b.dp->sweep.underway);
	sweeps(&b);
	assert_true(word_of(&b, 0) == moved_word(&b, 0, 1));
	bench_close(&b);
}

static struct shunt_bucket *neighbour_of(const struct bench *b, const uint64_t *way)
{
	return &b->f.conns[((const char *)way - (const char *)b->f.conns) / sizeof(struct shunt_bucket) ^ 1];
}

/* Ways that were used end searches again when their bucket and its neighbour have been quiet for a whole sweep. */
static void quiet_buckets_are_reset(void **state)
{
	uint16_t port;
	uint64_t *at;
	struct bench b;

	(void)state;
	bench_in_window(&b);
	port = port_in(&b, 0, 0);
	at = put_entry(&b, port, id_of(&b, 0), SHUNT_CONN_NEW, SHUNT_CONN_NEW_EXPIRY);
	sweeps(&b);
	assert_true(*at && !shunt_conn_dest(*at));
	sweeps(&b);
	assert_true(*at != 0); /* it has gone only now */
	b.dp->ahead_ms += 4000;
	sweeps(&b);
	assert_true(*at == 0);

	/* not in the first sweep that finds them so: packets may be underway that saw them full */
	at = put_entry(&b, port, id_of(&b, 0), SHUNT_CONN_EST, 0);
	sweeps(&b);
	*at = shunt_conn_gone(datapath_ticks(b.dp) - 10);
	sweeps(&b);
	assert_true(*at != 0);
	sweeps(&b);
	assert_true(*at == 0);

	/* not while its neighbour has an entry */
	at = put_entry(&b, port, id_of(&b, 0), SHUNT_CONN_NEW, SHUNT_CONN_NEW_EXPIRY);
	sweeps(&b);
	neighbour_of(&b, at)->entry[3] = shunt_conn_entry(1, id_of(&b, 0), SHUNT_CONN_EST, datapath_ticks(b.dp));
	for (int i = 0; i < 4; i++) {
		b.dp->ahead_ms += 4000;
		sweeps(&b);
		assert_true(*at && !shunt_conn_dest(*at));
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_restarts_the_window),	     cmocka_unit_test(fail_is_stronger_than_time),
		cmocka_unit_test(refused_flows_hold_the_anchor),     cmocka_unit_test(entries_expire_by_their_state),
		cmocka_unit_test(redundant_entries_go_when_settled), cmocka_unit_test(entries_of_nobody_go),
		cmocka_unit_test(slots_with_entries_are_not_clean),  cmocka_unit_test(changes_under_a_sweep),
		cmocka_unit_test(failed_and_back_under_a_sweep),     cmocka_unit_test(taken_back_under_a_sweep),
		cmocka_unit_test(quiet_buckets_are_reset),
	};

	return cmocka_run_group_tests_name("datapath sweep", tests, NULL, NULL);
}
