"""What recording a profile costs: CPU time per packet of `nfos-host run` with and without `--profile`.

    python3 bench/profiling.py [nfos-host] [rounds]

One worker and synthetic traffic of 64 B. Time is that of the process's CPU clock, and of each run a
short one is subtracted, so that the start and the writing of the file cost nothing. Runs with and
without take turns, and which of them begins too; each pair gives a ratio, and of all the median
counts, with the quartiles beside it. The network functions are those of target/guests (ci/guests.sh).
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

from runs import run

ROOT = Path(__file__).parents[1]
HOST = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/nfos-host")
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 9
SHORT, LONG = "300ms", "1300ms"
GOAL = 1.03


def ns_per_packet(name, extra):
    arguments = ["--nf", str(ROOT / f"target/guests/{name}.wasm"), *extra]
    short, long = (run(HOST, [*arguments, "--duration", length]) for length in (SHORT, LONG))
    if short is None or long is None:
        sys.exit(f"profiling: {HOST} does not run {name}")
    return (long.cpu_s - short.cpu_s) * 1e9 / max(long.received - short.received, 1)


def main():
    print(f"64 B, one worker, medians of {ROUNDS} pairs, CPU time")
    print(f"{'':<10} {'ns per packet':>14} {'profiled':>9} {'ratio':>6}  {'quartiles':<12}")
    with tempfile.TemporaryDirectory() as folder:
        profiled = ["--profile", os.path.join(folder, "profile.json")]
        for name in ("firewall", "bridge", "anti-ddos"):
            pairs = []
            for number in range(ROUNDS):
                turns = (profiled, []) if number % 2 else ([], profiled)
                costs = {bool(turn): ns_per_packet(name, turn) for turn in turns}
                pairs.append((costs[False], costs[True]))
            ratios = [with_it / without for without, with_it in pairs]
            low, _, high = statistics.quantiles(ratios, n=4)
            ratio = statistics.median(ratios)
            met = "met" if ratio <= GOAL else "MISSED"
            without, with_it = (statistics.median(column) for column in zip(*pairs))
            print(f"{name:<10} {without:>14.1f} {with_it:>9.1f} {ratio:>6.3f}  {low:.3f}-{high:.3f}"
                  f"  <= {GOAL}: {met}", flush=True)


main()
