#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The packet table: for each row the frame that comes in and, from Scapy, the frame that must go out.

Prints a fixture (vip and dest lines) and rows for build/tests/packet, which runs them through the loaded program:

  vip ADDRESS PORT PROTO DEST [FLAGS PREFIX LIST]  a service of its own, whose ring names only destination DEST (0: none)
  dest ID STATE ADDRESS IFINDEX MTU SOURCE_PREFIX TAGS    ifindex 1 is where packets come in; 0: next hop not resolved
                                         TAGS: VLAN tags as TPID:VID,TPID:VID, the outermost first; -: none
  row NAME|frame in, hex|action|frame out, hex ("same": untouched, "-": dropped)|counter|free bits

counter is "dest:ID" or the name of a reason. Free bits ("15:0fffff": from byte 15, these) are not compared: they depend on the keyed
hash. What they must be is checked by the runner: the outer checksum right, sources and labels different for different flows.
"""
import logging

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import ARP, Dot1AD, Dot1Q, Ether, IP, IPOption_RR, IPv6, Raw, TCP, UDP  # noqa: E402

CLIENT_MAC, LB_MAC, NEXT_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
CLIENT4, CLIENT6 = "198.51.100.7", "2001:db8:1::7"
VIP4, VIP6 = "192.0.2.10", "2001:db8::10"
SRC4, SRC6 = "172.31.0.1", "fd00:5::1"

# id: state, address, ifindex, mtu, source prefix, VLAN tags if any
DESTS = {
    1: ("up", "10.0.2.11", 1, 1500, SRC4 + "/32"),
    2: ("up", "fd00:2::11", 1, 1500, SRC6 + "/128"),
    3: ("up", "10.0.2.12", 7, 1500, SRC4 + "/32"),
    4: ("up", "fd00:2::12", 7, 1500, SRC6 + "/128"),
    5: ("up", "10.0.2.13", 0, 1500, SRC4 + "/32"),
    6: ("free", "10.0.2.14", 1, 1500, SRC4 + "/32"),
    7: ("up", "10.0.2.15", 1, 1500, "172.31.0.0/16"),
    8: ("up", "fd00:2::15", 1, 1500, "fd00:5::/64"),
    9: ("drain", "10.0.2.16", 1, 9000, SRC4 + "/32"),
    10: ("up", "10.0.2.17", 1, 1500, SRC4 + "/32", "8100:100"),
    11: ("up", "fd00:2::17", 1, 1500, SRC6 + "/128", "88a8:4094"),
    12: ("up", "10.0.2.18", 1, 1500, SRC4 + "/32", "88a8:300,8100:7"),
    13: ("up", "fd00:2::18", 7, 1500, SRC6 + "/128", "8100:1,8100:4094"),
    14: ("up", "10.0.2.19", 7, 1500, SRC4 + "/32", "8100:0"),
    15: ("up", "10.0.2.20", 1, 1500, "172.31.0.0/16", "8100:100"),
}
# port: destination; every port exists for TCP and UDP, IPv4 and IPv6, but 90 to 97, of which each combination has two
PORTS = {80: 1, 81: 2, 82: 3, 83: 4, 84: 5, 85: 6, 86: 7, 87: 8, 88: 0, 89: 9,
         70: 10, 71: 11, 72: 12, 73: 13, 74: 14, 75: 15}
SINGLE = {90 + i: ((VIP4, VIP6)[i & 1], ("tcp", "udp")[i >> 1 & 1]) for i in range(8)}


def row(name, frame, action, out, counter, free=""):
    raw = bytes(frame)
    text = {"same": "same", "-": "-"}.get(out) if isinstance(out, str) else bytes(out).hex()
    print(f"row {name}|{raw.hex()}|{action}|{text}|{counter}|{free}")


def passes(name, frame, reason):
    row(name, frame, "PASS", "same", reason)


def drops(name, frame, reason):
    row(name, frame, "DROP", "-", reason)


def ether(payload, tags=None):
    return Ether(src=CLIENT_MAC, dst=LB_MAC) / (tags / payload if tags else payload)


def in4(port=80, l4=TCP, payload=b"x" * 40, **ip):
    return IP(src=ip.pop("src", CLIENT4), dst=ip.pop("dst", VIP4), **ip) / l4(sport=41000, dport=port) / Raw(payload)


def in6(port=80, l4=TCP, payload=b"x" * 40, **ip):
    return IPv6(src=ip.pop("src", CLIENT6), dst=ip.pop("dst", VIP6), **ip) / l4(sport=41000, dport=port) / Raw(payload)


def tags_of(dest):
    """The VLAN tags of a destination's next hop, the outermost first."""
    return DESTS[dest][5].split(",") if len(DESTS[dest]) > 5 else []


