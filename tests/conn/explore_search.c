/* SPDX-License-Identifier: GPL-2.0 */
/* The search: steps, states that were seen, and the shortest way to a fault. See explore.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"

#define LIST_MAX 512
#define PATH_MAX 1024
#define ANY_SWITCHES (~0u)

/* Beyond what the rules ask for: what actors do. */
enum { RCU_BEGIN = CONN_NOW + 1, RCU_END, PASS, SET_STATE, AWAIT, ANNOUNCE, DELIVER, FORGET };
static const char *const names[] = {"load", "cas",	"or",	  "state",     "now",	   "rcu begins", "rcu ends",
				    "time", "state :=", "awaits", "announces", "delivers", "forget"};

struct state now;
struct conn_world world;

struct access {
	int op;
	const void *at;
	__u64 old, new, result;
};

struct place {
	int actor;
	struct access access;
};

static struct {
	const struct scenario *scenario;
	int actor; /* whose step is made; -1: nobody's, what is read is only looked at */
	__u32 at;  /* in the actor's list */
	bool stepped, is_bounded;
	jmp_buf out;
	struct watched packet, by; /* by: of the step */
	__u64 lists[ACTORS][LIST_MAX];
	struct place path[PATH_MAX], last;
	unsigned depth;
	char fault[256];
	__u64 *seen; /* a hash table; 0: free */
	size_t seen_size, seen_count;
	/* Actors, as bits, that write: a slot or way, a destination's state. What nobody else writes is as good as a local: to read it
	 * is no step. Found out by exploring as if nobody wrote, and from the beginning again whenever one does. */
	__u8 writers[SLOTS + WAYS], state_writers[DESTS];
	bool again;
} s = {.actor = -1};

void fault(const char *format, ...)
{
	va_list args;

	if (s.fault[0])
		return;
	va_start(args, format);
	vsnprintf(s.fault, sizeof(s.fault), format, args);
	va_end(args);
}

/* ---- accesses */

/* Slots, then ways. */
static unsigned word_index(const void *at)
{
	const __u64 *word = at;

	return word >= now.slots && word < now.slots + SLOTS ? word - now.slots : SLOTS + (word - now.ways);
}

static void note_writer(__u8 *writers)
{
	s.again |= s.actor >= 0 && !(*writers >> s.actor & 1);
	*writers |= s.actor >= 0 ? 1 << s.actor : 0;
}

static __u64 make_word(const struct access *a)
{
	__u64 *word = (__u64 *)a->at, seen = *word;

	if (a->op != CONN_LOAD)
		note_writer(&s.writers[word_index(word)]);
	if (a->op == CONN_OR)
		*word |= a->new;
	else if (a->op == CONN_CAS && seen == a->old)
		*word = a->new;
	return seen;
}

static void make_rcu_begin(void)
{
	for (int i = 0; i < ACTORS; i++)
		now.awaited[i] = now.actors[i].underway ? now.actors[i].packets + 1 : 0;
}

static __u64 make(const struct access *a)
{
	switch (a->op) {
	case CONN_STATE:
		return *(const __u8 *)a->at;
	case CONN_NOW:
		return now.clock;
	case RCU_BEGIN:
		make_rcu_begin();
		return 0;
	case PASS:
		now.clock += (__u32)a->new;
		return 0;
	case SET_STATE:
		note_writer(&s.state_writers[a->old]);
		now.states[a->old] = (__u8)a->new;
		return 0;
	case ANNOUNCE:
		now.phase = (__u32)a->new;
		return 0;
	case DELIVER:
		watch_delivered(s.scenario, s.packet.flow, s.packet.kind, (__u32)a->new);
		return 0;
	case RCU_END:
	case AWAIT:
	case FORGET:
		return 0;
	default:
		return make_word(a);
	}
}

static bool may_make(const struct access *a)
{
	for (int i = 0; i < ACTORS; i++) {
		if (a->op == RCU_END && now.actors[i].packets < now.awaited[i])
			return false;
		if (a->op == PASS && a->new > 1 && now.actors[i].underway)
			return false;
	}
	return a->op != AWAIT || now.phase >= a->new;
}

static bool is_step(const struct access *a)
{
	__u8 writers = 0;

	switch (a->op) {
	case CONN_NOW:
	case FORGET:
		return false;
	case CONN_LOAD:
		return s.writers[word_index(a->at)] & ~(1 << s.actor);
	case CONN_STATE:
		return s.state_writers[(const __u8 *)a->at - now.states] & ~(1 << s.actor);
	case DELIVER:
		for (int i = 0; i < DESTS; i++)
			writers |= s.state_writers[i];
		return writers;
	default:
		return true;
	}
}

