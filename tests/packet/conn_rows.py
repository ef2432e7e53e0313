#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The packet table's part on connections: packets whose slot is dirty. What becomes of them, of their slot and of the table of connections is
written down here by hand, from the table in docs/connections.md and in its order. conn_lines.py says what the lines mean."""
from functools import cache

from conn_lines import ANCHOR, CURRENT, KEEP_PORT, LIST_PORT, OTHER, OWN, QUIC_PORT, QUIC_REHASH_PORT, REHASH_PORT, TRACK_PORT
from conn_lines import all_ways, begin, fixture, goes, layer4, plain, simple, tcp, then, told, udp
from icmp_rows import error4, error6, sent4, sent6
from quic_rows import cid, long, short
from rows import CLIENT6, VIP6
from scapy.all import TCP, UDP, IPv6, fragment, fragment6
from scapy.layers.inet6 import IPv6ExtHdrFragment

# Of the rules' times in ticks of 1.07 s, with one to spare either side.
AHEAD, RECENT, STALE = -9, 10, 17  # by a CPU whose clock is ahead: it is of now; no need to stamp it anew; time to
NEW_EVICTABLE, NEW_EXPIRED, CLOSING_EVICTABLE, CLOSING_EXPIRED, EXPIRED = 6, 60, 45, 130, 860
NOTHING, SEEN, LOOKED = "0,0,0,0,0", "1,0,0,0,0", "1,1,0,0,0"
MADE, LOOKED_MADE, DISPLACED, REFUSED = "1,0,1,0,0", "1,1,1,0,0", "1,0,1,1,0", "1,0,0,0,1"
# Slots: the ring has moved; it will in a moment; it has been put back. The last has moved, and will again.
MOVED, PREP, BACK, AGAIN = (CURRENT, ANCHOR, "DR"), (CURRENT, CURRENT, "DP"), (CURRENT, CURRENT, "D"), (CURRENT, ANCHOR, "DRP")
SYNS = ("S", "SEC", "SP", "SU")
DATAS = ("A", "SA", "PA", "", "SAEC")
FINS = ("FA", "F", "SF", "SFA", "FPU")
RESETS = ("R", "RA", "SR", "RF")


def clean():
    entry = ("NEW", OWN, 5)
    for flags in ("-", "RFP"):
        slot = (CURRENT, ANCHOR, flags)
        tcp(f"a clean slot, {flags}", ("S", "A", "FA", "R"), slot, CURRENT, NOTHING, entry=entry, ways=all_ways)
        udp(f"a clean slot, {flags}", slot, CURRENT, NOTHING, entry=entry, ports=(KEEP_PORT, REHASH_PORT, TRACK_PORT), ways=all_ways)
    tcp("a clean slot of nobody", ("S", "A"), (0, 0, "-"), None, NOTHING, ways=all_ways)


def entry_goes_on():
    """TCP that is not a SYN, with an entry whose destination is not dead."""
    for slot in (MOVED, PREP, BACK, AGAIN):
        tcp(f"NEW becomes EST, slot {slot}", ("A",), slot, OWN, LOOKED, "0:EST:43", entry=("NEW", OWN, 0))
    tcp("NEW becomes EST", DATAS, MOVED, OWN, LOOKED, "0:EST:43", entry=("NEW", OWN, 1), ways=all_ways)
    tcp("NEW that has expired becomes EST", ("A",), MOVED, OWN, LOOKED, "0:EST:43", entry=("NEW", OWN, NEW_EXPIRED))
    for state in ("NEW", "EST", "ANCH"):
        tcp(f"{state} becomes CLOSING", FINS + RESETS, MOVED, OWN, LOOKED, "0:CLOSING:43", entry=(state, OWN, 1))
    tcp("EST becomes CLOSING", ("FA", "R"), MOVED, OWN, LOOKED, "0:CLOSING:43", entry=("EST", OWN, 1), ways=all_ways)
    for state in ("EST", "ANCH", "CLOSING"):
        for kinds, what in ((DATAS, "data"),) + (((FINS + RESETS, "an end"),) if state == "CLOSING" else ()):
            tcp(f"{state}, {what}, not long ago", kinds, MOVED, OWN, LOOKED, entry=(state, OWN, RECENT))
            tcp(f"{state}, {what}, long ago", kinds, MOVED, OWN, LOOKED, f"0:{state}:43", entry=(state, OWN, STALE))
    for state, age in (("EST", EXPIRED), ("ANCH", EXPIRED), ("CLOSING", CLOSING_EXPIRED)):
        tcp(f"{state} that has expired goes on", ("A",), MOVED, OWN, LOOKED, f"0:{state}:43", entry=(state, OWN, age))
    for state in ("drain", "down"):
        tcp(f"{state}, data", ("A",), MOVED, OWN, LOOKED, "0:EST:43", entry=("NEW", OWN, 1), dests={OWN: state}, ways=all_ways)
        tcp(f"{state}, an end", ("FA", "R"), MOVED, OWN, LOOKED, "0:CLOSING:43", entry=("EST", OWN, 1), dests={OWN: state})
    tcp("in a service with a list", ("A",), MOVED, OWN, LOOKED, "0:EST:43", entry=("NEW", OWN, 1), port=LIST_PORT)
    tcp("the ring has nobody, the entry has", ("A",), (0, ANCHOR, "DR"), OWN, LOOKED, entry=("EST", OWN, 1))
    for state in ("dead", "free"):
        for kinds in (DATAS, FINS, RESETS):
            tcp(f"the entry's destination is {state}", kinds[:2], MOVED, CURRENT, LOOKED, entry=("EST", OWN, STALE), dests={OWN: state})
    tcp("the entry's destination is dead", ("A", "R"), MOVED, CURRENT, LOOKED, entry=("NEW", OWN, 1), dests={OWN: "dead"}, ways=all_ways)
    tcp("what is not in the filter is not looked for", ("A",), (CURRENT, ANCHOR, "D"), ANCHOR, SEEN, entry=("EST", OWN, 1),
        filter="none", after="none")


def entry_begins():
    """A SYN, with an entry."""
    for state in ("up", "drain"):
        tcp(f"a SYN again, {state}, NEW, in the same tick", ("S",), MOVED, OWN, LOOKED, entry=("NEW", OWN, AHEAD), dests={OWN: state})
        for entry in (("NEW", OWN, 3), ("NEW", OWN, 40), ("EST", OWN, STALE), ("ANCH", OWN, STALE)):
            tcp(f"a SYN again, {state}, {entry}", ("S",), MOVED, OWN, LOOKED, f"0:{entry[0]}:43", entry=entry, dests={OWN: state})
        for entry in (("EST", OWN, RECENT), ("ANCH", OWN, RECENT)):
            tcp(f"a SYN again, {state}, {entry}", ("S",), MOVED, OWN, LOOKED, entry=entry, dests={OWN: state})
    tcp("a SYN again", SYNS, MOVED, OWN, LOOKED, "0:NEW:43", entry=("NEW", OWN, 3), ways=all_ways)
    over = [("CLOSING", OWN, 0), ("CLOSING", OWN, CLOSING_EXPIRED), ("NEW", OWN, NEW_EXPIRED), ("EST", OWN, EXPIRED), ("ANCH", OWN, EXPIRED)]
    for entry, state in [(entry, "up") for entry in over] + [(("EST", OWN, 1), state) for state in ("down", "dead", "free")]:
        for slot, change in ((MOVED, "0:NEW:41"), (PREP, "0:NEW:41"), (AGAIN, "0:NEW:41"), (BACK, "0:gone")):
            tcp(f"a SYN anew, {entry}, {state}, slot {slot}", ("S",), slot, CURRENT, LOOKED, change, entry=entry, dests={OWN: state})
    tcp("a SYN anew", SYNS, MOVED, CURRENT, LOOKED, "0:NEW:41", entry=over[0], ways=all_ways)
    tcp("a SYN anew, put back", SYNS, BACK, CURRENT, LOOKED, "0:gone", entry=over[0], ways=all_ways)
    tcp("a SYN anew, the ring has nobody", ("S",), (0, ANCHOR, "DR"), None, LOOKED, "0:gone", entry=over[0])


def entry_udp():
    for state in ("up", "drain"):
        udp(f"{state}, NEW becomes EST", MOVED, OWN, LOOKED, "0:EST:43", entry=("NEW", OWN, 1), dests={OWN: state}, ways=all_ways)
        for kind in ("EST", "ANCH"):
            udp(f"{state}, {kind}, not long ago", MOVED, OWN, LOOKED, entry=(kind, OWN, RECENT), dests={OWN: state})
            udp(f"{state}, {kind}, long ago", MOVED, OWN, LOOKED, f"0:{kind}:43", entry=(kind, OWN, STALE), dests={OWN: state})
            udp(f"{state}, {kind}, expired", MOVED, OWN, LOOKED, f"0:{kind}:43", entry=(kind, OWN, EXPIRED), dests={OWN: state})
    for state in ("down", "dead", "free"):
        udp(f"{state}, moved", MOVED, CURRENT, LOOKED, "0:EST:41", entry=("EST", OWN, 1), dests={OWN: state}, ways=all_ways)
        udp(f"{state}, put back", BACK, CURRENT, LOOKED, "0:gone", entry=("EST", OWN, 1), dests={OWN: state})
        udp(f"{state}, in a moment", PREP, CURRENT, LOOKED, "0:EST:41", entry=("EST", OWN, 1), dests={OWN: state})
    udp("down, the ring has nobody", (0, ANCHOR, "DR"), OWN, LOOKED, entry=("EST", OWN, RECENT), dests={OWN: "down"}, ways=all_ways)
    udp("dead, the ring has nobody", (0, ANCHOR, "DR"), None, LOOKED, "0:gone", entry=("EST", OWN, RECENT), dests={OWN: "dead"})
    for entry in (None, ("EST", OWN, STALE)):
        for slot in (MOVED, PREP, BACK):
            udp(f"rehash, slot {slot}, {entry}", slot, CURRENT, NOTHING, entry=entry, ports=(REHASH_PORT,), ways=all_ways)
    udp("rehash, the ring has nobody", (0, ANCHOR, "DR"), None, NOTHING, ports=(REHASH_PORT,))
    tcp("TCP to a port with rehash", ("A",), MOVED, OWN, LOOKED, entry=("EST", OWN, RECENT), port=REHASH_PORT)


def no_entry_tcp():
    tcp("a SYN, moved", SYNS, MOVED, CURRENT, MADE, "0:NEW:41", filter="none", ways=all_ways)
    tcp("a SYN, moved, and will again", ("S",), AGAIN, CURRENT, MADE, "0:NEW:41", filter="none")
    tcp("a SYN, moved, another of the filter's bit", ("S",), MOVED, CURRENT, LOOKED_MADE, "0:NEW:41", filter="all", after="all")
    tcp("a SYN, moved, in a service with a list", ("S",), MOVED, CURRENT, MADE, "0:NEW:41", filter="none", port=LIST_PORT)
    tcp("a SYN, in a moment", SYNS, PREP, CURRENT, MADE, "0:NEW:41", filter="none", ways=all_ways)
    tcp("a SYN, put back", SYNS, BACK, CURRENT, SEEN, filter="none", after="none", ways=all_ways)
    tcp("a SYN, the ring has nobody", ("S",), (0, ANCHOR, "DR"), None, SEEN, filter="none", after="none", ways=all_ways)
    for state in ("up", "drain", "down"):
        dests = {ANCHOR: state}
        ways = all_ways if state == "up" else simple
        tcp(f"data, anchor {state}", DATAS, MOVED, ANCHOR, MADE, "0:ANCH:42", filter="none", dests=dests, ways=ways)
        tcp(f"FIN, anchor {state}", FINS, MOVED, ANCHOR, MADE, "0:CLOSING:42", filter="none", dests=dests, ways=ways)
        tcp(f"RST, anchor {state}", RESETS, MOVED, ANCHOR, SEEN, filter="none", after="none", dests=dests, ways=ways)
    tcp("data, moved, in a service with a list", ("A",), MOVED, ANCHOR, MADE, "0:ANCH:42", filter="none", port=LIST_PORT)
    for slot in (PREP, BACK):
        tcp(f"no window, slot {slot}", ("A", "FA", "R"), slot, CURRENT, SEEN, filter="none", after="none", ways=all_ways)
    tcp("the ring has nobody, the anchor goes on", ("A",), (0, ANCHOR, "DR"), ANCHOR, MADE, "0:ANCH:42", filter="none")
    for state in ("dead", "free"):
        tcp(f"anchor {state}", ("A", "FA", "R"), MOVED, CURRENT, SEEN, filter="none", after="none", dests={ANCHOR: state}, ways=all_ways)
        tcp(f"anchor {state}, the ring has nobody", ("A",), (0, ANCHOR, "DR"), None, SEEN, filter="none", after="none",
            dests={ANCHOR: state})
    tcp("no anchor", ("A",), (CURRENT, 0, "DR"), CURRENT, SEEN, filter="none", after="none")


def no_entry_udp():
    keep, track = {"ports": (KEEP_PORT,)}, {"ports": (TRACK_PORT,)}
    for state in ("up", "drain"):
        udp(f"anchor {state}", MOVED, ANCHOR, MADE, "0:ANCH:42", filter="none", dests={ANCHOR: state}, ways=all_ways, **keep)
    udp("anchor down", MOVED, CURRENT, MADE, "0:EST:41", filter="none", dests={ANCHOR: "down"}, ways=all_ways, **keep)
    udp("anchor down, and no other", (0, ANCHOR, "DR"), ANCHOR, MADE, "0:ANCH:42", filter="none", dests={ANCHOR: "down"}, **keep)
    for state in ("dead", "free"):
        udp(f"anchor {state}", MOVED, CURRENT, SEEN, filter="none", after="none", dests={ANCHOR: state}, ways=all_ways, **keep)
    for slot in (PREP, BACK):
        udp(f"no window, slot {slot}", slot, CURRENT, SEEN, filter="none", after="none", ways=all_ways, **keep)
    for state in ("up", "down", "dead"):
        udp(f"anchor {state}", MOVED, CURRENT, MADE, "0:NEW:41", filter="none", dests={ANCHOR: state}, ways=all_ways, **track)
    udp("in a moment", PREP, CURRENT, MADE, "0:NEW:41", filter="none", **track)
    udp("put back", BACK, CURRENT, SEEN, filter="none", after="none", **track)


# ---- what else there is in the buckets


def full(state, dest=OTHER, age=0, but=(), count=16):
    """All ways, or the first ones, are others'; but: other lines for some of them, by number."""
    but = dict(but)
    return [f"way {at} {but[at]}" if at in but else f"way {at} other {state} {dest} {age}" for at in range(count)]