def outer(dest, inner_bytes, is_v6, tos):
    """What RFC 2003, 2473 and 4213 make of the packet, built by Scapy."""
    address, source = DESTS[dest][1], DESTS[dest][4]
    source = source.split("/")[0]
    proto = 41 if is_v6 else 4
    eth = Ether(src=LB_MAC, dst=NEXT_MAC)
    for tag in tags_of(dest):
        tpid, vid = tag.split(":")
        eth = eth / (Dot1AD if tpid == "88a8" else Dot1Q)(vlan=int(vid))
    if ":" in address:
        return eth / IPv6(src=source, dst=address, hlim=64, tc=tos, nh=proto) / Raw(inner_bytes)
    return eth / IP(src=source, dst=address, ttl=64, tos=tos, id=0, flags="DF", proto=proto) / Raw(inner_bytes)


def forwarded(name, packet, dest, padding=b"", free="", tags=None):
    """packet: Scapy IP packet as it arrives, behind these VLAN tags. The inner TTL falls by one, its checksum is Scapy's."""
    arrived = bytes(packet)
    is_v6 = arrived[0] >> 4 == 6
    inner = (IPv6 if is_v6 else IP)(arrived)
    if is_v6:
        inner.hlim -= 1
        tos = inner.tc
    else:
        inner.ttl -= 1
        del inner.chksum
        tos = inner.tos
    # Only the IP header is built anew: a payload that Scapy would "mend" stays as it came.
    header_len = 40 if is_v6 else inner.ihl * 4
    inner_bytes = bytes(inner)[:header_len] + arrived[header_len:]
    out = bytes(outer(dest, inner_bytes, is_v6, tos)) + padding
    action = "TX" if DESTS[dest][2] == 1 else "REDIRECT"
    if ":" in DESTS[dest][1]:
        label = f"{15 + 4 * len(tags_of(dest))}:0fffff"  # the low 20 bits of the first word
        free = ",".join(filter(None, [label, free]))
    row(name, bytes(ether(packet, tags)) + padding, action, out, f"dest:{dest}", free)


def dest_line(ident):
    state, address, ifindex, mtu, source = DESTS[ident][:5]
    return f"dest {ident} {state} {address} {ifindex} {mtu} {source} {','.join(tags_of(ident)) or '-'}"


def fixture():
    for ident in DESTS:
        print(dest_line(ident))
    for port, dest in PORTS.items():
        for address in (VIP4, VIP6):
            for proto in ("tcp", "udp"):
                print(f"vip {address} {port} {proto} {dest}")
    for port, (address, proto) in SINGLE.items():
        print(f"vip {address} {port} {proto} 1")


def combinations():
    for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
        forwarded(f"IPv4 in IPv4, {proto}", in4(80, l4), 1)
        forwarded(f"IPv6 in IPv4, {proto}", in6(80, l4), 1)
        forwarded(f"IPv4 in IPv6, {proto}", in4(81, l4), 2)
        forwarded(f"IPv6 in IPv6, {proto}", in6(81, l4), 2)
        forwarded(f"IPv4 in IPv4, {proto}, other interface", in4(82, l4), 3)
        forwarded(f"IPv6 in IPv6, {proto}, other interface", in6(83, l4), 4)
        forwarded(f"IPv4, {proto}, draining destination still named by the ring", in4(89, l4), 9)
    for flags in ("S", "SA", "A", "FA", "R", "PA"):
        packet = in4(80)
        packet[TCP].flags = flags
        forwarded(f"IPv4 tcp flags {flags}", packet, 1)
    forwarded("UDP with zero checksum", IP(src=CLIENT4, dst=VIP4) / UDP(sport=9, dport=80, chksum=0) / b"abc", 1)
    forwarded("UDP without payload", IP(src=CLIENT4, dst=VIP4) / UDP(sport=9, dport=80), 1)


