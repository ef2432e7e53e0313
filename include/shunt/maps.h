/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps' formats: what the XDP program and the daemon agree on. Every key and value is declared here, once.
 *
 * Fields typed __be16/__be32 hold network byte order, all others host order. All maps are arrays, pinned by the
 * daemon under its pin directory and named as in bpf/maps.h. A change of any size or meaning here is a new
 * SHUNT_FORMAT; a daemon takes over pins of the format before (user/shuntd/migrate.h), and refuses others rather than guess.
 *
 * Words: see docs/design.md. A *service* is a named set of VIPs that share backends; a *destination* is one
 * backend of one service, as the program knows it.
 */
#ifndef SHUNT_MAPS_H
#define SHUNT_MAPS_H

#include <linux/types.h>

#define SHUNT_FORMAT 2u
#define SHUNT_MAGIC 0x746e756873ull /* "shunt" */

#define SHUNT_FAMILY_IPV4 4
#define SHUNT_FAMILY_IPV6 6

/* shunt_control: one entry. The program reads vip_half, both multipliers, vip_spans[], span_slots, range_slots, icmp_rate, quic_slots and
 * conn_expiry; the rest is the daemon's memory. */
struct shunt_control {
	__u64 magic;		 /* SHUNT_MAGIC; 0 while the maps are being set up */
	__u32 format;		 /* SHUNT_FORMAT */
	__u32 vip_half;		 /* 0 or 1: which half of shunt_vips is in force */
	__u64 vip_multiplier[2]; /* per half: of shunt_vip_slot(), chosen so that no probe is too long */
	__u32 vip_spans[2];	 /* per half: spans in use; 0: what shunt_vips does not have is no VIP's */
	__u64 seed;		 /* cluster seed: flow hash keys and rings derive from it; fixed for the maps' life */
	__u64 generation;	 /* commits to the maps so far */
	__u32 vip_slots;	 /* entries in one half of shunt_vips, a power of two */
	__u32 ring_slots;	 /* entries of shunt_rings */
	__u32 destinations;	 /* entries of shunt_dests, shunt_dstat, shunt_dstdir; at most 2^20 */
	__u32 services;		 /* entries of shunt_svcdir */
	__u32 conn_buckets;	 /* entries of shunt_conns, a power of two */
	__u32 icmp_rate;	 /* ICMP errors to clients, a second and CPU; 0: none */
	__u32 span_slots;	 /* entries in one half of shunt_spans */
	__u32 range_slots;	 /* entries in one half of shunt_ranges */
	__u32 vip_ranges[2];	 /* per half: ranges in use */
	__u32 vip_count[2];	 /* per half: VIPs */
	__u32 vip_prefixes[2];	 /* per half: the different prefixes and addresses that the spans are made of */
	__u32 sources;		 /* entries of shunt_sources */
	__u32 fragment_buckets;	 /* entries of shunt_frags, a power of two */
	__u32 quic_slots;	 /* entries in one half of shunt_quic (quic.h), a power of two */
	__u32 conn_expiry; /* ticks (SHUNT_CONN_TICK_SHIFT) without a packet after which no service's connection is kept */
	__u64 quic_multiplier[2]; /* per half, as vip_multiplier */
	__u64 alive;		  /* s of CLOCK_REALTIME when the daemon last said so, once a second; 0: never */
};
_Static_assert(sizeof(struct shunt_control) == 152, "shunt_control");
_Static_assert(__builtin_offsetof(struct shunt_control, vip_spans) < 64,
	       "all that every packet reads is in one cache line");

/*
 * shunt_vips: a flat open-addressing hash table, two halves of vip_slots entries; half h starts at h * vip_slots.
 * The daemon builds the idle half whole and then flips vip_half, so a reader sees all of a change or none.
 * Lookup: from shunt_vip_slot(), linear, at most SHUNT_VIP_PROBES entries, ends at family 0 (empty).
 *
 * Beside the VIPs there is one entry for each of their addresses, with port 0 and the protocol of the family's ICMP. It says
 * that the address is a VIP's, and in flags what ICMP to it may expect; it has no service and no ring.
 *
 * VIPs with several ports or addresses are in shunt_spans and shunt_ranges, which name an entry of shunt_vips: one for each of their
 * services, with port 0, protocol 0 and the service's index for an address, which no packet looks for.
 */
