#!/usr/bin/env bash
# tools/startup-order.sh: writes tools/startup-order.txt, the functions that a run executes, for build.rs.
# Builds the release binary with its symbols into a target folder of its own, and runs it under valgrind (Debian's package).
set -euo pipefail
cd "$(dirname "$0")/.."
list=$PWD/tools/startup-order.txt
components=${HOST_COMMANDS:-$PWD/commands-wasm/target/components}
export CARGO_TARGET_DIR=${STARTUP_TARGET_DIR:-${CARGO_TARGET_DIR:-$PWD/target}}
command -v valgrind >/dev/null || { echo "startup-order: valgrind is missing: apt-get install valgrind" >&2; exit 1; }

cargo rustc --locked --release --bin host -- -C strip=none
host=$CARGO_TARGET_DIR/release/host
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/project" && cd "$folder/project"
export HOST_COMMANDS=$components HOST_CACHE_DIR=$folder/cache
"$host" init --demo 2>/dev/null
functions() {
  "$host" "$@" >/dev/null # compile first: what counts is a run whose compiled form is stored
  valgrind --quiet --tool=callgrind --callgrind-out-file="$folder/trace" --demangle=no "$host" "$@" >/dev/null
  grep -o 'fn=([0-9]*) .*' "$folder/trace" | sed -E "s/^fn=\([0-9]*\) //; s/'[0-9]+$//" | grep -E '^[_A-Za-z][A-Za-z0-9_.$]*$' | sort -u
}
# What every run does comes first; a run that reads a database goes on from there.
functions run hello >"$folder/hello"
functions run migrate >"$folder/migrate"
{ cat "$folder/hello"; comm -13 "$folder/hello" "$folder/migrate"; } >"$list"
echo "startup-order: $(wc -l <"$list") functions, $(wc -l <"$folder/hello") of them in every run"