static __u64 mix(__u64 hash, __u64 n)
{
	return shunt_mix64(hash ^ (n + 0x9e3779b97f4a7c15ull));
}

static __u64 take(struct access a)
{
	struct actor *actor;

	if (s.actor < 0)
		return make(&a);
	actor = &now.actors[s.actor];
	if (s.at < actor->length)
		return s.lists[s.actor][s.at++];
	if (is_step(&a)) {
		if (s.stepped || !may_make(&a))
			longjmp(s.out, 1);
		s.stepped = true;
		s.by = s.packet;
		actor->underway = s.packet.flow >= 0;
	}
	a.result = make(&a);
	if (is_step(&a))
		s.last = (struct place){s.actor, a};
	if (actor->length == LIST_MAX)
		abort();
	s.lists[s.actor][actor->length++] = a.result;
	s.at++;
	actor->hash = a.op == DELIVER || a.op == FORGET ? mix(actor->packets, a.op) : mix(actor->hash, a.result);
	if (a.op == DELIVER)
		actor->underway = 0;
	if (a.op == DELIVER || a.op == FORGET)
		actor->packets++;
	return a.result;
}

__u64 conn_step(enum conn_access access, const void *at, __u64 old, __u64 new)
{
	return take((struct access){access, at, old, new, 0});
}

void packet(int flow, enum conn_kind kind)
{
	__u32 dest;

	s.packet = (struct watched){flow, kind};
	dest = conn_packet(&world, now.flows[flow].hash, kind);
	take((struct access){.op = DELIVER, .new = dest});
	s.packet.flow = -1;
}

void rcu_wait(void)
{
	take((struct access){.op = RCU_BEGIN});
	take((struct access){.op = RCU_END});
}

void pass(__u32 ticks)
{
	take((struct access){.op = PASS, .new = ticks});
}

void set_state(__u32 dest, enum shunt_dest_state state)
{
	take((struct access){.op = SET_STATE, .old = dest, .new = state});
}

void await(__u32 phase)
{
	take((struct access){.op = AWAIT, .new = phase});
}

void announce(__u32 phase)
{
	take((struct access){.op = ANNOUNCE, .new = phase});
}

void forget(void)
{
	take((struct access){.op = FORGET});
}

void sweep(__u32 over)
{
	struct sweep held;

	sweep_begin(&held, &world);
	rcu_wait();
	sweep_rest(&held, &world, EXPIRY, over);
	forget();
}

/* ---- states that were seen */

static __u64 state_hash(__u64 more)
{
	struct state key = now;
	__u64 hash = more;
	const __u64 *word = (const __u64 *)&key;

	_Static_assert(sizeof(key) % sizeof(*word) == 0, "whole words");
	for (int i = 0; i < ACTORS; i++)
		key.actors[i].length = 0; /* the hash says where in the program it is */
	for (size_t i = 0; i < sizeof(key) / sizeof(*word); i++)
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15ull, hash ^= hash >> 29;
	return shunt_mix64(hash) | 1;
}

static bool seen_put(__u64 hash)
{
	size_t at = hash >> 1 & (s.seen_size - 1);

	for (; s.seen[at]; at = (at + 1) & (s.seen_size - 1))
		if (s.seen[at] == hash)
			return false;
	s.seen[at] = hash;
	return true;
}

static void seen_grow(void)
{
	__u64 *old = s.seen;
	size_t size = s.seen_size;

	s.seen_size = size ? 2 * size : 1 << 16;
	s.seen = calloc(s.seen_size, sizeof(*s.seen));
	if (!s.seen)
		abort();
	for (size_t i = 0; i < size; i++)
		if (old[i])
			seen_put(old[i]);
	free(old);
}

static bool is_new(__u64 more)
{
	if (2 * s.seen_count >= s.seen_size)
		seen_grow();
	if (!seen_put(state_hash(more)))
		return false;
	s.seen_count++;
	return true;
}

/* ---- the search */

/* One step of an actor; false: it can make none now. */
static bool advance(int actor)
{
	s.actor = actor;
	s.at = 0;
	s.stepped = false;
	s.packet.flow = -1;
	if (!setjmp(s.out)) {
		s.scenario->actors[actor]();
		now.actors[actor].done = 1;
	}
	s.actor = -1;
	return s.stepped;
}

static bool search(int last, unsigned switches);

static bool try_actor(int actor, unsigned switches, bool *any)
{
	struct state before = now;

	if (!s.scenario->actors[actor] || now.actors[actor].done || !advance(actor)) {
		now = before;
		return false;
	}
	*any = true;
	if (s.depth == PATH_MAX)
		abort();
	s.path[s.depth++] = s.last;
	watch_step(&before, s.by);
	if (s.fault[0] || s.again || search(actor, switches))
		return true;
	s.depth--;
	now = before;
	return false;
}

