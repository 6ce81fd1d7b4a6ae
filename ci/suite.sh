#!/usr/bin/env bash
# Runs every test of the workspace and of the peers beside it; guests must be there, see guests.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --release --workspace
cargo test --release --manifest-path bench/peers/Cargo.toml --target-dir target/peers
