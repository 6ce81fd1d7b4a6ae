#!/usr/bin/env bash
# Checks licences, sources and duplicates of all dependencies against deny.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PWD/target/tools/bin:$PATH
if command -v cargo-deny > /dev/null; then
    for manifest in Cargo.toml bench/peers/Cargo.toml; do
        cargo-deny --manifest-path "$manifest" --config deny.toml --log-level error \
            check licenses bans sources
    done
else
    echo "deny: left out, cargo-deny is not installed"
fi
