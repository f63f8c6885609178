#!/usr/bin/env bash
# Builds the Python component that the tests drop in.
#
#   tests/guests/python/build.sh OUT VENV
#
# OUT is the file to write; VENV a virtual environment, made and filled with componentize-py when it lacks it.
# Does nothing when OUT is newer than all it is made of.
set -euo pipefail

if (($# != 2)); then
    echo "usage: tests/guests/python/build.sh OUT VENV" >&2
    exit 2
fi
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$(dirname -- "$1")" "$2"
out=$(cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
venv=$(cd -- "$2" && pwd)
wit=$here/../../../wit/sql

if [[ -f $out && -z $(find "$here" "$wit" -type f -newer "$out" -not -path '*/__pycache__/*' -print -quit) ]]; then
    exit 0
fi
if [[ ! -x $venv/bin/componentize-py ]]; then
    echo "installing componentize-py into $venv" >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet componentize-py==0.25.1
fi

echo "building $(basename -- "$out") with componentize-py" >&2
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
# A package stands behind those that it uses.
(cd -- "$work" && env -u VIRTUAL_ENV "$venv/bin/componentize-py" --quiet -d "$wit" -d "$here/wit" -w test:python/command \
    componentize app -p "$here" -o "$work/app.wasm")

# The manifest is a custom section at the end: 0, its size, the length of its name, its name, its bytes.
"$venv/bin/python" - "$work/app.wasm" "$here/command.toml" <<'PYTHON'
import sys

def number(value):
    """As WebAssembly writes unsigned numbers: seven bits a byte, the lowest first."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])

component, manifest = sys.argv[1:]
name = b"host:command"
section = number(len(name)) + name + open(manifest, "rb").read()
with open(component, "ab") as file:
    file.write(b"\0" + number(len(section)) + section)
PYTHON
mv -- "$work/app.wasm" "$out"
