# SPDX-License-Identifier: GPL-2.0
"""What conn_rows.py is written in: the fixture, the ways in which a packet of a flow may come, and sequences of lines for the runner:

  service PORT NUMBER              the VIPs of this port are of this service: its connections are counted there
  conn sequence NAME               the table is emptied, rings are clean, destinations up; NAME has failed if a line of it does
  conn flow FRAME RING SERVICE     a plain frame of the flow, its ring, and its service ("-": not looked at)
  conn slot CURRENT ANCHOR FLAGS FILTER    the flow's slot. FLAGS: letters of DRFP (dirty, reanchor, fail, prep); FILTER: none, own, all
  conn others CURRENT ANCHOR FLAGS FILTER  the slot of other flows of the same bucket
  conn dest ID STATE               up, drain, down, dead or free
  conn way AT WHOSE STATE DEST AGE         a way of the flow's two buckets, 0 to 15, is own's or other's; AGE in ticks; or: AT gone
  conn row ROW                     as in rows.py
  conn then FLAGS FILTER CHANGES COUNTS OTHERS     what the row has left: the slot's flags and filter; ways that have changed, as
                                   AT:STATE:DEST with the time of now, or AT:gone; counts of dirty,looked,inserted,displaced,refused;
                                   the flags of the others' slot
"""
from functools import cache

import rows
from rows import CLIENT4, CLIENT6, SRC4, SRC6, VIP4, VIP6, ether, forwarded
from scapy.all import IP, TCP, UDP, Dot1AD, Dot1Q, IPOption_NOP, IPv6, Raw, fragment, fragment6
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrFragment

RING, CURRENT, ANCHOR, OWN, OTHER = 40, 41, 42, 43, 44
rows.DESTS.update({
    RING: ("up", "10.0.2.40", 1, 9000, SRC4 + "/32"),
    CURRENT: ("up", "10.0.2.41", 1, 9000, SRC4 + "/32"),
    ANCHOR: ("up", "fd00:2::42", 7, 9000, SRC6 + "/128", "8100:42"),
    OWN: ("up", "10.0.2.43", 7, 9000, SRC4 + "/32"),
    OTHER: ("up", "10.0.2.44", 1, 9000, SRC4 + "/32"),
})
SPECIAL, NO_SOURCE_PORT, SOURCE, DESTINATION_PORT, SOURCES, REHASH, TRACK = 2, 8, 16, 32, 64, 128, 256
KEEP_PORT, REHASH_PORT, TRACK_PORT, LIST_PORT, QUIC_PORT, QUIC_REHASH_PORT = 600, 601, 602, 603, 604, 605
# port: service, flags, prefix length, list of sources
SERVICES = {
    KEEP_PORT: (20, 0, 0, 0), REHASH_PORT: (21, REHASH, 0, 0), TRACK_PORT: (22, TRACK, 0, 0),
    LIST_PORT: (23, SPECIAL | SOURCES, 0, 20), QUIC_PORT: (8, 0, 0, 0), QUIC_REHASH_PORT: (9, REHASH, 0, 0),
    610: (24, SPECIAL | SOURCE, 24, 0), 611: (25, SPECIAL | NO_SOURCE_PORT, 0, 0), 612: (26, SPECIAL | DESTINATION_PORT, 0, 0),
    613: (27, SPECIAL | SOURCE | REHASH, 24, 0), 614: (28, SPECIAL | SOURCE | TRACK, 24, 0),
}
RANGE4, RANGE6 = "198.18.64.9", "2001:db8:18:64::9"
TAGS = {None: None, "one": Dot1Q(vlan=5), "two": Dot1AD(vlan=300) / Dot1Q(vlan=5)}

made = []  # by rows.row


def row(_, frame, action, out, counter, free=""):
    made.append(f"{bytes(frame).hex()}|{action}|{'-' if out == '-' else bytes(out).hex()}|{counter}|{free}")


rows.row = row


def fixture():
    for ident in (RING, CURRENT, ANCHOR, OWN, OTHER):
        print(rows.dest_line(ident))
    for rule in ("20 allow 0.0.0.0/0", "19 allow ::/0", "20 deny 10.0.0.0/8"):
        print(f"source {rule}")
    for port, (service, flags, length, sources) in SERVICES.items():
        for proto in ("tcp", "udp"):
            print(f"vip {VIP4} {port} {proto} {RING} {flags} {length} {sources}")
            print(f"vip {VIP6} {port} {proto} {RING} {flags} {length} {sources and sources - 1}")
        print(f"service {port} {service}")
    for proto in ("tcp", "udp"):
        for prefix in ("198.18.64.0/24", "[2001:db8:18:64::/64]"):
            print(f"match {prefix}:{KEEP_PORT}/{proto} {RING} 0")
    for port in (QUIC_PORT, QUIC_REHASH_PORT):
        print(f"quic {port} {SERVICES[port][0]} 0:1")
        print(f"quic_id {SERVICES[port][0]} 0x01 {OWN}")


