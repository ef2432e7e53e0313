#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The packet table's part on fragments. What becomes of one depends on those before it, so these rows come in sequences.

  fragments sequence NAME         what is remembered of fragments is forgotten; the test NAME has failed if one of its rows does
  fragments row ROW               as in rows.py
  fragments age TICKS             what is remembered becomes so much older
  fragments ring NUMBER DEST      the ring of that number is DEST throughout, until the next sequence
  fragments follow NAME|in|in...  all are counted at the same destination
"""
import rows
from rows import CLIENT4, CLIENT6, SRC4, SRC6, VIP4, VIP6, drops, ether, forwarded, in4, in6, passes
from scapy.all import ICMP, TCP, UDP, Dot1AD, Dot1Q, ICMPv6EchoRequest, IP, IPOption_RR, IPv6, Raw, fragment, fragment6
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN

rows.DESTS.update({
    25: ("up", "10.0.2.25", 1, 1500, SRC4 + "/32"),
    26: ("up", "fd00:2::25", 7, 1500, SRC6 + "/128"),
    27: ("up", "10.0.2.26", 1, 9000, SRC4 + "/32"),
    28: ("up", "10.0.2.27", 1, 1500, "172.31.0.0/16"),
    29: ("up", "10.0.2.28", 1, 700, SRC4 + "/32"),
})
PORTS = {200: 25, 201: 26, 202: 27, 203: 28, 204: 29, 205: 0, 206: 5, 207: "mixed"}
BOTH = ((TCP, "tcp"), (UDP, "udp"))
LIFE = 57  # ticks

plain_row = rows.row


def row(*args):
    print("fragments ", end="")
    plain_row(*args)


rows.row = row


def sequence(name):
    print(f"fragments sequence {name}")


def fixture():
    for dest in range(25, 30):
        state, address, ifindex, mtu, source = rows.DESTS[dest]
        print(f"dest {dest} {state} {address} {ifindex} {mtu} {source} -")
    for port, dest in PORTS.items():
        for address in (VIP4, VIP6):
            for proto in ("tcp", "udp"):
                print(f"vip {address} {port} {proto} {dest}")


def whole4(port=200, l4=UDP, ident=7, size=600, **ip):
    return in4(port, l4, bytes(i % 251 for i in range(size)), id=ident, **ip)


def split4(*args, piece=208, **kwargs):
    return fragment(whole4(*args, **kwargs), piece)


def split6(port=200, l4=UDP, ident=7, size=600, before=(), behind=(), piece=208, **ip):
    """Scapy's fragments of a datagram with extension headers before and behind the fragment header."""
    packet = IPv6(src=CLIENT6, dst=ip.pop("dst", VIP6), **ip)
    for header in (*before, IPv6ExtHdrFragment(id=ident), *behind):
        packet = packet / header
    packet = packet / l4(sport=41000, dport=port) / Raw(bytes(i % 251 for i in range(size)))
    return fragment6(packet, piece + 48 + sum(len(header) for header in before))


