/* SPDX-License-Identifier: GPL-2.0 */
#include "words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../lib/suggest.h"

static bool seen_before(const char *const *words, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (strcmp(words[i], words[index]) == 0)
			return true;
	}
	return false;
}

/* "add, set or delete": the distinct words that begin with prefix. */
static const char *listed(const char *prefix, const char *const *words, size_t count, char *buf, size_t size)
{
	const char *last = NULL;
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (strncmp(words[i], prefix, strlen(prefix)) != 0 || seen_before(words, i))
			continue;
		if (last && used < size)
			used += snprintf(buf + used, size - used, "%s%s", used ? ", " : "", last);
		last = words[i];
	}
	if (last && used < size)
		snprintf(buf + used, size - used, "%s%s", used ? " or " : "", last);
	return buf;
}

static int unknown(const char *word, const char *const *words, size_t count, const char *what, struct shunt_err *err)
{
	struct suggest nearest = {.word = word};
	char list[512], hint[SUGGEST_TEXT];

	for (size_t i = 0; i < count; i++)
		suggest_offer(&nearest, words[i]);
	return shunt_fail(err, EINVAL, NULL, "unknown %s \"%s\", expected %s%s", what, word,
			  listed("", words, count, list, sizeof(list)), suggest_text(&nearest, hint));
}

int words_find_exact(const char *word, const char *const *words, size_t count, const char *what, struct shunt_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return unknown(word, words, count, what, err);
}

int words_find(const char *word, const char *const *words, size_t count, const char *what, struct shunt_err *err)
{
	size_t len = strlen(word);
	char list[512];
	int found = -1;
	bool ambiguous = false;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
		if (len == 0 || strncmp(words[i], word, len) != 0)
			continue;
		ambiguous = ambiguous || (found >= 0 && strcmp(words[found], words[i]) != 0);
		found = found < 0 ? (int)i : found;
	}
	if (ambiguous)
		return shunt_fail(err, EINVAL, NULL, "%s \"%s\" is ambiguous: %s", what, word,
				  listed(word, words, count, list, sizeof(list)));
	return found >= 0 ? found : unknown(word, words, count, what, err);
}
