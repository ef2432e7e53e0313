/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-ins for what datapath.h says about connections, for the daemon without a datapath (fake_daemon.h). */
#include <stdlib.h>
#include <string.h>

#include "../../user/shuntd/datapath.h"
#include "fake_daemon.h"

bool fake_unswept;

/* Of web; dns is at rest. */
bool datapath_service_conns(struct datapath *dp, const char *service, struct datapath_conns *out)
{
	bool web = strcmp(service, "web") == 0;

	(void)dp;
	*out = (struct datapath_conns){.slots = 65537};
	if (web)
		*out = (struct datapath_conns){65537, 40, 7, 3000, 3500, 12, {2, 100, 20, 4}, {0}, 0.5};
	for (int i = 0; web && i < SHUNT_CONN_COUNT_MAX; i++)
		out->counts[i] = 1000 + i;
	return true;
}

/* As many for each as it has weight. */
bool datapath_own_slots(const struct datapath *dp, const struct config_service *service, uint32_t *slots)
{
	(void)dp;
	for (size_t i = 0; i < service->backend_count; i++)
		slots[i] = service->backends[i].weight;
	return true;
}

static const struct fake_hold {
	const char *service, *address;
	struct datapath_hold hold;
} holds[] = {
	{"web",
	 "10.1.0.12",
	 {.state = SHUNT_DEST_DRAIN, .anchors = 3000, .entries = 120, .for_s = 40, .ends_in = 3480}},
	{"web", FAKE_REMOVED, {.state = SHUNT_DEST_DRAIN, .removed = true, .entries = 9, .for_s = 60}},
	{"dns", "2001:db8:1::11", {.state = SHUNT_DEST_DOWN, .entries = 6, .for_s = 5, .ends_in = 15}},
};

#define HOLDS (sizeof(holds) / sizeof(holds[0]))

static struct shunt_addr address_of(const struct fake_hold *fake)
{
	struct shunt_addr addr;

	if (addr_parse(fake->address, &addr))
		abort();
	return addr;
}

/* Less with every question, one by one. */
static struct datapath_hold ending(void)
{
	static const uint32_t steps[][3] = {{5, 5, 0}, {5, 5, 0}, {0, 5, 2}, {0, 0, 2}, {0, 0, 0}};
	static size_t asked;
	const uint32_t *step = steps[asked < 4 ? asked++ : 4];

	return (struct datapath_hold){
		.state = SHUNT_DEST_DRAIN, .slots = step[0], .anchors = step[1], .entries = step[2], .ends_in = 3600};
}

bool datapath_dest_hold(struct datapath *dp, const char *service, const struct shunt_addr *backend,
			struct datapath_hold *out)
{
	char text[SHUNT_ADDR_TEXT];

	(void)dp;
	addr_format(backend, text);
	for (size_t i = 0; i < HOLDS; i++) {
		if (strcmp(holds[i].service, service) == 0 && strcmp(holds[i].address, text) == 0) {
			*out = holds[i].hold;
			out->addr = *backend;
			return true;
		}
	}
	if (strcmp(text, FAKE_ENDING) != 0)
		return false;
	*out = ending();
	out->addr = *backend;
	return true;
}

size_t datapath_holds(struct datapath *dp, const char *service, struct datapath_hold *out, size_t max)
{
	size_t count = 0;

	(void)dp;
	for (size_t i = 0; i < HOLDS; i++) {
		if (strcmp(holds[i].service, service) != 0)
			continue;
		if (count < max) {
			out[count] = holds[i].hold;
			out[count].addr = address_of(&holds[i]);
		}
		count++;
	}
	return count;
}

void datapath_table(const struct datapath *dp, struct datapath_table *out)
{
	(void)dp;
	*out = (struct datapath_table){126, 524288, fake_unswept ? 0 : 33, 12};
}
