/* SPDX-License-Identifier: GPL-2.0 */
#include "transitions.h"

#include <stdio.h>
#include <string.h>

#include "events.h"
#include "serving.h"

#define WHY_TEXT 512

static bool is_trouble(enum backend_state state)
{
	return state == BACKEND_DOWN || state == BACKEND_UNRESOLVED || state == BACKEND_PANIC;
}

/* Is it what its checks make of it? */
static bool is_for_checks(enum backend_state state)
{
	return state != BACKEND_DRAIN && state != BACKEND_ASLEEP && state != BACKEND_UNRESOLVED;
}

/* Why there was no check may have ended with the state that is left: then nothing has been heard since. */
static const char *check_said(const struct transitions *t, const char *service, const struct model_dest *dest)
{
	const struct health_status *status = t->checked(t->arg, service, &dest->addr);
	bool outdated = status && status->unasked && dest->nexthop.resolved;

	if (status && status->reason[0] && !outdated)
		return status->reason;
	if (outdated && dest->health != HEALTH_CHECKING)
		return "not checked since it was unresolved";
	return dest->health == HEALTH_CHECKING ? "no check has answered yet" : "not checked by this daemon yet";
}

/* Why a backend has the state that it has. */
static void explain(const struct transitions *t, const char *service, const struct model_dest *dest, char *why)
{
	if (dest->state == BACKEND_DRAIN)
		snprintf(why, WHY_TEXT, "by %s", t->cause);
	else if (dest->state == BACKEND_ASLEEP)
		snprintf(why, WHY_TEXT, "on demand, and not awake");
	else if (dest->state == BACKEND_UNRESOLVED)
		snprintf(why, WHY_TEXT, "%s", dest->nexthop.why);
	else
		snprintf(why, WHY_TEXT, "%s", check_said(t, service, dest));
}

static void tell_state(const struct transitions *t, const char *service, const struct model_dest *was,
		       const struct model_dest *is)
{
	struct journal_event event = events_of(
		JOURNAL_BACKEND, is_trouble(is->state) ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, service, &is->addr);
	char why[WHY_TEXT];

	explain(t, service, is, why);
	event.from = was ? backend_state_name(was->state) : NULL;
	event.to = backend_state_name(is->state);
	if (was && was->state == BACKEND_DRAIN)
		events_tell(&event, "by %s; %s", t->cause, why);
	else if (!was)
		events_tell(&event, "added by %s; %s", t->cause, why);
	else if (was->state == BACKEND_UNRESOLVED && is_for_checks(is->state))
		events_tell(&event, "its next hop is known; %s", why);
	else
		events_tell(&event, "%s", why);
}

/* A verdict is said in the words for states. */
static const char *verdict(enum health_state health)
{
	static const enum backend_state states[] = {
		[HEALTH_CHECKING] = BACKEND_CHECKING,
		[HEALTH_UP] = BACKEND_UP,
		[HEALTH_DOWN] = BACKEND_DOWN,
	};

	return backend_state_name(states[health]);
}

/* What does not change a state now will matter when the drain is over, or the next hop is back. */
static void tell_health(const struct transitions *t, const char *service, const struct model_dest *was,
			const struct model_dest *is)
{
	struct journal_event event = events_of(
		JOURNAL_HEALTH, is->health == HEALTH_DOWN ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, service, &is->addr);

	event.from = verdict(was->health);
	event.to = verdict(is->health);
	events_tell(&event, "%s", check_said(t, service, is));
}

/* It begins with a new state; an end, or that it was cut short, has no state to be told by. */
static void tell_slow_start(const char *service, const struct model_dest *was, const struct model_dest *is)
{
	struct journal_event event = events_of(JOURNAL_BACKEND, LOG_LEVEL_INFO, service, &is->addr);

	if (is->began && !(was && was->began == is->began))
		events_tell(&event, "slow start: %u %% of its weight at first", 100 / RING_TURNS);
	else if (was && was->began && !is->began && is->takes)
		events_tell(&event, "slow start is over: it has its whole weight");
}

