/* SPDX-License-Identifier: GPL-2.0 */
/* Values of rtnetlink attributes. False: not of that size; the value is then left as it was. */
#ifndef SHUNT_NEXTHOP_ATTR_H
#define SHUNT_NEXTHOP_ATTR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>

static inline bool attr_u32(const struct nlattr *attr, uint32_t *out)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return false;
	*out = mnl_attr_get_u32(attr);
	return true;
}

static inline bool attr_mac(const struct nlattr *attr, uint8_t mac[6])
{
	if (mnl_attr_get_payload_len(attr) != 6)
		return false;
	memcpy(mac, mnl_attr_get_payload(attr), 6);
	return true;
}

static inline bool attr_u8(const struct nlattr *attr, uint8_t *out)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return false;
	*out = mnl_attr_get_u8(attr);
	return true;
}

static inline bool attr_u16(const struct nlattr *attr, uint16_t *out)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return false;
	*out = mnl_attr_get_u16(attr);
	return true;
}

/* Text of any length, cut to what fits. */
static inline void attr_text(const struct nlattr *attr, char *out, size_t size)
{
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return;
	strncpy(out, mnl_attr_get_str(attr), size - 1);
	out[size - 1] = 0;
}

#endif
