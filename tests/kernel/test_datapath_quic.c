/* SPDX-License-Identifier: GPL-2.0 */
/* QUIC server ids in the running kernel's maps, judged by where the real program sends packets. Root, nothing
 * attached. */
#include <errno.h>
#include <pthread.h>

#include "datapath_fixture.h"

enum { FRAME = 80, FROM = 4000 };

/* A UDP packet for port 443 of an address with a short header: configuration 0, these two octets, a nonce. */
static void make_packet(uint8_t frame[FRAME], const struct shunt_addr *to, uint8_t first, uint8_t second)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 66, 0, 0, 0, 0, 64, 17};
	static const uint8_t udp[] = {FROM >> 8, FROM & 255, 443 >> 8, 443 & 255, 0, 46, 0, 0};
	const uint8_t quic[] = {0x40, 0x05, first, second, 9, 9, 9, 9};

	memset(frame, 0, FRAME);
	memcpy(frame, head, sizeof(head));
	memcpy(frame + 26, "\xc0\x00\x02\x01", 4);
	memcpy(frame + 30, &to->word[0], 4);
	memcpy(frame + 34, udp, sizeof(udp));
	memcpy(frame + 42, quic, sizeof(quic));
}

/* The last octet of the outer IPv4 destination, which fixture_dest() took from its number; 0: not forwarded. */
static int sent_to(const struct fixture *f, const struct shunt_addr *to, uint8_t first, uint8_t second)
{
	uint8_t in[FRAME], out[256];
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in), .data_out = out,
			    .data_size_out = sizeof(out));

	make_packet(in, to, first, second);
	if (bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.shunt_xdp), &run) ||
	    (run.retval != XDP_TX && run.retval != XDP_REDIRECT))
		return 0;
	return out[33];
}

/* Service "q": backends 1, 2 and 4, all slots of the ring to 4, which has no id; 1 and 2 have the ids given, of len
 * octets. */
static struct model *model_of_ids(const struct shunt_addr *vip, uint8_t len, const uint8_t id1[2], const uint8_t id2[2])
{
	struct model *m = fixture_model(1);
	struct model_service *s = &m->services[0];
	const uint8_t *ids[] = {id1, id2};
	uint32_t *ring;

	fixture_service(s, "q", 13, 1, 3);
	s->vips[0] = fixture_vip(*vip, 443, IPPROTO_UDP);
	s->quic = len;
	for (int i = 0; i < 3; i++)
		fixture_dest(&s->dests[i], 1 << i);
	for (int i = 0; i < 2; i++) {
		s->dests[i].server_ids = xcalloc(1, sizeof(*s->dests[i].server_ids));
		s->dests[i].server_id_count = 1;
		s->dests[i].server_ids[0].len = len;
		memcpy(s->dests[i].server_ids[0].byte, ids[i], len);
	}
	ring = fixture_ring(s);
	for (uint32_t i = 0; i < s->ring_size; i++)
		ring[i] = 2;
	return m;
}

static const uint8_t one[2] = {1, 1}, two[2] = {2, 2}, swapped1[2] = {2, 2}, swapped2[2] = {1, 1};

static void choices_are(struct datapath *dp, uint64_t followed, uint64_t unroutable, uint64_t unavailable)
{
	uint64_t choices[SHUNT_QUIC_CHOICE_COUNT];

	assert_true(datapath_quic_choices(dp, "q", choices));
	assert_int_equal(choices[SHUNT_QUIC_followed], followed);
	assert_int_equal(choices[SHUNT_QUIC_opening], 0);
	assert_int_equal(choices[SHUNT_QUIC_unroutable], unroutable);
	assert_int_equal(choices[SHUNT_QUIC_unavailable], unavailable);
}