static void tell_backends(const struct transitions *t, const struct model_service *before,
			  const struct model_service *after)
{
	size_t at = 0;

	for (size_t i = 0; i < after->dest_count; i++) {
		const struct model_dest *is = &after->dests[i], *was = model_service_dest(before, &is->addr, &at);

		if (!was || was->state != is->state)
			tell_state(t, after->name, was, is);
		else if (was->health != is->health && is->state != BACKEND_ASLEEP)
			tell_health(t, after->name, was, is);
		tell_slow_start(after->name, was, is);
	}
	at = 0;
	for (size_t i = 0; i < before->dest_count; i++) {
		const struct model_dest *was = &before->dests[i];
		struct journal_event event = events_of(JOURNAL_BACKEND, LOG_LEVEL_INFO, before->name, &was->addr);

		if (model_service_dest(after, &was->addr, &at))
			continue;
		event.from = backend_state_name(was->state);
		event.to = "removed";
		events_tell(&event, "by %s", t->cause);
	}
}

/* Of a service that nothing was known of: what is wrong with it from the start would never change its state. */
static void tell_troubles(const struct transitions *t, const struct model_service *service)
{
	for (size_t i = 0; i < service->dest_count; i++) {
		struct journal_event event =
			events_of(JOURNAL_BACKEND, LOG_LEVEL_WARNING, service->name, &service->dests[i].addr);
		char why[WHY_TEXT];

		if (!is_trouble(service->dests[i].state))
			continue;
		explain(t, service->name, &service->dests[i], why);
		event.to = backend_state_name(service->dests[i].state);
		events_tell(&event, "%s", why);
	}
}

static void tell_service(const struct transitions *t, const struct model_service *service, const char *to)
{
	struct journal_event event = events_of(JOURNAL_SERVICE, LOG_LEVEL_INFO, service->name, NULL);

	event.to = to;
	events_tell(&event, "by %s; backends %zu", t->cause, service->dest_count);
}

/* Why the rule is another one now. */
static void explain_rule(enum model_rule was, const struct model_service *is, char why[SERVING_TEXT])
{
	if (is->rule == MODEL_SHARES && was == MODEL_PANIC)
		snprintf(why, SERVING_TEXT, "%u of %u backends are healthy: those that are not are out again",
			 is->healthy, is->asked);
	else if (is->rule == MODEL_SHARES)
		snprintf(why, SERVING_TEXT, "pools serve by their shares again");
	else
		serving_why(is, why);
}

/* By what the service's new connections go. was: NULL if nothing was known of it; that nobody is there is then told of each backend. */
static void tell_rule(const struct model_service *was, const struct model_service *is)
{
	enum model_rule before = was ? was->rule : MODEL_SHARES;
	struct journal_event event = events_of(
		JOURNAL_SERVICE, is->rule == MODEL_SHARES ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, is->name, NULL);
	char why[SERVING_TEXT];

	if (is->rule == before || (!was && is->rule == MODEL_NOBODY))
		return;
	explain_rule(before, is, why);
	event.from = was ? model_rule_name(before) : NULL;
	event.to = model_rule_name(is->rule);
	events_tell(&event, "%s", why);
}

/* Where there are several: of an only pool the rule says it. */
static void tell_pools(const struct model_service *was, const struct model_service *is)
{
	for (size_t i = 0; is->standing_count > 1 && i < is->standing_count; i++) {
		const struct model_standing *now = &is->standings[i], *before = serving_find(was, now->pool);
		struct journal_event event =
			events_of(JOURNAL_SERVICE, now->failed ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, is->name, NULL);
		char why[SERVING_TEXT];

		if (!before || before->failed == now->failed)
			continue;
		if (now->failed)
			events_tell(&event, "pool %s has failed: %s", now->pool, serving_why_failed(is, now, why));
		else
			events_tell(&event, "pool %s can serve again: %u of %u backends are healthy", now->pool,
				    now->healthy, now->asked);
	}
}

/* was: NULL if nothing was known of it; started: nor of any other. */
static void tell_of(const struct transitions *t, const struct model_service *was, const struct model_service *is,
		    bool started)
{
	tell_rule(was, is);
	if (was) {
		tell_pools(was, is);
		tell_backends(t, was, is);
		return;
	}
	if (!started)
		tell_service(t, is, "added");
	tell_troubles(t, is);
}

void transitions_tell(const struct transitions *t, const struct model *before, const struct model *after)
{
	size_t at = 0;

	for (size_t i = 0; i < after->changed_count; i++) {
		const struct model_service *is = &after->services[after->changed[i]];

		tell_of(t, before ? model_find_service(before, is->name, &at) : NULL, is, !before);
	}
	if (before && after->follows == before->serial)
		return;
	at = 0;
	for (size_t i = 0; before && i < before->service_count; i++)
		if (!model_find_service(after, before->services[i].name, &at))
			tell_service(t, &before->services[i], "removed");
}
