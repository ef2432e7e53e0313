/* SPDX-License-Identifier: GPL-2.0 */
/* What came out, as tables in Markdown. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "sim.h"

/* Add a run's result to the sum of its case's. */
void report_add(struct sim_result *sum, const struct sim_result *run);

void report_head(FILE *out);
void report_row(FILE *out, const struct sim_case *c, const struct sim_result *sum);

/* Of all runs by the rules: what is told apart, and how much of the work was done. */
void report_apart(FILE *out, const struct sim_result *sum);

/* Losses that these rules promise not to have. */
uint64_t report_broken(const struct sim_result *sum);

#endif
