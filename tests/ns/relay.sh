# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Tunnels to a backend without a balancer: relay.py in lb's place, in the background. Sourced after tap.sh.
# shellcheck disable=SC2154 # run and top are of scripts/lib.sh

relay_start() { # KIND VIP BACKEND
	rm -f "$run/ready"
	nsenter --net="/run/netns/$SHUNT_LAB-lb" -- /usr/bin/python3 "$top/tests/ns/relay.py" "$@" "$run/ready" &
	relay_pid=$! # nsenter executes it
	disown
	wait_for 10 test -e "$run/ready"
}

relay_stop() {
	kill "$relay_pid"
	wait_for 5 pid_gone "$relay_pid"
}