def no_room():
    """Nothing may go: what begins goes by the anchor, and the slot is told that one could not be told apart."""
    crowds = {"EST": full("EST"), "NEW": full("NEW"), "CLOSING": full("CLOSING", age=35), "ANCH of another anchor": full("ANCH"),
              "EST, not expired": full("EST", age=800)}
    for name, crowd in crowds.items():
        others = ("others 41 42 DR all",)
        more = {"more": [*crowd, *others], "filter": "none", "others": "DR"}
        tcp(f"a SYN, no room, {name}", ("S",), MOVED, ANCHOR, REFUSED, flags="DRF", **more)
        tcp(f"data, no room, {name}", ("A", "FA"), MOVED, ANCHOR, REFUSED, flags="DRF", **more)
        tcp(f"RST needs none, {name}", ("R",), MOVED, ANCHOR, SEEN, after="none", **more)
        tcp(f"a SYN, in a moment, no room, {name}", ("S",), PREP, CURRENT, REFUSED, **more)
        udp(f"no room, {name}", MOVED, ANCHOR, REFUSED, flags="DRF", ports=(KEEP_PORT,), **more)
        udp(f"no room, {name}", MOVED, CURRENT, REFUSED, flags="DR", ports=(TRACK_PORT,), **more)
        udp(f"anchor down, no room, {name}", MOVED, CURRENT, REFUSED, flags="DR", ports=(KEEP_PORT,), dests={ANCHOR: "down"}, **more)
    more = {"more": full("EST"), "filter": "none"}
    tcp("a SYN, no room", SYNS, MOVED, ANCHOR, REFUSED, flags="DRF", ways=all_ways, **more)
    tcp("a SYN, no room, anchor down", ("S",), MOVED, ANCHOR, REFUSED, flags="DRF", dests={ANCHOR: "down"}, **more)
    tcp("a SYN, no room, anchor dead", ("S",), MOVED, CURRENT, REFUSED, flags="DRF", dests={ANCHOR: "dead"}, **more)
    tcp("a SYN, no room, told before", ("S",), (CURRENT, ANCHOR, "DRF"), ANCHOR, REFUSED, **more)
    tcp("a SYN, put back, no room", ("S",), BACK, CURRENT, SEEN, after="none", **more)
    tcp("an entry is found in a full bucket", ("A",), MOVED, OWN, LOOKED, "5:EST:43",
        more=full("EST", but={5: f"own NEW {OWN} 1"}), ways=all_ways)
    tcp("an entry is found in the full neighbour", ("A",), MOVED, OWN, LOOKED, "15:EST:43",
        more=full("EST", but={15: f"own NEW {OWN} 1"}), ways=all_ways)
    tcp("an entry ends in the full neighbour", ("S",), BACK, CURRENT, LOOKED, "15:gone",
        more=full("EST", but={15: f"own CLOSING {OWN} 1"}))


