/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "explore.h"

static const struct scenario *scenario_at(int i)
{
	return i < scenario_count ? &scenarios[i] : &long_scenarios[i - scenario_count];
}

int main(int argc, char **argv)
{
	int failed = 0, count = scenario_count;

	if (getenv("LONG"))
		count += long_scenario_count;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < count; i++) {
		const struct scenario *scenario = scenario_at(i);
		clock_t began = clock();
		long states;

		if (argc > 1 && strcmp(argv[1], scenario->name))
			continue;
		states = explore(scenario);
		failed += states < 0;
		printf("%sok %d - %s: %ld states, %.1f s\n", states < 0 ? "not " : "", i + 1, scenario->name, states,
		       (double)(clock() - began) / CLOCKS_PER_SEC);
	}
	printf("1..%d\n", count);
	return failed != 0;
}
