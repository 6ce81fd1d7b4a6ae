"""How far `nfos-host simulate` is right: simulated beside real rates, of every network function.

    python3 bench/simulated.py [nfos-host]

One and two cores, default traffic, by the wall: on a machine with other work it says little. Each
round calibrates anew, simulates and runs, and of all rounds the median counts.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from runs import run

ROOT = Path(__file__).parents[1]
HOST = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/nfos-host")
FUNCTIONS = ["counter", "firewall", "policer", "bridge", "array", "maglev", "nat", "anti-ddos"]
CORES = [1, 2]
ROUNDS = 5


def simulated(guest, folder):
    costs = f"{folder}/costs.json"
    Path(costs).unlink(missing_ok=True)
    ran = subprocess.run([HOST, "simulate", "--json", "--nf", guest, "--no-band", "--costs", costs,
                          "--cores", ",".join(map(str, CORES))], capture_output=True, check=True)
    points = json.loads(ran.stdout)["curves"][0]["points"]
    return [(point["mpps"], point["aborted_share"]) for point in points]


def real(guest, cores):
    summary = run(HOST, ["--nf", guest, "--cores", str(cores), "--duration", "1s"]).summary
    aborts, events = (sum(worker[name] for worker in summary["workers"])
                      for name in ("aborts", "events"))
    return summary["received"] * 1e3 / summary["elapsed_ns"], aborts / max(aborts + events, 1)


def main():
    print(f"medians of {ROUNDS} rounds; aborted: share of all runs of events")
    print(f"{'':<10} {'cores':>5} {'real':>7} {'simulated':>10} {'ratio':>6} {'aborted real':>13}"
          f" {'simulated':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for name in FUNCTIONS:
            guest = str(ROOT / f"target/guests/{name}.wasm")
            rounds = [(simulated(guest, folder), [real(guest, cores) for cores in CORES])
                      for _ in range(ROUNDS)]
            for at, cores in enumerate(CORES):
                ratio = statistics.median(s[at][0] / r[at][0] for s, r in rounds)
                said, was = ([statistics.median(column) for column in zip(*(one[side][at]
                             for one in rounds))] for side in (0, 1))
                print(f"{name:<10} {cores:>5} {was[0]:>7.2f} {said[0]:>10.2f} {ratio:>6.2f}"
                      f" {was[1]:>12.1%} {said[1]:>10.1%}", flush=True)


main()
