#!/bin/sh
# Makes the demo's base root, once: Debian bookworm from the release pocket alone,
# so that its security updates are pending, with a user admin that may use sudo.
#
#   base-root.sh CACHE_DIR      prints the path of the root; all else goes to stderr
#
# The archive's addresses come from this machine's own apt configuration; on a
# machine whose apt has no Debian archive set DEMO_DEBIAN and DEMO_DEBIAN_SECURITY.
set -eu

suite=bookworm
packages=openssh-client,sudo,ca-certificates

die() { echo "base-root: $*" >&2; exit 1; }

# archive LABEL: the address that apt uses for Debian's archive of that label.
archive() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

# proxy_conf: the proxy settings of this machine's apt, as apt configuration.
proxy_conf() {
	apt-config dump --format '%f "%v";%n' | grep -E '^Acquire::(http|https|ftp)::Proxy' | grep -v ' "";$' || true
}

# build ROOT: runs in mount and pid namespaces of its own, so nothing stays mounted.
build() {
	root=$1
	mount --make-rprivate /
	keyring=
	[ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ] || keyring=--keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	debootstrap --variant=minbase $keyring --include="$packages" "$suite" "$root" "$MAIN" >&2
	chroot "$root" useradd --create-home --shell /bin/bash admin
	echo 'admin ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/admin"
	chmod 0440 "$root/etc/sudoers.d/admin"
	cat >"$root/etc/apt/sources.list" <<-SOURCES
		deb $MAIN $suite main
		deb $MAIN $suite-updates main
		deb $SECURITY $suite-security main
	SOURCES
	[ -z "$PROXY" ] || printf '%s\n' "$PROXY" >"$root/etc/apt/apt.conf.d/00proxy"
	echo demo >"$root/etc/hostname"
	printf '127.0.0.1 localhost\n127.0.1.1 demo\n' >"$root/etc/hosts"
	rm -f "$root/etc/resolv.conf" "$root/etc/machine-id" "$root"/var/log/*.log
	: >"$root/etc/machine-id"
	chroot "$root" apt-get clean
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
}

if [ "${1:-}" = --build ]; then
	build "$2"
	exit
fi

[ $# -eq 1 ] || die "usage: base-root.sh CACHE_DIR"
[ "$(id -u)" -eq 0 ] || die "a Debian root can only be made by root: run this with sudo"
for tool in debootstrap unshare flock apt-get; do
	command -v $tool >/dev/null || die "$tool is not installed (apt-get install debootstrap util-linux)"
done

MAIN=${DEMO_DEBIAN:-$(archive Debian)}
SECURITY=${DEMO_DEBIAN_SECURITY:-$(archive Debian-Security)}
[ -n "$MAIN" ] || die "this machine's apt knows no Debian archive: run apt-get update, or set DEMO_DEBIAN to its address"
[ -n "$SECURITY" ] || die "this machine's apt knows no Debian security archive: run apt-get update, or set DEMO_DEBIAN_SECURITY"
PROXY=$(proxy_conf)
export MAIN SECURITY PROXY

mkdir -p "$1"
cache=$(cd "$1" && pwd)
key=$( (cat "$0"; echo "$MAIN $SECURITY $PROXY $(dpkg --print-architecture)") | sha256sum | cut -c1-12)
out=$cache/base-$key
exec 9>"$cache/.base-$key.lock"
flock 9
if [ ! -d "$out" ]; then
	echo "base-root: making $out from $MAIN ($suite, release pocket); about a minute, kept for later runs" >&2
	tmp=$(mktemp -d "$cache/.base-$key.XXXXXX")
	trap 'rm -rf --one-file-system "$tmp"' EXIT
	trap 'exit 130' INT TERM
	unshare --mount --pid --fork --kill-child "$0" --build "$tmp/root" 9>&-
	chmod 0755 "$tmp/root"
	mv -T "$tmp/root" "$out"
fi
echo "$out"
