/* SPDX-License-Identifier: GPL-2.0 */
#include "dns_answer.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"

#define WEIGHT 100 /* of each, where no record has one */

struct reader {
	const uint8_t *message, *at, *end;
};

static bool has(const struct reader *r, size_t bytes)
{
	return (size_t)(r->end - r->at) >= bytes;
}

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
	return (uint32_t)read16(at) << 16 | read16(at + 2);
}

/* The name at a place, as text; out may be NULL. What it takes there, or -EBADMSG. */
static long read_name(const struct reader *r, const uint8_t *at, char *out)
{
	char *text;
	long len;

	if (ares_expand_name(at, r->message, (int)(r->end - r->message), &text, &len) != ARES_SUCCESS)
		return -EBADMSG;
	if (out && strlen(text) >= DNS_NAME_MAX)
		len = -EBADMSG;
	else if (out)
		strcpy(out, text);
	ares_free_string(text);
	return len;
}

/* Without its fixed part and name: data of len bytes. */
static int read_data(const struct reader *r, int type, const uint8_t *data, size_t len, struct dns_record *out)
{
	*out = (struct dns_record){0};
	if (type == ns_t_srv) {
		if (len < 7)
			return -EBADMSG;
		out->srv.priority = read16(data);
		out->srv.weight = read16(data + 2);
		return read_name(r, data + 6, out->srv.target) < 0 ? -EBADMSG : 0;
	}
	if (len != (type == ns_t_a ? 4 : 16))
		return -EBADMSG;
	out->addr.family = type == ns_t_a ? SHUNT_FAMILY_IPV4 : SHUNT_FAMILY_IPV6;
	memcpy(out->addr.word, data, len);
	return 0;
}

/* One record; 1: it is one of the type. */
static int read_record(struct reader *r, int type, struct dns_record *out, uint32_t *ttl)
{
	long name = r->at < r->end ? read_name(r, r->at, NULL) : -EBADMSG;
	const uint8_t *fixed;
	size_t len;

	if (name < 0 || !has(r, (size_t)name + NS_RRFIXEDSZ))
		return -EBADMSG;
	fixed = r->at + name;
	len = read16(fixed + 8);
	r->at = fixed + NS_RRFIXEDSZ;
	if (!has(r, len))
		return -EBADMSG;
	r->at += len;
	if (read16(fixed + 2) != ns_c_in)
		return 0;
	if (read32(fixed + 4) < *ttl)
		*ttl = read32(fixed + 4);
	if (read16(fixed) != type)
		return 0;
	return read_data(r, type, fixed + NS_RRFIXEDSZ, len, out) ? -EBADMSG : 1;
}

static int skip_questions(struct reader *r, unsigned int count)
{
	for (; count; count--) {
		long name = r->at < r->end ? read_name(r, r->at, NULL) : -EBADMSG;

		if (name < 0 || !has(r, (size_t)name + NS_QFIXEDSZ))
			return -EBADMSG;
		r->at += name + NS_QFIXEDSZ;
	}
	return 0;
}

ssize_t dns_answer_read(const uint8_t *message, size_t len, int type, struct dns_record **out, uint32_t *ttl)
{
	struct reader r = {message, message, message + len};
	unsigned int answers;
	ssize_t count = 0;
	int found = 0;

	*out = NULL;
	*ttl = UINT32_MAX;
	if (!has(&r, NS_HFIXEDSZ))
		return -EBADMSG;
	answers = read16(message + 6);
	r.at += NS_HFIXEDSZ;
	if (skip_questions(&r, read16(message + 4)))
		return -EBADMSG;
	*out = xcalloc(answers + 1, sizeof(**out));
	for (unsigned int i = 0; i < answers && found >= 0; i++) {
		found = read_record(&r, type, &(*out)[count], ttl);
		count += found > 0;
	}
	if (found >= 0)
		return count;
	free(*out);
	*out = NULL;
	return -EBADMSG;
}

/* RFC 2782: a weight of 0 is for where there is nothing to choose, or next to nothing of the load. */
size_t dns_srv_choose(struct dns_record *records, size_t count, uint32_t *weights)
{
	uint16_t lowest = UINT16_MAX;
	bool weighted = false;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (records[i].srv.priority < lowest)
			lowest = records[i].srv.priority;
	for (size_t i = 0; i < count; i++)
		if (records[i].srv.priority == lowest && records[i].srv.target[0] &&
		    strcmp(records[i].srv.target, ".") != 0)
			records[kept++] = records[i];
	for (size_t i = 0; i < kept; i++)
		weighted = weighted || records[i].srv.weight;
	for (size_t i = 0; i < kept; i++)
		weights[i] = !weighted ? WEIGHT : records[i].srv.weight ? records[i].srv.weight : 1;
	return kept;
}
