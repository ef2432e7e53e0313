#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: services that do not serve every source, or send some of them to a pool.

  source LIST ACTION PREFIX                an entry of shunt_sources; vip lines name a list behind their flags and prefix length
                                           ACTION: allow, deny, or the number of a ring, as in vip lines
"""
from scapy.all import ICMP, TCP, UDP, Dot1Q, ICMPv6DestUnreach, IP, IPOption_NOP, IPv6, Raw

from rows import VIP4, VIP6, drops, ether, forwarded, passes

SPECIAL, SOURCES, HASH_SOURCE = 2, 64, 16
# List: port, VIP, rules. The first two serve what no prefix has, the next two do not.
LISTS = {
    1: (1100, VIP4, ("allow 0.0.0.0/0", "deny 10.0.0.0/8", "allow 10.6.0.0/16", "deny 10.6.7.8/32")),
    2: (1100, VIP6, ("allow ::/0", "deny 2001:db8:a::/48", "allow 2001:db8:a:6::/64", "deny 2001:db8:a:6::8/128")),
    3: (1101, VIP4, ("deny 0.0.0.0/0", "allow 198.51.100.0/25", "deny 198.51.100.64/26")),
    4: (1101, VIP6, ("deny ::/0", "allow 2001:db8:1::/49", "deny 2001:db8:1:4000::/50")),
    5: (1102, VIP4, ("deny 0.0.0.0/0",)),
    6: (1102, VIP6, ("allow ::/0",)),
}
# port: sources and whether they are served
SOURCES_TO = {
    1100: {"10.0.0.1": 0, "10.255.255.255": 0, "9.255.255.255": 1, "11.0.0.0": 1, "10.6.0.0": 1, "10.6.255.255": 1,
           "10.7.0.0": 0, "10.5.255.255": 0, "10.6.7.8": 0, "10.6.7.9": 1, "10.6.7.7": 1, "223.255.255.254": 1,
           "2001:db8:a::": 0, "2001:db8:a:ffff:ffff:ffff:ffff:ffff": 0, "2001:db8:b::": 1, "2001:db8:9:ffff::": 1,
           "2001:db8:a:6::7": 1, "2001:db8:a:6::8": 0, "2001:db8:a:7::8": 0, "1::a00:1": 1},
    1101: {"198.51.100.0": 1, "198.51.100.63": 1, "198.51.100.64": 0, "198.51.100.127": 0, "198.51.100.128": 0,
           "198.51.99.255": 0, "198.50.100.1": 0, "1.0.0.1": 0,
           "2001:db8:1::": 1, "2001:db8:1:3fff::1": 1, "2001:db8:1:4000::": 0, "2001:db8:1:7fff::": 0,
           "2001:db8:1:8000::": 0, "c633:6400::": 0},
    1102: {"198.51.100.7": 0, "2001:db8:1::7": 1},
}


def fixture():
    for number, (port, address, rules) in LISTS.items():
        for rule in rules:
            print(f"source {number} {rule}")
        for proto in ("tcp", "udp"):
            print(f"vip {address} {port} {proto} 1 {SPECIAL | SOURCES} 0 {number}")
    for number, (port, address, rules) in POOLS.items():
        for rule in rules:
            print(f"source {number} {rule}")
        for proto in ("tcp", "udp"):
            print(f"vip {address} {port} {proto} 1 {SPECIAL | SOURCES | (HASH_SOURCE if port == 1106 else 0)} 64 {number}")
    print(f"vip {VIP4} 1103 tcp 3 {SPECIAL | SOURCES | HASH_SOURCE} 32 1")
    print(f"vip {VIP4} 1104 tcp 1 {SPECIAL | SOURCES} 0 99")


# The same with pools, by the number of their rings: the service's own is 1, 0 has nobody.
POOLS = {
    7: (1105, VIP4, ("allow 0.0.0.0/0", "3 10.8.0.0/16", "allow 10.8.7.0/24", "deny 10.8.9.0/24", "2 10.8.9.7/32", "0 10.9.0.0/16")),
    8: (1105, VIP6, ("allow ::/0", "4 2001:db8:8::/48", "allow 2001:db8:8:7::/64", "deny 2001:db8:8:9::/64",
                     "2 2001:db8:8:9::7/128", "0 2001:db8:9::/48")),
    9: (1106, VIP4, ("deny 0.0.0.0/0", "mixed 198.51.0.0/16")),
    10: (1106, VIP6, ("deny ::/0", "mixed 2001:db8::/32")),
}
# source: ring, None: denied
POOL_OF = {"9.0.0.1": 1, "10.7.255.255": 1, "10.8.0.0": 3, "10.8.255.255": 3, "10.8.6.255": 3, "10.8.7.0": 1, "10.8.7.255": 1,
           "10.8.8.0": 3, "10.8.9.6": None, "10.8.9.7": 2, "10.8.9.8": None, "10.9.0.1": 0, "10.10.0.0": 1,
           "2001:db8:7:ffff::": 1, "2001:db8:8::": 4, "2001:db8:8:ffff::1": 4, "2001:db8:8:7::": 1, "2001:db8:8:9::6": None,
           "2001:db8:8:9::7": 2, "2001:db8:9::1": 0, "2001:db8:a::": 1}


def packet(port, client, l4=TCP, **ip):
    layer, vip = (IPv6, VIP6) if ":" in client else (IP, VIP4)
    return layer(src=client, dst=vip, **ip) / l4(sport=41000, dport=port) / Raw(b"s" * 20)


def judged():
    for port, sources in SOURCES_TO.items():
        for client, served in sources.items():
            for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                if served:
                    forwarded(f"{client} is served by {port} {proto}", packet(port, client, l4), 1)
                else:
                    drops(f"{client} is denied by {port} {proto}", ether(packet(port, client, l4)), "source_denied")


def ways():
    """However the packet comes, its source is looked at."""
    drops("denied behind a tag", ether(packet(1100, "10.0.0.1"), Dot1Q(vlan=5)), "source_denied")
    forwarded("served behind a tag", packet(1100, "10.6.0.1"), 1, tags=Dot1Q(vlan=5))
    drops("denied with options", ether(packet(1100, "10.0.0.1", options=[IPOption_NOP()] * 4)), "source_denied")
    drops("denied with TTL 1", ether(packet(1100, "10.0.0.1", ttl=1)), "source_denied")
    drops("denied and too big", ether(IP(src="10.0.0.1", dst=VIP4, flags="DF") / TCP(dport=1100) / Raw(b"s" * 1460)),
          "source_denied")
    drops("denied where sources are hashed", ether(packet(1103, "10.0.0.1")), "source_denied")
    forwarded("served where sources are hashed", packet(1103, "10.6.0.1"), 3)
    drops("a list that is not there", ether(packet(1104, "10.6.0.1")), "source_denied")
    passes("a denied source to no VIP", ether(packet(1199, "10.0.0.1")), "not_vip")


def errors():
    """An ICMP error is judged by the client whose flow it is about, not by the router that sends it."""
    for client, router, served in (("10.6.0.1", "10.0.0.9", 1), ("10.0.0.1", "203.0.113.9", 0)):
        quote = bytes(IP(src=VIP4, dst=client) / TCP(sport=1100, dport=41000))[:28]
        error = IP(src=router, dst=VIP4) / ICMP(type=3, code=1) / Raw(quote)
        if served:
            forwarded(f"an error about a flow of {client} from {router}", error, 1)
        else:
            drops(f"an error about a flow of {client} from {router}", ether(error), "source_denied")
    for client, router, served in (("2001:db8:a:6::1", "2001:db8:a::9", 1), ("2001:db8:a::1", "fd00::9", 0)):
        quote = bytes(IPv6(src=VIP6, dst=client) / TCP(sport=1100, dport=41000))[:48]
        error = IPv6(src=router, dst=VIP6) / ICMPv6DestUnreach(code=3) / Raw(quote)
        if served:
            forwarded(f"an error about a flow of {client} from {router}", error, 1)
        else:
            drops(f"an error about a flow of {client} from {router}", ether(error), "source_denied")


def pools():
    for client, ring in POOL_OF.items():
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            name = f"{client} to 1105 {proto}"
            if ring:
                forwarded(f"{name} goes to {ring}", packet(1105, client, l4), ring)
            else:
                drops(f"{name} goes nowhere", ether(packet(1105, client, l4)),
                      "source_denied" if ring is None else "no_backend")
    forwarded("to a pool from behind a tag", packet(1105, "10.8.0.1"), 3, tags=Dot1Q(vlan=5))
    for client, other in (("198.51.100.7", "198.51.100.8"), ("2001:db8:1::7", "2001:db8:2::7")):
        here, there = ether(packet(1106, client)), ether(packet(1106, client, UDP))
        print(f"pair a pool's ring is one for {client}|{bytes(here).hex()}|{bytes(there).hex()}")
        print(f"pair a pool's ring is one for {other}|{bytes(ether(packet(1106, other))).hex()}|"
              f"{bytes(ether(packet(1106, other, UDP))).hex()}")
    quote = bytes(IP(src=VIP4, dst="10.8.0.1") / TCP(sport=1105, dport=41000))[:28]
    forwarded("an error about a flow of a pool", IP(src="203.0.113.9", dst=VIP4) / ICMP(type=3, code=1) / Raw(quote), 3)
    quote = bytes(IPv6(src=VIP6, dst="2001:db8:8::1") / TCP(sport=1105, dport=41000))[:48]
    forwarded("an IPv6 error about a flow of a pool", IPv6(src="fd00::9", dst=VIP6) / ICMPv6DestUnreach(code=3) / Raw(quote), 4)


if __name__ == "__main__":
    fixture()
    for part in (judged, ways, errors, pools):
        part()
