/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP probes: an echo request and its reply. All go through one socket for each family, opened when it is first needed: a raw socket
 * is shown every echo reply that the host receives, so a socket for each probe would cost the square of their number.
 *
 * Where net.ipv4.ping_group_range allows it (it governs IPv6, too) the sockets are the kernel's ping sockets, which need no privilege;
 * there the kernel writes the id and sorts replies by it. Else they are raw ones, with CAP_NET_RAW. A reply is a probe's if it
 * comes from where the request went and has its id, its sequence number and its token; what else arrives is not looked at.
 */
#include "health_probe.h" /* first: <net/if.h> must come before what <linux/icmp.h> includes */

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/icmp.h>

#include "../lib/xalloc.h"

#define SEQUENCES 65536
#define PACKET_MAX 2048
#define RECEIVE_ROOM (8 << 20)

/* The same for both families but for the types. */
struct echo {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t id, sequence; /* both are nobody's but ours: in whichever byte order */
	uint64_t token[2];
};
_Static_assert(sizeof(struct echo) == sizeof(struct icmphdr) + 16, "an ICMP header and a payload");

struct icmp_socket {
	uv_poll_t poll;
	struct probe_icmp_pool *pool;
	int fd;
	bool is_v6, is_raw;
};

struct probe_icmp {
	struct probe probe;
	struct probe_icmp_pool *pool;
	struct sockaddr_storage to;
	struct echo request;
};

struct probe_icmp_pool {
	uv_loop_t *loop;
	struct icmp_socket *sockets[2]; /* IPv4, IPv6; NULL: not open */
	uint16_t id;
	uint16_t next;				   /* sequence number */
	struct probe_icmp *by_sequence[SEQUENCES]; /* in flight */
};

/* ---- what comes back ---- */

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;

	if (a->ss_family != b->ss_family)
		return false;
	return a->ss_family == AF_INET6 ? !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr))
					: a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

static struct probe_icmp *probe_of(const struct icmp_socket *sock, const struct sockaddr_storage *from,
				   const struct echo *reply)
{
	struct probe_icmp *icmp = sock->pool->by_sequence[reply->sequence];

	if (reply->type != (sock->is_v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) || reply->code)
		return NULL;
	if (!icmp || !same_host(&icmp->to, from) || (sock->is_raw && reply->id != icmp->request.id))
		return NULL;
	return memcmp(reply->token, icmp->request.token, sizeof(reply->token)) ? NULL : icmp;
}

static void readable_cb(uv_poll_t *poll, int status, int events)
{
	const struct icmp_socket *sock = poll->data;
	const bool has_header = sock->is_raw && !sock->is_v6;
	struct probe_result result;
	struct sockaddr_storage from;
	uint8_t packet[PACKET_MAX];
	struct probe_icmp *icmp;
	struct echo reply;

	(void)status, (void)events;
	/* Closed in the middle of it: a probe that ends may be the last. */
	while (!uv_is_closing((uv_handle_t *)poll)) {
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(sock->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
		size_t skip = has_header && len > 0 ? (packet[0] & 0x0f) * 4 : 0;

		if (len < 0)
			return;
		if ((size_t)len < skip + sizeof(reply))
			continue;
		memcpy(&reply, packet + skip, sizeof(reply));
		icmp = probe_of(sock, &from, &reply);
		if (!icmp)
			continue;
		probe_result_set(&result, PROBE_PASS, "echo reply");
		probe_finish(&icmp->probe, &result);
	}
}

/* ---- the sockets ---- */

/* Raw sockets: only echo replies, of all that the host is sent. */
static void filter_replies(int fd, bool is_v6)
{
	const struct icmp_filter filter4 = {.data = ~(1u << ICMP_ECHOREPLY)};
	struct icmp6_filter filter6;

	ICMP6_FILTER_SETBLOCKALL(&filter6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
	if (is_v6)
		setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6));
	else
		setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter4, sizeof(filter4));
}

