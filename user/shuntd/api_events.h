/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events over the API: GET /v1/events. As a list: what is in the journal. With ?follow=1 as a stream without an end: what is in it
 * and what comes, one JSON object a line (application/x-ndjson), an empty line now and then while nothing does.
 */
#ifndef SHUNT_API_EVENTS_H
#define SHUNT_API_EVENTS_H

#include <uv.h>

#include "api_internal.h"
#include "events.h"

/* What a request asks for. */
struct events_query {
	struct journal_filter filter;
	struct journal_cursor from;
	size_t limit; /* of a list */
};

/* Parameters: since, daemon, limit, service, backend, kind. -EINVAL with *err. */
int events_query_parse(const struct api_request *request, bool follow, struct events_query *query,
		       struct shunt_err *err);

/* Of the stream. Both are the caller's. */
json_t *events_json(const struct journal_event *event);
json_t *events_lost_json(uint64_t lost);

/* The list. */
json_t *api_events_json(const struct api_request *request, struct shunt_err *err);

/*
 * Those who follow. A connection with nothing to send is suspended, and resumed when there are events. Nothing is kept for anybody but
 * the lines that are being sent: who is slow misses what the journal has forgotten in the meantime, and is told how many.
 */
struct MHD_Connection;
struct followers;
/* run() is to let libmicrohttpd do what it can: it sees connections that were resumed only then. */
struct followers *followers_open(uv_loop_t *loop, void (*run)(void *arg), void *arg);
/* End all streams, as far as they take it; libmicrohttpd has to run after this, and then to stop. */
void followers_end(struct followers *followers);
bool followers_any(const struct followers *followers);
/* After all connections have gone. The memory goes when the loop has run once more. */
void followers_close(struct followers *followers);

/* Is it a stream that the request asks for? */
bool api_wants_stream(const struct api_request *request);
/* Answer with it, or with a problem. */
void api_follow(struct followers *followers, struct MHD_Connection *connection, const struct api_request *request,
		struct api_answer *answer);

#endif
