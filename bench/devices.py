"""Every network function over devices of DPDK: its workload played by `net_pcap` without an end.

    python3 bench/devices.py [rounds]

Wants the host built with DPDK (`cargo build --release -p nfos-host --features dpdk`) and the traces
of `ci/bench.sh`, of which each device plays the first 4,096 packets: as many as its buffers hold. A
port without packets is a `net_null` that receives none. What is sent is taken and forgotten.
Engines and numbers of workers take turns, and of all rounds the median counts, in million packets
per second.
"""

import json
import statistics
import sys
from pathlib import Path

from runs import FUNCTIONS, TRACES, run, trace_file

ROOT = Path(__file__).parents[1]
HOST = str(ROOT / "target/release/nfos-host")
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
PACKETS = 4096
FILE_HEADER, RECORD_HEADER = 24, 16
MODES = [(engine, workers) for workers in (1, 2) for engine in ("direct", "component")]


def beginning(trace):
    """The first packets of a trace, as a file of its own."""
    whole = trace_file(trace).read_bytes()
    end = FILE_HEADER
    for _ in range(PACKETS):
        if end >= len(whole):
            break
        end += RECORD_HEADER + int.from_bytes(whole[end + 8:end + 12], "little")
    path = TRACES / f"{trace}.first.pcap"
    path.write_bytes(whole[:end])
    return path


def port(number, trace):
    if trace is None:
        return f"dpdk:net_null{number},no-rx=1"
    return f"dpdk:net_pcap{number},rx_pcap={beginning(trace)},infinite_rx=1"


def mpps(nf, engine, workers):
    traces, parameters = FUNCTIONS[nf]
    words = ["--nf", str(ROOT / f"target/guests/{nf}.wasm"), "--engine", engine, "--cores",
             str(workers), "--packet-sets", "524288", "--duration", "1s", "--log", "off"]
    for number, trace in enumerate(traces):
        words += ["--port", port(number, trace)]
    for parameter in parameters:
        words += ["--set", parameter]
    done = run(HOST, words) or sys.exit(f"devices: {nf} does not run")
    return done.received / done.summary["elapsed_ns"] * 1e3


for nf in FUNCTIONS:
    rates = {mode: [] for mode in MODES}
    for _ in range(ROUNDS):
        for mode in MODES:
            rates[mode].append(mpps(nf, *mode))
    medians = {f"{engine} {workers}": round(statistics.median(rates[engine, workers]), 3)
               for engine, workers in MODES}
    print(json.dumps({"nf": nf, "mpps": medians}), flush=True)