def displaced():
    """What only lets an anchor change makes way for what begins, the oldest first; its slot's anchor then stays."""
    crowd = full("ANCH", OTHER, 3, but={6: f"other ANCH {OTHER} 9", 12: f"other ANCH {OTHER} 9", 2: f"other EST {OTHER} 500"})
    for flags in ("DR", "DRF"):
        more = {"more": [*crowd, f"others {CURRENT} {OTHER} {flags} all"], "filter": "none", "others": "DRF"}
        tcp(f"a SYN displaces, {flags}", ("S",), MOVED, CURRENT, DISPLACED, "6:NEW:41", **more)
        tcp(f"a SYN displaces, in a moment, {flags}", ("S",), PREP, CURRENT, DISPLACED, "6:NEW:41", **more)
        udp(f"UDP that is tracked displaces, {flags}", MOVED, CURRENT, DISPLACED, "6:NEW:41", ports=(TRACK_PORT,), **more)
    more = {"more": [*crowd, f"others {CURRENT} {OTHER} DR all"], "filter": "none"}
    tcp("a SYN displaces", ("S",), MOVED, CURRENT, DISPLACED, "6:NEW:41", ways=all_ways, others="DRF", **more)
    tcp("data does not displace", ("A", "FA"), MOVED, ANCHOR, REFUSED, flags="DRF", others="DR", **more)
    udp("UDP does not displace", MOVED, ANCHOR, REFUSED, flags="DRF", ports=(KEEP_PORT,), others="DR", **more)
    udp("UDP does not displace, anchor down", MOVED, CURRENT, REFUSED, ports=(KEEP_PORT,), dests={ANCHOR: "down"}, others="DR", **more)
    for name, word in (("now", "41 42 DR"), ("and is put back", "41 41 D")):
        tcp(f"a SYN does not displace what has another anchor {name}", ("S",), MOVED, ANCHOR, REFUSED, flags="DRF", filter="none",
            more=[*crowd, f"others {word} all"], others=word.split()[2])


