"""What a packet costs in each language, on each engine: the policer and the bridge on made-up traffic.

    python3 bench/languages.py [nfos-host]

One worker, 64 B. Time is that of the process's CPU clock, and of each run a short one is subtracted,
so that the start and what else the machine does cost nothing but caches. Subjects take turns, and of
all rounds the median counts. Guests are those of target/guests; ci/languages.sh builds them, and those
that are not there are left out, as is an engine that does not run one.
"""

import statistics
import sys
from pathlib import Path

from runs import run

ROOT = Path(__file__).parents[1]
HOST = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/nfos-host")
ROUNDS = 5
SHORT, LONG = "200ms", "1200ms"
LANGUAGES = {"Rust": "", "C": "-c", "Python": "-python", "JavaScript": "-js"}


def measured(guest, engine, duration):
    return run(HOST, ["--nf", str(guest), "--engine", engine, "--time-limit", "5s",
                      "--duration", duration])


def ns_per_packet(guest, engine):
    short, long = measured(guest, engine, SHORT), measured(guest, engine, LONG)
    if short is None or long is None:
        return None
    return (long.cpu_s - short.cpu_s) * 1e9 / max(long.received - short.received, 1)


def main():
    print(f"64 B, one worker, medians of {ROUNDS} interleaved rounds, CPU time")
    print(f"{'':<8} {'language':<11} {'engine':<10} {'ns per packet':>14} {'x Rust':>8}")
    for name in ("policer", "bridge"):
        subjects = {}
        for language, ending in LANGUAGES.items():
            guest = ROOT / f"target/guests/{name}{ending}.wasm"
            for engine in ("direct", "component"):
                if guest.exists() and measured(guest, engine, "10ms"):
                    subjects[language, engine] = (guest, [])
        for _ in range(ROUNDS):
            for (_, engine), (guest, times) in subjects.items():
                times.append(ns_per_packet(guest, engine))
        of_rust = None
        for (language, engine), (_, times) in subjects.items():
            ns = statistics.median(times)
            of_rust = of_rust or ns
            print(f"{name:<8} {language:<11} {engine:<10} {ns:>14.0f} {ns / of_rust:>8.2f}")


main()
