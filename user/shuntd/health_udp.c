/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A UDP probe: a datagram, and an answer that begins as expected. Begins, not contains: formats of UDP have what says "well" at fixed
 * offsets, and a word that may stand anywhere is found in an error that quotes the question, too.
 */
#include <stdio.h>
#include <string.h>

#include "health_datagram.h"

/* Of an answer in a reason. */
#define SHOWN_MAX 20
#define SHOWN_TEXT (2 + 2 * SHOWN_MAX + sizeof("..."))

/* As an operator would write it: a text in quotes, or "0x" and digits. Returns buf. */
static const char *show(const uint8_t *octets, size_t len, char buf[SHOWN_TEXT])
{
	size_t shown = len < SHOWN_MAX ? len : SHOWN_MAX, at;
	bool is_text = true;

	for (size_t i = 0; i < shown; i++)
		is_text = is_text && ((octets[i] >= ' ' && octets[i] <= '~') || strchr("\r\n\t", octets[i]));
	if (is_text) {
		at = snprintf(buf, SHOWN_TEXT, "\"%.*s\"", (int)shown, (const char *)octets);
	} else {
		at = snprintf(buf, SHOWN_TEXT, "0x");
		for (size_t i = 0; i < shown; i++)
			at += snprintf(buf + at, SHOWN_TEXT - at, "%02x", octets[i]);
	}
	snprintf(buf + at, SHOWN_TEXT - at, "%s", len > shown ? "..." : "");
	return buf;
}

static bool judge(const uint8_t *expected, size_t expected_len, const uint8_t *answer, size_t len,
		  struct probe_result *result)
{
	char got[SHOWN_TEXT], want[SHOWN_TEXT];

	if (len >= expected_len && !memcmp(answer, expected, expected_len))
		probe_result_set(result, PROBE_PASS, "UDP: an answer of %zu octets", len);
	else
		probe_result_set(result, PROBE_FAIL, "UDP: %s, expected %s", show(answer, len, got),
				 show(expected, expected_len, want));
	return true;
}

struct probe *probe_udp_start(struct probers *probers, const struct probe_target *target,
			      const struct probe_caller *caller, struct probe_result *result)
{
	uint8_t question[CONFIG_OCTETS_MAX], expected[CONFIG_OCTETS_MAX];
	const char *expect = target->check->expect;
	const struct datagram_talk talk = {
		.send = question,
		.send_len = config_octets(target->check->send, question),
		.keep = expected,
		.keep_len = expect ? config_octets(expect, expected) : 0,
		.judge = judge,
	};

	return datagram_start(probers, target, caller, &talk, result);
}
