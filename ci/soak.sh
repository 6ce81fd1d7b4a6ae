#!/usr/bin/env bash
# Full load beside a reader that sleeps on its snapshot; the argument is for how many minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${1:-}
export NFOS_SOAK_S=$((${minutes:-0} * 60))
[[ -n $minutes ]] || NFOS_SOAK_S=20
cargo test --release --quiet --workspace --test soak --no-run
# Nobody who waits for a thread that waits for him ends by himself.
timeout $((NFOS_SOAK_S + 120)) \
    cargo test --release --quiet --workspace --test soak -- --nocapture