def headers():
    for tos in (0x00, 0x01, 0x02, 0x03, 0xB8, 0xBA, 0xFF):
        forwarded(f"IPv4 in IPv4, TOS {tos:#04x} copied", in4(80, tos=tos), 1)
        forwarded(f"IPv4 in IPv6, TOS {tos:#04x} copied", in4(81, tos=tos), 2)
        forwarded(f"IPv6 in IPv4, class {tos:#04x} copied", in6(80, tc=tos), 1)
        forwarded(f"IPv6 in IPv6, class {tos:#04x} copied", in6(81, tc=tos, fl=0xABCDE), 2)
    for ttl in (255, 64, 2):
        forwarded(f"IPv4, TTL {ttl} falls by one", in4(80, ttl=ttl), 1)
        forwarded(f"IPv6, hop limit {ttl} falls by one", in6(80, hlim=ttl), 1)
    for ttl in (1, 0):
        drops(f"IPv4, TTL {ttl}", ether(in4(80, ttl=ttl)), "ttl_expired")
        drops(f"IPv6, hop limit {ttl}", ether(in6(80, hlim=ttl)), "ttl_expired")
    forwarded("IPv4, DF not set", in4(80, flags=0), 1)
    forwarded("IPv4, DF set", in4(80, flags="DF"), 1)
    forwarded("IPv4, reserved flag set", in4(80, flags="evil"), 1)
    for slots in (1, 9):
        packet = IP(src=CLIENT4, dst=VIP4, options=[IPOption_RR(routers=["0.0.0.0"] * slots)])
        forwarded(f"IPv4 with options, {4 * (slots + 1)} bytes", packet / TCP(sport=41000, dport=80) / b"y", 1)
    forwarded("IPv4, frame padded by Ethernet", in4(80, payload=b""), 1, padding=b"\0" * 6)
    forwarded("IPv6, frame padded", in6(80, payload=b""), 1, padding=b"\xff" * 10)


def checksum_edges():
    """IPv4 identifications for which the inner or the outer checksum is 0, 0xffff or carries when the TTL falls."""
    wanted = {0x0000: 1, 0xFEFF: 1, 0xFEFE: 1, 0xFF00: 1, 0xFFFE: 1}
    base = in4(80, payload=b"", id=0)
    start = IP(bytes(base)).chksum
    for value in wanted:
        # One's complement: a checksum c needs the words to sum to ~c; shift the identification by the difference.
        ident = (start - value) % 0xFFFF
        packet = in4(80, payload=b"", id=ident)
        forwarded(f"IPv4, header checksum {IP(bytes(packet)).chksum:#06x} when it arrives", packet, 1)
    lengths = {}
    for length in range(0, 1400):
        out = outer(1, bytes(in4(80, payload=b"z" * length)), False, 0)
        lengths[IP(bytes(out)[14:]).chksum & 0xFF] = length
    for low in (0x00, 0xFF):
        if low in lengths:
            forwarded(f"IPv4, outer checksum ends in {low:#04x}", in4(80, payload=b"z" * lengths[low]), 1)


def sizes():
    forwarded("IPv4 in IPv4, exactly the MTU", in4(80, payload=b"m" * (1500 - 20 - 40)), 1)
    drops("IPv4 in IPv4, one byte over the MTU", ether(in4(80, payload=b"m" * (1500 - 20 - 39))), "too_big")
    forwarded("IPv6 in IPv6, exactly the MTU", in6(81, payload=b"m" * (1500 - 40 - 60)), 2)
    forwarded("IPv4 in IPv6, exactly the MTU", in4(81, payload=b"m" * (1500 - 40 - 40)), 2)
    forwarded("Ethernet padding does not count for the MTU", in4(80, payload=b"m" * (1500 - 20 - 40)), 1, b"\0" * 4)


def no_destination():
    for make, family in ((in4, "IPv4"), (in6, "IPv6")):
        drops(f"{family}, no backend in the ring", ether(make(88)), "no_backend")
        drops(f"{family}, next hop not resolved", ether(make(84)), "no_nexthop")
        drops(f"{family}, destination not in use", ether(make(85)), "bad_dest")


