/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets, made and mutated, through the loaded program with BPF_PROG_TEST_RUN. What must become of each is worked out by a second
 * reading of it (packets.h says how); the first one that fares otherwise is printed so that it can be run again, and ends the run.
 *
 *   build/tests/fuzz_packets [--count N] [--seed S]        as root; a random seed unless given
 *   build/tests/fuzz_packets --seed S --replay HEX         one frame, with the seed that it was found with; a later fragment
 *                                                          comes early so: run the seed again
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "packets.h"

/* From so many packets on, every reason must have come up and most destinations, or the run shows nothing. */
enum { ENOUGH = 100000, NAP = 1000 };

static const struct option options[] = {
	{"count", required_argument, NULL, 'c'},
	{"seed", required_argument, NULL, 's'},
	{"replay", required_argument, NULL, 'r'},
	{NULL, 0, NULL, 0},
};

static uint64_t forwarded[BEHIND_COUNT], reasons[SHUNT_REASON_MAX];
static uint64_t followed, by_cid,
	continued; /* of those forwarded: later fragments, QUIC by its connection id, flows' next packets */

static void usage(const char *what)
{
	fprintf(stderr, "fuzz_packets: %s; expected [--count N] [--seed S] [--replay HEX]\n", what);
	exit(2);
}

static uint64_t number(const char *text, const char *what)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-')
		usage(what);
	return value;
}

static void unhex(const char *text, struct frame *frame)
{
	unsigned int byte;

	for (frame->len = 0; *text && frame->len < FRAME_MAX; text += 2) {
		if (sscanf(text, "%2x", &byte) != 1 || !text[1])
			usage("--replay: not pairs of hexadecimal digits");
		frame->byte[frame->len++] = byte;
	}
	if (*text || frame->len < FRAME_MIN)
		usage("--replay: a frame has 14 to 3500 bytes");
}

static void print_hex(const char *name, const struct frame *frame)
{
	printf("  %s (%u bytes): ", name, frame->len);
	for (uint32_t i = 0; i < frame->len; i++)
		printf("%02x", frame->byte[i]);
	putchar('\n');
}

/* Whether the rate limit has room is a matter of the frame alone, so that it fares the same when it is run again. */
static bool may_tell(const struct frame *frame)
{
	uint64_t hash = frame->len;

	for (uint32_t i = 0; i + 8 <= frame->len && i < 64; i += 8) {
		uint64_t word;

		memcpy(&word, frame->byte + i, sizeof(word));
		hash = shunt_mix64(hash ^ word);
	}
	return hash & 7;
}

/* Of the places where its slot lets the packet go, it must have gone to one. */
static const char *judge_choices(const struct world *w, const struct frame *in, const struct reading *r,
				 const struct outcome *got, struct expectation *e)
{
	uint32_t choices = conns_choices(w);
	const char *wrong = NULL;

	for (uint32_t i = 0; i < choices; i++) {
		conns_try(i);
		*e = expect(w, in, r, may_tell(in));
		wrong = check(in, r, e, got);
		if (!wrong)
			return conns_check(w, got->counter >= DESTINATION);
	}
	return wrong;
}

static const char *judge_next(const struct frame *in, const struct reading *r, const struct outcome *got)
{
	static struct outcome again;
	static struct frame next;
	const char *wrong;

	if (got->counter < DESTINATION || !conns_next(in, r, &next))
		return NULL;
	wrong = world_run(&next, may_tell(in), &again);
	if (!wrong && again.counter != got->counter)
		wrong = "the next packet of the flow went elsewhere";
	continued += !wrong;
	return wrong;
}

static const char *judge(const struct world *w, const struct frame *in, struct outcome *got)
{
	struct expectation e;
	struct reading r;
	const char *wrong;

	read_frame(in, &r);
	conns_prepare(w, in, &r);
	wrong = world_run(in, may_tell(in), got);
	if (!wrong)
		wrong = judge_choices(w, in, &r, got, &e);
	if (!wrong)
		wrong = judge_next(in, &r, got);
	conns_restore(w);
	if (wrong)
		return wrong;
	followed += got->counter >= DESTINATION && r.fragment == FRAGMENT_LATER;
	by_cid += got->counter >= DESTINATION && e.by_cid;
	fragments_note(w, &r, &e);
	return NULL;
}

static void explain(const struct world *w, const struct frame *in, const struct outcome *got)
{
	static const char *const actions[] = {"ABORTED", "DROP", "PASS", "TX", "REDIRECT"};
	struct expectation e;
	struct reading r;

	read_frame(in, &r);
	e = expect(w, in, &r, may_tell(in));
	printf("  expected:");
	for (uint32_t i = 0; i < SHUNT_REASON_COUNT; i++)
		if (e.reasons >> i & 1)
			printf(" %s", counter_name(i));
	if (!e.reasons && e.target)
		printf(" %s", counter_name(DESTINATION + e.target->id));
	printf("; the program: %s, %s\n", got->action < 5 ? actions[got->action] : "?",
	       got->counter == UINT32_MAX ? "not counted" : counter_name(got->counter));
	conns_explain();
	print_hex("in", in);
	print_hex("out", &got->out);
}

