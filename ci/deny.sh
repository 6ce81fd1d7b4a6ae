#!/usr/bin/env bash
# Checks licences, sources and duplicates of all dependencies against deny.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PWD/target/tools/bin:$PATH
if command -v cargo-deny > /dev/null; then
    cargo-deny --log-level error check licenses bans sources
else
    echo "deny: left out, cargo-deny is not installed"
fi
