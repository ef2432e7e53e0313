/* SPDX-License-Identifier: GPL-2.0 */
/* Log lines to stderr, one per event: level, then text. With a journal as stderr (JOURNAL_STREAM set) each
 * line is prefixed with "<N>" for its priority; else with a UTC time. */
#ifndef SHUNT_LOG_H
#define SHUNT_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level); /* default INFO */
__attribute__((format(printf, 2, 3))) void log_at(enum log_level level, const char *fmt, ...);

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
