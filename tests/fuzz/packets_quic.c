/* SPDX-License-Identifier: GPL-2.0 */
/* Another reading of QUIC connection ids, from RFC 8999, 9000 and 9369 and draft-ietf-quic-load-balancers-21. */
#include <netinet/in.h>
#include <string.h>

#include "packets.h"

enum { LONG = 0x80, SHORT_CID = 1, LONG_CID = 6, CID_MAX = 20, NONCE_MIN = 4, HANDSHAKE = 2 };

static bool is_handshake(const uint8_t *payload)
{
	static const uint8_t version1[] = {0, 0, 0, 1}, version2[] = {0x6b, 0x33, 0x43, 0xcf};
	uint8_t type = payload[0] >> 4 & 3;

	if (!memcmp(payload + 1, version1, 4))
		return type == HANDSHAKE;
	return !memcmp(payload + 1, version2, 4) && type == HANDSHAKE + 1;
}

/* The connection id that the server made, and how many bytes it may have; NULL: there is none. */
static const uint8_t *server_cid(const uint8_t *payload, uint32_t len, uint32_t *room)
{
	if (!(payload[0] & LONG)) {
		*room = len - SHORT_CID;
		return payload + SHORT_CID;
	}
	if (len < LONG_CID || !is_handshake(payload))
		return NULL;
	*room = payload[LONG_CID - 1];
	return *room <= CID_MAX && *room <= len - LONG_CID ? payload + LONG_CID : NULL;
}

static bool can_take(const struct target *target)
{
	const struct model_dest *dest = target->dest;

	return target->soundness == SOUND && dest->nexthop.resolved &&
	       (dest->state == BACKEND_UP || dest->state == BACKEND_DRAIN);
}

const struct target *quic_target(const struct world *w, const struct model_service *service, const struct frame *in,
				 const struct reading *r)
{
	uint32_t end = r->l4 + get16(in->byte + r->l4 + 4), at = r->l4 + 8, len, room, config;
	const uint8_t *cid;

	if (!service->quic || r->flow.proto != IPPROTO_UDP)
		return NULL;
	end = end < r->end ? end : r->end;
	if (end <= at)
		return NULL;
	cid = server_cid(in->byte + at, end - at, &room);
	if (!cid || !room)
		return NULL;
	config = cid[0] >> 5;
	len = config == 7 ? 0 : service->quic >> (4 * config) & 15;
	if (!len || room < 1 + len + NONCE_MIN)
		return NULL;
	for (size_t i = 0; i < service->dest_count; i++) {
		const struct target *target = &w->targets[service - w->model->services][i];

		for (size_t k = 0; k < target->dest->server_id_count; k++) {
			const struct config_server_id *id = &target->dest->server_ids[k];

			if (id->len == len && !memcmp(id->byte, cid + 1, len))
				return can_take(target) ? target : NULL;
		}
	}
	return NULL;
}
