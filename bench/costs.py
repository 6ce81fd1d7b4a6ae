"""What it costs to start and to grow: memory from 1 to 23 workers, NAT with 3.6 million mappings, start-up.

    python3 bench/costs.py [memory|mappings|start] [nfos-host]

Prints a line of JSON for each row. Memory is the largest resident set of the process. A start is cold
with an empty cache of compiled network functions and warm with a filled one; it is the whole run of a
packet on the wall, the median of five.
"""

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from runs import run

ROOT = Path(__file__).parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOST = sys.argv[2] if len(sys.argv) > 2 else str(TARGET / "release/nfos-host")
WORKERS = [1, 2, 4, 8, 16, 23]
ONE_PACKET = "synthetic:flows=1,packets=1,repeat=1"
MAPPINGS = 3_600_000
GIB = 1 << 30


def nf(name):
    return ["--nf", str(ROOT / f"target/guests/{name}.wasm")]


def memory():
    for name, extra in (("firewall", ["--packet-sets", "131072"]), ("policer", []), ("bridge", []),
                        ("maglev", ["--packet-sets", "131072"]), ("nat", [])):
        mib = {}
        for workers in WORKERS:
            ran = run(HOST, [*nf(name), *extra, "--cores", str(workers), "--duration", "300ms"])
            mib[workers] = round(ran.rss_kib / 1024, 1) if ran else None
        print(json.dumps({"nf": name, "mib": mib}), flush=True)


def mappings():
    available = next(int(line.split()[1]) << 10 for line in open("/proc/meminfo")
                     if line.startswith("MemAvailable"))
    if available < 8 * GIB:
        print(json.dumps({"left out": f"{available / GIB:.1f} GiB are free, 8 are asked for"}))
        return
    port = f"synthetic:flows={MAPPINGS},packets={MAPPINGS},repeat=1"
    for workers in (1, 2):
        ran = run(HOST, [*nf("nat"), "--set", "external_addresses=57", "--state-limit", "8G",
                         "--cores", str(workers), "--port", port, "--port", ONE_PACKET])
        if ran is None:
            print(json.dumps({"workers": workers, "failed": True}), flush=True)
            continue
        drops = {drop["reason"]: drop["packets"] for drop in ran.summary["drops"]}
        print(json.dumps({
            "workers": workers, "packets": ran.received, "sent": ran.summary["sent"],
            "drops": drops, "mib": round(ran.rss_kib / 1024),
            "mpps": round(ran.received * 1e3 / ran.summary["elapsed_ns"], 3),
        }), flush=True)


def start():
    arguments = ["--port", ONE_PACKET, "--port", ONE_PACKET]
    for name in ("counter", "firewall", "bridge", "nat", "maglev"):
        times = {"cold": [], "warm": []}
        for _ in range(5):
            with tempfile.TemporaryDirectory() as cache:
                environment = {**os.environ, "XDG_CACHE_HOME": cache}
                for kind in times:
                    ran = run(HOST, [*nf(name), *arguments], environment)
                    times[kind].append(ran.wall_s * 1e3)
        medians = {f"{kind}_ms": round(statistics.median(ms), 1) for kind, ms in times.items()}
        print(json.dumps({"nf": name, **medians}), flush=True)


what = sys.argv[1] if len(sys.argv) > 1 else "all"
for name, section in (("memory", memory), ("mappings", mappings), ("start", start)):
    if what in (name, "all"):
        section()
