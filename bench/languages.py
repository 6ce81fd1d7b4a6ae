"""What a packet costs in each language, on each engine: the policer and the bridge on made-up traffic.

    python3 bench/languages.py [nfos-host]

One worker, 64 B. Time is that of the process's CPU clock, and of each run a short one is subtracted,
so that the start and what else the machine does cost nothing but caches. Subjects take turns, and of
all rounds the median counts. Guests are those of target/guests; ci/languages.sh builds them, and those
that are not there are left out, as is an engine that does not run one.
"""

import json
import os
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOST = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/nfos-host")
ROUNDS = 5
SHORT, LONG = "200ms", "1200ms"
LANGUAGES = {"Rust": "", "C": "-c", "Python": "-python", "JavaScript": "-js"}


def run(guest, engine, duration):
    """Seconds of CPU time and packets of one run."""
    output, written = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(written, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execv(HOST, [HOST, "run", "--nf", str(guest), "--engine", engine, "--json",
                        "--time-limit", "5s", "--duration", duration])
    os.close(written)
    with os.fdopen(output) as summary:
        text = summary.read()
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        return None
    return usage.ru_utime + usage.ru_stime, json.loads(text)["received"]


def ns_per_packet(guest, engine):
    short, long = run(guest, engine, SHORT), run(guest, engine, LONG)
    if short is None or long is None:
        return None
    return (long[0] - short[0]) * 1e9 / max(long[1] - short[1], 1)


def main():
    print(f"64 B, one worker, medians of {ROUNDS} interleaved rounds, CPU time")
    print(f"{'':<8} {'language':<11} {'engine':<10} {'ns per packet':>14} {'x Rust':>8}")
    for name in ("policer", "bridge"):
        subjects = {}
        for language, ending in LANGUAGES.items():
            guest = ROOT / f"target/guests/{name}{ending}.wasm"
            for engine in ("direct", "component"):
                if guest.exists() and run(guest, engine, "10ms"):
                    subjects[language, engine] = (guest, [])
        for _ in range(ROUNDS):
            for (_, engine), (guest, measured) in subjects.items():
                measured.append(ns_per_packet(guest, engine))
        of_rust = None
        for (language, engine), (_, measured) in subjects.items():
            ns = statistics.median(measured)
            of_rust = of_rust or ns
            print(f"{name:<8} {language:<11} {engine:<10} {ns:>14.0f} {ns / of_rust:>8.2f}")


main()