static int replay(const struct world *w, const char *hex)
{
	static struct outcome got;
	struct frame in;
	const char *wrong;

	unhex(hex, &in);
	wrong = judge(w, &in, &got);
	printf("%s\n", wrong ?: "as it should be");
	explain(w, &in, &got);
	return wrong != NULL;
}

static int report(const struct world *w, uint64_t seed, uint64_t at, const char *wrong, const struct frame *in,
		  const struct outcome *got)
{
	printf("not ok - seed %" PRIu64 ", packet %" PRIu64 ": %s\n", seed, at, wrong);
	explain(w, in, got);
	printf("  again: build/tests/fuzz_packets --seed %" PRIu64 " --replay HEX, with the bytes that went in\n",
	       seed);
	return 1;
}

static void tally(const struct outcome *got)
{
	if (got->counter >= DESTINATION)
		forwarded[world_target(got->counter - DESTINATION)->tunnel->behind]++;
	else
		reasons[got->counter]++;
}

/* The driver under BPF_PROG_TEST_RUN has room enough for any header. */
static bool is_reachable(uint32_t reason)
{
	return reason != SHUNT_REASON_NO_HEADROOM;
}

/* Does the configuration lead packets into such a tunnel, whoever sends them? */
static bool leads_into(enum behind behind)
{
	const struct target *target;

	for (uint32_t id = 1; id < DESTINATIONS; id++) {
		target = world_target(id);
		if (target && target->tunnel->behind == behind && target->soundness == SOUND && target->is_open &&
		    target->dest->state == BACKEND_UP)
			return true;
	}
	return false;
}

/* How many of them have not come up, but could have. */
static int summary_of_tunnels(bool enough)
{
	static const char *const names[] = {"in IP", "in GUE 0", "in GUE 1", "in GRE", "by MAC alone"};
	int missing = 0;

	for (enum behind i = 0; i < BEHIND_COUNT; i++) {
		printf("  %-16s %" PRIu64 "\n", names[i], forwarded[i]);
		if (!enough || forwarded[i] || !leads_into(i))
			continue;
		printf("not ok - nothing was forwarded %s\n", names[i]);
		missing++;
	}
	if (enough && !tunnel_ports_spread()) {
		printf("not ok - the source ports of UDP tunnels differ in too few bits\n");
		missing++;
	}
	return missing;
}

static int summary(uint64_t seed, uint64_t count, double seconds)
{
	int missing;

	printf("ok - seed %" PRIu64 ": %" PRIu64 " packets, each as it should be (%.1f s of CPU, %.2f us a packet)\n",
	       seed, count, seconds, seconds * 1e6 / (count ?: 1));
	missing = summary_of_tunnels(count >= ENOUGH);
	missing += conns_summary(count >= ENOUGH);
	printf("  %-16s %" PRIu64 "\n", "next of a flow", continued);
	printf("  %-16s %" PRIu64 "\n", "later fragments", followed);
	printf("  %-16s %" PRIu64 "\n", "by connection id", by_cid);
	if (count >= ENOUGH && !by_cid) {
		printf("not ok - no packet followed its QUIC connection id\n");
		missing++;
	}
	if (count >= ENOUGH && !followed) {
		printf("not ok - no later fragment followed its first\n");
		missing++;
	}
	for (uint32_t i = 0; i < SHUNT_REASON_COUNT; i++) {
		printf("  %-16s %" PRIu64 "\n", counter_name(i), reasons[i]);
		if (count < ENOUGH || reasons[i] || !is_reachable(i))
			continue;
		printf("not ok - %s never came up: what has to do with it was not tested\n", counter_name(i));
		missing++;
	}
	return missing != 0;
}

/* Of the processor: others may be at work. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int fuzz(const struct world *w, uint64_t seed, uint64_t count)
{
	static struct frame frames[2]; /* this one, and the one before for splicing */
	static struct outcome got;
	struct marks marks;
	double started = now();

	memset(frames, 0, sizeof(frames));
	frames[1].len = FRAME_MIN;
	for (uint64_t i = 0; i < count; i++) {
		struct frame *in = &frames[i & 1];
		const char *wrong;

		if (i % NAP == 0)
			world_sleeps(i / NAP & 1);
		make_packet(w, in, &marks);
		if (!one_in(4))
			mutate(in, &marks, &frames[~i & 1]);
		wrong = judge(w, in, &got);
		if (wrong)
			return report(w, seed, i, wrong, in, &got);
		tally(&got);
	}
	if (!world_unchanged()) {
		printf("not ok - seed %" PRIu64 ": the program wrote to a table that only the daemon writes\n", seed);
		return 1;
	}
	return summary(seed, count, now() - started);
}

int main(int argc, char **argv)
{
	uint64_t seed = 0, count = 10000000;
	const char *hex = NULL;
	const struct world *w;
	int c, status;

	if (getrandom(&seed, sizeof(seed), 0) < 0)
		usage("no randomness: give a --seed");
	seed >>= 32;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			count = number(optarg, "--count: not a number");
		else if (c == 's')
			seed = number(optarg, "--seed: not a number");
		else if (c == 'r')
			hex = optarg;
		else
			usage("unknown option");
	}
	if (optind != argc)
		usage("one word too many");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("fuzz_packets: seed %" PRIu64 "\n", seed);
	chance_seed(seed);
	w = world_open(seed);
	status = hex ? replay(w, hex) : fuzz(w, seed, count);
	world_close();
	return status;
}
