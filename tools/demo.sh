#!/usr/bin/env bash
# A demo project in a temporary folder: migrate it, show its migrations, be denied once. Ends by removing the folder.
set -euo pipefail
host=${HOST:?path of the host binary}
folder=$(mktemp -d "${TMPDIR:-/tmp}/host-demo.XXXXXX")
trap 'rm -rf "$folder"; printf "\n(removed %s)\n" "$folder"' EXIT
mkdir "$folder/shop"
cd "$folder/shop"
printf '(a demo project in %s)\n' "$PWD"

show() {
  printf '\n$ host %s\n' "$*"
  "$host" "$@" </dev/null
}

show init --demo
show list
show run migrate
show run showmigrations

# Without `schema` the same command is stopped before it starts: that is the point of all this.
sed -i 's/^sql.default = .*/sql.default = ["read"]/' host.toml
printf '\n(host.toml now grants every command only: sql.default = ["read"])\n'
code=0
show run migrate || code=$?
printf '(exit code %s: denied)\n' "$code"
[ "$code" = 4 ]
