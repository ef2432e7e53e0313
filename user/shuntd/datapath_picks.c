/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What services pick from: struct shunt_pick and pick_list (include/shunt/maps.h). All lists are worked out anew at each apply; if they differ from those
 * in force they are written into the half of pick_list that nobody reads, and each service's word then leads there.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "datapath_priv.h"

struct pick_plan {
	struct shunt_pick *services; /* by id */
	uint64_t *list;		     /* for a half */
	uint32_t length;
};

/* The ids of what has been freed mean somebody else, so the lists themselves are compared. */
static bool is_in_force(const struct datapath *dp, const struct pick_plan *plan, uint32_t half_size)
{
	const uint64_t *list = dp->pick_list + (size_t)dp->pick_half * half_size;

	for (uint32_t id = 0; id < dp->control->services; id++) {
		const struct shunt_pick *want = &plan->services[id], *have = &dp->pick_services[id];

		if (want->count != have->count || want->least != have->least ||
		    (want->count && want->first != have->first - dp->pick_half * half_size))
			return false;
	}
	return !plan->length || !memcmp(plan->list, list, plan->length * sizeof(*list));
}

static void plan_service_picks(struct pick_plan *plan, const struct plan_service *service,
			       const struct model_service *want)
{
	struct shunt_pick *pick = &plan->services[service->id];

	pick->first = plan->length;
	pick->count = want->pick_count;
	pick->least = want->algorithm == CONFIG_ALGORITHM_LEAST;
	for (size_t i = 0; i < want->pick_count; i++)
		plan->list[plan->length++] = service->dest[want->picks[i]];
}

static int write_picks(struct datapath *dp, const struct pick_plan *plan, uint32_t half_size)
{
	uint32_t half = !dp->pick_half;
	int rc = dp->pick_half_quiet ? 0 : datapath_wait(dp);

	if (rc)
		return rc;
	memcpy(dp->pick_list + (size_t)half * half_size, plan->list, plan->length * sizeof(*plan->list));
	for (uint32_t id = 0; id < dp->control->services; id++) {
		struct shunt_pick pick = plan->services[id];
		uint64_t word;

		pick.first += half * half_size;
		memcpy(&word, &pick, sizeof(word));
		__atomic_store_n((uint64_t __attribute__((may_alias)) *)&dp->pick_services[id], pick.count ? word : 0,
				 __ATOMIC_RELEASE);
	}
	dp->pick_half = half;
	dp->pick_half_quiet = false;
	return 0;
}

void datapath_write_picks(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	uint32_t half_size = SHUNT_PICKS_PER_DEST * dp->control->destinations;
	struct pick_plan picks = {.services = xcalloc(dp->control->services, sizeof(*picks.services))};
	size_t length = 0;

	for (size_t i = 0; i < model->service_count; i++)
		length += model->services[i].pick_count;
	picks.list = xcalloc(length + 1, sizeof(*picks.list));
	for (size_t i = 0; i < model->service_count; i++)
		if (model->services[i].pick_count)
			plan_service_picks(&picks, &plan->services[i], &model->services[i]);
	if (!is_in_force(dp, &picks, half_size) && write_picks(dp, &picks, half_size)) {
		dp->unfinished = true;
		log_warning("the kernel would not wait for running programs: services pick as before, until the next "
			    "change");
	}
	free(picks.services);
	free(picks.list);
}

uint64_t datapath_dest_connections(const struct datapath *dp, const char *service, const struct shunt_addr *backend)
{
	int64_t live = 0;

	for (uint32_t id = datapath_first_dest(dp, service, backend); id != DIRECTORY_NONE;
	     id = datapath_next_dest(dp, id))
		live += __atomic_load_n(&dp->pick_live[id], __ATOMIC_RELAXED);

	return live > 0 ? live : 0; /* what ended while a sweep counted is missing until the next one */
}

void datapath_count_live(struct datapath *dp)
{
	for (uint32_t id = 0; id < dp->control->destinations; id++)
		__atomic_store_n(&dp->pick_live[id], (int64_t)dp->sweep.live[id], __ATOMIC_RELAXED);
}
