#!/usr/bin/env bash
# Goes through all interleavings of small programs in models of protocol and structures.
set -euo pipefail
cd "$(dirname "$0")/.."

# NFOS_PROGRAMS: programs of the largest kind; NFOS_STATES: where one is cut off. --full takes many
# of both. The argument after it chooses tests by a part of their name.
export NFOS_PROGRAMS=${NFOS_PROGRAMS:-600}
if [[ ${1:-} == --full ]]; then
    shift
    NFOS_PROGRAMS=20000
    export NFOS_STATES=${NFOS_STATES:-10000000}
fi
RUSTFLAGS="--cfg nfos_models ${RUSTFLAGS:-}" \
    cargo test --release --quiet --target-dir target/models -p nfos-stm-models \
    --test exhaustive --test structures --test wheels -- "${1:-}" --nocapture