/* A backend drains, fails, comes back, goes away, and another takes over its destination's id. */
static void packets_follow_backends_that_are_there(void **state)
{
	struct shunt_addr vip = fixture_addr(0x20202, false);
	struct model *m = model_of_ids(&vip, 2, one, two), *none = fixture_model(0);
	struct model_service *s = &m->services[0];
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	assert_int_equal(sent_to(&f, &vip, 1, 1), 1);
	assert_int_equal(sent_to(&f, &vip, 2, 2), 2);
	assert_int_equal(sent_to(&f, &vip, 1, 2), 4);
	choices_are(dp, 2, 1, 0);
	s->dests[0].state = BACKEND_DRAIN;
	applies(dp, m);
	assert_int_equal(sent_to(&f, &vip, 1, 1), 1);
	s->dests[0].state = BACKEND_DOWN;
	applies(dp, m);
	assert_int_equal(sent_to(&f, &vip, 1, 1), 4);
	choices_are(dp, 3, 1, 1);
	s->dests[0].state = BACKEND_UP;
	applies(dp, m);
	assert_int_equal(sent_to(&f, &vip, 1, 1), 1);
	/* another address, without ids, in the place of the first */
	s->dests[0].server_id_count = 0;
	fixture_dest(&s->dests[0], 8);
	applies(dp, m);
	applies(dp, m);
	assert_int_equal(sent_to(&f, &vip, 1, 1), 4);
	assert_int_equal(sent_to(&f, &vip, 2, 2), 2);
	/* no QUIC any more, then no service: what it counted is not the next one's */
	s->quic = 0;
	s->dests[1].server_id_count = 0;
	applies(dp, m);
	rests(dp);
	fixture_judge(&f, m);
	assert_int_equal(sent_to(&f, &vip, 2, 2), 4);
	choices_are(dp, 5, 2, 1);
	applies(dp, none);
	applies(dp, m);
	choices_are(dp, 0, 0, 0);
	model_free(m);
	model_free(none);
	datapath_close(dp);
	fixture_close(&f);
}

struct traffic {
	const struct fixture *f;
	struct shunt_addr to;
	bool stop; /* atomic */
	uint64_t to_backend[256];
};

static void *run_traffic(void *arg)
{
	struct traffic *t = arg;

	while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE))
		t->to_backend[sent_to(t->f, &t->to, 1, 1)]++;
	return NULL;
}

/* Configuration 0 changes between ids of one octet and of two, and the ids change hands: the octets 1 1 name backend
 * 1 before and 2 after. A packet that met the length of one with the ids of the other would go to 4. */
static void packets_see_a_change_whole(void **state)
{
	struct traffic t = {.to = fixture_addr(0x20202, false)};
	struct model *models[] = {model_of_ids(&t.to, 1, one, two), model_of_ids(&t.to, 2, swapped1, swapped2)};
	struct datapath *dp;
	struct fixture f;
	pthread_t thread;
	uint64_t total = 0;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, models[0]);
	t.f = &f;
	assert_int_equal(pthread_create(&thread, NULL, run_traffic, &t), 0);
	for (int i = 1; i <= 200; i++) {
		applies(dp, models[i % 2]);
		rests(dp);
		fixture_judge(&f, models[i % 2]);
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	for (int i = 0; i < 256; i++)
		total += t.to_backend[i];
	print_message("%llu packets, %llu to one, %llu to the other\n", (unsigned long long)total,
		      (unsigned long long)t.to_backend[1], (unsigned long long)t.to_backend[2]);
	assert_true(t.to_backend[1] > 0 && t.to_backend[2] > 0);
	assert_int_equal(t.to_backend[1] + t.to_backend[2], total);
	model_free(models[0]);
	model_free(models[1]);
	datapath_close(dp);
	fixture_close(&f);
}

static void too_many_ids_are_refused(void **state)
{
	struct model *m = model_of(1, 13, 1, 41);
	struct shunt_err err = {0};
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	for (size_t i = 0; i < 41; i++) {
		m->services[0].dests[i].server_ids = xcalloc(1, sizeof(struct config_server_id));
		m->services[0].dests[i].server_ids[0] = (struct config_server_id){1, {i}};
		m->services[0].dests[i].server_id_count = 1;
	}
	m->services[0].quic = 1;
	assert_int_equal(datapath_apply(dp, m, &err), -ENOSPC);
	assert_string_equal(err.where, "limits.quic_ids");
	m->services[0].dests[0].server_id_count = 0;
	applies(dp, m);
	fixture_judge(&f, m);
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_follow_backends_that_are_there),
		cmocka_unit_test(packets_see_a_change_whole),
		cmocka_unit_test(too_many_ids_are_refused),
	};

	return cmocka_run_group_tests_name("datapath_quic", tests, NULL, NULL);
}
