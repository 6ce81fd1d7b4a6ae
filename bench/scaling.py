"""How much more two workers do than one, by the CPU clock: for machines whose cores do other things.

    python3 bench/scaling.py [nfos-host] [rounds]

If a packet costs two workers as much CPU time as it costs one, two idle cores do twice as much; so
the figure is two times the time of a packet with one worker through that with two. What waits asleep
is not in it, and a worker of the host never does. Of each run one is subtracted that has gone
through the trace once; runs take turns, and of all rounds the median counts. Traces are those that
`nfos-bench compare` has made.
"""

import json
import statistics
import sys
from pathlib import Path

from runs import FUNCTIONS, run, trace_file

ROOT = Path(__file__).parents[1]
HOST = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/nfos-host")
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
# Of the part of a run that counts: where much memory is gone through, shorter ones differ by half.
LONGER_MS = 1500
NOTHING = "synthetic:flows=1,packets=1,repeat=1"


def port(trace, repeat):
    if trace is None:
        return NOTHING
    return f"memory:{trace_file(trace)},repeat={repeat}"


def ns_per_packet(nf, workers):
    traces, parameters = FUNCTIONS[nf]
    arguments = ["--nf", str(ROOT / f"target/guests/{nf}.wasm"), "--cores", str(workers),
                 "--packet-sets", "524288"]
    for parameter in parameters:
        arguments += ["--set", parameter]

    def ran(repeat, *more):
        ports = [word for trace in traces for word in ("--port", port(trace, repeat))]
        done = run(HOST, [*arguments, *ports, *more])
        return done or sys.exit(f"scaling: {nf} does not run")

    start_ms = max(100, int(ran("1").summary["elapsed_ns"] * 1.25e-6))
    short, long = (ran("endless", "--duration", f"{start_ms + ms}ms") for ms in (0, LONGER_MS))
    return (long.cpu_s - short.cpu_s) * 1e9 / max(long.received - short.received, 1)


for nf in FUNCTIONS:
    rounds = [(ns_per_packet(nf, 1), ns_per_packet(nf, 2)) for _ in range(ROUNDS)]
    one, two = (statistics.median(column) for column in zip(*rounds))
    ratio = statistics.median(2 * first / second for first, second in rounds)
    print(json.dumps({"nf": nf, "ns_with_one": round(one, 1), "ns_with_two": round(two, 1),
                      "scaling": round(ratio, 2)}), flush=True)
