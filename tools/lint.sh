#!/usr/bin/env bash
# Formatting and lints of the host, its tests and the commands.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings

# Guests are linted for the machine at hand: the same code, and no need for a compiler of WebAssembly.
guests=(--manifest-path commands-wasm/Cargo.toml --target-dir "${GUEST_TARGET_DIR:-commands-wasm/target}")
cargo fmt --manifest-path commands-wasm/Cargo.toml --all --check
cargo clippy --locked "${guests[@]}" --all-targets -- -D warnings