#define SHUNT_VIP_PROBES 16
#define SHUNT_VIP_ECHO 1u    /* flags: echo requests to the address are answered */
#define SHUNT_VIP_SPECIAL 2u /* the service has a say that the plain path does not know: the slow path chooses */
#define SHUNT_VIP_QUIC 4u    /* with SPECIAL: connection ids may name the backend */
/* 8, 16, 32: what is hashed, SHUNT_HASH_* (hash.h); with SPECIAL. */
#define SHUNT_VIP_SOURCES 64u /* not every source is served; with SPECIAL */
/* What becomes of UDP flows when slots move; neither: they stay with their backend until they have been quiet for long. */
#define SHUNT_VIP_UDP_REHASH 128u /* they go by the ring, always */
#define SHUNT_VIP_UDP_TRACK 256u  /* those that are in the table stay, others go by the ring */
#define SHUNT_VIP_PICKS 512u	  /* beginnings go by shunt_pick, not by the ring; its slots are DIRTY for life */
#define SHUNT_VIP_STICKY 1024u	  /* with SPECIAL and PICKS: the client's last choice first */

struct shunt_vip {
	__be32 addr[4]; /* IPv4 in addr[0], the rest 0 */
	__be16 port;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP; IPPROTO_ICMP or IPPROTO_ICMPV6 in an address's entry; 0 in a service's */
	__u8 family;	 /* SHUNT_FAMILY_*; 0: empty */
	__u32 service;	 /* index into shunt_svcdir */
	__u32 ring_base; /* first slot of the service's ring in shunt_rings */
	__u32 ring_size; /* its slots, M: a prime, fixed for the service's life */
	__u32 salt;	 /* hashed with every flow; from the service's name, so the same on every node */
	__u32 flags;	 /* SHUNT_VIP_* */
	__u32 sticky;	 /* with SHUNT_VIP_STICKY: ticks for which a client's new connections follow its last one */
	__u32 quic;	 /* with SHUNT_VIP_QUIC: how to read connection ids (quic.h) */
	__u32 hash_prefix; /* with SHUNT_HASH_SOURCE: bits of the source address that are hashed; IPv4: low 8 bits, IPv6: next 8 */
	__u32 sources; /* with SHUNT_VIP_SOURCES: the service's list in shunt_sources for IPv4; the next one is for IPv6 */
	__u64 hash; /* shunt_hash_vip() of the address and protocol; 0: to be computed (of several addresses; of daemons before 2026-11-22) */
};
_Static_assert(sizeof(struct shunt_vip) == 64, "shunt_vip is one cache line");

/*
 * shunt_spans, shunt_ranges: two halves of span_slots and range_slots entries; the halves in force are those of vip_half.
 * Addresses are one line, on which IPv4 is ::ffff:a.b.c.d. A span reaches to where the next one begins, the last to the end; before
 * the first one is nothing. Each names ranges of ports for TCP and for UDP, in order and without overlap: first[] from the half's
 * beginning, count[] of them. Spans may name the same ones. How VIPs become spans: user/lib/match.h.
 */
#define SHUNT_SPAN_TCP 0
#define SHUNT_SPAN_UDP 1
#define SHUNT_SPAN_NONE 0xffffffffu /* vip: no VIP has these addresses */
#define SHUNT_SPANS_MAX (1u << 21)  /* in a half: bounds the search */

struct shunt_span {
	__u64 high, low; /* the first address, host order */
	__u32 first[2];	 /* SHUNT_SPAN_TCP, SHUNT_SPAN_UDP */
	__u16 count[2];
	__u32 vip; /* entry in the half of shunt_vips whose flags say what ICMP to these addresses may expect */
};
_Static_assert(sizeof(struct shunt_span) == 32, "shunt_span");

struct shunt_range {
	__u16 first, last; /* ports, host order */
	__u32 vip;	   /* entry in the half of shunt_vips */
};
_Static_assert(sizeof(struct shunt_range) == 8, "shunt_range");

/*
 * shunt_sources: longest-prefix match of (list, source). A list, of one service and family, has an entry for all sources (prefix
 * length 0), so there always is a match. A list that a VIP in force names never changes: a service whose prefixes change gets another
 * one, and the flip of the VIPs' half puts it in force whole.
 */
