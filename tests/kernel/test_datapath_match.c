/* SPDX-License-Identifier: GPL-2.0 */
/* datapath.c and VIPs of several ports or addresses, with the real program as the judge. */
#include <linux/bpf.h>

#include "datapath_traffic.h"

/* Which of its backends a service sends to, or -1: the program passes the packet. */
static int sent_to(const struct fixture *f, const char *addr, uint16_t port)
{
	uint8_t in[64], out[256];
	struct shunt_addr to;
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in), .data_out = out,
			    .data_size_out = sizeof(out));

	assert_int_equal(addr_parse(addr, &to), 0);
	make_packet(in, &to, 1024);
	in[36] = port >> 8;
	in[37] = (uint8_t)port;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.shunt_xdp), &run), 0);
	assert_int_not_equal(run.retval, XDP_DROP);
	return run.retval == XDP_PASS ? -1 : out[33];
}

static void set_vip(struct model_service *s, size_t index, const char *text)
{
	assert_int_equal(vip_parse(text, &s->vips[index]), 0);
}

/* Services that send everything to one backend each, 10.0.0.1, 10.0.0.2 and so on, with these VIPs. */
static struct model *model_with(const char *const (*vips)[2], size_t services)
{
	struct model *m = fixture_model(services);
	char name[] = "a";

	for (size_t i = 0; i < services; i++, name[0]++) {
		struct model_service *s = &m->services[i];
		uint32_t *ring;

		fixture_service(s, name, 5, vips[i][1] ? 2 : 1, 1);
		for (size_t v = 0; v < s->vip_count; v++)
			set_vip(s, v, vips[i][v]);
		fixture_dest(&s->dests[0], 1 + i);
		s->dests[0].addr = fixture_addr(1 + i, false);
		ring = fixture_ring(s);
		for (uint32_t slot = 0; slot < s->ring_size; slot++)
			ring[slot] = 0;
	}
	return m;
}

static const char *const three[][2] = {
	{"192.0.2.0/24:*/tcp", NULL},
	{"192.0.2.10:80/tcp", "192.0.2.0/24:8000-8999/tcp"},
	{"192.0.2.10:8000-8010/tcp", "[2001:db8::/64]:*/udp"},
};