def not_ours():
    passes("ARP", Ether(src=CLIENT_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=VIP4), "not_ip")
    passes("another EtherType", Ether(src=CLIENT_MAC, dst=LB_MAC, type=0x88CC) / (b"\x45" + b"\0" * 50), "not_ip")
    passes("GRE to a VIP", ether(IP(src=CLIENT4, dst=VIP4, proto=47) / Raw(b"\0" * 20)), "not_tcp_udp")
    passes("IPv6 without next header", ether(IPv6(src=CLIENT6, dst=VIP6, nh=59)), "not_tcp_udp")
    for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
        passes(f"IPv4 {proto}, a port that is no VIP", ether(in4(79, l4)), "not_vip")
        passes(f"IPv6 {proto}, a port that is no VIP", ether(in6(79, l4)), "not_vip")
        passes(f"IPv4 {proto}, another address", ether(in4(80, l4, dst="192.0.2.11")), "not_vip")
        for other in ("2001:db8::11", "2001:db8:0:1::10", "2001:db9::10"):
            passes(f"IPv6 {proto}, another address {other}", ether(in6(80, l4, dst=other)), "not_vip")
    for port, (address, proto) in SINGLE.items():
        for make, family in ((in4, "IPv4"), (in6, "IPv6")):
            for l4, other in ((TCP, "tcp"), (UDP, "udp")):
                if (family == "IPv6") != (":" in address) or other != proto:
                    passes(f"{family} {other}, a VIP of {address} {proto} only, port {port}", ether(make(port, l4)), "not_vip")
    passes("IPv6 to an IPv4-mapped VIP", ether(in6(80, dst="::ffff:192.0.2.10")), "not_vip")
    passes("IPv6 whose first word is the IPv4 VIP", ether(in6(80, dst="c000:20a::")), "not_vip")
    passes("source and destination swapped", ether(IP(src=VIP4, dst=CLIENT4) / TCP(sport=80, dport=41000)), "not_vip")
    passes("not a VIP, TTL 1", ether(in4(79, ttl=1)), "not_vip")


def malformed():
    whole4, whole6 = bytes(ether(in4(80, payload=b""))), bytes(ether(in6(80, payload=b"")))
    for length in (14, 20, 33):
        passes(f"IPv4 frame of {length} bytes", whole4[:length], "truncated")
    for length in (14, 40, 53):
        passes(f"IPv6 frame of {length} bytes", whole6[:length], "truncated")
    for length in (34, 37, 38, 53):
        passes(f"IPv4 TCP cut to {length} bytes", whole4[:length], "truncated")
    for length in (54, 57, 58, 73):
        passes(f"IPv6 TCP cut to {length} bytes", whole6[:length], "truncated")
    for field, value in (("ihl", 4), ("ihl", 0), ("version", 5), ("version", 0)):
        passes(f"IPv4, {field} {value}", ether(in4(80, **{field: value})), "bad_header")
    passes("IPv4, header longer than the frame", ether(in4(80, payload=b"", ihl=15)), "bad_header")
    passes("IPv4, header longer than its packet", ether(in4(80, payload=b"q" * 60, ihl=15, len=60)), "bad_header")
    passes("IPv6, version 4", ether(in6(80, version=4)), "bad_header")
    for length, reason in ((0, "bad_header"), (19, "bad_header"), (39, "bad_header"), (81, "truncated"), (65535, "truncated")):
        passes(f"IPv4 TCP of 80 bytes, total length {length}", ether(in4(80, len=length)), reason)
    for length, reason in ((0, "bad_header"), (19, "bad_header"), (61, "truncated"), (65535, "truncated")):
        passes(f"IPv6 TCP of 60 bytes, payload length {length}", ether(in6(80, plen=length)), reason)
    passes("IPv4 UDP, total length too short", ether(in4(80, UDP, len=27)), "bad_header")
    passes("IPv6 UDP, payload length too short", ether(in6(80, UDP, plen=7)), "bad_header")


def entropy():
    """The outer source comes from the flow: its bytes are free here and the runner checks them."""
    for port in range(41000, 41032):
        packet = IP(src=CLIENT4, dst=VIP4) / TCP(sport=port, dport=86) / b"e"
        forwarded(f"IPv4 source from a /16, client port {port}", packet, 7, free="24:ffff,26:0000ffff")
        packet = IPv6(src=CLIENT6, dst=VIP6) / TCP(sport=port, dport=87) / b"e"
        forwarded(f"IPv6 source from a /64, client port {port}", packet, 8, free="34:ffffffff")


if __name__ == "__main__":
    fixture()
    for part in (combinations, headers, checksum_edges, sizes, no_destination, not_ours, malformed, entropy):
        part()
