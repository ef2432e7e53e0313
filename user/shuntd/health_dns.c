/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A DNS probe: one question over UDP. An answer counts if it comes from where the question went and has its id and its question
 * (RFC 5452, section 9.1); then its response code decides. That an answer was cut (TC) or holds no records is no failure.
 */
#include <arpa/nameser.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <ares.h>

#include "health_datagram.h"

static const uint16_t record_types[] = {
	[CONFIG_RECORD_A] = ns_t_a,	[CONFIG_RECORD_AAAA] = ns_t_aaaa, [CONFIG_RECORD_CNAME] = ns_t_cname,
	[CONFIG_RECORD_MX] = ns_t_mx,	[CONFIG_RECORD_NS] = ns_t_ns,	  [CONFIG_RECORD_PTR] = ns_t_ptr,
	[CONFIG_RECORD_SOA] = ns_t_soa, [CONFIG_RECORD_SRV] = ns_t_srv,	  [CONFIG_RECORD_TXT] = ns_t_txt,
};

/* What is kept of a question: the rcode that is expected, then the message as it was sent. */
#define KEPT_MAX (1 + NS_HFIXEDSZ + NS_MAXCDNAME + NS_QFIXEDSZ)

/* Servers may answer in another case than they were asked in. Lengths of labels are below 64, so no letters. */
static bool same_question(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (tolower(a[i]) != tolower(b[i]))
			return false;
	return true;
}

static bool is_answer(const uint8_t *question, size_t question_len, const uint8_t *answer, size_t len)
{
	const uint8_t response = 0x80, opcode = 0x78;

	return len >= question_len && !memcmp(answer, question, 2) && (answer[2] & (response | opcode)) == response &&
	       !memcmp(answer + 4, question + 4, 2) &&
	       same_question(answer + NS_HFIXEDSZ, question + NS_HFIXEDSZ, question_len - NS_HFIXEDSZ);
}

static const char *rcode_text(unsigned int rcode, char buf[16])
{
	if (config_rcode_name(rcode))
		return config_rcode_name(rcode);
	snprintf(buf, 16, "RCODE %u", rcode);
	return buf;
}

/* A server that does not understand the question need not repeat it: only a header with its id. */
static bool is_refusal(const uint8_t *question, const uint8_t *answer, size_t len)
{
	return len == NS_HFIXEDSZ && !memcmp(answer, question, 2) && answer[2] & 0x80 && answer[3] & 0x0f &&
	       !answer[4] && !answer[5];
}

static bool judge(const uint8_t *kept, size_t kept_len, const uint8_t *answer, size_t len, struct probe_result *result)
{
	unsigned int expected = kept[0], rcode;
	char buf[16];

	if (!is_answer(kept + 1, kept_len - 1, answer, len) && !is_refusal(kept + 1, answer, len))
		return false;
	rcode = answer[3] & 0x0f;
	if (expected == CONFIG_RCODE_ANY || rcode == expected)
		probe_result_set(result, PROBE_PASS, "DNS: %s", rcode_text(rcode, buf));
	else
		probe_result_set(result, PROBE_FAIL, "DNS: %s, expected %s", rcode_text(rcode, buf),
				 config_rcode_name(expected));
	return true;
}

struct probe *probe_dns_start(struct probers *probers, const struct probe_target *target,
			      const struct probe_caller *caller, struct probe_result *result)
{
	const struct config_check *check = target->check;
	struct datagram_talk talk = {.judge = judge};
	uint8_t kept[KEPT_MAX];
	unsigned char *query;
	uint16_t id;
	int len, code;

	if (!probe_random(&id, sizeof(id))) {
		probe_result_set(result, PROBE_UNKNOWN, "DNS: no random numbers yet");
		return NULL;
	}
	code = ares_create_query(check->query, ns_c_in, record_types[check->record], id, 1, &query, &len, 0);
	if (code == ARES_SUCCESS && len >= KEPT_MAX) {
		ares_free_string(query);
		code = ARES_EBADNAME;
	}
	if (code != ARES_SUCCESS) {
		probe_result_set(result, PROBE_UNKNOWN, "DNS: a question for \"%s\": %s", check->query,
				 ares_strerror(code));
		return NULL;
	}
	kept[0] = check->rcode;
	memcpy(kept + 1, query, len);
	ares_free_string(query);
	talk.keep = kept;
	talk.keep_len = len + 1;
	talk.send = kept + 1;
	talk.send_len = len;
	return datagram_start(probers, target, caller, &talk, result);
}
