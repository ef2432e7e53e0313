#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: frames of more than one buffer. Test runs cut a frame into pages as drivers do: what is longer than about
3,500 bytes is in several pieces, of which the program's data pointers show the first."""
from scapy.all import TCP, UDP, Dot1AD, Dot1Q, IPOption_NOP, IPv6, Raw
from scapy.layers.inet6 import IPv6ExtHdrDestOpt

import rows
from icmp_rows import answered, echo4, echo6, error4, error6, long4, long6, sent4, sent6, told4, told6
from rows import CLIENT6, SRC4, SRC6, VIP4, VIP6, ether, forwarded, passes

TAGS = ((None, "no tag"), (Dot1Q(vlan=5), "802.1Q"), (Dot1AD(vlan=300) / Dot1Q(vlan=5), "two tags"))
ONE, JUMBO4, JUMBO6 = 400, 401, 402  # ports; ONE leads to an MTU of 1500
rows.DESTS.update({60: ("up", "10.0.2.60", 1, 9000, SRC4 + "/32"), 61: ("up", "fd00:2::60", 7, 9000, SRC6 + "/128", "8100:9")})
LEAVING = {JUMBO4: 60, JUMBO6: 61}


def fixture():
    for ident in LEAVING.values():
        print(rows.dest_line(ident))
    for port, dest in {**LEAVING, ONE: 1}.items():
        for address in (VIP4, VIP6):
            for proto in ("tcp", "udp"):
                print(f"vip {address} {port} {proto} {dest}")


def forwards():
    for tags, name in TAGS:
        for length in (3400, 3500, 3600, 4096, 8192, 8960):
            for port, dest in LEAVING.items():
                for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                    forwarded(f"{proto} of {length} bytes, {name}, by {dest}, IPv4", long4(length, port, l4), dest, tags=tags)
                    forwarded(f"{proto} of {length} bytes, {name}, by {dest}, IPv6", long6(length, port, l4), dest, tags=tags)
    forwarded("exactly an MTU of 9000, IPv4", long4(8980, JUMBO4), 60)
    forwarded("exactly an MTU of 9000, IPv6 outside", long6(8960, JUMBO6), 61)
    forwarded("several buffers, IPv4 options", long4(8000, JUMBO4, options=[IPOption_NOP()] * 40), 60)
    options = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrDestOpt() / UDP(sport=41000, dport=JUMBO4) / Raw(b"j" * 8000)
    forwarded("several buffers, IPv6 extension header", options, 60)
    forwarded("several buffers and padding", long4(8000, JUMBO4), 60, padding=b"\xee" * 3)
    forwarded("ICMP error of several buffers", error4(sent4(JUMBO4, payload=b"q" * 5000)), 60)
    forwarded("ICMPv6 error of several buffers", error6(sent6(JUMBO4, payload=b"q" * 5000)), 60)


def others():
    for length in (3600, 8960):
        passes(f"{length} bytes to no VIP, IPv4", ether(long4(length, 499)), "not_vip")
        passes(f"{length} bytes to no VIP, IPv6", ether(long6(length, 499)), "not_vip")
    passes("several buffers, total length longer than the frame", ether(long4(8000, JUMBO4, len=8001)), "truncated")
    passes("several buffers, payload length longer than the frame", ether(long6(8000, JUMBO4, plen=7961)), "truncated")
    answered("ping of several buffers, IPv4", echo4(b"\xa5" * 8000))
    answered("ping of several buffers, IPv6", echo6(b"\xa5" * 8000))
    for tags, name in TAGS:
        told4(f"too big, {name}, several buffers for an MTU of 9000", long4(8981, JUMBO4), 8980, tags=tags)
        told6(f"too big, {name}, several buffers for an MTU of 9000", long6(8961, JUMBO6), 8960, tags=tags)
        told4(f"too big, {name}, several buffers for an MTU of 1500", long4(8000, ONE), 1480, tags=tags)
        told6(f"too big, {name}, several buffers for an MTU of 1500", long6(8000, ONE), 1480, tags=tags)


if __name__ == "__main__":
    fixture()
    for part in (forwards, others):
        part()
