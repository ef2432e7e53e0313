#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows for the program of health checks (bpf/probe.bpf.c): what a check's socket sent, and what leaves for the backend.

  probe NAME|frame in, hex|REDIRECT or DROP|frame out, hex|mark, hex|

The destinations are those of the other rows. No bits are free: the hash, of the first four bytes behind the IP header and the destination, is
computed here once more.
"""
import sys

from scapy.all import ARP, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6EchoRequest, IPv6, Raw

from rows import DESTS, LB_MAC, NEXT_MAC, VIP4, VIP6
from tunnel_rows import MTU, TUNNELS, behind

MARK = 0x5B100000
NODE4, NODE6 = "10.0.1.2", "fd00:1::2"
NEAR_MAC, FAR_MAC = "02:00:00:00:00:11", "02:00:00:00:00:12"


def spec(dest):
    """(tunnel, address, mtu, source prefix, tags) of a destination of either file."""
    if dest in TUNNELS:
        kind, address, _, source, tags = TUNNELS[dest]
        return kind, address, MTU, source, tags
    _, address, _, mtu, source, *texts = DESTS[dest]
    tags = None
    for tag in (texts[0].split(",") if texts else []):
        tpid, vid = tag.split(":")
        one = (Dot1AD if tpid == "88a8" else Dot1Q)(vlan=int(vid))
        tags = tags / one if tags else one
    return "ip", address, mtu, source, tags


def mix64(value):
    mask = (1 << 64) - 1
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & mask
    value = (value ^ value >> 27) * 0x94D049BB133111EB & mask
    return value ^ value >> 31


def hash_of(dest, inner, is_v6):
    at = 40 if is_v6 else 20
    return mix64(dest << 32 | int.from_bytes(inner[at:at + 4], sys.byteorder))


def with_bits(source, hashed, is_v6):
    """The source prefix's address, its host bits, as far as they are the last 32, from the hash: as it lies in memory."""
    address, length = source.split("/")
    layer = IPv6(src=address) if is_v6 else IP(src=address)
    packed = bytearray(bytes(layer)[8:24] if is_v6 else bytes(layer)[12:16])
    free = min(32, (128 if is_v6 else 32) - int(length))
    bits = (hashed & 0xFFFFFFFF).to_bytes(4, sys.byteorder)
    mask = ((1 << free) - 1).to_bytes(4, "big")
    for i in range(4):
        packed[-4 + i] |= bits[i] & mask[i]
    return bytes(packed)


def text_of(packed):
    return IPv6(b"\x60" + bytes(7) + packed + bytes(16)).src if len(packed) == 16 else IP(b"\x45" + bytes(11) + packed + bytes(4)).src


def expected(dest, packet):
    kind, address, _, source, tags = spec(dest)
    inner, is_v6, outer6 = bytes(packet), isinstance(packet, IPv6), ":" in address
    ethertype = 0x86DD if (is_v6 if kind == "l2dsr" else outer6) else 0x0800
    eth = Ether(src=LB_MAC, dst=NEXT_MAC)
    if tags:
        eth = eth / tags.copy()
    eth.lastlayer().type = ethertype
    if kind == "l2dsr":
        return bytes(eth) + inner
    hashed, tos = hash_of(dest, inner, is_v6), packet.tc if is_v6 else packet.tos
    source = text_of(with_bits(source, hashed, outer6))
    between = b"" if kind == "ip" else behind(kind, is_v6)
    if kind.startswith("gue"):
        between.getlayer(UDP).sport = 0xC000 | hashed & 0x3FFF
    proto = {"ip": 41 if is_v6 else 4, "gre": 47}.get(kind, 17)
    if outer6:
        ip = IPv6(src=source, dst=address, hlim=64, tc=tos, fl=hashed >> 8 & 0xFFFFF, nh=proto)
    else:
        ip = IP(src=source, dst=address, ttl=64, tos=tos, id=0, flags="DF", proto=proto)
    if between:
        return bytes(eth / ip / between / Raw(inner))
    return bytes(eth / ip / Raw(inner))


def probe(name, frame, out, mark):
    print(f"probe check: {name}|{bytes(frame).hex()}|{'REDIRECT' if out else 'DROP'}|{out.hex() if out else '-'}|{mark:x}|")


def sent(payload):
    return Ether(src=NEAR_MAC, dst=FAR_MAC) / payload


def passes(name, packet, dest):
    probe(name, sent(packet), expected(dest, packet), MARK | dest)


def drops(name, frame, mark):
    probe(name, frame, None, mark)


def syn4(port=40000, **ip):
    return IP(src=NODE4, dst=VIP4, **ip) / TCP(sport=port, dport=80, flags="S", options=[("MSS", 1240)])


def syn6(port=40000, **ip):
    return IPv6(src=NODE6, dst=VIP6, **ip) / TCP(sport=port, dport=80, flags="S", options=[("MSS", 1220)])


PACKETS = {
    "IPv4 TCP": syn4(),
    "IPv6 TCP": syn6(),
    "IPv4 UDP": IP(src=NODE4, dst=VIP4) / UDP(sport=41234, dport=53) / Raw(b"question"),
    "IPv6 UDP": IPv6(src=NODE6, dst=VIP6) / UDP(sport=41234, dport=53) / Raw(b"question"),
    "a ping": IP(src=NODE4, dst=VIP4) / ICMP(id=7, seq=9) / Raw(b"t" * 16),
    "an IPv6 ping": IPv6(src=NODE6, dst=VIP6) / ICMPv6EchoRequest(id=7, seq=9, data=b"t" * 16),
    "a segment as long as the interface's MTU": syn4() / Raw(b"h" * (1280 - 44)),
}


def tunnels():
    for dest in [d for d in DESTS if d not in (5, 6)] + list(TUNNELS):
        for what, packet in PACKETS.items():
            passes(f"{what} to destination {dest}, {spec(dest)[0]}", packet, dest)


def headers():
    for dest in (1, 2, 45, 48, 49, 51):
        for tos in (0x01, 0x03, 0xB8, 0xFF):
            passes(f"TOS {tos:#04x} to destination {dest}", syn4(tos=tos), dest)
            passes(f"class {tos:#04x} to destination {dest}", syn6(tc=tos, fl=0xABCDE), dest)
        passes(f"a TTL of 1, which does not fall, to destination {dest}", syn4(ttl=1), dest)
    for port in range(40000, 40008):
        for dest in (7, 8, 58, 59):
            passes(f"source port {port} to destination {dest}", syn4(port), dest)
            passes(f"IPv6 source port {port} to destination {dest}", syn6(port), dest)


def refused():
    drops("no mark", sent(syn4()), 0)
    drops("another's mark", sent(syn4()), 0x5B200001)
    drops("a destination that is none", sent(syn4()), MARK | 64)
    drops("a destination that is not in use", sent(syn4()), MARK | 6)
    drops("a destination without a next hop", sent(syn4()), MARK | 5)
    drops("neither IPv4 nor IPv6", sent(ARP(pdst=VIP4)), MARK | 1)
    drops("a packet that ends behind its IP header", sent(IP(src=NODE4, dst=VIP4, proto=6)), MARK | 1)
    for dest, room in ((1, 1480), (2, 1460), (45, 1472), (51, 1500)):
        full = IP(src=NODE4, dst=VIP4) / TCP(sport=1, dport=2) / Raw(b"m" * (room - 40))
        passes(f"exactly the MTU of destination {dest}", full, dest)
        drops(f"one byte over the MTU of destination {dest}", sent(full / Raw(b"m")), MARK | dest)


if __name__ == "__main__":
    for part in (tunnels, headers, refused):
        part()
