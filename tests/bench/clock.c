/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is a nanosecond of this machine's clock an instruction? Runs a loop of known length, which must take as many nanoseconds as it has instructions, to
 * one in a thousand: that much are the clock's own interrupts. Of several tries the shortest counts, since others may run in between.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 1000000, INSTRUCTIONS = 2 * ROUNDS, TRIES = 20 };

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void loop(uint64_t rounds)
{
	__asm__ volatile("1:	dec %0\n"
			 "	jnz 1b"
			 : "+r"(rounds)
			 :
			 : "cc");
}

int main(void)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		int64_t from = now(), took;

		loop(ROUNDS);
		took = now() - from;
		least = took < least ? took : least;
	}
	printf("%d instructions took %lld ns\n", INSTRUCTIONS, (long long)least);
	return least >= INSTRUCTIONS && least <= INSTRUCTIONS + INSTRUCTIONS / 1000 ? 0 : 1;
}
