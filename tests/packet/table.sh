#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The whole packet table, for build/tests/packet.
set -eu
cd "$(dirname "$0")"
for rows in rows vlan_rows ext6_rows icmp_rows match_rows hash_rows source_rows tunnel_rows jumbo_rows martian_rows fragment_rows quic_rows \
	conn_rows probe_rows wake_rows; do
	/usr/bin/python3 -B $rows.py # nothing is to be left in the source tree
done
