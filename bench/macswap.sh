#!/usr/bin/env bash
# What a packet costs over two net_null devices, in turns: testpmd, ports alone, a network function.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-3} rounds=${2:-3}
devices=(net_null0 net_null1)
core=$(($(nproc) - 1))
if ! command -v dpdk-testpmd > /dev/null; then
    echo "macswap: install dpdk-dev for dpdk-testpmd" >&2
    exit 1
fi

cargo build --release --quiet --package nfos-host --features dpdk
cargo build --release --quiet --package nfos-netio --features dpdk --example macswap
# As in ci/guests.sh, so that nothing is built twice.
printf -v names '%s\x1f%s' "--remap-path-prefix=$PWD=." \
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
CARGO_ENCODED_RUSTFLAGS=$names \
    cargo build --quiet --profile guest --target wasm32-unknown-unknown --package mirror
target=${CARGO_TARGET_DIR:-target}
mirror=$target/wasm32-unknown-unknown/guest/mirror.wasm

# Each prints million packets per second over both devices; packets in hugepages (yes) or not (no).
testpmd() {
    local memory=(--in-memory)
    [[ $1 == yes ]] || memory=(--no-huge --no-shconf)
    timeout -s INT "$((seconds + 2))" dpdk-testpmd "--lcores=0@0,1@$core" "${memory[@]}" --no-pci \
        --no-telemetry --log-level=4 --vdev "${devices[0]}" --vdev "${devices[1]}" -- \
        --nb-cores=1 --forward-mode=macswap --total-num-mbufs=8191 --mbcache=250 --burst=32 \
        --auto-start --stats-period=1 2> /dev/null < /dev/null |
        awk '/Rx-pps/ { sum += $2; if (++n % 2 == 0) { last = sum; sum = 0 } }
             END { printf "%.1f\n", last / 1e6 }'
}

ports() {
    HUGEPAGES=$1 taskset -c "$core" "$target/release/examples/macswap" "$seconds" "${devices[@]}"
}

function_in_sandbox() {
    taskset -c "$core" "$target/release/nfos-host" run --json --hugepages "$1" \
        --duration "${seconds}s" --nf "$mirror" \
        --port "dpdk:${devices[0]}" --port "dpdk:${devices[1]}" |
        awk -F '[:,]' '/"elapsed_ns"/ { time = $2 } /^  "sent"/ { sent = $2 }
             END { printf "%.1f\n", sent / time * 1000 }'
}

hugepages=$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages)
modes=(no)
((hugepages < 24)) || modes=(yes no)
echo "round  hugepages  testpmd  ports  network function   (million packets per second)"
for round in $(seq "$rounds"); do
    for mode in "${modes[@]}"; do
        printf '%5s  %9s  %7s  %5s  %16s\n' "$round" "$mode" "$(testpmd "$mode")" \
            "$(ports "$mode")" "$(function_in_sandbox "$mode")"
    done
done
