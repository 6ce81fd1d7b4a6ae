#!/usr/bin/env bash
# Builds with DPDK and runs the tests of its ports; wants ci/guests.sh before.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! pkg-config --atleast-version=22.11 libdpdk 2> /dev/null; then
    echo "dpdk: left out: no DPDK 22.11 or later; install what ci/setup.sh test names"
    exit 0
fi
features=(--features "nfos-netio/dpdk,nfos-host/dpdk")
crates=(--package dpdk-sys --package nfos-netio --package nfos-dataplane --package nfos-host)
cargo clippy --release --quiet "${crates[@]}" "${features[@]}" --all-targets -- -D warnings

cargo test --release --quiet --package nfos-netio --features dpdk --lib --test dpdk --test buffers
cargo test --release --quiet --package nfos-dataplane --features dpdk --test rebalance
cargo test --release --quiet --package nfos-host --features dpdk --test dpdk -- --nocapture
echo "dpdk: frames arrive once and whole, buffers come back, kernels talk through network functions"