static void judge_three(const struct fixture *f)
{
	static const struct {
		const char *addr;
		uint16_t port;
		int backend;
	} rows[] = {
		{"192.0.2.10", 80, 2},	 {"192.0.2.11", 80, 1},	  {"192.0.2.10", 81, 1},  {"192.0.2.10", 8000, 3},
		{"192.0.2.10", 8010, 3}, {"192.0.2.10", 8011, 2}, {"192.0.2.9", 8000, 2}, {"192.0.2.255", 9000, 1},
		{"192.0.3.0", 9000, -1}, {"192.0.1.255", 80, -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("  %s port %u\n", rows[i].addr, rows[i].port);
		assert_int_equal(sent_to(f, rows[i].addr, rows[i].port), rows[i].backend);
	}
}

static void the_most_specific_gets_it(void **state)
{
	struct model *m = model_with(three, 3), *none = fixture_model(0);
	struct datapath_usage usage;
	struct datapath *dp;
	struct fixture f;
	uint32_t half;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	judge_three(&f);
	datapath_usage(dp, &usage);
	assert_int_equal(usage.vips, 5);
	assert_int_equal(usage.vips_max, 16);
	assert_int_equal(usage.prefixes, 3);
	assert_int_equal(usage.prefixes_max, 8);
	assert_int_equal(usage.port_ranges, 3 + 4 + 1);
	assert_int_equal(usage.port_ranges_max, 40);
	datapath_close(dp);

	/* Another daemon knows what is there and has nothing to change. */
	half = f.control->vip_half;
	opens(&dp, &f);
	datapath_usage(dp, &usage);
	assert_int_equal(usage.vips, 5);
	assert_int_equal(usage.prefixes, 3);
	applies(dp, m);
	assert_int_equal(f.control->vip_half, half);
	judge_three(&f);
	applies(dp, none);
	assert_int_equal(sent_to(&f, "192.0.2.10", 80), -1);
	assert_int_equal(sent_to(&f, "192.0.2.10", 8000), -1);
	datapath_usage(dp, &usage);
	assert_int_equal(usage.vips + usage.prefixes + usage.port_ranges, 0);
	model_free(none);
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

/* What alone differs is a range, or to whom it leads. */
static void every_difference_is_written(void **state)
{
	static const char *const vips[][2] = {{"192.0.2.0/24:10-20/tcp", NULL}, {"192.0.2.0/24:30-40/tcp", NULL}};
	struct model *m = model_with(vips, 2);
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	assert_int_equal(sent_to(&f, "192.0.2.1", 20), 1);
	assert_int_equal(sent_to(&f, "192.0.2.1", 21), -1);
	set_vip(&m->services[0], 0, "192.0.2.0/24:10-21/tcp");
	applies(dp, m);
	assert_int_equal(sent_to(&f, "192.0.2.1", 21), 1);
	set_vip(&m->services[0], 0, "192.0.2.0/24:30-40/tcp");
	set_vip(&m->services[1], 0, "192.0.2.0/24:10-21/tcp");
	applies(dp, m);
	assert_int_equal(sent_to(&f, "192.0.2.1", 21), 2);
	assert_int_equal(sent_to(&f, "192.0.2.1", 30), 1);
	set_vip(&m->services[1], 0, "192.0.2.0/23:10-21/tcp");
	applies(dp, m);
	assert_int_equal(sent_to(&f, "192.0.3.1", 21), 2);
	set_vip(&m->services[0], 0, "192.0.2.0/24:30-40/tcp");
	set_vip(&m->services[1], 0, "192.0.2.0/24:10-21/tcp");
	applies(dp, m);
	set_vip(&m->services[0], 0, "192.0.8.0/24:30-40/tcp");
	set_vip(&m->services[1], 0, "192.0.8.0/24:10-21/tcp");
	applies(dp, m);
	assert_int_equal(sent_to(&f, "192.0.2.1", 30), -1);
	assert_int_equal(sent_to(&f, "192.0.8.1", 30), 1);
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

static void is_refused(struct fixture *f, struct datapath *dp, struct model *m, const char *where)
{
	uint64_t generation = f->control->generation;
	struct shunt_err err = {0};

	assert_int_equal(datapath_apply(dp, m, &err), -ENOSPC);
	assert_string_equal(err.where, where);
	assert_non_null(strstr(err.what, "raise the limit"));
	assert_true(f->control->generation == generation);
	judge_three(f);
}

static void shortage_is_named(void **state)
{
	struct model *m = model_with(three, 3), *many = model_with(three, 1);
	struct model_service *s = &many->services[0];
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	free(s->vips);
	s->vip_count = 9;
	s->vips = xcalloc(s->vip_count, sizeof(*s->vips));
	for (uint32_t i = 0; i < 9; i++)
		s->vips[i] = (struct config_vip){
			.addr = fixture_addr(256 * i, false), .port = 1, .proto = IPPROTO_TCP, .len = 24};
	is_refused(&f, dp, many, "limits.prefixes");
	s->vip_count = 8;
	applies(dp, many);
	applies(dp, m);
	for (uint32_t i = 0; i < 8; i++) /* each has its own and those of the prefixes around it */
		s->vips[i] = (struct config_vip){.addr = fixture_addr(0, false),
						 .port = 10 * (1 + i),
						 .last = 10 * (1 + i) + 1,
						 .proto = IPPROTO_TCP,
						 .len = 20 + i};
	s->vips[7].len = 26; /* 1 + 2 + ... + 7 and 8: 36 */
	applies(dp, many);
	applies(dp, m);
	free(s->vips);
	s->vips = xcalloc(16, sizeof(*s->vips));
	s->vip_count = 16;
	for (uint32_t i = 0; i < 16; i++)
		s->vips[i] = (struct config_vip){
			.addr = fixture_addr(0, false), .port = 10 * (1 + i), .proto = IPPROTO_TCP, .len = 20 + i % 8};
	is_refused(&f, dp, many, "limits.port_ranges");
	model_free(m);
	model_free(many);
	datapath_close(dp);
	fixture_close(&f);
}

/* While its VIP takes one form after the other, beside others that come and go, a service loses no packet. */
static void changes_are_whole(void **state)
{
	static const char *const forms[] = {"10.2.2.2:80/tcp",	  "10.2.2.2:70-90/tcp",	   "10.2.2.2:*/tcp",
					    "10.2.2.0/24:80/tcp", "10.2.0.0/16:80-81/tcp", "10.0.0.0/8:*/tcp"};
	static const char *const others[] = {"10.2.2.1:80/tcp",	  "10.2.2.2:81/tcp",	 "10.2.2.2:*/udp",
					     "10.2.2.3:1-99/tcp", "10.2.2.128/25:*/tcp", "[2001:db8::/64]:80/tcp"};
	struct traffic t = {};
	struct datapath *dp;
	struct fixture f;
	pthread_t thread;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	t.f = &f;
	assert_int_equal(addr_parse("10.2.2.2", &t.to), 0);
	for (int i = 0; i < 120; i++) {
		const char *const vips[][2] = {{forms[random() % 6], NULL}, {others[random() % 6], NULL}};
		struct model *m = model_with(vips, 1 + random() % 2);

		applies(dp, m);
		model_free(m);
		if (!i)
			assert_int_equal(pthread_create(&thread, NULL, run_traffic, &t), 0);
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_true(t.sent > 0);
	assert_int_equal(t.forwarded, t.sent);
	datapath_close(dp);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_gets_it),
		cmocka_unit_test(every_difference_is_written),
		cmocka_unit_test(shortage_is_named),
		cmocka_unit_test(changes_are_whole),
	};

	return cmocka_run_group_tests_name("datapath_match", tests, NULL, NULL);
}
