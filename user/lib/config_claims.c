/* SPDX-License-Identifier: GPL-2.0 */
#include "config_claims.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

static bool is_name_claim(const struct config_claim *claim)
{
	return !claim->vip.proto;
}

/* Names first; of equal ones the order of the parts, so that what is said does not depend on the sorting. */
static int compare_claims(const void *a, const void *b)
{
	const struct config_claim *x = a, *y = b;
	int order = (int)is_name_claim(y) - (int)is_name_claim(x);

	if (!order)
		order = is_name_claim(x) ? strcmp(x->service, y->service) : vip_compare(&x->vip, &y->vip);
	return order ? order : (x->part < y->part ? -1 : x->part > y->part);
}

static size_t collect(const json_t *services, const size_t *part_of, struct config_claim **out)
{
	struct config_claim *claims = NULL;
	size_t count = 0, i, j;
	json_t *service, *vip;

	json_array_foreach (services, i, service) {
		const char *name = json_string_value(json_object_get(service, "name"));
		const json_t *vips = json_object_get(service, "vips");

		if (!name)
			continue;
		claims = xreallocarray(claims, count + 1 + json_array_size(vips), sizeof(*claims));
		claims[count++] = (struct config_claim){.service = name, .part = part_of[i], .value = service};
		json_array_foreach (vips, j, vip) {
			struct config_claim claim = {.service = name, .part = part_of[i], .value = vip};

			if (json_is_string(vip) && !vip_parse(json_string_value(vip), &claim.vip))
				claims[count++] = claim;
		}
	}
	*out = claims;
	return count;
}

static bool same(const struct config_claim *a, const struct config_claim *b)
{
	if (is_name_claim(a) || is_name_claim(b))
		return is_name_claim(a) == is_name_claim(b) && !strcmp(a->service, b->service);
	return vip_conflict(&a->vip, &b->vip);
}

/* As in config_check.c: who overlaps any of its layer overlaps the one that has reached furthest. */
bool config_claims_conflict(const json_t *services, const size_t *part_of, struct config_claim pair[2])
{
	struct config_claim *claims;
	size_t count = collect(services, part_of, &claims);
	bool found = false;

	if (count)
		qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 1, furthest = 0; i < count && !found; i++) {
		const struct config_claim *a = &claims[furthest], *b = &claims[i];

		found = a->part != b->part && same(a, b);
		if (found) {
			pair[0] = a->part < b->part ? *a : *b;
			pair[1] = a->part < b->part ? *b : *a;
		}
		if (is_name_claim(b) || !vip_same_layer(&a->vip, &b->vip) || vip_last(&b->vip) > vip_last(&a->vip))
			furthest = i;
	}
	free(claims);
	return found;
}

bool config_claims_held(const struct config *present, const char *file, const struct config_claim *other)
{
	for (size_t i = 0; present && i < present->service_count; i++) {
		const struct config_service *service = &present->services[i];

		if (strcmp(service->file, file))
			continue;
		if (is_name_claim(other) && !strcmp(service->name, other->service))
			return true;
		for (size_t j = 0; !is_name_claim(other) && j < service->vip_count; j++)
			if (vip_conflict(&service->vips[j], &other->vip))
				return true;
	}
	return false;
}