def room():
    """A way that may be taken: the first one that is empty or gone; else the first whose entry is over; in the home bucket, then in the neighbour."""
    over = {"NEW": NEW_EVICTABLE, "CLOSING": CLOSING_EVICTABLE, "EST": EXPIRED, "ANCH": EXPIRED}
    kinds = (("S", CURRENT, "NEW:41"), ("A", ANCHOR, "ANCH:42"), ("FA", ANCHOR, "CLOSING:42"))
    for at in (0, 3, 7, 8, 15):
        for state, age in over.items():
            crowd = full("EST", but={at: f"other {state} {OTHER} {age}"})
            for kind, dest, entry in kinds:
                tcp(f"{state} that is over makes room at {at}", (kind,), MOVED, dest, MADE, f"{at}:{entry}", filter="none", more=crowd)
        for kind, dest, entry in kinds:
            tcp(f"what has gone makes room at {at}", (kind,), MOVED, dest, MADE, f"{at}:{entry}", filter="none",
                more=full("EST", but={at: "gone"}))
            tcp(f"{at} ways are taken", (kind,), MOVED, dest, MADE, f"{at}:{entry}", filter="none", more=full("EST", count=at))
    several = {4: f"other NEW {OTHER} 6", 9: f"other CLOSING {OTHER} 90", 5: f"other NEW {OTHER} 60"}
    tcp("the first of several that are over", ("S",), MOVED, CURRENT, MADE, "4:NEW:41", filter="none", more=full("EST", but=several))
    tcp("what has gone before what is over", ("S",), MOVED, CURRENT, MADE, "11:NEW:41", filter="none",
        more=full("EST", but={**several, 11: "gone", 14: "gone"}))
    tcp("what is empty before what is over", ("S",), MOVED, CURRENT, MADE, "10:NEW:41", filter="none",
        more=full("EST", but=several, count=10))
    tcp("what is over before what is displaced", ("S",), MOVED, CURRENT, MADE, "14:NEW:41", filter="none", others="DR",
        more=[*full("ANCH", OTHER, 9, but={14: f"other NEW {OTHER} 6"}), f"others {CURRENT} {OTHER} DR all"])
    tcp("an entry behind a way that has gone", ("A",), MOVED, OWN, LOOKED, "3:EST:43",
        more=["way 0 gone", f"way 1 other EST {OTHER} 1", "way 2 gone", f"way 3 own NEW {OWN} 1"])
    tcp("nothing is behind an empty way", ("A",), (CURRENT, ANCHOR, "D"), ANCHOR, LOOKED,
        more=[f"way 0 other EST {OTHER} 1", f"way 2 own NEW {OWN} 1"])


