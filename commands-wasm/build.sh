#!/usr/bin/env bash
# Builds guest commands to WebAssembly components.
#
#   commands-wasm/build.sh             every command, and the components that the tests use
#   commands-wasm/build.sh hello ...   only these crates; `tests` stands for the components that the tests use
#
# Writes commands-wasm/target/components/NAME.wasm for the commands and commands-wasm/target/test-guests/NAME.wasm
# for what lives in tests/guests. A file is replaced only when it changed, and in one step, so that a host may run beside a build.
#
# GUEST_TARGET_DIR: where cargo keeps its work (default: commands-wasm/target), so that CI can keep it between runs.
# GUEST_TOOLCHAIN:  `rustup` or `debian` instead of the first that is there.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
guests=$(cd -- "$here/../tests/guests" && pwd)
target_dir=${GUEST_TARGET_DIR:-$here/target}
wasi_libc=/usr/lib/wasm32-wasi

have_rustup_target() {
    command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx wasm32-wasip2
}

# One line for each thing that building with Debian's compiler still lacks.
missing_for_debian() {
    [[ -x /usr/bin/rustc ]] || echo "rustc-web"
    [[ -x /usr/bin/cargo ]] || echo "cargo-web"
    [[ -x /usr/bin/rustc && -d $(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std ]] || echo "rust-web-src"
    [[ -x /usr/bin/wasm-ld-22 ]] || echo "lld-22"
    [[ -f $wasi_libc/crt1-command.o ]] || echo "wasi-libc"
}

component_ld() {
    command -v wasm-component-ld || { [[ -x ${CARGO_HOME:-$HOME/.cargo}/bin/wasm-component-ld ]] && echo "${CARGO_HOME:-$HOME/.cargo}/bin/wasm-component-ld"; }
}

explain_missing() {
    echo "error: nothing here can build WebAssembly components" >&2
    echo "  rustup: the target \`wasm32-wasip2\` is not installed" >&2
    local missing
    missing=$(missing_for_debian)
    [[ -z $missing ]] || echo "  Debian: not installed: ${missing//$'\n'/ }" >&2
    component_ld >/dev/null || echo "  Debian: no \`wasm-component-ld\` on the path" >&2
    echo "hint: rustup target add wasm32-wasip2" >&2
    echo "hint: or apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src rust-web-llvm lld-22 wasi-libc && cargo install wasm-component-ld --locked" >&2
    exit 1
}

choose_toolchain() {
    if [[ -n ${GUEST_TOOLCHAIN:-} ]]; then
        echo "$GUEST_TOOLCHAIN"
    elif have_rustup_target; then
        echo rustup
    elif [[ -z $(missing_for_debian) ]] && component_ld >/dev/null; then
        echo debian
    else
        echo none
    fi
}

toolchain=$(choose_toolchain)
packages=(--workspace)
if (($# > 0)); then
    packages=()
    for name in "$@"; do
        if [[ $name == tests ]]; then
            for manifest in "$guests"/*/Cargo.toml; do packages+=(--package "$(basename "$(dirname "$manifest")")"); done
        else
            packages+=(--package "$name")
        fi
    done
fi
arguments=(build --release --bins "${packages[@]}" --manifest-path "$here/Cargo.toml" --target-dir "$target_dir")
# Flags and compilers meant for the host must not leak into the guests.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER

case $toolchain in
rustup)
    target=wasm32-wasip2
    echo "building components with rustup's target $target" >&2
    cargo "${arguments[@]}" --target "$target"
    ;;
debian)
    # Debian has no std for this target: it is built from its sources, once per target folder.
    target=wasm32-wasip1
    echo "building components with Debian's $(/usr/bin/rustc --version | cut -d' ' -f1,2)" >&2
    flags="-L native=$wasi_libc -C link-self-contained=no -C linker=$(component_ld)"
    flags+=" -C link-arg=--wasm-ld-path=/usr/bin/wasm-ld-22 -C link-arg=$wasi_libc/crt1-command.o"
    flags+=" --cfg sdk_calls_constructors"
    env -u RUSTUP_TOOLCHAIN -u CARGO RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS="$flags" \
        /usr/bin/cargo "${arguments[@]}" -Z build-std=std,panic_abort --target "$target"
    ;;
*) explain_missing ;;
esac

# A crate's folder has the name of its command.
publish() {
    local source_dir=$1 to=$2 name built
    mkdir -p "$to"
    for manifest in "$source_dir"/*/Cargo.toml; do
        name=$(basename "$(dirname "$manifest")")
        built=$target_dir/$target/release/$name.wasm
        # Cargo keeps some names of programs for itself.
        [[ -f $built ]] || built=$target_dir/$target/release/$name-command.wasm
        if [[ -f $built ]] && ! cmp -s "$built" "$to/$name.wasm"; then
            cp "$built" "$to/.$name.part" && mv "$to/.$name.part" "$to/$name.wasm"
            echo "  $name.wasm  $(($(stat -c %s "$built") / 1024)) KiB" >&2
        fi
    done
}
publish "$here" "$here/target/components"
publish "$guests" "$here/target/test-guests"
