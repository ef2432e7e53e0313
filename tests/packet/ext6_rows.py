#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: IPv6 extension headers before TCP and UDP."""
from itertools import permutations

from scapy.all import TCP, UDP, Dot1AD, Dot1Q, IPv6, Pad1, PadN, Raw
from scapy.layers.inet6 import (HBHOptUnknown, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting,
                                IPv6ExtHdrSegmentRouting, Jumbo, RouterAlert)
from scapy.layers.ipsec import AH

from rows import CLIENT6, VIP6, drops, ether, forwarded, passes

HOP, DEST, ROUTING, AUTH = "hop-by-hop", "destination options", "routing", "AH"


def hop(size=8):
    return IPv6ExtHdrHopByHop(options=pad(size))


def dest(size=8):
    return IPv6ExtHdrDestOpt(options=pad(size))


def pad(size):
    """Options that make a header of size bytes."""
    return [PadN(optdata=b"\0" * (size - 4))] if size <= 256 else [PadN(optdata=b"\0" * 250), PadN(optdata=b"\0" * (size - 256))]


def routing(left=0, size=24):
    return IPv6ExtHdrRouting(addresses=["2001:db8:5::1"] * ((size - 8) // 16), segleft=left)


def auth(size=24):
    return AH(payloadlen=size // 4 - 2, spi=1, seq=2, icv=b"\x5a" * (size - 12), padding=b"")


PROTO = {IPv6ExtHdrHopByHop: 0, IPv6ExtHdrRouting: 43, IPv6ExtHdrDestOpt: 60, AH: 51, TCP: 6, UDP: 17}
MAKE = {HOP: hop, DEST: dest, ROUTING: routing, AUTH: auth}


def chain(*headers, l4=TCP, port=80, payload=b"x" * 40, **ip):
    packet = IPv6(src=CLIENT6, dst=VIP6, **ip)
    for header in headers:
        if isinstance(header, AH) or isinstance(packet.lastlayer(), AH):  # Scapy does not know how AH goes on
            packet.lastlayer().nh = PROTO[type(header)]
        packet = packet / header
    if isinstance(packet.lastlayer(), AH):
        packet.lastlayer().nh = PROTO[l4]
    return packet / l4(sport=41000, dport=port) / Raw(payload)


def orders():
    """Every choice of headers in every order; hop-by-hop options may only come first (RFC 8200, section 4.1)."""
    for count in range(1, 5):
        for names in permutations(MAKE, count):
            for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                packet = chain(*(MAKE[name]() for name in names), l4=l4)
                label = f"IPv6 {proto}: {', '.join(names)}"
                if HOP in names[1:]:
                    passes(label, ether(packet), "ext_header")
                else:
                    forwarded(label, packet, 1)


def kinds():
    for size in (8, 16, 128, 256):
        forwarded(f"IPv6, hop-by-hop options of {size} bytes", chain(hop(size)), 1)
        forwarded(f"IPv6, destination options of {size} bytes", chain(dest(size)), 1)
    for size in (8, 24, 248):
        forwarded(f"IPv6, routing header of {size} bytes", chain(routing(size=size)), 1)
    for size in (12, 16, 24, 28, 256):
        forwarded(f"IPv6, AH of {size} bytes", chain(auth(size)), 1)
    forwarded("IPv6, router alert", chain(IPv6ExtHdrHopByHop(options=[RouterAlert()])), 1)
    forwarded("IPv6, an unknown option", chain(IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0xBE, optdata=b"abcd")])), 1)
    forwarded("IPv6, options of one byte", chain(IPv6ExtHdrDestOpt(options=[Pad1()] * 6, autopad=0)), 1)
    segments = IPv6ExtHdrSegmentRouting(addresses=["2001:db8:5::1", "2001:db8:5::2"], segleft=0, lastentry=1)
    forwarded("IPv6, segment routing, at its end", chain(segments), 1)
    for out, name in ((2, "IPv6 in IPv6"), (12, "out with two tags"), (13, "IPv6 in IPv6, out with two tags")):
        port = {2: 81, 12: 72, 13: 73}[out]
        packet = chain(hop(), dest(), routing(), port=port, tc=0xBA, fl=0xABCDE)
        forwarded(f"IPv6 with three extension headers, {name}", packet, out)
        forwarded(f"IPv6 with three extension headers behind tags, {name}", packet, out, tags=Dot1AD(vlan=9) / Dot1Q(vlan=8))
    forwarded("IPv6 with an extension header, padded by Ethernet", chain(hop(), payload=b""), 1, padding=b"\xff" * 9)


