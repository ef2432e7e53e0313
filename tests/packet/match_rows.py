#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The packet table's part on VIPs of several ports or addresses.

Beside its rows there is, for the runner:
  match VIP DEST FLAGS                 a service with this VIP, written as in the configuration; DEST as in vip lines
"""
from scapy.all import TCP, UDP, Dot1AD, Dot1Q, IP, IPv6
from scapy.layers.inet6 import IPv6ExtHdrDestOpt

from icmp_rows import answered, echo4, echo6, error4, error6, pair, sent4, sent6
from rows import DESTS, SRC4, SRC6, VIP4, VIP6, drops, ether, forwarded, in4, in6, passes, tags_of

SINGLE, RANGE, ALL, EXACT, HOST = 35, 36, 37, 38, 39
DESTS.update({
    SINGLE: ("up", "10.0.3.35", 1, 1500, SRC4 + "/32"),
    RANGE: ("up", "fd00:3::36", 1, 1500, SRC6 + "/128"),
    ALL: ("up", "10.0.3.37", 1, 1500, SRC4 + "/32"),
    EXACT: ("up", "10.0.3.38", 1, 1500, SRC4 + "/32", "8100:38"),
    HOST: ("up", "10.0.3.39", 7, 1500, SRC4 + "/32"),
})
QUIET4, QUIET6 = "198.18.3.1", "2001:db8:18:3::1"  # in prefixes whose service has echo off
NEAR4, NEAR6 = "198.18.0.10", "2001:db8:18::10"  # addresses with VIPs of their own, in a prefix
WIDE4, WIDE6 = "198.18.16.{}", "2001:db8:18:16::{:x}"


def fixture():
    for ident in (SINGLE, RANGE, ALL, EXACT, HOST):
        state, address, ifindex, mtu, source = DESTS[ident][:5]
        print(f"dest {ident} {state} {address} {ifindex} {mtu} {source} {','.join(tags_of(ident)) or '-'}")
    for inner, outer, near, quiet, wide in (("198.18.0.0/24", "198.18.0.0/23", NEAR4, "198.18.3.0/24", "198.18.16.0/20"),
                                            ("[2001:db8:18::/64]", "[2001:db8:18::/63]", f"[{NEAR6}]", "[2001:db8:18:3::/64]",
                                             "[2001:db8:18:16::/96]")):
        for proto in ("tcp", "udp"):
            print(f"match {inner}:443/{proto} {SINGLE} 1")
            print(f"match {inner}:400-500/{proto} {RANGE} 0")
            print(f"match {outer}:*/{proto} {ALL} 1")
            print(f"match {near}:440-450/{proto} {HOST} 0")
            print(f"vip {near.strip('[]')} 441 {proto} {EXACT}")
            print(f"match {wide}:1000-1999/{proto} mixed 1")
        print(f"vip {near.strip('[]')} 0 icmp 0")
        print(f"match {quiet}:65535/udp {SINGLE} 0")
        print(f"match {quiet}:53/tcp 0 0")  # a ring without destinations


def address(family, subnet, host):
    return f"198.18.{subnet}.{host}" if family == 4 else f"2001:db8:18:{subnet}::{host:x}"


# (subnet, host, port): who gets it
FOUND = {
    (0, 7, 443): SINGLE, (0, 7, 442): RANGE, (0, 7, 444): RANGE, (0, 7, 400): RANGE, (0, 7, 500): RANGE,
    (0, 7, 399): ALL, (0, 7, 501): ALL, (0, 7, 1): ALL, (0, 7, 65535): ALL,
    (0, 0, 443): SINGLE, (0, 255, 443): SINGLE, (1, 0, 443): ALL, (1, 255, 450): ALL,
    (0, 9, 445): RANGE, (0, 16, 441): EXACT, (0, 16, 440): HOST, (0, 16, 443): HOST, (0, 16, 450): HOST, (0, 16, 439): RANGE,
    (0, 16, 451): RANGE, (0, 16, 399): ALL, (0, 17, 441): RANGE,
}
NOT_FOUND = ((0, 7, 0), (0, 16, 0), (2, 0, 443), (3, 1, 443), (3, 1, 65534), (16, 1, 999), (16, 1, 2000))


def place(subnet, host):
    """NEAR4 ends in .10, NEAR6 in ::10: one host number for both."""
    return address(4, subnet, 10 if host == 16 else host), address(6, subnet, host)


def found():
    for (subnet, host, port), dest in FOUND.items():
        four, six = place(subnet, host)
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            forwarded(f"range or prefix: {proto} to {four} port {port}", in4(port, l4, dst=four), dest)
            forwarded(f"range or prefix: {proto} to {six} port {port}", in6(port, l4, dst=six), dest)
    for subnet, host, port in NOT_FOUND:
        four, six = place(subnet, host)
        passes(f"range or prefix: nobody has {four} port {port}", ether(in4(port, dst=four)), "not_vip")
        passes(f"range or prefix: nobody has {six} port {port}", ether(in6(port, UDP if port else TCP, dst=six)), "not_vip")
    passes("range or prefix: before the first", ether(in4(443, dst="198.17.255.255")), "not_vip")
    passes("range or prefix: before the first, IPv6", ether(in6(443, dst="2001:db8:17:ffff:ffff:ffff:ffff:ffff")), "not_vip")
    passes("range or prefix: behind the last", ether(in6(443, dst="ffff::1")), "not_vip")
    passes("range or prefix: an IPv6 address like an IPv4 one", ether(in6(443, dst="::ffff:198.18.0.7")), "not_vip")
    passes("range or prefix: the other protocol", ether(in4(65535, dst=QUIET4)), "not_vip")
    drops("range or prefix: no backend in the ring", ether(in4(53, dst=QUIET4)), "no_backend")
    drops("range or prefix: TTL 1", ether(in4(443, dst="198.18.0.7", ttl=1)), "ttl_expired")


def other_ways():
    """Tagged frames, and what the slow path takes."""
    for tags, name in ((Dot1Q(vlan=5), "one tag"), (Dot1AD(vlan=300) / Dot1Q(vlan=5), "two tags")):
        forwarded(f"prefix, {name}", in4(443, dst="198.18.0.7"), SINGLE, tags=tags)
        forwarded(f"prefix, IPv6, {name}", in6(442, UDP, dst="2001:db8:18::7"), RANGE, tags=tags)
        passes(f"prefix, nobody, {name}", ether(in4(443, dst="198.18.2.0"), tags), "not_vip")
    packet = IPv6(src="2001:db8:1::7", dst="2001:db8:18::7") / IPv6ExtHdrDestOpt() / TCP(sport=41000, dport=443)
    forwarded("prefix, destination options", packet, SINGLE)
    drops("prefix, too big without DF", ether(in4(443, dst="198.18.0.7", payload=b"x" * 1450)), "too_big")


def icmp():
    for host, port, dest in ((7, 443, SINGLE), (7, 442, RANGE), (7, 1, ALL), (16, 441, EXACT), (16, 443, HOST), (16, 439, RANGE)):
        four, six = place(0, host)
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            forwarded(f"ICMP error about {proto} of {four} port {port}", error4(sent4(port, l4, src=four), dst=four), dest)
            forwarded(f"ICMP error about {proto} of {six} port {port}", error6(sent6(port, l4, src=six), dst=six), dest)
    passes("ICMP error about a port that nobody has", ether(error4(sent4(443, src=QUIET4), dst=QUIET4)), "not_vip")
    for four, six in (("198.18.0.0", "2001:db8:18::"), ("198.18.0.7", "2001:db8:18::7"), ("198.18.1.255", "2001:db8:18:1::ffff")):
        answered(f"echo request to {four}", echo4(dst=four))
        answered(f"echo request to {six}", echo6(dst=six))
    for four, six, why in ((QUIET4, QUIET6, "echo off"), (NEAR4, NEAR6, "echo off for the address, on for its prefix")):
        passes(f"echo request to {four}, {why}", ether(echo4(dst=four)), "echo_refused")
        passes(f"echo request to {six}, {why}", ether(echo6(dst=six)), "echo_refused")
    passes("echo request to an address outside", ether(echo4(dst="198.18.2.1")), "not_tcp_udp")
    passes("echo request to an address outside, IPv6", ether(echo6(dst="2001:db8:18:2::1")), "not_tcp_udp")
    for dst4, dst6 in ((VIP4, VIP6), ("198.18.0.7", "2001:db8:18::7")):
        passes(f"echo request to {dst4} from a prefix that is a VIP", ether(echo4(src="198.18.1.9", dst=dst4)), "echo_refused")
        passes(f"echo request to {dst6} from a prefix that is a VIP", ether(echo6(src="2001:db8:18:1::9", dst=dst6)), "echo_refused")


def pairs():
    """Flows to the addresses and ports of one VIP are spread, and the errors about them follow."""
    for i in range(1, 9):
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            four, six, port, far = WIDE4.format(i), WIDE6.format(i), 1000 + 111 * i, "198.51.100.7"
            pair(f"{proto} to {four} port {port} of a prefix, and an error about it",
                 IP(src=far, dst=four) / l4(sport=42000, dport=port),
                 error4(sent4(port, l4, src=four, dst=far, dport=42000)[:28], dst=four))
            pair(f"{proto} to {six} port {port} of a prefix, and an error about it",
                 IPv6(src="2001:db8:1::7", dst=six) / l4(sport=42000, dport=port),
                 error6(sent6(port, l4, src=six, dst="2001:db8:1::7", dport=42000)[:48], dst=six))


if __name__ == "__main__":
    fixture()
    for part in (found, other_ways, icmp, pairs):
        part()