struct shunt_source_key {
	__u32 prefix_len; /* of what follows, in bits: 32 for the list, and those of the address */
	__u32 list;	  /* from 1 */
	__be32 addr[4];	  /* IPv4 in addr[0], the rest 0 */
};
_Static_assert(sizeof(struct shunt_source_key) == 24, "shunt_source_key");

/* Its values. Allowed: to the service's ring. From SHUNT_SOURCE_RING on: to a ring of the same size, whose first slot in shunt_rings is the
 * value less SHUNT_SOURCE_RING. */
enum shunt_source_action { SHUNT_SOURCE_DENY, SHUNT_SOURCE_ALLOW, SHUNT_SOURCE_RING };

/*
 * shunt_rings: every service's ring, one 8-byte word a slot, written with single atomic stores,
 * compare-and-swap or atomic or. From the low bits: current:20, anchor:20, flags:4, filter:20.
 * current: destination of new connections; anchor: of connections without an entry in shunt_conns.
 * Destination 0 is never used: it says "none". A slot without DIRTY has current == anchor and no entries.
 * filter: a Bloom filter of one bit a tag; what is not in it has no entry. It only grows while the slot is DIRTY.
 * What the flags mean, and who may change what: conn_rules.h and anchor_rules.h.
 */
#define SHUNT_SLOT_DEST_BITS 20
#define SHUNT_SLOT_DEST_MASK ((1ull << SHUNT_SLOT_DEST_BITS) - 1)
#define SHUNT_SLOT_ANCHOR_SHIFT 20
#define SHUNT_SLOT_DIRTY (1ull << 40)	 /* connections may have entries */
#define SHUNT_SLOT_REANCHOR (1ull << 41) /* connections without an entry get one: the anchor is to follow current */
#define SHUNT_SLOT_FAIL (1ull << 42)	 /* set by the program: one could not, so the anchor must stay a while longer */
#define SHUNT_SLOT_PREP (1ull << 43)	 /* the slot will move in a moment: beginnings get entries */
#define SHUNT_SLOT_FILTER_SHIFT 44
#define SHUNT_SLOT_FILTER_BITS 20
#define SHUNT_SLOT_FILTER_MASK (((1ull << SHUNT_SLOT_FILTER_BITS) - 1) << SHUNT_SLOT_FILTER_SHIFT)

static inline __u32 shunt_slot_current(__u64 word)
{
	return word & SHUNT_SLOT_DEST_MASK;
}

static inline __u32 shunt_slot_anchor(__u64 word)
{
	return (word >> SHUNT_SLOT_ANCHOR_SHIFT) & SHUNT_SLOT_DEST_MASK;
}

/* A clean slot: the ring alone decides. */
static inline __u64 shunt_slot_clean(__u32 dest)
{
	return (__u64)dest | (__u64)dest << SHUNT_SLOT_ANCHOR_SHIFT;
}

/* A tag's bit of a slot's filter. The tags of one slot are consecutive. */
static inline __u64 shunt_slot_filter(__u32 tag)
{
	return 1ull << (SHUNT_SLOT_FILTER_SHIFT + ((__u64)(__u32)(tag * 0x9e3779b1u) * SHUNT_SLOT_FILTER_BITS >> 32));
}

/*
 * shunt_conns: buckets of eight 8-byte entries, one cache line each; where one is full, its neighbour (index ^ 1) takes the next. From
 * the low bits: tag:28, destination:20, state:2, time:14, in ticks of 2^30 ns (1.07 s) of CLOCK_MONOTONIC, modulo 2^14 (4.9 hours).
 *
 * All zero: never used. Destination 0 but not all zero: gone; the way is free, but there may be more behind it. A way that was used does not
 * become zero again while an entry of its bucket may be in the neighbour: so a zero ends every search.
 */
