#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: tunnels other than IP in IP, and layer-2 DSR. UDP and GRE headers are Scapy's; the four bytes of GUE
variant 0 are packed by hand from draft-ietf-intarea-gue-09, section 3.1, since Scapy has no GUE.

UDP's source port is free in the rows (14 bits); that it is the flow's is for the runner to check.
"""
import struct

from scapy.all import GRE, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPOption_RR, IPv6, Raw

from icmp_rows import told4, told6
from rows import CLIENT4, CLIENT6, LB_MAC, NEXT_MAC, SRC4, SRC6, VIP4, VIP6, drops, ether, in4, in6, row

# id: tunnel (gue0:PORT, gue1:PORT, gre, l2dsr), address, ifindex, source prefix, VLAN tags
TUNNELS = {
    45: ("gue1:6080", "10.0.2.45", 1, SRC4 + "/32", None),
    46: ("gue1:6080", "fd00:2::46", 1, SRC6 + "/128", None),
    47: ("gue0:6080", "10.0.2.47", 1, SRC4 + "/32", None),
    48: ("gue0:65535", "fd00:2::48", 1, SRC6 + "/128", None),
    49: ("gre", "10.0.2.49", 1, SRC4 + "/32", None),
    50: ("gre", "fd00:2::50", 1, SRC6 + "/128", None),
    51: ("l2dsr", "10.0.2.51", 1, SRC4 + "/32", None),
    52: ("l2dsr", "fd00:2::52", 7, SRC6 + "/128", None),
    53: ("gue1:1", "10.0.2.53", 7, SRC4 + "/32", Dot1Q(vlan=100)),
    54: ("gue0:6080", "fd00:2::54", 1, SRC6 + "/128", Dot1AD(vlan=300) / Dot1Q(vlan=7)),
    55: ("gre", "10.0.2.55", 1, SRC4 + "/32", Dot1AD(vlan=4094)),
    56: ("l2dsr", "10.0.2.56", 1, SRC4 + "/32", Dot1Q(vlan=100)),
    57: ("l2dsr", "fd00:2::57", 1, SRC6 + "/128", Dot1Q(vlan=1) / Dot1Q(vlan=4094)),
    58: ("gue1:6080", "10.0.2.58", 1, "172.31.0.0/16", None),
    59: ("gre", "fd00:2::59", 1, "fd00:5::/64", Dot1Q(vlan=9)),
}
MTU = 1500
ARRIVING = {"no tag": None, "802.1Q": Dot1Q(vlan=5), "802.1ad and 802.1Q": Dot1AD(vlan=300) / Dot1Q(vlan=5)}


def port_of(dest):
    return 300 + dest - 45


def tags_text(tags):
    found = []
    while tags:
        found.append(f"{'88a8' if isinstance(tags, Dot1AD) else '8100'}:{tags.vlan}")
        tags = tags.payload
    return ",".join(found) or "-"


def describe(dest):
    kind, address, _, _, tags = TUNNELS[dest]
    return f"{kind} to {'IPv6' if ':' in address else 'IPv4'}, tags {tags_text(tags)}"


def fixture():
    for dest, (kind, address, ifindex, source, tags) in TUNNELS.items():
        print(f"dest {dest} up {address} {ifindex} {MTU} {source} {tags_text(tags)} {kind}")
        for vip in (VIP4, VIP6):
            for proto in ("tcp", "udp"):
                print(f"vip {vip} {port_of(dest)} {proto} {dest}")


def behind(kind, is_v6):
    """The headers between the outer IP header and the packet."""
    if kind == "gre":
        return GRE(proto=0x86DD if is_v6 else 0x0800)
    udp = UDP(sport=0xC000, dport=int(kind.split(":")[1]), chksum=0)
    if kind.startswith("gue1"):
        return udp
    # Variant 0, not a control message, no options; the protocol; no flags.
    return udp / Raw(struct.pack(">BBH", 0, 41 if is_v6 else 4, 0))


def overhead(dest):
    kind, address, *_ = TUNNELS[dest]
    if kind == "l2dsr":
        return 0
    return (40 if ":" in address else 20) + len(bytes(behind(kind, False)))


def expected(dest, inner, is_v6, tos):
    """The frame that must come out, and the bits of it that are free."""
    kind, address, _, source, tags = TUNNELS[dest]
    eth = Ether(src=LB_MAC, dst=NEXT_MAC, type=0x86DD if is_v6 else 0x0800)
    if tags:
        eth = Ether(src=LB_MAC, dst=NEXT_MAC) / tags.copy()
        eth.lastlayer().type = 0x86DD if is_v6 else 0x0800
    if kind == "l2dsr":
        return bytes(eth) + inner, ""
    l3_off = len(bytes(eth))
    if tags:
        del eth.lastlayer().type
    else:
        del eth.type
    source, length = source.split("/")
    if ":" in address:
        ip, ip_len = IPv6(src=source, dst=address, hlim=64, tc=tos), 40
        free = [f"{l3_off + 1}:0fffff"]
        if length != "128":
            free.append(f"{l3_off + 20}:ffffffff")
    else:
        ip, ip_len = IP(src=source, dst=address, ttl=64, tos=tos, id=0, flags="DF"), 20
        free = [f"{l3_off + 10}:ffff", f"{l3_off + 14}:ffff"] if length != "32" else []
    if kind.startswith("gue"):
        free.append(f"{l3_off + ip_len}:3fff")
    return bytes(eth / ip / behind(kind, is_v6) / Raw(inner)), ",".join(free)


def forwarded(name, packet, dest, padding=b"", tags=None):
    """The packet as it arrives, behind these VLAN tags; inside, the TTL falls by one."""
    arrived = bytes(packet)
    is_v6 = arrived[0] >> 4 == 6
    inner = (IPv6 if is_v6 else IP)(arrived)
    if is_v6:
        inner.hlim -= 1
        tos, header_len = inner.tc, 40
    else:
        inner.ttl -= 1
        del inner.chksum
        tos, header_len = inner.tos, inner.ihl * 4
    out, free = expected(dest, bytes(inner)[:header_len] + arrived[header_len:], is_v6, tos)
    action = "TX" if TUNNELS[dest][2] == 1 else "REDIRECT"
    row(name, bytes(ether(packet, tags)) + padding, action, out + padding, f"dest:{dest}", free)


def combinations():
    for dest in TUNNELS:
        for make, family in ((in4, "IPv4"), (in6, "IPv6")):
            for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                for arriving, tags in ARRIVING.items():
                    forwarded(f"{family} {proto} in {describe(dest)}, arriving with {arriving}", make(port_of(dest), l4), dest,
                              tags=tags)


def headers():
    for dest in (45, 46, 47, 48, 49, 50, 51, 54, 56):
        name, port = describe(dest), port_of(dest)
        for tos in (0x01, 0x03, 0xB8, 0xFF):
            forwarded(f"TOS {tos:#04x}, {name}", in4(port, tos=tos), dest)
            forwarded(f"class {tos:#04x}, {name}", in6(port, tc=tos, fl=0xABCDE), dest)
        for ttl in (255, 2):
            forwarded(f"TTL {ttl} falls by one, {name}", in4(port, ttl=ttl), dest)
            forwarded(f"hop limit {ttl} falls by one, {name}", in6(port, hlim=ttl), dest)
        for ttl in (1, 0):
            drops(f"TTL {ttl}, {name}", ether(in4(port, ttl=ttl)), "ttl_expired")
            drops(f"hop limit {ttl}, {name}", ether(in6(port, hlim=ttl)), "ttl_expired")
        options = IP(src=CLIENT4, dst=VIP4, options=[IPOption_RR(routers=["0.0.0.0"] * 9)])
        forwarded(f"IPv4 options, {name}", options / TCP(sport=41000, dport=port) / b"y", dest)
        forwarded(f"no payload, frame padded, {name}", in4(port, payload=b""), dest, padding=b"\xee" * 6)
        forwarded(f"IPv6 no payload, frame padded, {name}", in6(port, payload=b""), dest, padding=b"\xee" * 10)


def sizes():
    for dest in TUNNELS:
        name, port, room = describe(dest), port_of(dest), MTU - overhead(dest)
        forwarded(f"IPv4, exactly the MTU, {name}", in4(port, payload=b"m" * (room - 40)), dest)
        forwarded(f"IPv6, exactly the MTU, {name}", in6(port, payload=b"m" * (room - 60)), dest)
        drops(f"IPv4, one byte over the MTU, {name}", ether(in4(port, payload=b"m" * (room - 39))), "too_big")
        if dest in (45, 46, 47, 48, 49, 50, 51, 52):
            told4(f"told the MTU, {name}", in4(port, payload=b"m" * (room - 39), flags="DF"), room)
            told6(f"told the MTU, {name}", in6(port, payload=b"m" * (room - 59)), room)


def entropy():
    """32 flows each; the runner counts the source ports, and for those whose prefix has host bits the sources."""
    for dest in (45, 48, 54, 58, 59):
        for client_port in range(41000, 41032):
            make = (IP(src=CLIENT4, dst=VIP4), IPv6(src=CLIENT6, dst=VIP6))[client_port & 1]
            forwarded(f"client port {client_port}, {describe(dest)}", make / TCP(sport=client_port, dport=port_of(dest)) / b"e", dest)


if __name__ == "__main__":
    fixture()
    for part in (combinations, headers, sizes, entropy):
        part()
