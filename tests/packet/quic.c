/* SPDX-License-Identifier: GPL-2.0 */
/* QUIC services in the packet table (quic_rows.py): their VIPs, the table of server ids, how each packet's backend
 * was chosen. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "../../user/shuntd/quictable.h"
#include "packet.h"

static const char *const choice_names[] = {
#define X(name, text) #name,
	SHUNT_QUIC_CHOICES(X)
#undef X
};

void quic_size_maps(struct fixture *f)
{
	bpf_map__set_max_entries(f->skel->maps.shunt_quic, 2 * QUIC_SLOTS);
	bpf_map__set_max_entries(f->skel->maps.shunt_qstat, QUIC_SERVICES);
}

void quic_open(struct fixture *f)
{
	size_t len = 2 * QUIC_SLOTS * sizeof(*f->quic);

	f->quic = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(f->skel->maps.shunt_quic), 0);
	if (f->quic == MAP_FAILED)
		die("shunt_quic");
	f->control->quic_slots = QUIC_SLOTS;
}

/* "PORT SERVICE ID:LENGTH[,...]": the UDP VIPs of this port are a QUIC service's. */
void quic_add_service(struct fixture *f, const char *line)
{
	unsigned int port, service, id, len, lengths = 0;
	char configs[64], *rest = configs, *spec;

	if (sscanf(line, "%u %u %63s", &port, &service, configs) != 3 || service >= QUIC_SERVICES)
		die(line);
	while ((spec = strsep(&rest, ","))) {
		if (sscanf(spec, "%u:%u", &id, &len) != 2 || id >= SHUNT_QUIC_CONFIGS)
			die(line);
		lengths |= len << (4 * id);
	}
	for (uint32_t i = 0; i < f->vip_count; i++) {
		struct shunt_vip *vip = &f->vip[i];

		if (vip->port != htons(port) || vip->proto != IPPROTO_UDP)
			continue;
		vip->flags |= SHUNT_VIP_SPECIAL | SHUNT_VIP_QUIC;
		vip->service = service;
		vip->quic = lengths;
	}
}

/* "SERVICE SERVER_ID DEST" */
void quic_add_id(struct fixture *f, const char *line)
{
	struct config_server_id id;
	unsigned int service, dest;
	char text[64];

	if (sscanf(line, "%u %63s %u", &service, text, &dest) != 3 || config_server_id_parse(text, &id) ||
	    f->quic_id_count == QUIC_SLOTS / 2)
		die(line);
	f->quic_id[f->quic_id_count++] = quictable_entry(&id, service, dest);
}

/* Where a lookup for another service begins: an id of this one, as a chain of others might have put it there. */
static void place_decoys(const struct fixture *f, struct shunt_quic_id *table)
{
	for (size_t i = 0; i < f->quic_id_count; i++) {
		const struct shunt_quic_id *id = &f->quic_id[i];

		for (uint32_t service = 0; service < QUIC_SERVICES; service++) {
			struct shunt_quic_id *at = &table[shunt_vip_slot(
				id->word[0], id->word[1], service, f->control->quic_multiplier[0], QUIC_SLOTS - 1)];

			if (!at->dest && service != id->service)
				*at = *id;
		}
	}
}

/* The half that goes with that of the VIPs; the other one says other things, all of them wrong. */
void quic_place(struct fixture *f, uint32_t half)
{
	struct shunt_quic_id *table = f->quic + half * QUIC_SLOTS, *other = f->quic + !half * QUIC_SLOTS;
	uint64_t multiplier;

	if (quictable_build(table, QUIC_SLOTS, f->quic_id, f->quic_id_count, &multiplier))
		die("more server ids than the table can place: raise QUIC_SLOTS");
	f->control->quic_multiplier[0] = f->control->quic_multiplier[1] = multiplier;
	place_decoys(f, table);
	memcpy(other, table, QUIC_SLOTS * sizeof(*other));
	for (uint32_t i = 0; i < QUIC_SLOTS; i++)
		if (other[i].dest)
			other[i].dest = 1;
	for (uint32_t i = 0; i < f->vip_count; i++)
		if (f->vip[i].flags & SHUNT_VIP_QUIC)
			f->vip[i].quic = (f->vip[i].quic & ~SHUNT_QUIC_HALF) | half * SHUNT_QUIC_HALF;
}

void quic_read(const struct fixture *f, uint64_t choice[SHUNT_QUIC_CHOICE_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_quic_counter values[cpus];

	memset(choice, 0, SHUNT_QUIC_CHOICE_COUNT * sizeof(*choice));
	for (uint32_t service = 0; service < QUIC_SERVICES; service++) {
		if (bpf_map_lookup_elem(bpf_map__fd(f->skel->maps.shunt_qstat), &service, values))
			die("shunt_qstat");
		for (int cpu = 0; cpu < cpus; cpu++)
			for (int i = 0; i < SHUNT_QUIC_CHOICE_COUNT; i++)
				choice[i] += values[cpu].packets[i];
	}
}

bool quic_check(const struct row *row, const uint64_t *before, const uint64_t *after)
{
	for (int i = 0; i < SHUNT_QUIC_CHOICE_COUNT; i++) {
		bool expected = row->quic && !strcmp(row->quic, choice_names[i]);

		if (after[i] - before[i] != expected)
			return complain(row, "choice %s moved by %llu; expected %s", choice_names[i],
					(unsigned long long)(after[i] - before[i]), row->quic ? row->quic : "none");
	}
	return true;
}
