#!/usr/bin/env bash
# Runs random programs on threads and replays them in commit order, a million transactions each.
set -euo pipefail
cd "$(dirname "$0")/.."

# NFOS_TRANSACTIONS: how many events have to stand, on cells and again on structures; NFOS_SEED: the
# first program. A failure prints the seed.
export NFOS_TRANSACTIONS=${NFOS_TRANSACTIONS:-1000000}
# Of the whole workspace: by package, what both depend on is built with other features, once more.
cargo test --release --quiet --workspace --test oracle -- \
    histories_of_cells histories_of_many_programs a_reader_that_sleeps --nocapture
