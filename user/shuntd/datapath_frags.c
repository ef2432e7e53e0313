/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Forgetting where fragments went. The program remembers destinations for seconds; in that time an id may be freed and given to
 * another backend, even of another service. So entries that name what is no longer in the model go before its id is free: the
 * rest of those datagrams is lost, as their first fragments are with the backend that was taken away.
 *
 * Backends go seldom, so the table is mapped only then. The program may overwrite an entry at the same time, with one that names
 * a destination that stays: hence compare-and-swap.
 */
#include <errno.h>
#include <sys/mman.h>

#include "datapath_priv.h"

static void forget(__u64 *entry, const struct datapath *dp, const bool *gone)
{
	__u64 word = __atomic_load_n(entry, __ATOMIC_RELAXED);
	uint32_t dest = shunt_frag_dest(word);

	if (dest && (dest >= dp->control->destinations || gone[dest]))
		__atomic_compare_exchange_n(entry, &word, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

int datapath_forget_fragments(struct datapath *dp, const bool *gone)
{
	size_t bytes = dp->control->fragment_buckets * sizeof(struct shunt_bucket);
	struct shunt_bucket *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, dp->fds.frags, 0);

	if (table == MAP_FAILED)
		return -errno;
	for (uint32_t i = 0; i < dp->control->fragment_buckets; i++)
		for (int j = 0; j < SHUNT_CONN_WAYS; j++)
			forget(&table[i].entry[j], dp, gone);
	munmap(table, bytes);
	return 0;
}
