/* SPDX-License-Identifier: GPL-2.0 */
#include "yaml_scalar.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum yaml_scalar_kind yaml_scalar_kind(const char *text)
{
	const char *digits = text[0] == '-' ? text + 1 : text;

	if (!text[0] || !strcmp(text, "~") || !strcmp(text, "null"))
		return YAML_SCALAR_NULL;
	if (!strcmp(text, "true"))
		return YAML_SCALAR_TRUE;
	if (!strcmp(text, "false"))
		return YAML_SCALAR_FALSE;
	if (!digits[0] || digits[strspn(digits, "0123456789")] || (digits[0] == '0' && digits[1]))
		return YAML_SCALAR_STRING;
	return YAML_SCALAR_INTEGER;
}

bool yaml_scalar_is_ambiguous(const char *text)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
	char *end;

	if (yaml_scalar_kind(text) != YAML_SCALAR_STRING)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	if (!text[strspn(text, "0123456789:_+-")]) /* sexagesimal integers of YAML 1.1 (a MAC address), dates, octal */
		return true;
	strtod(text, &end); /* decimal and hexadecimal numbers, infinities */
	return !*end;
}