# ---- services that say more


def groups():
    """A part of the flow is hashed: what it shares begins with nobody's SYN and ends with nobody's FIN."""
    for port in (610, 611, 612):
        for kind in ("S", "A", "FA", "R", None):
            name = f"port {port}, flags {kind}" if kind else f"port {port}, UDP"
            told(f"a group without an entry, {name}", simple(kind, port), port, MOVED, ANCHOR, MADE, "0:ANCH:42", filter="none")
            for state in ("NEW", "EST", "ANCH"):
                told(f"a group's entry, {state}, {name}", simple(kind, port), port, MOVED, OWN, LOOKED,
                     "0:EST:43" if state == "NEW" else "-", entry=(state, OWN, 1), dests={OWN: "drain"})
            asks = kind in ("S", None)
            told(f"a group's entry down, {name}", simple(kind, port), port, MOVED, CURRENT if asks else OWN, LOOKED,
                 "0:EST:41" if asks else "-", entry=("EST", OWN, 1), dests={OWN: "down"})
            told(f"a group's anchor down, {name}", simple(kind, port), port, MOVED, CURRENT if asks else ANCHOR, MADE,
                 "0:EST:41" if asks else "0:ANCH:42", filter="none", dests={ANCHOR: "down"})
    udp("a group, rehash", MOVED, CURRENT, NOTHING, entry=("EST", OWN, 1), ports=(613,))
    udp("a group, track", MOVED, CURRENT, MADE, "0:NEW:41", filter="none", ports=(614,))
    tcp("a group that is tracked, TCP", ("S",), MOVED, ANCHOR, MADE, "0:ANCH:42", filter="none", port=614)


