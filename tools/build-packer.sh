#!/bin/sh
# Builds the pinned Packer CLI and its amazon plugin from the Go module proxy
# into a cache that outlives the checkout, once.
#
# `go install module@version` is no use here: Packer's go.mod carries a replace
# directive, which Go honours only in the main module, so each module is copied
# out of the module cache and built as its own main module.
#
#   usage: build-packer.sh CACHE_DIR [--plugin-only]     prints the folders
set -eu
PACKER_VERSION=1.15.0
AMAZON_VERSION=1.8.0
cache=${1:?usage: build-packer.sh CACHE_DIR [--plugin-only]}
say() { printf '%s\n' "$*" >&2; }

mkdir -p "$cache"
src=
trap '[ -z "$src" ] || rm -rf "$src"' EXIT
trap 'exit 130' INT TERM
if command -v flock >/dev/null; then # two makes at once: the second finds it built
	exec 9>"$cache/.build-packer.lock"
	flock 9
fi

build() { # name version
	out=$cache/$1-$2/$1
	[ -x "$out" ] && return 0
	say "building $1 $2 from its Go module (once, a few minutes on two cores) ..."
	src=$(mktemp -d)
	dir=$(GOFLAGS=-mod=mod go mod download -json "github.com/hashicorp/$1@v$2" |
		sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
	[ -n "$dir" ] || { say "cannot download github.com/hashicorp/$1@v$2 from the Go module proxy; is the proxy reachable?"; exit 1; }
	cp -r "$dir/." "$src" && chmod -R u+w "$src"
	mkdir -p "$cache/$1-$2"
	# The plugin must carry a release version: Packer ignores -dev builds in `init`.
	(cd "$src" && GOWORK=off GOFLAGS='-mod=mod -buildvcs=false' go build -trimpath \
		-ldflags "-s -w -X github.com/hashicorp/$1/version.Version=$2 -X github.com/hashicorp/$1/version.VersionPrerelease=" \
		-o "$out.part" .)
	chmod -R u+w "$src" && rm -rf "$src"
	src=
	mv "$out.part" "$out"
}

[ "${2:-}" = --plugin-only ] || build packer "$PACKER_VERSION"
build packer-plugin-amazon "$AMAZON_VERSION"
printf '%s\n' "$cache/packer-$PACKER_VERSION" "$cache/packer-plugin-amazon-$AMAZON_VERSION"
