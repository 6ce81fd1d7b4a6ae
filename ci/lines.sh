#!/usr/bin/env bash
# Counts lines of the cache and atomic operations of transactions, exactly; times are for bench/.
set -euo pipefail
cd "$(dirname "$0")/.."

RUSTFLAGS="--cfg nfos_counting ${RUSTFLAGS:-}" \
    cargo test --release --quiet --target-dir target/counting -p nfos-stm --test lines