def quic():
    def ways(payload, port):
        for is_v6, tags in ((False, None), (True, None), (True, "one")):
            packet = bytes(plain(None, port, is_v6, payload=payload))
            yield f"IPv{6 if is_v6 else 4}{', a tag' if tags else ''}", packet, tags, packet

    def one(name, payload, choice, slot, dest, counts, changes="-", port=QUIC_PORT, entry=None, dests=None, filter=None):
        for way, packet, tags, like in ways(payload, port):
            name_all = f"QUIC, {name}, slot {slot}, {way}"
            begin(name_all, like, port, slot, filter or ("own" if entry else "none"), entry, dests)
            goes(name_all, packet, dest, tags, f"quic={choice}")
            then(slot[2], counts, changes, filter or ("own" if entry or changes != "-" else "none"))

    initial, handshake = long("Initial", b"\1" * 8), long("Handshake", cid(0, "0x01"))
    for payload, name in ((initial, "Initial"), (long("0-RTT", b"\1" * 8), "0-RTT")):
        one(name, payload, "opening", MOVED, CURRENT, MADE, "0:NEW:41")
        one(name, payload, "opening", PREP, CURRENT, MADE, "0:NEW:41")
        one(name, payload, "opening", BACK, CURRENT, SEEN)
        one(f"{name} again", payload, "opening", MOVED, OWN, LOOKED, "0:NEW:43", entry=("NEW", OWN, 2))
        one(f"{name} anew", payload, "opening", MOVED, CURRENT, LOOKED, "0:NEW:41", entry=("EST", OWN, 2), dests={OWN: "down"})
    for payload, name in ((short(cid(0, "0x09")), "short header"), (long("Handshake", cid(0, "0x09")), "Handshake")):
        one(f"{name}, no entry", payload, "unroutable", MOVED, ANCHOR, MADE, "0:ANCH:42")
        one(f"{name}, anchor down", payload, "unroutable", MOVED, ANCHOR, MADE, "0:ANCH:42", dests={ANCHOR: "down"})
        one(f"{name}, an entry", payload, "unroutable", MOVED, OWN, LOOKED, "0:EST:43", entry=("NEW", OWN, 1))
        one(f"{name}, an entry that is down", payload, "unroutable", MOVED, OWN, LOOKED, entry=("EST", OWN, 1), dests={OWN: "down"})
    one("followed", short(cid(0, "0x01")), "followed", MOVED, OWN, NOTHING)
    one("followed, Handshake", handshake, "followed", MOVED, OWN, NOTHING, entry=("EST", ANCHOR, STALE))
    one("its backend is down", handshake, "unavailable", MOVED, ANCHOR, MADE, "0:ANCH:42", dests={OWN: "down"})
    one("rehash", initial, "opening", MOVED, CURRENT, NOTHING, port=QUIC_REHASH_PORT, entry=("EST", OWN, 1))
    tcp("TCP of a QUIC service", ("S",), MOVED, CURRENT, MADE, "0:NEW:41", filter="none", port=QUIC_PORT)


