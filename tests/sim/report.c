/* SPDX-License-Identifier: GPL-2.0 */
#include "report.h"

static const char *const algorithms[] = {"these rules", "no state (Maglev)", "every flow, LRU",
					 "every flow, LRU, limiter"};
static const char *const floods[] = {"–", "SYN", "ACK", "SYN and ACK"};
static const char *const breaks[] = {"", ", without anchors", ", without FAIL", ", windows of 60 s",
				     ", windows forgotten"};

static void add_span(struct sim_span *sum, const struct sim_span *span)
{
	sum->count += span->count;
	sum->sum += span->sum;
	if (span->max > sum->max)
		sum->max = span->max;
}

void report_add(struct sim_result *sum, const struct sim_result *run)
{
	for (int i = 0; i < LOSS_COUNT; i++)
		sum->losses[i] += run->losses[i];
	for (int i = 0; i < SHUNT_CONN_COUNT_MAX; i++) {
		sum->counts[i] += run->counts[i];
		sum->flood_counts[i] += run->flood_counts[i];
	}
	sum->tcp_flows += run->tcp_flows;
	sum->udp_flows += run->udp_flows;
	sum->packets += run->packets;
	sum->flood_packets += run->flood_packets;
	sum->dirty += run->dirty;
	sum->read += run->read;
	sum->entries_sum += run->entries_sum;
	sum->samples += run->samples;
	if (run->entries_max > sum->entries_max)
		sum->entries_max = run->entries_max;
	add_span(&sum->slots_free, &run->slots_free);
	add_span(&sum->drain_over, &run->drain_over);
	sum->drains += run->drains;
	sum->drains_cut += run->drains_cut;
	sum->drains_cancelled += run->drains_cancelled;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

void report_head(FILE *out)
{
	fputs("| algorithm, entries | flood | handshakes lost | lost while wrongly reported down: in the grace, for "
	      "longer | "
	      "**established lost** | entries max / mean | packets in dirty slots, that read the table | refused, of "
	      "the "
	      "flood's | a drain's slots free after: mean / max | drains: over, by the deadline |\n"
	      "|---|---|---|---|---|---|---|---|---|---|\n",
	      out);
}

static const char *span_text(const struct sim_span *span, char *text, size_t size)
{
	if (span->count)
		snprintf(text, size, "%.0f / %.0f s", (double)span->sum / span->count / 1e3, span->max / 1e3);
	else
		snprintf(text, size, "–");
	return text;
}

void report_row(FILE *out, const struct sim_case *c, const struct sim_result *sum)
{
	char entries[32] = "", span[32];

	if (c->algorithm != SIM_RING)
		snprintf(entries, sizeof(entries), ", %uk", c->entries / 1024);
	fprintf(out, "| %s%s%s%s | %s | %lu | %lu, %lu | **%lu** | ", algorithms[c->algorithm], breaks[c->broken],
		entries, c->is_in_batches ? ", in batches" : "", floods[c->flood], sum->losses[LOSS_HANDSHAKE],
		sum->losses[LOSS_GRACE], sum->losses[LOSS_REPORTED], sum->losses[LOSS_ESTABLISHED]);
	fprintf(out, "%u / %.0f | %.1f %%, %.1f %% | ", sum->entries_max,
		(double)sum->entries_sum / (double)(sum->samples ? sum->samples : 1), percent(sum->dirty, sum->packets),
		percent(sum->read, sum->packets));
	if (c->algorithm == SIM_RULES)
		fprintf(out, "%lu, %lu | %s | %u, %u of %u |\n", sum->counts[SHUNT_CONN_refused],
			sum->flood_counts[SHUNT_CONN_refused], span_text(&sum->slots_free, span, sizeof(span)),
			sum->drain_over.count, sum->drains_cut, sum->drains - sum->drains_cancelled);
	else
		fputs("– | – | – |\n", out);
	fflush(out);
}

void report_apart(FILE *out, const struct sim_result *sum)
{
	static const char *const texts[] = {
#define X(name, text) text,
		SIM_LOSSES(X)
#undef X
	};

	fprintf(out,
		"\nBy these rules, in all runs together: %lu TCP and %lu UDP flows, %lu packets, %lu of floods.\n\n"
		"| flows that came to another backend | |\n|---|---|\n",
		sum->tcp_flows, sum->udp_flows, sum->packets, sum->flood_packets);
	for (int i = 0; i < LOSS_COUNT; i++)
		fprintf(out, "| %s | %lu |\n", texts[i], sum->losses[i]);
}

uint64_t report_broken(const struct sim_result *sum)
{
	return sum->losses[LOSS_ESTABLISHED] + sum->losses[LOSS_HANDSHAKE] + sum->losses[LOSS_GRACE] +
	       sum->losses[LOSS_ICMP];
}