/* Is there a fault from here? last may go on; others may begin at the cost of a switch. */
static bool search(int last, unsigned switches)
{
	bool any = false, is_over = true, goes_on;

	if (!is_new(s.is_bounded ? (__u64)(last + 1) << 32 | switches : 0))
		return false;
	if (last >= 0 && try_actor(last, switches, &any))
		return true;
	goes_on = any; /* then others interrupt it; else nobody is to pay */
	for (int i = 0; i < ACTORS; i++) {
		is_over &= !s.scenario->actors[i] || now.actors[i].done;
		if (i != last && (switches || !goes_on) && try_actor(i, switches - (s.is_bounded && goes_on), &any))
			return true;
	}
	if (!any && !is_over)
		fault("nobody can go on");
	return s.fault[0] || s.again;
}

/* ---- what is printed of a fault */

static void print_word(const char *what, __u64 word, bool is_slot)
{
	static const char *const conn[] = {"NEW", "EST", "ANCH", "CLOSING"};

	printf(" %s", what);
	if (is_slot)
		printf("(current %u, anchor %u%s%s%s%s)", shunt_slot_current(word), shunt_slot_anchor(word),
		       word & SHUNT_SLOT_DIRTY ? " DIRTY" : "", word & SHUNT_SLOT_REANCHOR ? " REANCHOR" : "",
		       word & SHUNT_SLOT_FAIL ? " FAIL" : "", word & SHUNT_SLOT_PREP ? " PREP" : "");
	else if (!shunt_conn_dest(word))
		printf("%s", word ? "gone" : "empty");
	else
		printf("(%x to %u %s, tick %u)", shunt_conn_tag(word), shunt_conn_dest(word),
		       conn[shunt_conn_state(word)], (unsigned)(word >> SHUNT_CONN_TIME_SHIFT));
}

static void print_place(const struct place *p)
{
	const struct access *a = &p->access;
	const __u64 *word = a->at;
	bool is_slot = a->op <= CONN_OR && word_index(word) < SLOTS;

	printf("# %c %s", "ABCD"[p->actor], names[a->op]);
	if (a->op > CONN_OR) {
		if (a->op == CONN_STATE)
			printf(" of %d: %llu", (int)((const __u8 *)a->at - now.states), a->result);
		else
			printf(" %llu %llu", a->old, a->new);
	} else {
		printf(" %s %d:", is_slot ? "slot" : "way", (int)(is_slot ? word - now.slots : word - now.ways));
		print_word(a->op == CONN_CAS && a->result != a->old ? "lost, sees" : "sees", a->result, is_slot);
		if (a->op == CONN_CAS && a->result == a->old)
			print_word("puts", a->new, is_slot);
		else if (a->op == CONN_OR)
			print_word("puts", a->result | a->new, is_slot);
	}
	puts("");
}

static void print_fault(void)
{
	printf("# %s: %s\n", s.scenario->name, s.fault);
	for (unsigned i = 0; i < s.depth; i++)
		print_place(&s.path[i]);
}

/* ---- the whole */

static bool run_once(bool is_bounded, unsigned switches)
{
	free(s.seen);
	s.seen = NULL;
	s.seen_size = s.seen_count = s.depth = 0;
	s.fault[0] = 0;
	s.again = false;
	s.is_bounded = is_bounded;
	memset(&now, 0, sizeof(now));
	now.clock = START;
	world = (struct conn_world){now.slots, SLOTS, BUCKETS, now.ways, now.states, DESTS, 0, EXPIRY, {}, 0, 0, 0};
	s.scenario->begin();
	watch_begin();
	watch_step(&now, (struct watched){.flow = -1});
	return s.fault[0] || search(-1, switches);
}

static bool run(bool is_bounded, unsigned switches)
{
	bool stopped;

	do
		stopped = run_once(is_bounded, switches);
	while (s.again && !s.fault[0]);
	return stopped;
}

long explore(const struct scenario *scenario)
{
	long states;
	bool failed;

	s.scenario = scenario;
	memset(s.writers, 0, sizeof(s.writers));
	memset(s.state_writers, 0, sizeof(s.state_writers));
	failed = run(false, ANY_SWITCHES);
	states = (long)s.seen_count;
	for (unsigned switches = 0; failed && switches < 8; switches++)
		if (run(true, switches))
			break;
	if (failed)
		print_fault();
	free(s.seen);
	s.seen = NULL;
	return failed ? -1 : states;
}