# ---- what only looks


def errors():
    """ICMP errors find the flow that they are about, and leave everything as it is."""
    @cache
    def ways(l4, port):
        like4, like6 = (way[1] for way in simple("A" if l4 is TCP else None, port)[:2])
        return [("IPv4", bytes(error4(sent4(port, l4))), None, like4), ("IPv6", bytes(error6(sent6(port, l4))), None, like6),
                ("IPv6, a tag", bytes(error6(sent6(port, l4))), "one", like6)]

    def about(name, l4, port, slot, dest, **kwargs):
        told(f"an error about {name}, {l4.__name__} to {port}", ways(l4, port), port, slot, dest, NOTHING, after=kwargs.get("filter", "own"), **kwargs)

    for l4, port in ((TCP, KEEP_PORT), (UDP, KEEP_PORT), (UDP, TRACK_PORT), (TCP, 610), (UDP, QUIC_PORT)):
        for entry in (("NEW", OWN, 3), ("EST", OWN, STALE), ("ANCH", OWN, EXPIRED), ("CLOSING", OWN, STALE)):
            about(f"a flow with an entry, {entry}", l4, port, MOVED, OWN, entry=entry)
        for state in ("dead", "free"):
            about(f"an entry that is {state}", l4, port, MOVED, CURRENT, entry=("EST", OWN, 1), dests={OWN: state})
            about(f"an anchor that is {state}", l4, port, MOVED, CURRENT, filter="none", dests={ANCHOR: state})
        about("an entry that is down", l4, port, MOVED, OWN if l4 is TCP else CURRENT, entry=("EST", OWN, 1), dests={OWN: "down"})
        about("a flow without an entry", l4, port, MOVED, CURRENT if port == TRACK_PORT else ANCHOR, filter="none")
        about("a flow without an entry, a bit of the filter", l4, port, MOVED, CURRENT if port == TRACK_PORT else ANCHOR)
        about("an anchor that is down", l4, port, MOVED, ANCHOR if l4 is TCP else CURRENT, filter="none", dests={ANCHOR: "down"})
        about("a flow of a clean slot", l4, port, (CURRENT, ANCHOR, "-"), CURRENT, entry=("EST", OWN, 1))
    about("a flow that is rehashed", UDP, REHASH_PORT, MOVED, CURRENT, entry=("EST", OWN, 1))


