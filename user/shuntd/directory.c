/* SPDX-License-Identifier: GPL-2.0 */
#include "directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "shunt/hash.h"

static void index_init(struct directory_index *index, uint32_t ids)
{
	uint32_t heads = 1;

	while (heads < ids)
		heads <<= 1;
	index->mask = heads - 1;
	index->head = xcalloc(heads, sizeof(*index->head));
	index->next = xcalloc(ids, sizeof(*index->next));
}

static void index_clear(struct directory_index *index)
{
	memset(index->head, 0xff, ((size_t)index->mask + 1) * sizeof(*index->head)); /* DIRECTORY_NONE */
}

static void index_add(struct directory_index *index, uint64_t hash, uint32_t id)
{
	uint32_t *head = &index->head[hash & index->mask];

	index->next[id] = *head;
	*head = id;
}

static void index_release(struct directory_index *index)
{
	free(index->head);
	free(index->next);
}

/* owner: as in the entry. */
static uint64_t hash_name(uint32_t owner, const char *name)
{
	uint64_t hash = owner;

	for (size_t i = 0; i < SHUNT_NAME_MAX && name[i]; i++)
		hash = shunt_mix64(hash ^ (uint8_t)name[i]);
	return hash;
}

static uint64_t hash_dest(uint32_t service, const __be32 addr[4])
{
	uint64_t word[2];

	memcpy(word, addr, sizeof(word));
	return shunt_mix64(shunt_mix64(word[0] ^ service) ^ word[1]);
}

void directory_init(struct directory *dir, const struct shunt_service_entry *services, uint32_t service_max,
		    const struct shunt_dest_entry *dests, uint32_t dest_max)
{
	dir->services = services;
	dir->service_max = service_max;
	dir->dests = dests;
	dir->dest_max = dest_max;
	index_init(&dir->by_name, service_max);
	index_init(&dir->by_addr, dest_max);
	index_init(&dir->rings_of, service_max);
	index_init(&dir->dests_of, dest_max);
}

void directory_release(struct directory *dir)
{
	index_release(&dir->by_name);
	index_release(&dir->by_addr);
	index_release(&dir->rings_of);
	index_release(&dir->dests_of);
}

bool directory_service_used(const struct directory *dir, uint32_t id)
{
	return dir->services[id].name[0] != '\0';
}

bool directory_dest_used(const struct directory *dir, uint32_t id)
{
	return dir->dests[id].family != 0;
}

int directory_check(const struct directory *dir, uint32_t ring_slots, struct shunt_err *err)
{
	for (uint32_t id = 0; id < dir->service_max; id++) {
		const struct shunt_service_entry *entry = &dir->services[id];

		if (!directory_service_used(dir, id))
			continue;
		if (!memchr(entry->name, '\0', sizeof(entry->name)) || entry->owner > dir->service_max ||
		    !entry->ring_size || (uint64_t)entry->ring_base + entry->ring_size > ring_slots)
			return shunt_fail(err, EPROTO, "shunt_svcdir",
					  "entry %u is damaged (ring slots %u+%u of %u, owner %u of %u); `shunt "
					  "detach`, which stops forwarding, and a start make the maps anew",
					  id, entry->ring_base, entry->ring_size, ring_slots, entry->owner,
					  dir->service_max);
	}
	for (uint32_t id = 0; id < dir->dest_max; id++)
		if (directory_dest_used(dir, id) && (!id || dir->dests[id].ring >= dir->service_max))
			return shunt_fail(err, EPROTO, "shunt_dstdir",
					  "entry %u is damaged (ring %u of %u); `shunt detach`, which stops "
					  "forwarding, and a start make the maps anew",
					  id, dir->dests[id].ring, dir->service_max);
	return 0;
}

/* From the last id on, so that chains begin with the first. */
static void reindex_services(struct directory *dir)
{
	index_clear(&dir->rings_of);
	index_clear(&dir->dests_of);
	for (uint32_t id = dir->service_max; id-- > 0;)
		if (directory_service_used(dir, id))
			index_add(&dir->rings_of, directory_service_of(dir, id), id);
	for (uint32_t id = dir->dest_max; id-- > 0;)
		if (directory_dest_used(dir, id) && directory_service_used(dir, dir->dests[id].ring))
			index_add(&dir->dests_of, directory_service_of(dir, dir->dests[id].ring), id);
}

