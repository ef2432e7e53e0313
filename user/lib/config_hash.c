/* SPDX-License-Identifier: GPL-2.0 */
/* What a service hashes of a flow: a word, or a mapping where the word has more to say. */
#include <errno.h>

#include "config_internal.h"

#define PREFIX4_MAX 32
#define PREFIX6_MAX 128

/* Only the source address is hashed in part: lengths beside other inputs would mean something that is not done. */
static int refuse_lengths(const struct tree_place *at)
{
	static const char *const keys[] = {"ipv4", "ipv6"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct tree_place member = tree_member(at, keys[i]);

		if (member.value)
			return tree_fail(&member,
					 "a prefix length is for inputs source only; remove it, or use inputs source");
	}
	return 0;
}

int config_parse_hash(const struct tree_place *service, struct config_hash *hash)
{
	static const char *const keys[] = {"inputs", "ipv4", "ipv6", NULL};
	struct tree_place at = tree_member(service, "hash"), inputs = tree_member(&at, "inputs");
	unsigned int word = CONFIG_HASH_5_TUPLE;

	*hash = (struct config_hash){.ipv4 = PREFIX4_MAX, .ipv6 = PREFIX6_MAX};
	if (!at.value)
		return 0;
	if (!json_is_object(at.value)) {
		if (tree_word(service, "hash", config_hash_words, &word))
			return -EINVAL;
	} else if (tree_object(&at, keys)) {
		return -EINVAL;
	} else if (!inputs.value) {
		return tree_refuse(&inputs, "a known word", "5-tuple, no-source-port, source or destination-port");
	} else if (tree_word(&at, "inputs", config_hash_words, &word) ||
		   (word != CONFIG_HASH_SOURCE && refuse_lengths(&at)) ||
		   tree_u32(&at, "ipv4", 1, PREFIX4_MAX, &hash->ipv4) ||
		   tree_u32(&at, "ipv6", 1, PREFIX6_MAX, &hash->ipv6)) {
		return -EINVAL;
	}
	hash->inputs = word;
	return 0;
}

bool config_hash_equal(const struct config_hash *a, const struct config_hash *b)
{
	return a->inputs == b->inputs && a->ipv4 == b->ipv4 && a->ipv6 == b->ipv6;
}
