#!/bin/sh
# Installs the Debian packages that the demo and the tests use, if any is missing.
set -eu
want="debootstrap dpkg-dev apt-utils gnupg e2fsprogs xz-utils zstd lz4 openssh-client ca-certificates rpm createrepo-c dnf zypper xfsprogs qemu-utils db5.3-util sqlite3 fdisk"
missing=
for p in $want; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null; then
	echo "these are needed and this is not a Debian-like system:$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing Debian packages:$missing" >&2
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
# shellcheck disable=SC2086
{ $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends $missing; } >&2
