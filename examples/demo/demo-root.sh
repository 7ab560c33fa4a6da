#!/bin/sh
# Makes the demo's root: the base root, with the three demo packages at their old
# versions, and the demo archive as one more source.
#
#   demo-root.sh BASE_ROOT ARCHIVE_DIR OUT REPO_URL
#
# OUT must not exist; it appears complete or not at all. REPO_URL is where the
# state folder of ARCHIVE_DIR will be served.
set -eu

die() { echo "demo-root: $*" >&2; exit 1; }

# build runs in mount and pid namespaces of its own, so nothing stays mounted.
build() {
	root=$1 archive=$2 url=$3
	mount --make-rprivate /
	mkdir -p "$root/etc/apt/keyrings" "$root/tmp/demo"
	cp "$archive/key/public.gpg" "$root/etc/apt/keyrings/rehydrate-demo.gpg"
	cat >"$root/etc/apt/sources.list.d/demo.sources" <<-SOURCES
		Types: deb
		URIs: $url
		Suites: demo
		Components: main
		Signed-By: /etc/apt/keyrings/rehydrate-demo.gpg
	SOURCES
	cp "$archive"/installed/*.deb "$root/tmp/demo/"
	mount -t proc proc "$root/proc"
	chroot "$root" sh -c 'dpkg -i /tmp/demo/*.deb' >&2
	rm -rf "$root/tmp/demo"
}

if [ "${1:-}" = --build ]; then
	build "$2" "$3" "$4"
	exit
fi

[ $# -eq 4 ] || die "usage: demo-root.sh BASE_ROOT ARCHIVE_DIR OUT REPO_URL"
[ "$(id -u)" -eq 0 ] || die "a Debian root can only be made by root: run this with sudo"
base=$1 archive=$2 out=$3 url=$4
[ -d "$base/var/lib/dpkg" ] || die "$base is no Debian root"
[ -d "$archive/installed" ] || die "$archive holds no installed/: build it with go run ./examples/demo/archive -out $archive"
[ ! -e "$out" ] || die "$out exists already"

mkdir -p "$(dirname "$out")"
tmp=$(mktemp -d "$(dirname "$out")/.demo-root.XXXXXX")
trap 'rm -rf --one-file-system "$tmp"' EXIT
trap 'exit 130' INT TERM
cp -a --reflink=auto "$base" "$tmp/root"
unshare --mount --pid --fork --kill-child "$0" --build "$tmp/root" "$archive" "$url"
mv -T "$tmp/root" "$out"
echo "$out"
