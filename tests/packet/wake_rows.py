#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: services whose backends sleep. A ring with nobody and an entry in wake_rings; number 62 is nobody's else.

  wake RING                                this ring has nobody, and is told of
  wakes NAME|frame, hex|source or -        what is told of it, when nothing has been for long; and of the same frame again, nothing
"""
from scapy.all import IP, TCP, UDP, Dot1Q, IPOption_NOP, IPv6, IPv6ExtHdrDestOpt, Raw, fragment

from icmp_rows import error4
from rows import CLIENT4, CLIENT6, VIP4, VIP6, drops, ether
from source_rows import SOURCES, SPECIAL

RING, PORT, POOL_PORT = 62, 1700, 1701


def fixture():
    print(f"wake {RING}")
    for vip in (VIP4, VIP6):
        for proto in ("tcp", "udp"):
            print(f"vip {vip} {PORT} {proto} {RING}")
    # Some sources are sent to a pool that sleeps, the others to one that has nobody and does not.
    print(f"vip {VIP4} {POOL_PORT} tcp 0 {SPECIAL | SOURCES} 0 21")
    print("source 21 allow 0.0.0.0/0")
    print(f"source 21 {RING} 198.51.100.0/24")


def tcp(flags="S", port=PORT, is_v6=False, src=None, **ip):
    layer = IPv6(src=src or CLIENT6, dst=VIP6, **ip) if is_v6 else IP(src=src or CLIENT4, dst=VIP4, **ip)
    return layer / TCP(sport=41000, dport=port, flags=flags)


def udp(is_v6=False, size=20):
    return (IPv6(src=CLIENT6, dst=VIP6) if is_v6 else IP(src=CLIENT4, dst=VIP4)) / UDP(sport=41000, dport=PORT) / Raw(b"u" * size)


def told(name, packet, source, tags=None):
    """Counted as asleep whatever it is; told with its source, if it begins something."""
    drops(name, ether(packet, tags), "asleep")
    print(f"wakes {name}|{bytes(ether(packet, tags)).hex()}|{source or '-'}")


def rows():
    for is_v6, client in ((False, CLIENT4), (True, CLIENT6)):
        family = "IPv6" if is_v6 else "IPv4"
        for flags in ("S", "SEC", "SP"):
            told(f"{family} asleep, TCP {flags}", tcp(flags, is_v6=is_v6), client)
        for flags in ("A", "SA", "FA", "R", "RA", "SF", "SR", ""):
            told(f"{family} asleep, TCP {flags or 'without flags'}", tcp(flags, is_v6=is_v6), None)
        told(f"{family} asleep, UDP", udp(is_v6), client)
        told(f"{family} asleep, with a tag, SYN", tcp(is_v6=is_v6), client, Dot1Q(vlan=7))
        told(f"{family} asleep, with a tag, ACK", tcp("A", is_v6=is_v6), None, Dot1Q(vlan=7))
    told("IPv4 asleep, options, SYN", tcp(options=[IPOption_NOP()] * 4), CLIENT4)
    told("IPv4 asleep, options, ACK", tcp("A", options=[IPOption_NOP()] * 4), None)
    told("IPv6 asleep, an extension header, SYN",
         IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrDestOpt() / TCP(sport=41000, dport=PORT, flags="S"), CLIENT6)
    told("IPv4 asleep, the first of a datagram's fragments", fragment(udp(size=2000), fragsize=1000)[0], CLIENT4)
    told("IPv4 asleep, an ICMP error about it", error4(IP(src=VIP4, dst=CLIENT4) / TCP(sport=PORT, dport=41000)), None)
    told("a pool asleep, a source of its own, SYN", tcp(port=POOL_PORT), CLIENT4)
    told("a pool asleep, a source of its own, ACK", tcp("A", port=POOL_PORT), None)
    drops("a pool asleep, another's source, SYN", ether(tcp(port=POOL_PORT, src="203.0.113.7")), "no_backend")
    drops("a martian wakes nobody", ether(tcp(src="127.0.0.1")), "martian")


if __name__ == "__main__":
    fixture()
    rows()