def limits():
    forwarded("IPv6, 6 extension headers", chain(hop(), *[dest()] * 5), 1)
    forwarded("IPv6, 6 extension headers, 256 bytes", chain(hop(56), *[dest(40)] * 5), 1)
    for count in (7, 8, 20):
        passes(f"IPv6, {count} extension headers", ether(chain(*[dest()] * count)), "ext_limit")
    passes("IPv6, a second extension header beyond 256 bytes", ether(chain(hop(256), dest())), "ext_limit")
    passes("IPv6, 6 extension headers, 264 bytes", ether(chain(hop(64), *[dest(40)] * 5)), "ext_limit")
    passes("IPv6, destination options of 264 bytes", ether(chain(dest(264))), "ext_limit")
    passes("IPv6, AH of 260 bytes", ether(chain(auth(260))), "ext_limit")
    fits = 1500 - 20 - 40 - 20 - 8
    forwarded("IPv6 with an extension header, exactly the MTU", chain(hop(), payload=b"m" * fits), 1)
    drops("IPv6 with an extension header, hop limit 1", ether(chain(hop(), hlim=1)), "ttl_expired")


def not_walked():
    for left in (1, 2, 255):
        passes(f"IPv6, routing header with {left} segments left", ether(chain(routing(left))), "segments_left")
    segments = IPv6ExtHdrSegmentRouting(addresses=["2001:db8:5::1", "2001:db8:5::2"], segleft=1, lastentry=1)
    passes("IPv6, segment routing, on the way", ether(chain(segments)), "segments_left")
    passes("IPv6, segments left behind other headers", ether(chain(hop(), dest(), routing(1))), "segments_left")
    mobility = IPv6(src=CLIENT6, dst=VIP6, nh=135) / Raw(bytes([59, 0, 0, 0, 0, 0, 0, 0]))
    passes("IPv6, mobility header", ether(mobility), "ext_header")
    for proto, name in ((59, "no next header"), (50, "ESP"), (58, "ICMPv6"), (4, "IPv4"), (41, "IPv6"), (132, "SCTP")):
        for header in (hop(), dest(), routing(), auth()):
            header.nh = proto
            packet = IPv6(src=CLIENT6, dst=VIP6, nh=PROTO[type(header)]) / header / Raw(b"\0" * 40)
            passes(f"IPv6, {header.name} and {name}", ether(packet), "not_tcp_udp")
    passes("IPv6, not a VIP behind extension headers", ether(chain(hop(), dest(), port=79)), "not_vip")


def lies():
    """Length fields that say more, or less, than there is."""
    for make, name, field, values in ((hop, HOP, "len", (6, 12, 30)), (dest, DEST, "len", (6, 12, 30)),
                                      (auth, AUTH, "payloadlen", (17, 30, 62))):
        for value in values:  # 60 bytes of TCP follow the header: with more than 40 of them skipped, TCP cannot be whole
            header = make()
            setattr(header, field, value)
            passes(f"IPv6, {name} whose length field says {value}", ether(chain(header)), "bad_header")
    header = dest()
    header.len = 31
    passes("IPv6, destination options that claim all they may", ether(chain(header)), "bad_header")
    header.len = 32
    passes("IPv6, destination options that claim more", ether(chain(header)), "ext_limit")
    header.len = 255
    passes("IPv6, destination options that claim the most", ether(chain(header)), "ext_limit")
    whole = chain(hop(), dest(16), payload=b"")  # 8 + 16 + 20 bytes
    for length in range(0, 44):
        whole.plen = length
        passes(f"IPv6 with two extension headers and TCP, 44 bytes, payload length {length}", ether(whole), "bad_header")
    for length in (45, 100, 65535):
        whole.plen = length
        passes(f"IPv6 with two extension headers and TCP, 44 bytes, payload length {length}", ether(whole), "truncated")
    # Zeroes behind the packet would be a hop-by-hop header; they are padding.
    short = bytes(ether(IPv6(src=CLIENT6, dst=VIP6, nh=60, plen=4) / Raw(bytes([44, 0, 1, 4])))) + b"\0" * 40
    passes("IPv6, an extension header that ends in Ethernet padding", short, "bad_header")
    jumbo = IPv6(src=CLIENT6, dst=VIP6, plen=0) / IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=70000)]) / TCP(dport=80)
    passes("IPv6, jumbogram", ether(jumbo), "bad_header")


def truncated():
    names = (HOP, DEST, ROUTING, AUTH)
    for tags, behind in ((None, "untagged"), (Dot1AD(vlan=2) / Dot1Q(vlan=3), "two tags")):
        whole = bytes(ether(chain(*(MAKE[name]() for name in names), payload=b""), tags))
        start = 54 + (8 if tags else 0)
        for cut in range(start, len(whole), 1):
            passes(f"IPv6, {', '.join(names)}, {behind}, cut to {cut} bytes", whole[:cut], "truncated")


if __name__ == "__main__":
    for part in (orders, kinds, limits, not_walked, lies, truncated):
        part()
