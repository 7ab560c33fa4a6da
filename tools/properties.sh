#!/bin/sh
# Draws many worlds for every property test of the tree: new ones each time, unless
# RAPID_SEED says which. A failure prints the seed that shows it again.
#
#   properties.sh CHECKS    such as 5000
#   properties.sh --list    the tests, each as its folder and its name
set -eu
checks=${1:?usage: properties.sh CHECKS | --list}
cd "$(dirname "$0")/.."
# Files that are not committed yet count too.
all=$(git ls-files --cached --others --exclude-standard '*_test.go' | sort | xargs grep -ls 'rapid\.Check(' | xargs awk '
	/^func / { name = $2; sub(/\(.*/, "", name) }
	/rapid\.Check\(/ { folder = FILENAME; sub(/\/[^\/]*$/, "", folder); print folder, name }' | sort -u)
if [ "$checks" = --list ]; then
	echo "$all"
	exit
fi
names=$(echo "$all" | cut -d ' ' -f 2 | paste -sd '|' -)
# shellcheck disable=SC2046
RAPID_CHECKS=$checks go test -count=1 -timeout 60m -run "^($names)\$" $(echo "$all" | cut -d ' ' -f 1 | sort -u | sed 's|^|./|')