# ---- ways in which a packet may come


def layer4(kind, port, payload=b"c" * 24):
    """kind: TCP's flags, or None for UDP."""
    if kind is None:
        return UDP(sport=41000, dport=port) / Raw(payload)
    return TCP(sport=41000, dport=port, flags=kind) / Raw(payload)


def plain(kind, port, is_v6=False, dst=None, payload=b"c" * 24, **ip):
    if is_v6:
        return IPv6(src=CLIENT6, dst=dst or VIP6, **ip) / layer4(kind, port, payload)
    return IP(src=CLIENT4, dst=dst or VIP4, **ip) / layer4(kind, port, payload)



def headers(packet):
    """From bytes, which the caches compare and Scapy's packets are not."""
    return (IPv6 if packet[0] >> 4 == 6 else IP)(packet)


@cache
def simple(kind, port):
    """Name, packet, VLAN tags, and a plain packet of the same flow."""
    v4, v6 = bytes(plain(kind, port)), bytes(plain(kind, port, True))
    return [("IPv4", v4, None, v4), ("IPv6", v6, None, v6), ("IPv4, a tag", v4, "one", v4), ("IPv6, two tags", v6, "two", v6)]


@cache
def all_ways(kind, port):
    return [*simple(kind, port), *odd_ways(kind, port)]


def odd_ways(kind, port):
    v4, v6 = simple(kind, port)[0][1], simple(kind, port)[1][1]
    extended = bytes(IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrDestOpt() / layer4(kind, port))
    fragmented = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrFragment(id=9)
    yield "IPv4, options", bytes(plain(kind, port, options=[IPOption_NOP()] * 8)), None, v4
    yield "IPv6, an extension header", extended, None, v6
    yield "IPv6, an extension header, a tag", extended, "one", v6
    yield "IPv4, several buffers", bytes(plain(kind, port, payload=b"j" * 8000)), None, v4
    yield "IPv6, several buffers, a tag", bytes(plain(kind, port, True, payload=b"j" * 8000)), "one", v6
    yield "IPv4, a first fragment", bytes(fragment(plain(kind, port, payload=b"f" * 600, id=9), 208)[0]), None, v4
    yield "IPv6, a first fragment", bytes(fragment6(fragmented / layer4(kind, port, b"f" * 600), 256)[0]), None, v6
    yield "IPv6, an atomic fragment", bytes(fragmented / layer4(kind, port)), None, v6
    for is_v6, dst, family in ((False, RANGE4, "IPv4"), (True, RANGE6, "IPv6")):
        in_range = bytes(plain(kind, port, is_v6, dst))
        if port == KEEP_PORT:
            yield f"{family}, in a range", in_range, None, in_range
            yield f"{family}, in a range, a tag", in_range, "one", in_range


# ---- sequences


@cache
def frame_of(packet):
    return bytes(ether(headers(packet))).hex()


@cache
def row_of(packet, dest, tags, free):
    if dest:
        forwarded("", headers(packet), dest, tags=TAGS[tags], free=free)
    else:
        rows.row("", ether(headers(packet), TAGS[tags]), "DROP", "-", "no_backend", free)
    return made.pop()


def begin(name, like, port, slot, filter="own", entry=None, dests=None, ways=()):
    """entry: (state, destination, age) of the flow's own, in its first way."""
    print(f"conn sequence {name}")
    service = "-" if headers(like).dst in (RANGE4, RANGE6) else SERVICES[port][0]
    print(f"conn flow {frame_of(like)} {RING} {service}")
    print("conn slot", *slot, filter)
    for dest, state in (dests or {}).items():
        print(f"conn dest {dest} {state}")
    if entry:
        print("conn way 0 own", *entry)
    for way in ways:
        print(f"conn {way}")


def goes(name, packet, dest, tags=None, free=""):
    print(f"conn row {name}|{row_of(packet, dest, tags, free)}")


def then(flags, counts, changes="-", filter="own", others="-"):
    print("conn then", flags, filter, changes, counts, others)


def told(name, ways, port, slot, dest, counts, changes="-", flags=None, filter="own", after="own", entry=None, dests=None, more=(),
         others="-"):
    """One packet, in each of the ways that it may come."""
    for way, packet, tags, like in ways:
        begin(f"{name}, {way}", like, port, slot, filter, entry, dests, more)
        goes(f"{name}, {way}", packet, dest, tags)
        then(flags or slot[2], counts, changes, after, others)


def tcp(name, kinds, *args, port=KEEP_PORT, ways=simple, **kwargs):
    for kind in kinds:
        told(f"{name}, flags {kind or 'none'}", ways(kind, port), port, *args, **kwargs)


def udp(name, *args, ports=(KEEP_PORT, TRACK_PORT), ways=simple, **kwargs):
    for port in ports:
        told(f"{name}, UDP to port {port}", ways(None, port), port, *args, **kwargs)
