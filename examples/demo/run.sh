#!/bin/sh
# The main job, end to end, on the embedded AWS (modelled) with real Debian packages.
#
#   run.sh            called by `make demo`, after `make tools build`
#
# Kept between runs: the base root, the demo archive, the demo root, and the twin's
# world with everything in it. `make demo-reset` forgets the world.
set -eu
cd "$(dirname "$0")/../.."
cache=${REHYDRATE_CACHE:-$HOME/.cache/rehydrate}
state=${DEMO_STATE:-.rehydrate/demo}
archive=${DEMO_ARCHIVE:-127.80.0.1:8080}
say() { printf '\n== %s\n' "$*" >&2; }

if [ "$(id -u)" != 0 ]; then
	exec tools/as-root.sh "$PWD/examples/demo/run.sh" "$@"
fi

say "base root (debootstrap, once) and the demo's own signed archive"
base=$(examples/demo/base-root.sh "$cache/roots")
repo=$(go run ./examples/demo/archive -out "$cache/archive")
key=$(printf '%s' "$base $archive $(sha256sum "$repo/key/public.gpg")" | sha256sum | cut -c1-12)
root=$cache/roots/demo-$key
[ -d "$root" ] || examples/demo/demo-root.sh "$base" "$repo" "$root" "http://$archive" >/dev/null
mkdir -p "$state"
ln -sfn "$repo/state-1" "$state/archive"
echo "base root $base, archive $repo" >&2

run() {
	bin/rehydrate "$@"
}
common="--config examples/demo/rehydrate.hcl --state $state --twin --world examples/demo/world.json"
set -- --set "root=$root" --set "archive=$archive" --set "archive_dir=$PWD/$state/archive"

say "bake, validate, publish, roll"
# shellcheck disable=SC2086
run run $common "$@" --until roll demo

say "the demo archive moves on: demo-tool 1.2 is gone, 1.3 is there"
ln -sfn "$repo/state-2" "$state/archive"

say "patch db-1 in place, with the same lock and bundle"
# shellcheck disable=SC2086
run run $common "$@" --resume latest --from patch demo
ln -sfn "$repo/state-1" "$state/archive"

say "done"
newest=$(ls "$state"/artifacts/*/run.json | tail -n 1) # a run that is under way has none yet
newest=${newest%run.json}
echo "report: ${newest}report.md and ${newest}report.html" >&2
bin/rehydrate history --state "$state"
