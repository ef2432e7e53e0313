/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes of one UDP datagram and its answer. The socket is connected: only the target's answers arrive, and an ICMP error about the
 * question (port unreachable) ends the probe at once.
 */
#ifndef SHUNT_HEALTH_DATAGRAM_H
#define SHUNT_HEALTH_DATAGRAM_H

#include "health_probe.h"

/* judge() is given what `keep` was a copy of, and an answer; false: not an answer to the question, go on waiting. */
struct datagram_talk {
	const uint8_t *send;
	size_t send_len;
	const uint8_t *keep;
	size_t keep_len;
	bool (*judge)(const uint8_t *kept, size_t kept_len, const uint8_t *answer, size_t len,
		      struct probe_result *result);
};

struct probe *datagram_start(struct probers *probers, const struct probe_target *target,
			     const struct probe_caller *caller, const struct datagram_talk *talk,
			     struct probe_result *result);

#endif
