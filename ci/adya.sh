#!/usr/bin/env bash
# Has a checker that shares no code with this project judge histories of real threads.
set -euo pipefail
cd "$(dirname "$0")/.."

# NFOS_TRANSACTIONS: how many are judged in each of two workloads, a million for instance;
# NFOS_SEED: the first history. A failure prints the seed.
export NFOS_TRANSACTIONS=${NFOS_TRANSACTIONS:-80000}
cargo test --release --quiet --workspace --test adya -- --nocapture
