#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: VLAN tags on packets that arrive, and tags of next hops on those that leave."""
from scapy.all import ARP, TCP, UDP, Dot1AD, Dot1Q, Ether, IP, IPv6, Raw

from rows import CLIENT4, CLIENT6, CLIENT_MAC, DESTS, LB_MAC, PORTS, VIP4, VIP6, drops, ether, forwarded, in4, in6, passes, tags_of

ARRIVING = {
    "no tag": None,
    "802.1Q": Dot1Q(vlan=5),
    "802.1ad": Dot1AD(vlan=4094),
    "802.1ad and 802.1Q": Dot1AD(vlan=300) / Dot1Q(vlan=5),
    "802.1Q twice": Dot1Q(vlan=1) / Dot1Q(vlan=2),
    "802.1Q and 802.1ad": Dot1Q(vlan=1) / Dot1AD(vlan=2),
    "a priority tag": Dot1Q(vlan=0, prio=5),
    "a priority tag inside": Dot1AD(vlan=300) / Dot1Q(vlan=0, prio=7),
    "all bits of a tag set": Dot1Q(vlan=4095, prio=7, id=1),
}
MALFORMED_WITH = {name: tags for name, tags in ARRIVING.items() if tags}
# Every kind of next hop: family outside, tags, interface.
LEAVING = {80: "IPv4", 81: "IPv6", 82: "IPv4, other interface", 83: "IPv6, other interface", 70: "IPv4, 802.1Q",
           71: "IPv6, 802.1ad", 72: "IPv4, two tags", 73: "IPv6, two tags, other interface",
           74: "IPv4, priority tag, other interface"}


def tag_len(tags):
    return len(bytes(tags)) if tags else 0


def combinations():
    for arriving, tags in ARRIVING.items():
        for port, leaving in LEAVING.items():
            for make, family in ((in4, "IPv4"), (in6, "IPv6")):
                for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                    forwarded(f"{family} {proto} with {arriving}, out by {leaving}", make(port, l4), PORTS[port], tags=tags)


def headers():
    """What is patched into the outer header, and what is read behind the tags."""
    two = ARRIVING["802.1ad and 802.1Q"]
    for tags, name in ((None, "no tag"), (two, "two tags")):
        for port in (70, 71, 72, 73):
            for tos in (0x03, 0xB8):
                forwarded(f"TOS {tos:#04x}, {name} in, out by {LEAVING[port]}", in4(port, tos=tos), PORTS[port], tags=tags)
                forwarded(f"class {tos:#04x}, {name} in, out by {LEAVING[port]}", in6(port, tc=tos, fl=0xABCDE),
                          PORTS[port], tags=tags)
            forwarded(f"no payload, padded, {name} in, out by {LEAVING[port]}", in4(port, payload=b""), PORTS[port],
                      padding=b"\xee" * 6, tags=tags)
    for ttl, name in ((1, "TTL 1"), (0, "TTL 0")):
        drops(f"IPv4, {name} behind two tags", ether(in4(80, ttl=ttl), two), "ttl_expired")
        drops(f"IPv6, {name} behind two tags", ether(in6(80, hlim=ttl), two), "ttl_expired")
    for port in range(41000, 41032):
        packet = IP(src=CLIENT4, dst=VIP4) / TCP(sport=port, dport=75) / b"e"
        forwarded(f"IPv4 source from a /16 behind a tag, client port {port}", packet, 15, free="28:ffff,30:0000ffff")


def sizes():
    """The MTU is one of IP packets: tags count neither when they come nor when they go."""
    for arriving, tags in ARRIVING.items():
        for port in (70, 72, 80):
            fits, over = in4(port, payload=b"m" * (1500 - 20 - 40)), in4(port, payload=b"m" * (1500 - 20 - 39))
            forwarded(f"exactly the MTU with {arriving}, out by {LEAVING[port]}", fits, PORTS[port], tags=tags)
            drops(f"one byte over the MTU with {arriving}, out by {LEAVING[port]}", ether(over, tags), "too_big")


def not_ours():
    for arriving, tags in MALFORMED_WITH.items():
        passes(f"ARP with {arriving}", ether(ARP(pdst=VIP4), tags), "not_ip")
        passes(f"not a VIP, IPv4 with {arriving}", ether(in4(79), tags), "not_vip")
        passes(f"not a VIP, IPv6 with {arriving}", ether(in6(79), tags), "not_vip")
    for tags, name in ((Dot1Q() / Dot1Q() / Dot1Q(), "three tags"), (Dot1AD() / Dot1AD() / Dot1Q(), "three tags, two 802.1ad"),
                       (Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q(), "four tags")):
        passes(f"IPv4 with {name}", ether(in4(80), tags), "vlan_depth")
        passes(f"IPv6 with {name}", ether(in6(80), tags), "vlan_depth")
    passes("an EtherType that tags had before 802.1ad", Ether(src=CLIENT_MAC, dst=LB_MAC, type=0x9100) / Raw(
        bytes(Dot1Q(vlan=5) / in4(80))), "not_ip")
    passes("no backend behind a tag", ether(in4(79), Dot1Q(vlan=1)), "not_vip")
    drops("no backend in the ring, with a tag", ether(in4(88), Dot1Q(vlan=1)), "no_backend")
    drops("next hop not resolved, with a tag", ether(in6(84), Dot1Q(vlan=1)), "no_nexthop")


def malformed():
    for arriving, tags in MALFORMED_WITH.items():
        whole4, whole6 = bytes(ether(in4(80, payload=b""), tags)), bytes(ether(in6(80, payload=b""), tags))
        behind = 14 + tag_len(tags)
        for cut in range(14, behind):  # within the tags, their EtherType being whole
            passes(f"cut to {cut} bytes, with {arriving}", whole4[:cut], "truncated")
        for cut in (0, 1, 19, 20, 23, 24, 39):
            passes(f"IPv4 cut {cut} bytes behind {arriving}", whole4[:behind + cut], "truncated")
        for cut in (0, 1, 39, 40, 43, 44, 59):
            passes(f"IPv6 cut {cut} bytes behind {arriving}", whole6[:behind + cut], "truncated")
        passes(f"total length longer than the frame with {arriving}", ether(in4(80, len=81), tags), "truncated")
        passes(f"payload length longer than the frame with {arriving}", ether(in6(80, plen=61), tags), "truncated")
        passes(f"IPv4 EtherType, version 6, with {arriving}", ether(in4(80, version=6), tags), "bad_header")


if __name__ == "__main__":
    for part in (combinations, headers, sizes, not_ours, malformed):
        part()
