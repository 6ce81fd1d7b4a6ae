#!/usr/bin/env bash
# Measures everything and writes bench/RESULTS.md: in ten minutes, or in full with --full.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --quiet --workspace --bin nfos-host --bin nfos-bench
cargo build --release --quiet --manifest-path bench/peers/Cargo.toml --target-dir target/peers
ci/guests.sh > /dev/null
sections=(compare1 compare2 scaling search latency bursts peers counts costs)
if [[ ${1:-} == --full ]]; then
    if command -v dpdk-testpmd > /dev/null && pkg-config --exists libdpdk 2> /dev/null; then
        sections+=(devices)
    else
        echo "bench: devices are left out: install libdpdk-dev, and dpdk-dev for dpdk-testpmd"
    fi
fi
python3 bench/report.py run "${sections[@]}" "$@"
python3 bench/report.py page "$@"
echo "bench: wrote bench/RESULTS.md in $SECONDS s"
