/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a service says of its clients: who is served, and what of a flow decides which backend it gets. Drawn, and followed to the
 * letter of docs/configuration.md: all prefixes of a list are looked at, and what is no input is made 0 before the whole is hashed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "packets.h"

enum { RULES = 12 };

struct rule {
	struct shunt_prefix prefix;
	bool allow;
};

enum inputs { INPUTS_ALL, INPUTS_NO_SOURCE_PORT, INPUTS_SOURCE, INPUTS_DESTINATION_PORT };

static struct choice {
	struct rule rule[RULES];
	uint32_t rules;
	enum inputs inputs;
	uint8_t len4, len6; /* of the source's prefix */
} choices[SERVICES];

/* ---- followed */

bool is_open(int service)
{
	return !choices[service].rules && choices[service].inputs == INPUTS_ALL;
}

bool hashes_part(int service)
{
	return choices[service].inputs != INPUTS_ALL;
}

bool is_served(int service, const struct shunt_addr *source)
{
	const struct choice *choice = &choices[service];
	const struct rule *best = NULL;
	bool any_allowed = false;

	for (uint32_t i = 0; i < choice->rules; i++) {
		const struct rule *rule = &choice->rule[i];

		any_allowed = any_allowed || rule->allow;
		if (rule->prefix.addr.family != source->family ||
		    !in_prefix((const uint8_t *)source->word, &rule->prefix))
			continue;
		if (!best || rule->prefix.len > best->prefix.len)
			best = rule;
	}
	return best ? best->allow : !any_allowed;
}

static uint32_t all_bits(const struct shunt_addr *addr)
{
	return addr->family == SHUNT_FAMILY_IPV6 ? 128 : 32;
}

static void cut(struct shunt_addr *addr, uint32_t len)
{
	uint8_t *byte = (uint8_t *)addr->word;

	for (uint32_t bit = len; bit < all_bits(addr); bit++)
		byte[bit / 8] &= ~(0x80 >> bit % 8);
}

uint64_t hash_of(const struct shunt_hash_keys *keys, int service, uint32_t salt, const struct flow *flow)
{
	const struct choice *choice = &choices[service];
	bool is_v6 = flow->dst.family == SHUNT_FAMILY_IPV6;
	struct flow part = *flow;

	if (choice->inputs != INPUTS_ALL)
		part.sport = 0;
	if (choice->inputs == INPUTS_SOURCE || choice->inputs == INPUTS_DESTINATION_PORT) {
		cut(&part.dst, 0);
		cut(&part.src, choice->inputs == INPUTS_SOURCE ? is_v6 ? choice->len6 : choice->len4 : 0);
		part.proto = 0;
	}
	if (choice->inputs == INPUTS_SOURCE)
		part.dport = 0;
	return shunt_flow_hash(keys, part.src.word, part.dst.word,
			       htons(part.sport) | (uint32_t)htons(part.dport) << 16, salt ^ part.proto, is_v6);
}

/* ---- drawn */

static bool add_rule(struct choice *choice, const struct rule *rule)
{
	for (uint32_t i = 0; i < choice->rules; i++)
		if (choice->rule[i].prefix.len == rule->prefix.len &&
		    addr_equal(&choice->rule[i].prefix.addr, &rule->prefix.addr))
			return false;
	choice->rule[choice->rules++] = *rule;
	return true;
}

/* Nearly all within one another, around a client. */
static struct rule draw_rule(void)
{
	static const uint8_t lens4[] = {0, 1, 8, 24, 25, 26, 27, 28, 29, 30, 31, 32};
	static const uint8_t lens6[] = {0, 1, 32, 64, 120, 121, 122, 123, 124, 126, 127, 128};
	bool is_v6 = one_in(2);
	struct rule rule = {.prefix.len = is_v6 ? ANY(lens6) : ANY(lens4), .allow = one_in(2)};

	rule.prefix.addr = make_address(is_v6);
	cut(&rule.prefix.addr, rule.prefix.len);
	return rule;
}

/* As an address, where the prefix is one. */
static json_t *rule_json(const struct rule *rule)
{
	char text[SHUNT_ADDR_TEXT];

	addr_format(&rule->prefix.addr, text);
	if (rule->prefix.len == all_bits(&rule->prefix.addr) && one_in(2))
		return json_string(text);
	return json_sprintf("%s/%u", text, rule->prefix.len);
}

/* So that every reason comes up: who has no backends serves all, and one service denies IPv4. */
static json_t *draw_sources(struct choice *choice, int service)
{
	const struct rule all4 = {.prefix.addr.family = SHUNT_FAMILY_IPV4};
	json_t *allow = json_array(), *deny = json_array();
	uint32_t count = service == WITHOUT_BACKENDS || one_in(2) ? 0 : below(RULES - 1), kinds = below(3);

	choice->rules = 0;
	if (service == WITHOUT_IPV4 && add_rule(choice, &all4))
		json_array_append_new(deny, rule_json(&all4));
	for (uint32_t i = 0; i < count; i++) {
		struct rule rule = draw_rule();

		if (kinds)
			rule.allow = kinds == 1;
		if (add_rule(choice, &rule))
			json_array_append_new(rule.allow ? allow : deny, rule_json(&rule));
	}
	return json_pack("{s:o, s:o}", "allow", allow, "deny", deny);
}

/* A length that is the default is not always said. */
static json_t *draw_hash(struct choice *choice)
{
	static const char *const words[] = {"5-tuple", "no-source-port", "source", "destination-port"};
	static const uint8_t lens4[] = {1, 24, 25, 31, 32, 32, 32},
			     lens6[] = {1, 31, 32, 33, 64, 64, 96, 125, 128, 128};
	json_t *mapping;

	choice->inputs = one_in(3) ? INPUTS_ALL : one_in(3) ? INPUTS_SOURCE : below(4);
	choice->len4 = ANY(lens4);
	choice->len6 = ANY(lens6);
	if (choice->inputs != INPUTS_SOURCE && one_in(2))
		return json_string(words[choice->inputs]);
	mapping = json_pack("{s:s}", "inputs", words[choice->inputs]);
	if (choice->inputs == INPUTS_SOURCE && (choice->len4 < 32 || one_in(2)))
		json_object_set_new(mapping, "ipv4", json_integer(choice->len4));
	if (choice->inputs == INPUTS_SOURCE && (choice->len6 < 128 || one_in(2)))
		json_object_set_new(mapping, "ipv6", json_integer(choice->len6));
	return mapping;
}

void draw_choice(json_t *object, int service)
{
	json_object_set_new(object, "hash", draw_hash(&choices[service]));
	json_object_set_new(object, "sources", draw_sources(&choices[service], service));
}
