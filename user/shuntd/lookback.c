// SPDX-License-Identifier: GPL-2.0
#include "lookback.h"

#include <string.h>

void lookback_add(struct lookback *l, uint64_t total)
{
	if (total < l->total[0])
		l->looks = 0;
	memmove(l->total + 1, l->total, (LOOKBACK_LOOKS - 1) * sizeof(l->total[0]));
	l->total[0] = total;
	l->looks += l->looks < LOOKBACK_LOOKS;
}

uint64_t lookback_growth(const struct lookback *l, uint64_t total, bool *is_minute)
{
	*is_minute = l && l->looks == LOOKBACK_LOOKS && total >= l->total[0];
	return *is_minute ? total - l->total[LOOKBACK_LOOKS - 1] : total;
}