#ifndef SHUNT_CONN_WAYS /* tests that try every interleaving have fewer */
#define SHUNT_CONN_WAYS 8
#endif
#define SHUNT_CONN_TAG_BITS 28
#define SHUNT_CONN_TAG_MASK ((1u << SHUNT_CONN_TAG_BITS) - 1)
#define SHUNT_CONN_DEST_SHIFT 28
#define SHUNT_CONN_STATE_SHIFT 48
#define SHUNT_CONN_TIME_SHIFT 50
#define SHUNT_CONN_TIME_MASK ((1u << 14) - 1)
#define SHUNT_CONN_TICK_SHIFT 30
#define SHUNT_CONN_FUTURE 64u /* ticks: an entry that is so little ahead of this CPU's clock is of now */

enum shunt_conn_state {
	SHUNT_CONN_NEW,	    /* a beginning was seen, nothing else */
	SHUNT_CONN_EST,	    /* established */
	SHUNT_CONN_ANCH,    /* recorded in a window: with its slot's anchor of then */
	SHUNT_CONN_CLOSING, /* FIN or RST seen */
	SHUNT_CONN_STATES
};

/* Ticks that n seconds have at least. */
#define SHUNT_CONN_TICKS(n) \
	((__u32)(((n)*1000000000ull + (1ull << SHUNT_CONN_TICK_SHIFT) - 1) >> SHUNT_CONN_TICK_SHIFT))
/* The age, in ticks, from which an entry is stamped anew: not with every packet. */
#define SHUNT_CONN_REFRESH SHUNT_CONN_TICKS(15)
/* The age from which an entry may go. One more than was asked for, since the first tick is not a whole one; and what is not stamped with
 * every packet may be older than its connection was quiet. */
#define SHUNT_CONN_NEW_EVICT (SHUNT_CONN_TICKS(3) + 1) /* when there is no other room */
#define SHUNT_CONN_CLOSING_EVICT (SHUNT_CONN_TICKS(30) + SHUNT_CONN_REFRESH + 1)
#define SHUNT_CONN_NEW_EXPIRY (SHUNT_CONN_TICKS(60) + 1) /* in any case */
#define SHUNT_CONN_CLOSING_EXPIRY (SHUNT_CONN_TICKS(120) + SHUNT_CONN_REFRESH + 1)

/* Of established and anchored ones, with this idle timeout (s, at most SHUNT_IDLE_MAX). */
#define SHUNT_IDLE_MAX 14400
static inline __u32 shunt_conn_expiry(__u32 idle)
{
	return SHUNT_CONN_TICKS(idle) + SHUNT_CONN_REFRESH + 1;
}

static inline __u64 shunt_conn_entry(__u32 tag, __u32 dest, enum shunt_conn_state state, __u32 now)
{
	return (__u64)tag | (__u64)dest << SHUNT_CONN_DEST_SHIFT | (__u64)state << SHUNT_CONN_STATE_SHIFT |
	       (__u64)(now & SHUNT_CONN_TIME_MASK) << SHUNT_CONN_TIME_SHIFT;
}

/* A way whose entry has gone; never 0. */
static inline __u64 shunt_conn_gone(__u32 now)
{
	return shunt_conn_entry(0, 0, SHUNT_CONN_CLOSING, now);
}

static inline __u32 shunt_conn_tag(__u64 entry)
{
	return entry & SHUNT_CONN_TAG_MASK;
}

static inline __u32 shunt_conn_dest(__u64 entry)
{
	return (entry >> SHUNT_CONN_DEST_SHIFT) & SHUNT_SLOT_DEST_MASK;
}

static inline enum shunt_conn_state shunt_conn_state(__u64 entry)
{
	return (entry >> SHUNT_CONN_STATE_SHIFT) & 3;
}

/* In ticks. CPUs' clocks may differ by one. */
static inline __u32 shunt_conn_age(__u64 entry, __u32 now)
{
	__u32 age = (now - (__u32)(entry >> SHUNT_CONN_TIME_SHIFT)) & SHUNT_CONN_TIME_MASK;

	return age > SHUNT_CONN_TIME_MASK - SHUNT_CONN_FUTURE ? 0 : age;
}

struct shunt_bucket {
	__u64 entry[SHUNT_CONN_WAYS];
};
_Static_assert(SHUNT_CONN_WAYS != 8 || sizeof(struct shunt_bucket) == 64, "shunt_bucket is one cache line");
_Static_assert(SHUNT_CONN_TICKS(SHUNT_IDLE_MAX) + 64 < SHUNT_CONN_TIME_MASK - SHUNT_CONN_FUTURE, "ages do not wrap");