/* Replies of thousands of targets, while the daemon is busy with something else. Without CAP_NET_ADMIN net.core.rmem_max limits it. */
static void make_room(int fd)
{
	const int room = RECEIVE_ROOM;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

/* A descriptor, or -1 with *result. */
static int open_socket(bool is_v6, bool *is_raw, struct probe_result *result)
{
	/* For the roads of all: each request is sent on its own. */
	const struct probe_road any = {.to.family = is_v6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4};
	int protocol = is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int fd = probe_socket(&any, SOCK_DGRAM, protocol);

	*is_raw = fd == -EACCES;
	if (*is_raw)
		fd = probe_socket(&any, SOCK_RAW, protocol);
	if (fd == -EPERM)
		probe_result_set(
			result, PROBE_UNKNOWN,
			"ping: not permitted; expected CAP_NET_RAW, or this group in net.ipv4.ping_group_range");
	else if (fd < 0)
		probe_result_errno(result, "socket", -fd);
	if (fd < 0)
		return -1;
	if (*is_raw)
		filter_replies(fd, is_v6);
	make_room(fd);
	return fd;
}

static void socket_closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

static struct icmp_socket *socket_of(struct probe_icmp_pool *pool, const struct probe_road *road,
				     struct probe_result *result)
{
	bool is_v6 = road->to.family == SHUNT_FAMILY_IPV6, is_raw;
	struct icmp_socket *sock = pool->sockets[is_v6];
	int fd, ret;

	if (sock)
		return sock;
	fd = open_socket(is_v6, &is_raw, result);
	if (fd < 0)
		return NULL;
	sock = xcalloc(1, sizeof(*sock));
	*sock = (struct icmp_socket){.pool = pool, .fd = fd, .is_v6 = is_v6, .is_raw = is_raw};
	ret = uv_poll_init(pool->loop, &sock->poll, fd);
	if (ret) {
		probe_result_set(result, PROBE_UNKNOWN, "poll: %s", uv_strerror(ret));
		close(fd);
		free(sock);
		return NULL;
	}
	sock->poll.data = sock;
	uv_poll_start(&sock->poll, UV_READABLE, readable_cb);
	pool->sockets[is_v6] = sock;
	return sock;
}

/* ---- one probe ---- */

static void icmp_cancel(struct probe *probe)
{
	struct probe_icmp *icmp = (struct probe_icmp *)probe;

	icmp->pool->by_sequence[icmp->request.sequence] = NULL;
	free(icmp);
}

/* A sequence number that no probe in flight has; those of late replies come last. False: all are taken. */
static bool take_sequence(struct probe_icmp_pool *pool, uint16_t *sequence)
{
	for (unsigned int tries = 0; tries < SEQUENCES; tries++) {
		*sequence = pool->next++;
		if (!pool->by_sequence[*sequence])
			return true;
	}
	return false;
}

/* RFC 1071. The kernel does it itself for IPv6, and for ping sockets. */
static uint16_t checksum(const struct echo *echo)
{
	uint16_t words[sizeof(*echo) / 2];
	uint32_t sum = 0;

	memcpy(words, echo, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static bool make_request(struct probe_icmp_pool *pool, bool is_v6, struct echo *request, struct probe_result *result)
{
	*request = (struct echo){.type = is_v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .id = pool->id};
	if (!probe_random(request->token, sizeof(request->token)))
		probe_result_set(result, PROBE_UNKNOWN, "ping: no random numbers yet");
	else if (!take_sequence(pool, &request->sequence))
		probe_result_set(result, PROBE_UNKNOWN, "ping: %d echo requests wait for a reply already", SEQUENCES);
	else
		return true;
	return false;
}

static struct cmsghdr *add_option(struct msghdr *msg, struct cmsghdr *at, int level, int type, const void *value,
				  size_t len)
{
	at->cmsg_level = level;
	at->cmsg_type = type;
	at->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(at), value, len);
	msg->msg_controllen += CMSG_SPACE(len);
	return (struct cmsghdr *)((char *)at + CMSG_SPACE(len));
}

/* What other probes' sockets are told, this one is told with each request. */
static ssize_t send_request(const struct icmp_socket *sock, const struct probe_road *road, struct probe_icmp *icmp)
{
	struct iovec iov = {&icmp->request, sizeof(icmp->request)};
	char options[CMSG_SPACE(sizeof(road->mark)) + CMSG_SPACE(sizeof(struct in6_pktinfo))]
		__attribute__((aligned(__alignof__(struct cmsghdr)))) = {0};
	struct msghdr msg = {.msg_name = &icmp->to,
			     .msg_namelen = addr_to_sockaddr(&road->to, 0, &icmp->to),
			     .msg_iov = &iov,
			     .msg_iovlen = 1};
	struct cmsghdr *at = (struct cmsghdr *)options;
	struct in_pktinfo source4 = {.ipi_spec_dst.s_addr = road->from.word[0]};
	struct in6_pktinfo source6 = {0};

	memcpy(&source6.ipi6_addr, road->from.word, sizeof(source6.ipi6_addr));
	if (road->mark)
		at = add_option(&msg, at, SOL_SOCKET, SO_MARK, &road->mark, sizeof(road->mark));
	if (road->from.family == SHUNT_FAMILY_IPV6)
		add_option(&msg, at, IPPROTO_IPV6, IPV6_PKTINFO, &source6, sizeof(source6));
	else if (road->from.family)
		add_option(&msg, at, IPPROTO_IP, IP_PKTINFO, &source4, sizeof(source4));
	msg.msg_control = msg.msg_controllen ? options : NULL;
	return sendmsg(sock->fd, &msg, 0);
}

struct probe *probe_icmp_start(struct probers *probers, const struct probe_target *target,
			       const struct probe_caller *caller, struct probe_result *result)
{
	struct probe_icmp_pool *pool = probers->icmp;
	struct icmp_socket *sock = socket_of(pool, &target->road, result);
	struct probe_icmp *icmp;
	struct echo request;

	if (!sock || !make_request(pool, sock->is_v6, &request, result))
		return NULL;
	request.checksum = sock->is_v6 ? 0 : checksum(&request);
	icmp = xcalloc(1, sizeof(*icmp));
	icmp->probe = (struct probe){.cancel = icmp_cancel, .caller = *caller};
	icmp->pool = pool;
	icmp->request = request;
	if (send_request(sock, &target->road, icmp) < 0) {
		probe_result_errno(result, "send", errno);
		free(icmp);
		return NULL;
	}
	pool->by_sequence[request.sequence] = icmp;
	return &icmp->probe;
}

/* ---- the pool ---- */

struct probe_icmp_pool *probe_icmp_open(uv_loop_t *loop)
{
	struct probe_icmp_pool *pool = xcalloc(1, sizeof(*pool));

	pool->loop = loop;
	if (!probe_random(&pool->id, sizeof(pool->id)))
		pool->id = getpid();
	return pool;
}

void probe_icmp_close(struct probe_icmp_pool *pool)
{
	for (int i = 0; i < 2; i++) {
		if (!pool->sockets[i])
			continue;
		close(pool->sockets[i]->fd);
		uv_close((uv_handle_t *)&pool->sockets[i]->poll, socket_closed_cb);
	}
	free(pool);
}
