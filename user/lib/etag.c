/* SPDX-License-Identifier: GPL-2.0 */
#include "etag.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shunt/hash.h"

#define FNV_BASIS 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

static int hash_more(const char *text, size_t len, void *arg)
{
	uint64_t *hash = arg;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ (uint8_t)text[i]) * FNV_PRIME;
	return 0;
}

const char *etag_of(const json_t *tree, char buf[ETAG_TEXT])
{
	uint64_t hash = FNV_BASIS;

	json_dump_callback(tree, hash_more, &hash, JSON_COMPACT | JSON_SORT_KEYS);
	snprintf(buf, ETAG_TEXT, "\"%016llx\"", (unsigned long long)shunt_mix64(hash));
	return buf;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* The length of the tag that text begins with, its quotes included; 0: it is none. */
static size_t tag_length(const char *text)
{
	size_t len = 1;

	if (text[0] != '"')
		return 0;
	while ((unsigned char)text[len] > ' ' && text[len] != '"' && text[len] != 0x7f)
		len++;
	return text[len] == '"' ? len + 1 : 0;
}

int etag_listed(const char *list, const char *etag, bool weak)
{
	bool found = false, any = false;

	list = skip_blanks(list);
	if (*list == '*')
		return *skip_blanks(list + 1) ? -EINVAL : 1;
	while (*list) {
		bool is_weak = strncmp(list, "W/", 2) == 0;
		size_t len = tag_length(list += is_weak ? 2 : 0);

		if (!len && (*list != ',' || is_weak))
			return -EINVAL;
		any |= len > 0;
		found |= len == strlen(etag) && strncmp(list, etag, len) == 0 && (weak || !is_weak);
		list = skip_blanks(list + len);
		if (*list && *list != ',')
			return -EINVAL;
		list = skip_blanks(list + (*list == ','));
	}
	return any ? found : -EINVAL;
}
