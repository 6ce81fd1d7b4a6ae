#!/usr/bin/env bash
# Has tcpdump judge every checksum of what nat and maglev send: none is wrong that was right before.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v tcpdump > /dev/null; then
    echo "checksums: skipped, tcpdump is not installed"
    exit 0
fi
[[ -f target/guests/nat.wasm && -f target/guests/maglev.wasm ]] || ci/guests.sh > /dev/null
cargo build --release --quiet --workspace --bin nfos-host --bin nfos-traffic
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# Counts packets, and verdicts on checksums that are right and wrong, of some captures.
judge() {
    local capture
    for capture in "$@"; do
        tcpdump -n -vv -r "$capture" 2> /dev/null
    done | awk '
        /^[0-9][0-9]:[0-9][0-9]:/ { packets++ }
        /udp sum ok|\(correct\)/ { right++ }
        /bad cksum|bad udp cksum|incorrect|wrong icmp/ { wrong++ }
        END { print packets + 0, right + 0, wrong + 0 }'
}

# Runs the network function $1 over the workload $2, with more options if need be.
check() {
    local nf=$1 workload=$2 ports=() counts in out
    target/release/nfos-traffic "$workload" --packets 50000 --out "$work" > /dev/null
    for in in "$work/$workload"*.pcap; do
        ports+=(--port "pcap:rx=$in,tx=${in%.pcap}.out")
    done
    target/release/nfos-host run --nf "target/guests/$nf.wasm" --cores 2 "${ports[@]}" "${@:3}" \
        > /dev/null 2> "$work/notices" || { cat "$work/notices" >&2; exit 1; }
    read -r -a in <<< "$(judge "$work/$workload"*.pcap)"
    read -r -a out <<< "$(judge "$work/$workload"*.out)"
    counts="${out[0]} packets out, ${out[1]} checksums right, ${out[2]} wrong"
    echo "checksums: $nf: $counts (in: ${in[0]}, ${in[1]}, ${in[2]})"
    ((out[1] > 10000 && out[2] <= in[2])) || { echo "checksums: $nf breaks some" >&2; exit 1; }
    rm "$work/$workload"*
}

check nat nat-both
check maglev lb-churn