/* shunt_cstat, by service (not pool), per CPU: how packets used the table. */
#define SHUNT_CONN_COUNTS(X)                                                                            \
	X(dirty, "packets whose slot was dirty, ICMP errors left out: all others cost nothing of this") \
	X(looked, "of them, those that read the table")                                                 \
	X(inserted, "entries made")                                                                     \
	X(displaced, "of them, those in the place of an anchored one")                                  \
	X(refused, "entries that found no room; their slots wait for another window")

enum shunt_conn_count {
#define X(name, meaning) SHUNT_CONN_##name,
	SHUNT_CONN_COUNTS(X)
#undef X
		SHUNT_CONN_COUNT_MAX
};

struct shunt_conn_counter {
	__u64 packets[8]; /* by enum shunt_conn_count */
};
_Static_assert(sizeof(struct shunt_conn_counter) == 64 && SHUNT_CONN_COUNT_MAX <= 8, "shunt_conn_counter");

/*
 * How services choose that do not leave it to the ring. These maps are not pinned: a new program has new ones, which the daemon fills, and until
 * then beginnings go by the ring.
 *
 * pick_services, by service: a piece of pick_list, in which every destination that takes new connections is as often as its weight asks. One word,
 * so that it changes at once. pick_list: two halves; the daemon writes the idle one. pick_turns, by service, per CPU: how many have been picked.
 * pick_live, by destination: entries that name it; the program counts up and down, a sweep says how many there are.
 */
struct shunt_pick {
	__u32 first;	  /* in pick_list */
	__u32 count : 31; /* 0: by the ring */
	__u32 least : 1;  /* of two drawn at random the one with fewer connections; else in turn */
};
_Static_assert(sizeof(struct shunt_pick) == 8, "shunt_pick is one word");
#define SHUNT_PICKS_PER_DEST 32 /* entries of a half of pick_list, for each destination that there may be */

/*
 * shunt_frags: where the fragments of a datagram go, in buckets of the same kind. From the low bits: tag:28, destination:20,
 * used:1, time:15 (of the first fragment, in ticks of 2^28 ns, 0.27 s, modulo 2^15: 2.4 hours). All zero is empty.
 * Destination 0: the datagram is not for a VIP, though its address is one's; its fragments are passed on.
 */
#define SHUNT_FRAG_DEST_SHIFT 28
#define SHUNT_FRAG_USED (1ull << 48)
#define SHUNT_FRAG_TIME_SHIFT 49
#define SHUNT_FRAG_TIME_MASK ((1u << 15) - 1)
#define SHUNT_FRAG_TICK_SHIFT 28
#define SHUNT_FRAG_LIFE 56u /* ticks, 15 s: RFC 791's timer of reassembly */

static inline __u32 shunt_frag_dest(__u64 word)
{
	return (word >> SHUNT_FRAG_DEST_SHIFT) & SHUNT_SLOT_DEST_MASK;
}

/* shunt_dests, by destination id: all that a packet needs once its destination is known. */
enum shunt_dest_state {
	SHUNT_DEST_FREE,  /* not in use */
	SHUNT_DEST_UP,	  /* takes new connections */
	SHUNT_DEST_DRAIN, /* only those it has */
	SHUNT_DEST_DOWN,  /* its health checks fail: grace, in which it keeps those it has */
	SHUNT_DEST_DEAD,  /* gone: what it had is cut off */
};

/* What is put in front of the client's packet. */
enum shunt_encap {
	SHUNT_ENCAP_IP,	   /* IP in IP, whichever versions */
	SHUNT_ENCAP_GUE0,  /* UDP and a GUE header of variant 0 */
	SHUNT_ENCAP_GUE1,  /* UDP alone: GUE variant 1 */
	SHUNT_ENCAP_GRE,   /* GRE without options */
	SHUNT_ENCAP_L2DSR, /* nothing: only Ethernet's header is the template's */
};

#define SHUNT_HDR_MAX 80

