#!/usr/bin/env bash
# Runs the oracle under shuttle: random programs under random and prioritised schedules, by seed.
set -euo pipefail
cd "$(dirname "$0")/.."

# NFOS_SEEDS: how many programs of each kind, or FROM..TO; NFOS_SCHEDULES: schedules of each. The
# argument chooses tests by a part of their name.
export NFOS_SEEDS=${NFOS_SEEDS:-60}
RUSTFLAGS="--cfg nfos_shuttle ${RUSTFLAGS:-}" \
    cargo test --release --quiet --target-dir target/shuttle -p nfos-state --test oracle -- \
    "${1:-schedules}" --nocapture
