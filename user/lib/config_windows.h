/* SPDX-License-Identifier: GPL-2.0 */
/* The words of a schedule's windows. */
#ifndef SHUNT_CONFIG_WINDOWS_H
#define SHUNT_CONFIG_WINDOWS_H

#include "config_demand.h"

/* -EINVAL: not one. */
int config_window_parse(const char *text, struct config_window *window);
#define CONFIG_WINDOW_TEXT 64
const char *config_window_format(const struct config_window *window, char buf[CONFIG_WINDOW_TEXT]);

#endif
