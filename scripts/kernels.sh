# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian's kernels for virtual machines: find_kernel. Packages are downloaded from Debian's archive into a cache (XDG_CACHE_HOME, or build/vm)
# and unpacked there; nothing of them is installed. The one who sources it sets $logs, a directory, and is in the project's.
: "${logs:?}"

declare -A packages=([6.1]='linux-image-6\.1\.0-[0-9]+-amd64' [6.12]='linux-image-6\.12\.[0-9]+\+deb12-amd64')
cache=${XDG_CACHE_HOME:+$XDG_CACHE_HOME/shunt-vm}
cache=$(realpath -m "${cache:-build/vm}")
mkdir -p "$cache"

# The newest package of a series that the archive offers; and that the cache holds.
offered() { apt-cache pkgnames linux-image- | grep -xE "${packages[$1]}" | sort -V | tail -1; }
cached() { find "$cache" -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -xE "${packages[$1]}" | sort -V | tail -1; }

download() { # PACKAGE: into the cache, unpacked
	local work=$cache/$1.new status
	rm -rf "$work"
	mkdir -p "$work/files"
	(cd "$work" && apt-get download -q "$1") >"$logs/apt.log" 2>&1 && dpkg-deb -x "$work"/*.deb "$work/files" &&
		mv "$work/files" "$cache/$1"
	status=$?
	rm -rf "$work"
	return $status
}

in_cache() { [ -d "$cache/$1" ] || download "$1"; }

# find_kernel SERIES: prints the directory of the newest kernel to be had. Without a network that is one of the cache.
find_kernel() {
	local package
	package=$(offered "$1")
	[ -n "$package" ] || { # the lists of a fresh machine may be missing
		apt-get update -qq >&2
		package=$(offered "$1")
	}
	[ -n "$package" ] && in_cache "$package" || package=$(cached "$1")
	[ -n "$package" ] && echo "$cache/$package"
}
