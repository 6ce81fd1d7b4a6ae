#!/usr/bin/env bash
# Runs the kernels of the protocol under loom: all interleavings, and all that a load may give.
set -euo pipefail
cd "$(dirname "$0")/.."

# LOOM_MAX_PREEMPTIONS raises the bound of the larger kernels. The argument chooses kernels by how
# the name of their test begins.
# Every execution allocates anew: what was freed is kept, or most of the time goes to the kernel.
export MALLOC_TRIM_THRESHOLD_=268435456 MALLOC_MMAP_THRESHOLD_=268435456
RUSTFLAGS="--cfg nfos_loom ${RUSTFLAGS:-}" \
    cargo test --release --quiet --target-dir target/loom -p nfos-stm --lib -- \
    "kernels::${1:-}" --nocapture
