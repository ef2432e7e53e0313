/* SPDX-License-Identifier: GPL-2.0 */
/* "did you mean": the word of many that is nearest to one that is not among them. */
#ifndef SHUNT_SUGGEST_H
#define SHUNT_SUGGEST_H

#include <stddef.h>

/* Begin with {.word = WORD}; offer each candidate; best is NULL while none is near enough to be a slip of the hand. */
struct suggest {
	const char *word;
	const char *best;
	size_t distance; /* of best */
};

void suggest_offer(struct suggest *s, const char *candidate);

/* "; did you mean "BEST"?", or "". Returns buf. */
#define SUGGEST_TEXT 128
const char *suggest_text(const struct suggest *s, char *buf);

#endif
