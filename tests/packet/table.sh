#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The whole packet table, for build/tests/packet.
set -eu
cd "$(dirname "$0")"
for rows in rows vlan_rows quic_rows ext6_rows icmp_rows; do
	/usr/bin/python3 $rows.py
done
