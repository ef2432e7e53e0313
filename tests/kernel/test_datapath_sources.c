/* SPDX-License-Identifier: GPL-2.0 */
/* datapath_sources.c against the running kernel: large lists, and what packets see while they change. */
#include <stdatomic.h>
#include <time.h>

#include "datapath_traffic.h"

#define PREFIXES 100000u
#define ALWAYS_DENIED 0xc6336407u /* 198.51.100.7 */
#define ALWAYS_SERVED 0xc6336408u

/* So many /32 from here, denied, and one more that every list has. */
static const struct config_sources *list_of(uint32_t from, uint32_t count)
{
	struct config_sources *list = xcalloc(1, sizeof(*list) + count * sizeof(list->rules[0]));

	list->holders = 1;
	list->count = list->counts[CONFIG_SOURCE_DENY] = count;
	for (uint32_t i = 0; i < count; i++) {
		struct shunt_prefix prefix = {{.word = {htonl(from + i)}, .family = SHUNT_FAMILY_IPV4}, 32};

		if (i == count - 1)
			prefix.addr.word[0] = htonl(ALWAYS_DENIED);
		list->rules[i] = (struct config_source_rule){prefix, CONFIG_SOURCE_DENY, 0};
	}
	return list;
}

static struct model *model_with(const struct config_sources *sources)
{
	struct model *m = model_of(1, 13, 1, 1);

	m->services[0].sources = sources;
	memset(fixture_ring(&m->services[0]), 0, 13 * sizeof(uint32_t));
	return m;
}

static uint32_t action_for(const struct fixture *f, uint32_t source)
{
	struct udp_frame frame = udp_from(source);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &frame, .data_size_in = sizeof(frame));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.shunt_xdp), &opts), 0);
	return opts.retval;
}

struct watcher {
	const struct fixture *f;
	atomic_bool stop;
	unsigned long runs, wrong;
};

static void *watch(void *arg)
{
	struct watcher *w = arg;

	for (; !w->stop; w->runs++) {
		w->wrong += action_for(w->f, ALWAYS_DENIED) != XDP_DROP;
		w->wrong += action_for(w->f, ALWAYS_SERVED) == XDP_DROP;
	}
	return NULL;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Who is in both lists is denied while one takes the other's place, and who is in neither is served. */
static void lists_change_whole(void **state)
{
	struct model *models[2] = {model_with(list_of(0x0b000000, PREFIXES)),
				   model_with(list_of(0x0c000000, PREFIXES))};
	struct watcher w = {NULL};
	struct datapath *dp;
	struct fixture f;
	pthread_t thread;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	w.f = &f;
	applies(dp, models[0]);
	fixture_judge(&f, models[0]);
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	for (int i = 1; i <= 4; i++) {
		double from = seconds();

		applies(dp, models[i % 2]);
		print_message("%u prefixes in the place of as many others: %.2f s\n", PREFIXES, seconds() - from);
		assert_int_equal(action_for(&f, 0x0b000005) == XDP_DROP, i % 2 == 0);
		assert_int_equal(action_for(&f, 0x0c000005) == XDP_DROP, i % 2 == 1);
	}
	w.stop = true;
	pthread_join(thread, NULL);
	assert_true(w.runs > 0);
	assert_int_equal(w.wrong, 0);
	fixture_judge(&f, models[0]);
	for (int i = 0; i < 2; i++)
		model_free(models[i]);
	datapath_close(dp);
	fixture_close(&f);
}

/* Another daemon finds the lists of the one before it, writes its own, and frees what nobody needs. */
static void another_daemon_takes_over(void **state)
{
	struct model *some = model_with(list_of(0x0b000000, 5)), *none = model_of(1, 13, 1, 1);
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (int i = 0; i < 3; i++) {
		opens(&dp, &f);
		applies(dp, some);
		fixture_judge(&f, some);
		applies(dp, some);
		fixture_judge(&f, some);
		datapath_close(dp);
	}
	opens(&dp, &f);
	applies(dp, none);
	rests(dp);
	fixture_judge(&f, none);
	datapath_close(dp);
	model_free(some);
	model_free(none);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_change_whole),
		cmocka_unit_test(another_daemon_takes_over),
	};

	return cmocka_run_group_tests_name("datapath_sources", tests, NULL, NULL);
}
