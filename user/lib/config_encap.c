// SPDX-License-Identifier: GPL-2.0
/* The tunnel of a service or a backend: a word, or a mapping for what has more to say. */
#include <errno.h>
#include <string.h>

#include "config_internal.h"

#define GUE_PORT 6080 /* IANA's for GUE */
#define GUE_VARIANT 1

/* Only gue has more than a type. */
static int refuse_foreign_keys(const struct tree_place *encap, const struct config_encap *read)
{
	static const char *const keys[] = {"variant", "port"};

	if (read->type == CONFIG_ENCAP_GUE)
		return 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct tree_place member = tree_member(encap, keys[i]);

		if (member.value)
			return tree_fail(&member, "encap %s has no such key; remove it, or use type gue",
					 config_encap_name(read->type));
	}
	return 0;
}

static int parse_mapping(const struct tree_place *at, struct config_encap *encap)
{
	static const char *const keys[] = {"type", "variant", "port", NULL};
	struct tree_place member = tree_member(at, "type");
	uint32_t variant = GUE_VARIANT, port = GUE_PORT;
	unsigned int type = CONFIG_ENCAP_AUTO;

	if (tree_object(at, keys))
		return -EINVAL;
	if (!member.value)
		return tree_refuse(&member, "a tunnel", "a type such as gue");
	if (tree_word(at, "type", config_encap_words, &type))
		return -EINVAL;
	encap->type = type;
	if (refuse_foreign_keys(at, encap) || tree_u32(at, "variant", 0, 1, &variant) ||
	    tree_u32(at, "port", 1, 65535, &port))
		return -EINVAL;
	encap->variant = variant;
	encap->port = port;
	return 0;
}

int config_parse_encap(const struct tree_place *at, struct config_encap *encap, bool *given)
{
	struct tree_place place = tree_member(at, "encap");
	unsigned int type = CONFIG_ENCAP_AUTO;

	*given = place.value != NULL;
	*encap = (struct config_encap){.variant = GUE_VARIANT, .port = GUE_PORT};
	if (json_is_object(place.value))
		return parse_mapping(&place, encap);
	if (tree_word(at, "encap", config_encap_words, &type))
		return -EINVAL;
	encap->type = type;
	return 0;
}
