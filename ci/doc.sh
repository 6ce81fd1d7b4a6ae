#!/usr/bin/env bash
# Builds the documentation of every crate; a link that leads nowhere is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

RUSTDOCFLAGS="-D warnings" \
    cargo doc --release --workspace --no-deps --document-private-items --quiet
