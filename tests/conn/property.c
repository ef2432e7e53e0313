/* SPDX-License-Identifier: GPL-2.0 */
/* Makes sequences, and makes those that fail shorter. SEED and COUNT in the environment: which, and how many. See property.h. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "property.h"

#define STEPS 160

static const char *const names[OPERATIONS] = {"open",	"data",	 "close",   "reset",	"end",	   "add",
					      "remove", "fail",	 "recover", "deadline", "give up", "time",
					      "live",	"sweep", "buckets", "restart"};
/* Of each operation, out of 256. */
static const __u8 weights[OPERATIONS] = {44, 60, 8, 6, 4, 12, 12, 9, 9, 4, 4, 22, 24, 24, 8, 6};

static __u64 random_next(__u64 *state)
{
	return shunt_mix64(*state += 0x9e3779b97f4a7c15ull);
}

static void make_steps(__u64 seed, struct step *steps)
{
	__u64 state = seed;

	for (int i = 0; i < STEPS; i++) {
		__u64 r = random_next(&state);
		unsigned pick = r & 255, operation = 0;

		while (operation < OPERATIONS - 1 && pick >= weights[operation])
			pick -= weights[operation++];
		steps[i] = (struct step){(__u8)operation, (__u8)(r >> 8), (__u8)(r >> 16)};
	}
}

static unsigned without(struct step *to, const struct step *steps, unsigned count, unsigned from, unsigned length)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		if (i < from || i >= from + length)
			to[kept++] = steps[i];
	return kept;
}

/* Leave out what is not needed to fail, in ever smaller pieces. */
static unsigned shrink(__u64 seed, struct step *steps, unsigned count)
{
	struct step fewer[STEPS];
	const char *why;

	for (unsigned length = count; length; length /= 2)
		for (unsigned from = 0; from < count;) {
			unsigned kept = without(fewer, steps, count, from, length);
			unsigned failed = property_run(seed, fewer, kept, &why);

			if (!failed) {
				from += length;
				continue;
			}
			count = failed;
			for (unsigned i = 0; i < count; i++)
				steps[i] = fewer[i];
		}
	return count;
}

static bool holds(__u64 seed)
{
	struct step steps[STEPS];
	const char *why;
	unsigned failed;

	make_steps(seed, steps);
	failed = property_run(seed, steps, STEPS, &why);
	if (!failed)
		return true;
	failed = shrink(seed, steps, failed);
	property_run(seed, steps, failed, &why);
	printf("# seed %llu: %s, after\n", seed, why);
	for (unsigned i = 0; i < failed; i++)
		printf("#   %s %u %u\n", names[steps[i].operation], steps[i].a, steps[i].b);
	return false;
}

static bool test(int number, const char *name, __u64 seed, unsigned long count)
{
	unsigned long done = 0;

	while (done < count && holds(seed + done))
		done++;
	printf("%sok %d - %s: %lu sequences from seed %llu\n", done < count ? "not " : "", number, name, done, seed);
	return done == count;
}

static bool test_seen(int number)
{
	static const char *const what[SEEN_EVENTS] = {"windows closed",	    "windows began anew",
						      "slots became clean", "ids became free",
						      "entries displaced",  "inserts refused",
						      "ways became empty",  "entries made while a move was prepared"};
	bool all = true;

	for (int i = 0; i < SEEN_EVENTS; i++) {
		printf("# %s: %lu\n", what[i], property_seen[i]);
		all &= property_seen[i] > 0;
	}
	printf("%sok %d - all that is to be tested has happened\n", all ? "" : "not ", number);
	return all;
}

int main(void)
{
	const char *seed = getenv("SEED"), *count = getenv("COUNT");
	unsigned long sequences = count ? strtoul(count, NULL, 0) : 2000;
	bool passed;

	if (seed)
		return !test(1, "the seed that was asked for", strtoull(seed, NULL, 0), sequences);
	passed = test(1, "the same sequences as ever", 1, sequences);
	passed &= test(2, "others", (__u64)time(NULL) << 20, sequences);
	passed &= test_seen(3);
	printf("1..3\n");
	return !passed;
}
