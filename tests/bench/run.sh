#!/usr/bin/env bash
# tests/bench/run.sh [NAME]...: how the host compares, as ratios from one run; see bench.py for the names.
#
# Needs what `make bench` made before: the release binary, the components, sqlx-cli and Django. Installs what
# only the benchmarks need: wasmtime's own program, and a small native crate to measure with and against.
# Asserts no times: it fails only when something cannot run.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
components=${HOST_COMMANDS:-$PWD/commands-wasm/target/components}
tests_cache=${HOST_TESTS_CACHE:-$HOME/.cache/host-tests}
peers=${HOST_BENCH_CACHE:-$HOME/.cache/bench-peers}
wasmtime_version=$(awk '$1 == "name" { name = $3 } $1 == "version" && name == "\"wasmtime\"" { gsub("\"", "", $3); print $3; exit }' Cargo.lock)

if [ "$("$peers/bin/wasmtime" --version 2>/dev/null | cut -d' ' -f2)" != "$wasmtime_version" ]; then
  echo "bench: installing wasmtime-cli $wasmtime_version into $peers (about 15 minutes)" >&2
  env -u CARGO_TARGET_DIR cargo install --quiet --locked wasmtime-cli --version "$wasmtime_version" --root "$peers"
fi
cargo build --quiet --locked --release --manifest-path tests/bench/native/Cargo.toml --target-dir "$target/bench"

HOST=${HOST:-$target/release/host} \
  HOST_COMMANDS=$components \
  TEST_GUESTS=${TEST_GUESTS:-$components/../test-guests} \
  NATIVE=$target/bench/release \
  WASMTIME=$peers/bin/wasmtime \
  SQLX=$tests_cache/sqlx/bin/sqlx \
  PYTHON=$tests_cache/venv/bin/python \
  exec python3 tests/bench/bench.py "$@"
