#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What scripts/check-vm runs under each kernel, in the virtual machine: what touches the kernel, and was built before. Logs and the
# sums ("PASSED FAILED SKIPPED" in the file sums) are left in /run/vm, where check-vm has put the packet tables, too. --again: as scripts/check has it.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
logs=/run/vm
limit=900 # seconds that one program may take
# shellcheck source=scripts/tally.sh
. scripts/tally.sh
export CMOCKA_MESSAGE_OUTPUT=TAP SHUNT_PATIENCE=10

uname -v | sed 's/.*Debian \([0-9.]*\).*/\1/' >/run/vm/version # 6.1.192 where the release is 6.1.0-56
run packet sh -c 'build/tests/packet </run/vm/packet.rows'
run budget build/tests/budget tests/budget/budget.txt
run decap build/tests/kernel/test_decap /run/vm/decap.rows
run fuzz build/tests/fuzz_packets --seed 1 --count 200000
run_each kernel build/tests/kernel/test_{attach*,datapath,datapath_pools,datapath_sources,datapath_quic,nexthop*}
run ns/test_vlan tests/ns/test_vlan.sh # nowhere else are there VLAN devices
run ns/test_upgrade tests/ns/test_upgrade.sh # in a dispatcher, where there is one
run_each vm tests/vm/test_*.sh
[ "${1:-}" != --again ] || run_again
name_failures
echo "$passed $failed $skipped" >/run/vm/sums
