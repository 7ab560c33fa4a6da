#!/bin/sh
# Finds Packer 1.11 or newer on PATH, or builds it; the amazon plugin is built in
# any case. Packer is only ever run, never imported or shipped (BUSL-1.1).
set -eu
cache=${1:?usage: packer.sh CACHE_DIR}
here=$(dirname "$0")
if command -v packer >/dev/null; then
	v=$(packer version | sed -n 's/^Packer v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
	# shellcheck disable=SC2086
	set -- $v
	if [ "${1:-0}" -gt 1 ] || { [ "${1:-0}" -eq 1 ] && [ "${2:-0}" -ge 11 ]; }; then
		exec "$here/build-packer.sh" "$cache" --plugin-only >/dev/null
	fi
fi
exec "$here/build-packer.sh" "$cache" >/dev/null
