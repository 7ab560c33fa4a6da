#!/bin/sh
# Runs every fuzz target of the tree for a while, one after the other.
#
#   fuzz.sh DURATION        such as 20s or 10m
set -eu
time=${1:?usage: fuzz.sh DURATION}
n=0
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "== $(dirname "$file") $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")"
		n=$((n + 1))
	done
done
echo "$n targets, $time each: nothing found"
