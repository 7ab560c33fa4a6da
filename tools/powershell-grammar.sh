#!/bin/sh
# Fetches a PowerShell grammar and the parser that runs it, pinned and checked by
# digest, through npm into a cache that outlives the checkout, once. No package's
# scripts are run. Prints the folder.
#
#   usage: powershell-grammar.sh CACHE_DIR
set -eu
GRAMMAR=0.26.4
PARSER=0.25.10
cache=${1:?usage: powershell-grammar.sh CACHE_DIR}
out=$cache/powershell-grammar-$GRAMMAR-$PARSER
mkdir -p "$cache"
part=
trap '[ -z "$part" ] || rm -rf "$part"' EXIT
trap 'exit 130' INT TERM
if command -v flock >/dev/null; then # two at once: the second finds it there
	exec 9>"$cache/.powershell-grammar.lock"
	flock 9
fi
if [ ! -d "$out" ]; then
	command -v npm >/dev/null || { echo "npm is needed for the PowerShell grammar" >&2; exit 1; }
	part=$(mktemp -d "$cache/.part-XXXXXX")
	npm install --prefix "$part" --no-audit --no-fund --ignore-scripts --no-save --legacy-peer-deps \
		"tree-sitter-powershell@$GRAMMAR" "web-tree-sitter@$PARSER" >&2
	(cd "$part/node_modules" && sha256sum --check --quiet >&2) <<-END
		796124137f0500e59713fd9dccda6812ff73d25f22e33430b1c5af6e132efa5e  tree-sitter-powershell/tree-sitter-powershell.wasm
		aceb870a1ad6d6ff23acf6bbb2e45d5bd01e4a7adf46bcfe94d9c1dcf4d5074f  web-tree-sitter/tree-sitter.cjs
		f38dcc4b43b818f9a0785bc1c6d5611a75ac4cdd428ff3f02757c34ca4e46d7f  web-tree-sitter/tree-sitter.wasm
	END
	chmod 755 "$part"
	mv "$part" "$out"
	part=
fi
echo "$out"
