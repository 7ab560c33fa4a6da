#!/bin/sh
# Runs a command as root, as real roots need: with sudo where the user is not root.
# What it then left in caches and state belongs to the user again; folders that are
# or hold file systems of machines keep their owners, without which they are broken.
#
#   usage: as-root.sh COMMAND [ARG ...]       run from the checkout
set -u
[ "$(id -u)" != 0 ] || exec "$@"
command -v sudo >/dev/null || { echo "as-root: real roots need root, and there is no sudo: run this as root" >&2; exit 1; }
cache=${REHYDRATE_CACHE:-$HOME/.cache/rehydrate}
state=${DEMO_STATE:-.rehydrate/demo}
trap : INT TERM # the owners are put right after an interrupt, too
echo "as-root: real roots need root; running this step with sudo" >&2
sudo -E env "PATH=$PATH" "HOME=$HOME" "$@"
status=$?
set --
for dir in "$cache" .rehydrate "$state" bin "$(go env GOCACHE)" "$(go env GOMODCACHE)"; do
	[ ! -d "$dir" ] || set -- "$@" "$dir"
done
sudo find "$@" -xdev \( -path "$cache/roots" -o -path .rehydrate/twin -o -path '.rehydrate/*/twin' -o -path "$state/twin" \) -prune \
	-o -uid 0 -exec chown -h "$(id -u):$(id -g)" {} +
exit "$status"