def fragments():
    """A first one is a packet like others; later ones follow it, whatever has become of the slot, and touch nothing."""
    def parts(kind):
        like4, like6 = (way[1] for way in simple(kind, KEEP_PORT)[:2])
        fragmented = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrFragment(id=9)
        yield "IPv4", fragment(plain(kind, KEEP_PORT, payload=b"f" * 600, id=9), 208), like4
        yield "IPv6", fragment6(fragmented / layer4(kind, KEEP_PORT, b"f" * 600), 256), like6

    for kind in ("A", None):
        for tags in (None, "one"):
            for family, pieces, like in parts(kind):
                name = f"fragments, {family} {'UDP' if kind is None else 'TCP'}{', a tag' if tags else ''}"
                begin(name, like, KEEP_PORT, MOVED, entry=("NEW", OWN, 1))
                goes(f"{name}, first", bytes(pieces[0]), OWN, tags)
                then("DR", LOOKED, "0:EST:43")
                print("conn slot 41 42 - none")
                for piece in pieces[1:]:
                    goes(f"{name}, later", bytes(piece), OWN, tags)
                    then("-", NOTHING, filter="none")


def lives():
    """Several packets of one flow, one after the other."""
    def life(name, slot, *packets):
        for number, (way, _, _, like) in enumerate(simple("A", KEEP_PORT)):
            begin(f"{name}, {way}", like, KEEP_PORT, slot, "none")
            for kind, dest, counts, change in packets:
                _, packet, tags, _ = simple(kind, KEEP_PORT)[number]
                goes(name, packet, dest, tags)
                then(slot[2], counts, change)

    life("a connection that begins after the move", MOVED, ("S", CURRENT, MADE, "0:NEW:41"), ("S", CURRENT, LOOKED, "0:NEW:41"),
         ("A", CURRENT, LOOKED, "0:EST:41"), ("PA", CURRENT, LOOKED, "0:EST:41"), ("FA", CURRENT, LOOKED, "0:CLOSING:41"),
         ("A", CURRENT, LOOKED, "0:CLOSING:41"), ("S", CURRENT, LOOKED, "0:NEW:41"))
    life("a connection from before the move", MOVED, ("A", ANCHOR, MADE, "0:ANCH:42"), ("A", ANCHOR, LOOKED, "0:ANCH:42"),
         ("FA", ANCHOR, LOOKED, "0:CLOSING:42"), ("S", CURRENT, LOOKED, "0:NEW:41"))


if __name__ == "__main__":
    fixture()
    for part in (clean, entry_goes_on, entry_begins, entry_udp, no_entry_tcp, no_entry_udp, no_room, displaced, room, groups, quic, errors,
                 fragments, lives):
        part()
