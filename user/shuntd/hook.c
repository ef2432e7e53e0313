/* SPDX-License-Identifier: GPL-2.0 */
#include "hook.h"

struct probe *hook_start(struct probers *probers, const struct hook_what *what, const struct probe_caller *caller,
			 struct probe_result *result)
{
	const struct config_check check = {
		.type = what->hook->url ? CONFIG_CHECK_HTTP : CONFIG_CHECK_EXEC,
		.verify = true,
		.expect_min = 200,
		.expect_max = 299,
		.command = what->hook->command,
	};
	const struct probe_target target = {
		.service = what->service,
		.check = &check,
		.pool = what->pool,
		.action = what->action,
		.url = what->hook->url,
		.method = what->hook->method,
	};

	return probe_start(probers, &target, caller, result);
}
