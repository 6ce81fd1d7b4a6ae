#!/usr/bin/env bash
# Builds everything and runs the firewall, in its sandbox, on two workers over two captures.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
out=target/demo
in=guests/firewall/golden
host=$target/release/nfos-host

say() {
    echo
    echo "── $*"
}

# The words of a command as one may type them again.
run() {
    echo "\$ $*"
    "$@"
}

say "Setting up"
ci/setup.sh demo

say "Building the host (the first time this takes minutes) and the network functions"
# With the features of the whole workspace, so that its tests find the sandbox built.
cargo build --release --workspace --bin nfos-host
ci/guests.sh
mkdir -p "$out"

say "The firewall, plain sequential Rust in a WebAssembly sandbox, on two workers:
   port 0 is the LAN and port 1 the WAN; what each receives is a capture, and what leaves
   through it is written to another"
run "$host" run --nf target/guests/firewall.wasm --cores 2 \
    --port "pcap:rx=$in/routed.in0.pcap,tx=$out/to-lan.pcap" \
    --port "pcap:rx=$in/routed.in1.pcap,tx=$out/to-wan.pcap"

if command -v tcpdump > /dev/null; then
    say "What left for the WAN, as tcpdump reads it"
    for capture in "$out/to-lan.pcap" "$out/to-wan.pcap"; do
        tcpdump -nn -r "$capture" > "${capture%.pcap}.txt" 2> "$out/tcpdump.txt" ||
            { cat "$out/tcpdump.txt"; exit 1; }
    done
    head -n 4 "$out/to-wan.txt"
    echo "… $(wc -l < "$out/to-wan.txt") packets in $out/to-wan.pcap," \
        "$(wc -l < "$out/to-lan.txt") in $out/to-lan.pcap"
else
    say "The output: $out/to-lan.pcap and $out/to-wan.pcap"
fi

say "The same firewall on made-up traffic in memory, for two seconds"
run "$host" run --nf target/guests/firewall.wasm --cores 2 --duration 2s

say "To try next"
cat << END
$host describe --nf target/guests/firewall.wasm
$host run --nf target/guests/firewall.wasm --cores 2 --set tcp_strict=on --duration 5s
$host run --nf target/guests/policer.wasm --cores 2 \\
    --set rate_bytes_per_second=1000000 --set burst_bytes=3000 \\
    --port pcap:rx=guests/policer/golden/slow.in0.pcap,tx=$out/policed-lan.pcap \\
    --port pcap:rx=guests/policer/golden/slow.in1.pcap,tx=$out/policed-wan.pcap
An NF of your own: README.md, guests/counter/src/lib.rs
END
