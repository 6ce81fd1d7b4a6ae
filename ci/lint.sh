#!/usr/bin/env bash
# Runs clippy over the host, its tests and benchmarks, and over guests as what they become.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --release --workspace --all-targets --quiet -- -D warnings
cargo clippy --release --manifest-path bench/peers/Cargo.toml --target-dir target/peers \
    --all-targets --quiet -- -D warnings

# Built for this machine, a guest that drives the burst by hand is empty.
guests=()
for manifest in guests/*/Cargo.toml guests/test/*/Cargo.toml; do
    guests+=("--package=$(basename "${manifest%/Cargo.toml}")")
done
cargo clippy --profile guest --target wasm32-unknown-unknown --quiet --lib \
    --package=nfos "${guests[@]}" -- -D warnings
