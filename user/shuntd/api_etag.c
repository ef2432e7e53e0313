/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two editors of one configuration: who changes it may say which one the change was made for (If-Match), and is refused when
 * another is in force by then. What has a tag is the configuration; a change, whatever its path, is a change of that, so all
 * requests that change something are judged by it. Each socket's tag is of what that socket shows.
 */
#include <microhttpd.h>

#include "api_internal.h"

static void refuse_changed(struct api_answer *answer, const char *header, const char *list)
{
	api_problem(answer, MHD_HTTP_PRECONDITION_FAILED, header,
		    "the configuration in force has the ETag %s, and the request was for %.200s; fetch GET /v1/config, "
		    "make the change in that, and send it with the new ETag",
		    answer->etag, list);
	json_object_set_new(answer->body, "etag", json_string(answer->etag));
}

static bool malformed(struct api_answer *answer, const char *header, const char *list)
{
	api_problem(answer, MHD_HTTP_BAD_REQUEST, header,
		    "%.200s is not a list of entity tags; expected one as GET /v1/config has it, quotes included, "
		    "such as %s, or *",
		    list, answer->etag);
	return false;
}

static void not_modified(struct api_answer *answer)
{
	json_decref(answer->body);
	answer->body = NULL;
	answer->status = MHD_HTTP_NOT_MODIFIED;
}

bool api_etag_allows(const struct api_request *request, bool reads, const json_t *config, struct api_answer *answer)
{
	int listed;

	etag_of(config, answer->etag);
	if (request->if_match) {
		listed = etag_listed(request->if_match, answer->etag, false);
		if (listed < 0)
			return malformed(answer, MHD_HTTP_HEADER_IF_MATCH, request->if_match);
		if (!listed)
			refuse_changed(answer, MHD_HTTP_HEADER_IF_MATCH, request->if_match);
		if (!listed)
			return false;
	}
	if (!request->if_none_match)
		return true;
	listed = etag_listed(request->if_none_match, answer->etag, true);
	if (listed < 0)
		return malformed(answer, MHD_HTTP_HEADER_IF_NONE_MATCH, request->if_none_match);
	if (listed && reads)
		not_modified(answer);
	else if (listed)
		refuse_changed(answer, MHD_HTTP_HEADER_IF_NONE_MATCH, request->if_none_match);
	return !listed;
}
