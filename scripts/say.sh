# Sourced by the other scripts: strict mode, the tree's root, and how they speak.
# shellcheck shell=bash
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

heading() {
    printf '\n==== %s\n' "$*"
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}
