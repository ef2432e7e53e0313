/* SPDX-License-Identifier: GPL-2.0 */
/* Timers: tens of thousands, set and stopped all the time, and none has to be exact. */
#include "conns.h"

enum { SLOTS = 4096 };
_Static_assert(SLOTS *TICK_MS > WHEEL_MS + TICK_MS, "the furthest timer is less than a turn ahead");

static struct timer *slots[SLOTS];
static uint64_t ticks; /* those that are over */

void wheel_start(uint64_t now)
{
	ticks = now / TICK_MS;
}

void timer_stop(struct timer *timer)
{
	if (!timer->link)
		return;
	*timer->link = timer->next;
	if (timer->next)
		timer->next->link = timer->link;
	timer->link = NULL;
}

static void timer_put(struct timer *timer, struct timer **head)
{
	timer->next = *head;
	timer->link = head;
	if (timer->next)
		timer->next->link = &timer->next;
	*head = timer;
}

void timer_set(struct timer *timer, unsigned int in_ms)
{
	unsigned int ahead = (in_ms < WHEEL_MS ? in_ms : WHEEL_MS) / TICK_MS + 1;

	timer_stop(timer);
	timer_put(timer, &slots[(ticks + ahead) % SLOTS]);
}

/* Timers may be set and stopped meanwhile: each is taken off its slot before it fires. */
static void run_slot(struct timer **head, void (*fire)(struct timer *timer))
{
	struct timer *due = *head;

	*head = NULL;
	if (due)
		due->link = &due;
	while (due) {
		struct timer *timer = due;

		timer_stop(timer);
		fire(timer);
	}
}

void wheel_run(uint64_t now, void (*fire)(struct timer *timer))
{
	while (ticks < now / TICK_MS) {
		ticks++;
		run_slot(&slots[ticks % SLOTS], fire);
	}
}
