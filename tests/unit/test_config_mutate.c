/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer's entry, fed with mutations of the goldens: the same few thousand on every run. From the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "../fuzz/fuzz_config.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROUNDS 1500
#define TEXT_MAX 8192

static const char *const paths[] = {"docs/shunt.example.yaml", "tests/golden/full.yaml", "tests/golden/seed.yaml"};

static uint64_t random_state = 1;

/* SplitMix64 */
static size_t random_below(size_t n)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % n;
}

static size_t read_golden(const char *path, uint8_t *text)
{
	FILE *in = fopen(path, "r");
	size_t len;

	if (!in)
		fail_msg("%s cannot be opened: run from the top of the tree", path);
	len = fread(text, 1, TEXT_MAX, in);
	fclose(in);
	assert_in_range(len, 1, TEXT_MAX - 1);
	return len;
}

/* Overwrite, cut out, copy to elsewhere, or end early. */
static size_t mutate(uint8_t *text, size_t len)
{
	static const char bytes[] = " \n\t:-,[]{}\"'#&*!|>%@~0129azAZ/.\\x\xc3\xff";
	size_t at = random_below(len), span = 1 + random_below(len - at < 40 ? len - at : 40), to = random_below(len);

	switch (random_below(8)) {
	case 0:
		memmove(text + at, text + at + span, len - at - span);
		return len - span;
	case 1:
		memmove(text + to, text + at, span < len - to ? span : len - to);
		return len;
	case 2:
		return random_below(8) ? len : at;
	default:
		text[at] = bytes[random_below(sizeof(bytes))];
		return len;
	}
}

static void mutations(void **state)
{
	static uint8_t golden[TEXT_MAX], text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		size_t golden_len = read_golden(paths[i], golden);

		LLVMFuzzerTestOneInput(golden, golden_len);
		for (int round = 0; round < ROUNDS; round++) {
			size_t len = golden_len;

			memcpy(text, golden, len);
			for (size_t n = 1 + random_below(4); n > 0 && len > 1; n--)
				len = mutate(text, len);
			LLVMFuzzerTestOneInput(text, len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests_name("config mutations", tests, NULL, NULL);
}
