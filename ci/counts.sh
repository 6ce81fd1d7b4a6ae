#!/usr/bin/env bash
# Holds instructions, allocations and crossings of a packet to those that are recorded.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --quiet --workspace --bin nfos-bench
python3 bench/counts.py "$@"