void directory_reindex(struct directory *dir)
{
	index_clear(&dir->by_name);
	index_clear(&dir->by_addr);
	for (uint32_t id = 0; id < dir->service_max; id++) {
		const struct shunt_service_entry *entry = &dir->services[id];

		if (directory_service_used(dir, id) && (!entry->owner || directory_service_used(dir, entry->owner - 1)))
			index_add(&dir->by_name, hash_name(entry->owner, entry->name), id);
	}
	for (uint32_t id = 0; id < dir->dest_max; id++) {
		const struct shunt_dest_entry *entry = &dir->dests[id];

		if (directory_dest_used(dir, id) && directory_service_used(dir, entry->ring))
			index_add(&dir->by_addr, hash_dest(directory_service_of(dir, entry->ring), entry->addr), id);
	}
	reindex_services(dir);
}

uint32_t directory_ring_after(const struct directory *dir, uint32_t service, uint32_t after)
{
	const struct directory_index *index = &dir->rings_of;
	uint32_t id = after == DIRECTORY_NONE ? index->head[service & index->mask] : index->next[after];

	while (id != DIRECTORY_NONE && directory_service_of(dir, id) != service)
		id = index->next[id];
	return id;
}

uint32_t directory_dest_after(const struct directory *dir, uint32_t service, uint32_t after)
{
	const struct directory_index *index = &dir->dests_of;
	uint32_t id = after == DIRECTORY_NONE ? index->head[service & index->mask] : index->next[after];

	while (id != DIRECTORY_NONE && directory_service_of(dir, dir->dests[id].ring) != service)
		id = index->next[id];
	return id;
}

static uint32_t find_name(const struct directory *dir, uint32_t owner, const char *name)
{
	uint32_t id = dir->by_name.head[hash_name(owner, name) & dir->by_name.mask];

	while (id != DIRECTORY_NONE &&
	       (dir->services[id].owner != owner || strncmp(dir->services[id].name, name, SHUNT_NAME_MAX)))
		id = dir->by_name.next[id];
	return id;
}

uint32_t directory_service(const struct directory *dir, const char *name)
{
	return find_name(dir, 0, name);
}

uint32_t directory_pool(const struct directory *dir, uint32_t service, const char *pool)
{
	return find_name(dir, service + 1, pool);
}

uint32_t directory_service_of(const struct directory *dir, uint32_t ring)
{
	return dir->services[ring].owner ? dir->services[ring].owner - 1 : ring;
}

/* From id on in its chain. */
static uint32_t find_dest(const struct directory *dir, uint32_t id, uint32_t service, const __be32 addr[4],
			  uint8_t family)
{
	for (; id != DIRECTORY_NONE; id = dir->by_addr.next[id]) {
		const struct shunt_dest_entry *entry = &dir->dests[id];

		if (directory_service_of(dir, entry->ring) == service && entry->family == family &&
		    !memcmp(entry->addr, addr, sizeof(entry->addr)))
			break;
	}
	return id;
}

uint32_t directory_dest_first(const struct directory *dir, uint32_t service, const struct shunt_addr *addr)
{
	uint32_t head = dir->by_addr.head[hash_dest(service, addr->word) & dir->by_addr.mask];

	return find_dest(dir, head, service, addr->word, addr->family);
}

uint32_t directory_dest_next(const struct directory *dir, uint32_t id)
{
	const struct shunt_dest_entry *entry = &dir->dests[id];

	return find_dest(dir, dir->by_addr.next[id], directory_service_of(dir, entry->ring), entry->addr,
			 entry->family);
}

uint32_t directory_dest(const struct directory *dir, uint32_t ring, const struct shunt_addr *addr)
{
	uint32_t id = directory_dest_first(dir, directory_service_of(dir, ring), addr);

	while (id != DIRECTORY_NONE && dir->dests[id].ring != ring)
		id = directory_dest_next(dir, id);
	return id;
}
