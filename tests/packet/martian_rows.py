#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: sources that no client has, and frames that are not for this station alone."""
from scapy.all import TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6
from scapy.layers.inet6 import IPv6ExtHdrDestOpt

from icmp_rows import error4, error6, sent4, sent6
from rows import CLIENT_MAC, PORTS, VIP4, VIP6, drops, ether, forwarded, in4, in6, passes

MARTIANS4 = ("0.0.0.0", "0.0.0.1", "0.255.255.255", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.255.255.255", "240.0.0.1",
             "255.255.255.255", VIP4)
LAWFUL4 = ("1.0.0.0", "10.0.0.1", "126.255.255.255", "128.0.0.0", "169.254.1.1", "192.0.2.11", "223.255.255.255")
MARTIANS6 = ("::", "::1", "::ffff:198.51.100.7", "::198.51.100.7", "ff02::1", "ff0e::1", "ff00::", VIP6)
LAWFUL6 = ("64:ff9b::198.51.100.7", "fc00::1", "fe80::1", "2001:db8::11", "0:1::", "feff::1")
TAGS = ((None, "no tag"), (Dot1AD(vlan=300) / Dot1Q(vlan=5), "two tags"))
GROUPS = ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:02:0a", "33:33:00:00:00:10")


def sources():
    for tags, name in TAGS:
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            for src in MARTIANS4:
                drops(f"{proto} from {src}, {name}", ether(in4(80, l4, src=src), tags), "martian")
            for src in MARTIANS6:
                drops(f"{proto} from {src}, {name}", ether(in6(80, l4, src=src), tags), "martian")
            for src in LAWFUL4:
                forwarded(f"{proto} from {src}, {name}", in4(80, l4, src=src), PORTS[80], tags=tags)
            for src in LAWFUL6:
                forwarded(f"{proto} from {src}, {name}", in6(80, l4, src=src), PORTS[80], tags=tags)
    extended = IPv6(src="::1", dst=VIP6) / IPv6ExtHdrDestOpt() / TCP(sport=41000, dport=80)
    drops("an extension header, from ::1", ether(extended), "martian")
    passes("from 127.0.0.1 to no VIP", ether(in4(79, src="127.0.0.1")), "not_vip")
    passes("from ::1 to no VIP", ether(in6(79, src="::1")), "not_vip")
    for dst in ("127.0.0.1", VIP4):
        drops(f"ICMP error about a packet to {dst}", ether(error4(sent4(dst=dst))), "martian")
    for dst in ("::1", VIP6):
        drops(f"ICMPv6 error about a packet to {dst}", ether(error6(sent6(dst=dst))), "martian")


def frames():
    for mac in GROUPS:
        for tags, name in TAGS:
            for packet, family in ((in4(80), "IPv4"), (in6(80), "IPv6"), (error4(sent4()), "ICMP"), (error6(sent6()), "ICMPv6")):
                payload = tags / packet if tags else packet
                drops(f"{family} to {mac}, {name}", Ether(src=CLIENT_MAC, dst=mac) / payload, "to_group")
        passes(f"no VIP's, to {mac}", Ether(src=CLIENT_MAC, dst=mac) / in4(79), "not_vip")


if __name__ == "__main__":
    for part in (sources, frames):
        part()
