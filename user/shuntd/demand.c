/* SPDX-License-Identifier: GPL-2.0 */
#include "demand.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MS 1000
#define WHY_TEXT 256

static const char *const names[] = {
	[DEMAND_UNKNOWN] = "unknown", [DEMAND_ASLEEP] = "asleep",     [DEMAND_WAKING] = "waking",
	[DEMAND_AWAKE] = "awake",     [DEMAND_STOPPING] = "stopping",
};

const char *demand_state_name(enum demand_state state)
{
	return names[state];
}

enum demand_state demand_state_of(const char *name)
{
	enum demand_state state = DEMAND_UNKNOWN;

	while (state < DEMAND_STATES && strcmp(name, names[state]) != 0)
		state++;
	return state;
}

/* ---- from state to state */

__attribute__((format(printf, 4, 5))) static void go(struct demand *d, uint64_t now, enum demand_state to,
						     const char *fmt, ...)
{
	enum demand_state from = d->state;
	char why[WHY_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	d->state = to;
	d->since = now;
	d->started = d->forced = false;
	d->retry_at = 0;
	d->attempts = 0;
	if (to == DEMAND_AWAKE)
		d->quiet_since = now;
	if (to == DEMAND_AWAKE || to == DEMAND_WAKING)
		d->wanted = false;
	d->ops->changed(d->arg, from, to, why);
}

/* Nothing of d may be relied on behind it: the hook may have ended. */
static void begin(struct demand *d, uint64_t now, enum demand_hook hook)
{
	d->attempts++;
	d->retry_at = 0;
	d->started = false;
	d->hook = hook;
	d->deadline = now + d->timeout;
	d->ops->run(d->arg, hook);
}

static void wake(struct demand *d, uint64_t now, const char *by)
{
	d->wanted_at = now;
	go(d, now, DEMAND_WAKING, "%s", by);
	begin(d, now, DEMAND_START);
}

static void fall_asleep(struct demand *d, uint64_t now, const char *said)
{
	bool wanted = d->wanted;

	go(d, now, DEMAND_ASLEEP, "%s", said);
	if (wanted)
		wake(d, now, "was asked for while it was being stopped");
}

__attribute__((format(printf, 3, 4))) static void fail(struct demand *d, uint64_t now, const char *fmt, ...)
{
	unsigned int doublings = d->attempts > 1 ? d->attempts - 1 : 0;
	uint64_t wait = doublings > 6 ? DEMAND_RETRY_MAX_MS : (uint64_t)RETRY_MS << doublings;
	char said[WHY_TEXT], why[WHY_TEXT + 64];
	va_list args;

	if (wait > DEMAND_RETRY_MAX_MS)
		wait = DEMAND_RETRY_MAX_MS;
	va_start(args, fmt);
	vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
	d->started = false;
	d->retry_at = now + wait;
	snprintf(why, sizeof(why), "%s; another try in %llu s", said, (unsigned long long)wait / 1000);
	d->ops->failed(d->arg, why);
}

static bool stop_has_begun(const struct demand *d)
{
	return d->state == DEMAND_STOPPING && d->attempts;
}

/* ---- what happens to it */

void demand_init(struct demand *d, uint64_t now, const struct demand_ops *ops, void *arg)
{
	*d = (struct demand){.ops = ops, .arg = arg, .since = now, .quiet_since = now, .wanted_at = now};
}

void demand_restore(struct demand *d, uint64_t now, enum demand_state state, bool in_window)
{
	d->state = state;
	d->since = d->quiet_since = d->wanted_at = now;
	d->in_window = in_window;
	if (state == DEMAND_WAKING)
		d->retry_at = now + DEMAND_RESUME_MS;
}

void demand_want(struct demand *d, uint64_t now, const char *by)
{
	d->wanted_at = now;
	switch (d->state) {
	case DEMAND_ASLEEP:
		wake(d, now, by);
		break;
	case DEMAND_AWAKE:
		d->quiet_since = now;
		break;
	case DEMAND_STOPPING:
		if (!stop_has_begun(d) && !d->forced)
			go(d, now, DEMAND_AWAKE, "%s", by);
		else
			d->wanted = true;
		break;
	case DEMAND_UNKNOWN:
		d->wanted = true;
		break;
	default: /* waking: it does what it can */
		break;
	}
}

void demand_wake(struct demand *d, uint64_t now, const char *by)
{
	demand_want(d, now, by);
	if (d->state == DEMAND_WAKING && d->retry_at)
		d->retry_at = now;
}

static void kill_hook(struct demand *d)
{
	if (d->hook)
		d->ops->kill(d->arg);
	d->hook = DEMAND_NO_HOOK;
}

bool demand_sleep(struct demand *d, uint64_t now, const char *by)
{
	if (d->state == DEMAND_ASLEEP)
		return false;
	if (d->state != DEMAND_STOPPING) {
		kill_hook(d);
		go(d, now, DEMAND_STOPPING, "%s", by);
	}
	d->forced = true;
	d->wanted = false;
	return true;
}

void demand_count(struct demand *d, uint64_t now, uint64_t packets)
{
	bool more = d->counted && packets != d->packets;

	d->counted = true;
	d->packets = packets;
	if (!more)
		return;
	d->quiet_since = now;
	if (d->state == DEMAND_STOPPING && !stop_has_begun(d) && !d->forced)
		go(d, now, DEMAND_AWAKE, "packets came before it was stopped");
}

void demand_ended(struct demand *d, uint64_t now, bool well, const char *said)
{
	enum demand_hook hook = d->hook;

	d->hook = DEMAND_NO_HOOK;
	if (hook == DEMAND_STOP) {
		if (well)
			fall_asleep(d, now, "stopped");
		else
			fail(d, now, "stop: %s", said);
	} else if (d->state != DEMAND_WAKING) { /* a check passed before the hook was done */
		if (!well)
			d->ops->failed(d->arg, said);
	} else if (!well) {
		fail(d, now, "start: %s", said);
	} else {
		d->started = true;
		d->deadline = now + d->timeout;
	}
}

/* ---- time */

static void tick_unknown(struct demand *d, uint64_t now, bool passes)
{
	if (passes)
		go(d, now, DEMAND_AWAKE, "it is there already");
	else if (now - d->since < DEMAND_FIND_MS)
		return;
	else if (d->wanted)
		wake(d, now, "was asked for, and no check passes");
	else
		go(d, now, DEMAND_ASLEEP, "no check passes");
}

static void tick_waking(struct demand *d, uint64_t now, bool passes)
{
	uint32_t patience = d->idle > DEMAND_PATIENCE_MS ? d->idle : DEMAND_PATIENCE_MS;

	if (d->checked ? passes : d->started)
		go(d, now, DEMAND_AWAKE, d->checked ? "a check passes" : "started");
	else if (!d->hook && !d->in_window && now - d->wanted_at >= patience)
		go(d, now, DEMAND_STOPPING, "could not be woken, and nobody asks for it any more");
	else if (d->started && now >= d->deadline)
		fail(d, now, "started, but no check has passed for %u ms", d->timeout);
	else if (d->retry_at && now >= d->retry_at)
		begin(d, now, DEMAND_START);
}

static void tick_stopping(struct demand *d, uint64_t now)
{
	if (d->hook || now - d->since < DEMAND_SETTLE_MS)
		return;
	if (d->wanted && stop_has_begun(d))
		wake(d, now, "was asked for while it could not be stopped");
	else if (!d->has_stop)
		fall_asleep(d, now, "there is nothing to stop");
	else if (!d->retry_at || now >= d->retry_at)
		begin(d, now, DEMAND_STOP);
}

void demand_tick(struct demand *d, uint64_t now, bool passes, bool in_window)
{
	bool begins = in_window && !d->in_window;

	d->in_window = in_window;
	if (begins)
		demand_want(d, now, "its schedule wants it awake");
	if (d->hook && now >= d->deadline) {
		char said[64];

		snprintf(said, sizeof(said), "did not end within %u ms and was killed", d->timeout);
		d->ops->kill(d->arg);
		demand_ended(d, now, false, said);
	}
	if (d->state == DEMAND_UNKNOWN)
		tick_unknown(d, now, passes);
	else if (d->state == DEMAND_WAKING)
		tick_waking(d, now, passes);
	else if (d->state == DEMAND_STOPPING)
		tick_stopping(d, now);
	else if (d->state == DEMAND_AWAKE && !in_window && now - d->quiet_since >= d->idle)
		go(d, now, DEMAND_STOPPING, "no packets for %llu s", (unsigned long long)(now - d->quiet_since) / 1000);
}
