/* SPDX-License-Identifier: GPL-2.0 */
/* Events as JSON, and what a request wants of them. */
#include "api_events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/xalloc.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 10000
#define AGE_MAX (365u * 86400)

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *argument(const struct api_request *request, const char *key)
{
	return request->argument(request->connection, key);
}

/* ---- what is asked for */

static int parse_kind(const char *word, size_t len, uint32_t *kinds, struct shunt_err *err)
{
	char all[256] = "";

	for (int kind = 0; kind < JOURNAL_KINDS; kind++) {
		const char *name = journal_kind_name(kind);

		if (strlen(name) == len && strncmp(name, word, len) == 0) {
			*kinds |= 1u << kind;
			return 0;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", kind ? ", " : "", name);
	}
	return shunt_fail(err, EINVAL, "kind", "unknown kind \"%.*s\", expected some of %s", (int)len, word, all);
}

/* "backend,drain" */
static int parse_kinds(const char *text, uint32_t *kinds, struct shunt_err *err)
{
	size_t len;
	int ret = 0;

	for (const char *word = text; ret == 0; word += len + 1) {
		len = strcspn(word, ",");
		ret = parse_kind(word, len, kinds, err);
		if (!word[len])
			break;
	}
	return ret;
}

static int parse_filter(const struct api_request *request, struct journal_filter *filter, struct shunt_err *err)
{
	const char *service = argument(request, "service"), *backend = argument(request, "backend"),
		   *kind = argument(request, "kind");

	if (service && (!service[0] || strlen(service) >= sizeof(filter->service)))
		return shunt_fail(err, EINVAL, "service", "expected a name of 1 to %zu characters",
				  sizeof(filter->service) - 1);
	if (service)
		strcpy(filter->service, service);
	if (backend && addr_parse(backend, &filter->backend))
		return shunt_fail(err, EINVAL, "backend", "\"%s\" is not an IPv4 or IPv6 address", backend);
	return kind ? parse_kinds(kind, &filter->kinds, err) : 0;
}

/* "5m": 300000. false: not an age. */
static bool parse_age(const char *text, uint64_t *ms)
{
	static const char units[] = "smhd";
	static const uint32_t seconds[] = {1, 60, 3600, 86400};
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	unsigned int count;
	char digits[16];

	if (!unit || !*unit || len > sizeof(digits))
		return false;
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	if (number_parse(digits, 0, AGE_MAX / seconds[unit - units], &count))
		return false;
	*ms = (uint64_t)count * seconds[unit - units] * 1000;
	return true;
}

static bool parse_seq(const char *text, uint64_t *seq)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*seq = strtoull(text, &end, 10);
	return !*end && !errno;
}

/* A number of another daemon's, which may have had more events than this one, says nothing here: begin with this one's first. */
static int parse_since(const struct api_request *request, const char *since, struct journal_cursor *from,
		       struct shunt_err *err)
{
	const struct journal *journal = events_journal();
	const char *id = argument(request, "daemon");
	uint64_t age;

	if (parse_age(since, &age))
		from->seq = journal_since(journal, now_ms() - age);
	else if (!parse_seq(since, &from->seq))
		return shunt_fail(err, EINVAL, "since",
				  "\"%s\" is neither the number of an event nor an age (30s, 5m, 2h; at most 365d)",
				  since);
	else if (from->seq > journal_last(journal) || (id && strcmp(id, journal_id(journal)) != 0))
		from->seq = 0;
	return 0;
}

int events_query_parse(const struct api_request *request, bool follow, struct events_query *query,
		       struct shunt_err *err)
{
	const char *since = argument(request, "since"), *limit = argument(request, "limit");
	unsigned int count = follow ? 0 : LIMIT_DEFAULT;
	int ret;

	*query = (struct events_query){.limit = 0};
	ret = parse_filter(request, &query->filter, err);
	if (ret == 0 && limit && number_parse(limit, 1, LIMIT_MAX, &count))
		ret = shunt_fail(err, EINVAL, "limit", "\"%s\" is not a number; expected 1 to %d", limit, LIMIT_MAX);
	query->limit = count;
	if (ret)
		return ret;
	if (since)
		return parse_since(request, since, &query->from, err);
	query->from.seq = journal_tail(events_journal(), &query->filter, count);
	return 0;
}

/* ---- what there is */

/* Of what servers and libraries said; jansson takes no text that is not UTF-8. */
static json_t *any_string(const char *text)
{
	json_t *string = json_string(text);
	char *copy;

	if (string)
		return string;
	copy = xstrdup(text);
	for (char *c = copy; *c; c++)
		*c = *c & 0x80 ? '?' : *c;
	string = json_string(copy);
	free(copy);
	return string;
}

static json_t *begin_json(uint64_t seq, uint64_t time_ms, const char *kind)
{
	json_t *object = json_pack("{s:s}", "daemon", journal_id(events_journal()));

	if (seq)
		json_object_set_new(object, "seq", json_integer((json_int_t)seq));
	json_object_set_new(object, "time_ms", json_integer((json_int_t)time_ms));
	json_object_set_new(object, "kind", json_string(kind));
	return object;
}

static void set_text(json_t *object, const char *member, const char *text)
{
	if (text && text[0])
		json_object_set_new(object, member, json_string(text));
}

json_t *events_json(const struct journal_event *event)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	json_t *object = begin_json(event->seq, event->time_ms, journal_kind_name(event->kind));
	char addr[SHUNT_ADDR_TEXT];

	set_text(object, "level", levels[event->level]);
	set_text(object, "service", event->service);
	if (event->backend.family)
		set_text(object, "backend", addr_format(&event->backend, addr));
	set_text(object, "interface", event->interface);
	set_text(object, "from", event->from);
	set_text(object, "to", event->to);
	json_object_set_new(object, "reason", any_string(event->reason));
	return object;
}

json_t *events_lost_json(uint64_t lost)
{
	json_t *object = begin_json(0, now_ms(), "lost");

	set_text(object, "level", "warning");
	json_object_set_new(object, "lost", json_integer((json_int_t)lost));
	json_object_set_new(object, "reason", json_string("newer events took their place before they could be sent"));
	return object;
}

json_t *api_events_json(const struct api_request *request, struct shunt_err *err)
{
	const struct journal *journal = events_journal();
	const struct journal_event *event = NULL;
	json_t *list;
	struct events_query query;

	if (events_query_parse(request, false, &query, err))
		return NULL;
	list = json_array();
	while (json_array_size(list) < query.limit && (event = journal_next(journal, &query.from, &query.filter)))
		json_array_append_new(list, events_json(event));
	return json_pack("{s:s, s:I, s:I, s:b, s:o}", "daemon", journal_id(journal), "next", (json_int_t)query.from.seq,
			 "lost", (json_int_t)query.from.lost, "more", query.from.seq < journal_last(journal), "events",
			 list);
}