struct shunt_dest {
	__u8 state;	   /* enum shunt_dest_state */
	__u8 outer_family; /* SHUNT_FAMILY_* of the outer header; of the backend's address where there is none */
	__u8 hdr_len;	   /* bytes of hdr in use: Ethernet, VLAN tags, outer IP header */
	__u8 l3_off;	   /* where in hdr the outer IP header begins, if any: 14, with tags 18 or 22 */
	__u32 ifindex;	   /* egress interface; 0: next hop not resolved */
	__u32 mtu;	   /* largest IP packet, bytes, that the egress takes, outer header included */
	__be32 src_mask;   /* bits of the outer source's last 32 that the flow's hash fills; 0 in the template */
	__u32 csum;	   /* one's complement sum of the template's IPv4 header, folded to 16 bits, not inverted */
	__u8 encap;	   /* enum shunt_encap */
	__u8 overhead;	   /* bytes that it adds to the IP packet */
	__be16 port;	   /* GUE: UDP destination port */
	__u8 hdr[SHUNT_HDR_MAX]; /* the template: addresses and constants; lengths, TOS, protocol, checksum 0 */
	__u32 ring_base;	 /* the ring that it is in; with ring_size, the slot that an entry's tag is of */
	__u32 ring_size;
	__u8 reserved[16];
};
_Static_assert(sizeof(struct shunt_dest) == 128, "shunt_dest is two cache lines");

/* shunt_dstat by destination id, shunt_rstat by enum shunt_reason; both per CPU. */
struct shunt_counter {
	__u64 packets;
	__u64 bytes; /* Ethernet frames as received, without FCS */
};

/*
 * shunt_icmp, one entry a CPU: the limit of ICMP errors to clients. A token bucket that holds a second's worth, kept as one
 * number: the time (ns, CLOCK_MONOTONIC) at which all tokens taken will have come back. In the past: the bucket is full.
 */
#define SHUNT_ICMP_BUCKET 1000000000ull /* ns that it takes to fill */

/*
 * event_ring: what the program tells the daemon, one struct shunt_event a record. Not pinned: a new program has a new one. When it is
 * full, what would be told is lost.
 */
#define SHUNT_EVENT_BYTES 65536 /* of the ring: a power of two and of pages */

enum shunt_event_kind {
	SHUNT_EVENT_PATH_MTU, /* an ICMP error says that outer packets from source to backend may have no more than mtu bytes */
	SHUNT_EVENT_WAKE, /* the backends of a ring are wanted, by source, and sleep */
};

struct shunt_event {
	__u32 kind;   /* enum shunt_event_kind */
	__u32 family; /* SHUNT_FAMILY_* of the addresses */
	__be32 source[4], backend[4];
	__u32 mtu; /* bytes of IP packet */
	__u32 ring_base;
};
_Static_assert(sizeof(struct shunt_event) == 48, "shunt_event");

/*
 * wake_rings: an entry for each ring of which backends are asleep, by its first slot; ns of CLOCK_MONOTONIC when the daemon was last told, 0: never. Looked at only
 * where a ring has nobody. Not pinned, as event_ring.
 */

/*
 * shunt_svcdir, shunt_dstdir: who the ids are. The program never reads them; a restarted daemon does. In shunt_svcdir there is an entry
 * for each ring: for a service, which has the name that it has, and for each of its pools that sources are sent to, which has the pool's.
 */
#define SHUNT_NAME_MAX 64 /* with the final NUL */

struct shunt_service_entry {
	char name[SHUNT_NAME_MAX]; /* empty: the id is free */
	__u32 ring_base;
	__u32 ring_size;
	__u32 salt;
	__u32 owner;	       /* 0: a service; else a pool of the service with the id less by one */
	__u64 retired_packets; /* forwarded to destinations that are gone, so that totals never fall */
	__u64 retired_bytes;
};
_Static_assert(sizeof(struct shunt_service_entry) == 96, "shunt_service_entry");

struct shunt_dest_entry {
	__be32 addr[4]; /* the backend's address; IPv4 in addr[0], the rest 0 */
	__u32 ring;	/* index into shunt_svcdir: of the service, or of its pool */
	__u8 family;	/* SHUNT_FAMILY_*; 0: the id is free */
	__u8 pad[3];
	__u64 since; /* when its state in shunt_dests came to be, s of CLOCK_MONOTONIC: drains and graces end by it */
};
_Static_assert(sizeof(struct shunt_dest_entry) == 32, "shunt_dest_entry");

#endif
