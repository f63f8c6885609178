#!/usr/bin/env bash
# Installs what is missing on Debian 12, says what it installs, and touches nothing else.
#   tools/setup.sh run    what `make run` needs: compilers for the host and for the commands
#   tools/setup.sh check  the same, rustfmt and clippy
#   tools/setup.sh test   the same, PostgreSQL, Redis, Docker and its registry, Podman, Chromium, sqlx-cli, and a Python with Django, Channels, Celery and componentize-py
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-run}
cache=${HOST_TESTS_CACHE:-$HOME/.cache/host-tests}
rust_needed=1.95.0
linker_needed=0.5.27
sqlx_version=0.9.0 # the version of sqlx that Cargo.lock pins
export PATH="$HOME/.cargo/bin:$PATH" DEBIAN_FRONTEND=noninteractive

case $mode in run | check | test) ;; *)
  echo "setup: unknown mode \`$mode\`: run, check or test" >&2
  exit 2
  ;;
esac

say() { echo "setup: $*"; }
have() { command -v "$1" >/dev/null 2>&1; }
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else
    say "this needs root, and there is no sudo: $*" >&2
    exit 1
  fi
}

packages=()
want() { packages+=("$@"); }
install_packages() {
  [ ${#packages[@]} -gt 0 ] || return 0
  if ! have apt-get; then
    say "please install these, there is no apt-get here: ${packages[*]}" >&2
    exit 1
  fi
  say "installing Debian packages: ${packages[*]}"
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  packages=()
}

rust_is_new_enough() { have cargo && at_least "$rust_needed" "$(cargo --version | cut -d' ' -f2)"; }
rust_can_lint() { cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; }

rust() {
  if ! rust_is_new_enough; then
    if have rustup; then
      say "updating Rust to the stable toolchain"
      rustup toolchain install stable --profile minimal --component rustfmt,clippy
      rustup default stable
    else
      say "installing Rust with rustup"
      curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --component rustfmt,clippy
    fi
  fi
  [ "$mode" = run ] || rust_can_lint || {
    say "installing rustfmt and clippy"
    rustup component add rustfmt clippy
  }
}

# Commands are compiled by rustup's wasm32-wasip2 when it can be had, and by Debian's compiler otherwise.
has_wasip2() { have rustup && rustup target list --installed 2>/dev/null | grep -qx wasm32-wasip2; }
has_debian_wasm() { [ -d /usr/lib/wasm32-wasi ] && [ -x /usr/bin/wasm-ld-22 ] && dpkg -s rustc-web cargo-web rust-web-src >/dev/null 2>&1; }

guest_compiler() {
  if has_wasip2; then return; fi
  if ! has_debian_wasm; then
    if have rustup; then
      say "adding Rust's target wasm32-wasip2"
      if timeout 120 rustup target add wasm32-wasip2; then return; fi
      say "rustup cannot have it: Debian's compiler does the same"
    fi
    want rustc-web cargo-web rust-web-src rust-web-llvm lld-22 wasi-libc
    install_packages
  fi
  if ! have wasm-component-ld || ! at_least "$linker_needed" "$(wasm-component-ld --version | cut -d' ' -f2)"; then
    say "installing wasm-component-ld (about 90 seconds)"
    env -u CARGO_TARGET_DIR cargo install --quiet --locked wasm-component-ld
  fi
}

postgres() {
  have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || want postgresql
}

sqlx_cli() {
  [ "$("$cache/sqlx/bin/sqlx" --version 2>/dev/null)" = "sqlx-cli $sqlx_version" ] && return
  say "installing sqlx-cli $sqlx_version into $cache/sqlx (about two minutes)"
  env -u CARGO_TARGET_DIR cargo install --quiet --locked sqlx-cli --version "$sqlx_version" \
    --no-default-features --features postgres,sqlite --root "$cache/sqlx"
}

python() {
  local wanted=tools/python-requirements.txt
  cmp -s "$wanted" "$cache/venv/installed.txt" && return
  say "installing into $cache/venv: $(grep -v '^#' "$wanted" | tr '\n' ' ')"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$cache/venv/installed.txt"
}

# Unpacked and not installed: the package starts a registry that everybody may push to.
registry() {
  if have docker-registry || [ -x "$cache/registry/usr/bin/docker-registry" ]; then return; fi
  if ! have apt-get; then
    say "please install this, there is no apt-get here: docker-registry" >&2
    exit 1
  fi
  say "unpacking Debian's docker-registry into $cache/registry"
  local folder
  folder=$(mktemp -d)
  chmod 755 "$folder"
  (
    cd "$folder"
    apt-get download -qq docker-registry 2>/dev/null || {
      as_root apt-get update -qq
      apt-get download -qq docker-registry
    }
    dpkg -x docker-registry_*.deb unpacked
  )
  mkdir -p "$cache"
  rm -rf "$cache/registry"
  mv "$folder/unpacked" "$cache/registry"
  rm -rf "$folder"
}

[ -f /etc/ssl/certs/ca-certificates.crt ] || want ca-certificates
have cc || want gcc libc6-dev
have curl || rust_is_new_enough || want curl
if [ "$mode" = test ]; then
  have git || want git
  postgres
  have redis-server || want redis-server
  have dockerd || want docker.io
  have podman || want podman
  { [ -x /usr/lib/podman/netavark ] && [ -x /usr/lib/podman/aardvark-dns ]; } || want netavark aardvark-dns
  have iptables || want iptables
  have docker-compose || want docker-compose
  [ -x /bin/busybox ] || want busybox-static
  have openssl || want openssl
  { have chromium && have chromedriver; } || want chromium chromium-driver
  [ -x "$cache/venv/bin/python" ] || python3 -c 'import ensurepip, venv' 2>/dev/null || want python3-venv
fi
install_packages
rust
guest_compiler
if [ "$mode" = test ]; then
  registry
  sqlx_cli
  python
fi
