#!/usr/bin/env bash
# tools/install.sh PREFIX: copies the binary $HOST, the commands of $HOST_COMMANDS and shell completions.
set -euo pipefail
prefix=$1
install -Dm755 "$HOST" "$prefix/bin/host"
install -d "$prefix/lib/host/commands"
install -m644 "$HOST_COMMANDS"/*.wasm "$prefix/lib/host/commands/"
"$HOST" completions bash | install -Dm644 /dev/stdin "$prefix/share/bash-completion/completions/host"
"$HOST" completions zsh | install -Dm644 /dev/stdin "$prefix/share/zsh/site-functions/_host"
"$HOST" completions fish | install -Dm644 /dev/stdin "$prefix/share/fish/vendor_completions.d/host.fish"
echo "installed: $prefix/bin/host with $(ls "$prefix/lib/host/commands" | wc -l) commands"