def one6(data, proto, offset=0, more=1, ident=7, dst=VIP6):
    """A fragment of any bytes; offset in bytes."""
    return IPv6(src=CLIENT6, dst=dst) / IPv6ExtHdrFragment(nh=proto, offset=offset // 8, m=more, id=ident) / Raw(data)


def one4(data, proto, offset=0, more=1, ident=7, dst=VIP4, **ip):
    return IP(src=CLIENT4, dst=dst, proto=proto, id=ident, frag=offset // 8, flags=more, **ip) / Raw(data)


SPLIT = ((split4, "IPv4"), (split6, "IPv6"))
ONE = ((one4, "IPv4"), (one6, "IPv6"))


def each():
    """Every combination of the packet's family, protocol and the outer header's family, with three fragments or more."""
    for split, family in SPLIT:
        for l4, proto in BOTH:
            for port, dest in ((200, 25), (201, 26)):
                yield split(port, l4), f"{family} {proto} to destination {dest}", dest


def orders():
    for parts, name, dest in each():
        assert len(parts) >= 3
        sequence(f"fragments in order, {name}")
        for i, part in enumerate(parts):
            forwarded(f"{name}, fragment {i}", part, dest)
        sequence(f"fragments out of order behind the first, {name}")
        for part in (parts[0], *reversed(parts[1:])):
            forwarded(f"{name}, last one next", part, dest)
        sequence(f"fragments before their first, {name}")
        for part in reversed(parts[1:]):
            drops(f"{name}, without its first", ether(part), "fragment_early")
        for part in parts:
            forwarded(f"{name}, sent again", part, dest)
        sequence(f"fragments twice, {name}")
        for part in (parts[0], parts[0], parts[1], parts[1]):
            forwarded(f"{name}, twice", part, dest)


def apart():
    """What tells datagrams apart."""
    for split, family in SPLIT:
        source, address = {"IPv4": ("198.51.100.8", "192.0.2.20"), "IPv6": ("2001:db8:1::8", "2001:db8::20")}[family]
        others = {"identification": split(ident=8)[1], "source": split()[1], "destination": split(dst=address)[1]}
        others["source"].src = source
        for what, part in others.items():
            sequence(f"a fragment of another {what}, {family}")
            forwarded(f"{family}, first", split()[0], 25)
            drops(f"{family}, another {what}", ether(part), "fragment_early")
            forwarded(f"{family}, the same", split()[1], 25)
    sequence("a fragment of another protocol, IPv4")
    forwarded("IPv4 udp, first", split4(l4=UDP)[0], 25)
    drops("IPv4 tcp, with its identification", ether(split4(l4=TCP)[1]), "fragment_early")
    for first, second in ((UDP, 6), (TCP, 17), (UDP, 60), (TCP, 0)):
        sequence(f"IPv6 tells no datagrams apart by the next header, {first.__name__} and {second}")
        forwarded("first", split6(l4=first)[0], 25)
        forwarded("later", one6(b"x" * 64, second, 208), 25)
    for split, family in SPLIT:
        sequence(f"an identification used again, {family}")
        for port, dest in ((200, 25), (202, 27), (200, 25)):
            for part in split(port):
                forwarded(f"{family} to destination {dest}", part, dest)
        for ident in (0, 0xFFFF if family == "IPv4" else 0xFFFFFFFF, 0x1234 if family == "IPv4" else 0x12345678):
            sequence(f"{family}, identification {ident:#x}")
            for part in split(ident=ident):
                forwarded(f"{family}", part, 25)
    sequence("IPv6, identifications that differ in the upper half")
    forwarded("IPv6, first", split6(ident=0x10007)[0], 25)
    drops("IPv6, another", ether(split6(ident=0x20007)[1]), "fragment_early")


def time():
    for split, family in SPLIT:
        parts = split()
        sequence(f"fragments are remembered for a time, {family}")
        forwarded(f"{family}, first", parts[0], 25)
        print("fragments age 40")
        forwarded(f"{family}, 11 seconds later", parts[1], 25)
        print(f"fragments age {LIFE - 40}")
        drops(f"{family}, 15 seconds later", ether(parts[2]), "fragment_early")
        forwarded(f"{family}, the next datagram of this identification", parts[0], 25)
        forwarded(f"{family}, and its next fragment", parts[1], 25)


def ring():
    for split, family in SPLIT:
        sequence(f"fragments go where their first did, though the ring has changed, {family}")
        forwarded(f"{family}, first", split()[0], 25)
        print("fragments ring 25 27")
        forwarded(f"{family}, second", split()[1], 25)
        forwarded(f"{family}, first of the next datagram", split(ident=8)[0], 27)
        forwarded(f"{family}, third", split()[2], 25)
        forwarded(f"{family}, second of the next datagram", split(ident=8)[1], 27)
        print("fragments ring 25 0")
        forwarded(f"{family}, no backend any more, third", split()[2], 25)
        drops(f"{family}, no backend any more, first of a new datagram", ether(split(ident=9)[0]), "no_backend")
        drops(f"{family}, no backend any more, its second", ether(split(ident=9)[1]), "fragment_early")


def not_ours():
    for split, family in SPLIT:
        for l4, proto in BOTH:
            parts = split(79, l4)
            sequence(f"fragments to a port that is no VIP, {family} {proto}")
            passes(f"{family}, first", ether(parts[0]), "not_vip")
            passes(f"{family}, last", ether(parts[-1]), "not_vip")
            passes(f"{family}, second", ether(parts[1]), "not_vip")
            parts = split(200, l4, dst="192.0.2.11" if family == "IPv4" else "2001:db8::11")
            sequence(f"fragments to an address that is no VIP, {family} {proto}")
            for part in (parts[2], parts[0], parts[1]):
                passes(f"{family}", ether(part), "not_vip")
    sequence("faulty fragments to an address that is no VIP")
    for one, other in ((one4, "192.0.2.11"), (one6, "2001:db8::11")):
        passes("a first one that is too short", ether(one(b"x" * 8, 6, dst=other)), "not_vip")
        passes("an overlap", ether(one(b"x" * 8, 6, 8, dst=other)), "not_vip")
        passes("too long", ether(one(b"x" * 64, 17, 65528, dst=other)), "not_vip")
    sequence("fragments of other protocols")
    for offset in (0, 64):
        passes("GRE in IPv4", ether(one4(b"x" * 64, 47, offset)), "not_tcp_udp")
        passes("GRE in IPv6", ether(one6(b"x" * 64, 47, offset)), "not_tcp_udp")
        passes("ICMPv6 to no VIP", ether(one6(b"x" * 64, 58, offset, dst="2001:db8::11")), "not_tcp_udp")
        passes("ICMP to no VIP", ether(one4(b"x" * 64, 1, offset, dst="192.0.2.11")), "not_tcp_udp")
    sequence("large pings")
    for part in fragment(IP(src=CLIENT4, dst=VIP4) / ICMP(id=1) / Raw(b"p" * 600), 208):
        passes("IPv4, a fragment of a ping", ether(part), "fragment")
    ping = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrFragment(id=3) / ICMPv6EchoRequest(id=1, data=b"p" * 600)
    for part in fragment6(ping, 256):
        passes("IPv6, a fragment of a ping", ether(part), "fragment")


def verdicts():
    """What is said of a packet is said of each fragment."""
    for split, family in SPLIT:
        sequence(f"no next hop, {family}")
        for part in split(206)[:2]:
            drops(f"{family}", ether(part), "no_nexthop")
        sequence(f"TTL, {family}")
        short = {"ttl": 1} if family == "IPv4" else {"hlim": 1}
        drops(f"{family}, first", ether(split(**short)[0]), "ttl_expired")
        drops(f"{family}, second", ether(split(**short)[1]), "ttl_expired")
        forwarded(f"{family}, third, by another way", split()[2], 25)
    sequence("too big, IPv4 without DF")
    parts = split4(204, size=1600, piece=1000)
    drops("first", ether(parts[0]), "too_big")
    forwarded("last, which fits", parts[1], 29)
    sequence("too big, IPv4 with DF")
    parts = split4(204, size=2400, piece=1000)
    for part, what in zip(parts, ("first", "second")):
        part.flags |= 2
        if what == "first":  # a quote that has the ports
            row("first", ether(part), "TX", "-", "too_big_reply")
        else:
            drops("second", ether(part), "too_big")
    sequence("too big, IPv6")
    for part in split6(204, size=2800, piece=1400)[:2]:
        row("IPv6, first and second", ether(part), "TX", "-", "too_big_reply")


def headers():
    tcp, udp = bytes(TCP(sport=41000, dport=200)), bytes(UDP(sport=41000, dport=200, len=88))
    for one, family in ONE:
        for size in (8, 16):
            sequence(f"a first fragment with {size} bytes of TCP, {family}")
            drops(f"{family}, first", ether(one(tcp[:size], 6)), "fragment_header")
            drops(f"{family}, its next", ether(one(b"x" * 64, 6, 24)), "fragment_early")
        sequence(f"a first fragment with just the TCP header, {family}")
        forwarded(f"{family}, first", one(tcp + b"xxxx", 6), 25)
        for offset in (8, 16):
            drops(f"{family}, overlap at {offset}", ether(one(b"x" * 64, 6, offset)), "fragment_header")
        forwarded(f"{family}, at 24", one(b"x" * 64, 6, 24, 0), 25)
        sequence(f"a first fragment with just the UDP header, {family}")
        forwarded(f"{family}, first", one(udp, 17), 25)
        forwarded(f"{family}, at 8", one(b"x" * 80, 17, 8, 0), 25)
        sequence(f"fragments that cannot be, {family}")
        forwarded(f"{family}, first", one(udp, 17), 25)
        for size in (7, 9, 60):
            drops(f"{family}, {size} bytes and more to come", ether(one(b"x" * size, 17, 8)), "fragment_size")
            forwarded(f"{family}, {size} bytes, the last", one(b"x" * size, 17, 8, 0), 25)
        drops(f"{family}, first, no multiple of 8", ether(one(udp + b"x", 17)), "fragment_size")
        drops(f"{family}, empty", ether(one(b"", 17, 8)), "fragment_size")
        drops(f"{family}, first, empty", ether(one(b"", 17)), "fragment_size")
        forwarded(f"{family}, ends at 65535", one(b"x" * 7, 17, 65528, 0), 25)
        drops(f"{family}, ends at 65536", ether(one(b"x" * 8, 17, 65528, 0)), "fragment_size")
        drops(f"{family}, ends beyond", ether(one(b"x" * 1400, 17, 65528)), "fragment_size")
        frame = bytes(ether(one(b"x" * 64, 17, 8)))
        passes(f"{family}, cut", frame[:-1], "truncated")
        forwarded(f"{family}, padded by Ethernet", one(b"x" * 8, 17, 8), 25, padding=b"\xff" * 4)
    sequence("IPv6, first fragments that end before their headers do (RFC 7112)")
    options = bytes(IPv6ExtHdrDestOpt(nh=17, options=[PadN(optdata=b"\0" * 20)]))  # 24 bytes
    for size in (8, 16, 24):
        drops(f"destination options, {size} of 24 bytes", ether(one6(options[:size], 60)), "fragment_header")
    more = bytes(IPv6ExtHdrDestOpt(nh=60, options=[PadN(optdata=b"\0" * 4)]))
    drops("destination options, and others that are not there", ether(one6(more, 60)), "fragment_header")
    options = bytes(IPv6ExtHdrDestOpt(nh=6, options=[PadN(optdata=b"\0" * 20)]))
    drops("destination options and 16 bytes of TCP", ether(one6(options + tcp[:16], 60)), "fragment_header")
    forwarded("destination options and TCP", one6(options + tcp + b"xxxx", 60), 25)
    passes("half a fragment header", ether(IPv6(src=CLIENT6, dst=VIP6, nh=44, plen=7) / Raw(bytes([17] + [0] * 7))), "bad_header")


def options():
    for slots in (1, 9):
        sequence(f"IPv4 fragments with {4 * (slots + 1)} bytes of options")
        for part in split4(options=[IPOption_RR(routers=["0.0.0.0"] * slots, copy_flag=1)]):
            forwarded("with options", part, 25)
    hop, dest = IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]), IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
    routing = IPv6ExtHdrRouting(segleft=0)
    for before, behind, name in (((hop,), (), "hop-by-hop before"), ((), (dest,), "destination options behind"),
                                 ((hop, routing), (dest,), "hop-by-hop and routing before, destination options behind"),
                                 ((hop,), (dest,) * 4, "6 headers in all")):
        for l4, proto in BOTH:
            sequence(f"IPv6 fragments, {name}, {proto}")
            for part in split6(l4=l4, before=before, behind=behind):
                forwarded(name, part, 25)
    sequence("IPv6, 7 extension headers, one of them a fragment header")
    passes("first", ether(split6(before=(hop,), behind=(dest,) * 5)[0]), "ext_limit")
    sequence("IPv6, 7 extension headers, the last of them a fragment header")
    for number, part in enumerate(split6(before=(hop,) + (dest,) * 5)):
        passes(f"part {number}", ether(part), "ext_limit")
    sequence("IPv6, segments left before the fragment header")
    passes("later", ether(split6(before=(IPv6ExtHdrRouting(segleft=1),))[1]), "segments_left")
    sequence("IPv6, a fragment of a fragment")
    inner = bytes(IPv6ExtHdrFragment(nh=17, m=1, id=9)) + bytes(UDP(sport=41000, dport=200)) + b"x" * 64
    passes("first of a first", ether(one6(inner, 44)), "ext_header")
    sequence("IPv6, atomic fragments (RFC 6946)")
    for l4, proto in BOTH:
        whole = bytes(in6(200, l4))[40:]
        forwarded(f"atomic, {proto}", one6(whole, 6 if l4 is TCP else 17, more=0), 25)
        drops("is not remembered", ether(one6(b"x" * 64, 17, 64)), "fragment_early")
    reserved = bytearray(bytes(one6(bytes(in6(200, UDP))[40:], 17, more=0)))
    reserved[41], reserved[43] = 0xFF, 0x06  # what is reserved is not looked at
    forwarded("atomic, reserved bits set", IPv6(bytes(reserved)), 25)
    for tags, name in ((Dot1Q(vlan=5), "802.1Q"), (Dot1AD(vlan=9) / Dot1Q(vlan=8), "802.1ad and 802.1Q")):
        for split, family in SPLIT:
            sequence(f"fragments with {name}, {family}")
            for part in split():
                forwarded(name, part, 25, tags=tags)


def entropy():
    """All fragments of a datagram come from one outer source, so that they stay in order: the runner looks."""
    sequence("the outer source of fragments")
    for part in split4(203) + split6(203):
        forwarded("one of them", part, 28, free="24:ffff,26:0000ffff")


def follow():
    """Datagrams of other flows, to a ring of several destinations."""
    for make, cut, family in ((in4, lambda packet: fragment(packet, 208), "IPv4"), (in6, lambda packet: fragment6(packet, 256), "IPv6")):
        for l4, proto in BOTH:
            for ident in range(1, 17):
                packet = make(207, l4, b"f" * 600)
                packet[l4].sport = 40000 + 7 * ident
                if family == "IPv4":
                    packet.id = ident
                else:
                    packet = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrFragment(id=ident) / packet.payload
                frames = "|".join(bytes(ether(part)).hex() for part in cut(packet))
                print(f"fragments follow {family} {proto}, identification {ident}|{frames}")


if __name__ == "__main__":
    fixture()
    for part in (orders, apart, time, ring, not_ours, verdicts, headers, options, entropy, follow):
        part()
