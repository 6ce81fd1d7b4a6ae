"""The paper's shapes, simulated: both protocols on 1 and 23 cores, for the table of docs/simulate.md.

    python3 bench/shapes.py [nfos-host]      # wants nfos-traffic beside it

Costs are those of this machine, calibrated anew for each function, so rates differ from machine to
machine; with the same costs a simulation prints the same bytes. *failing* is the share of bursts of
which something had to run again.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOST = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/nfos-host")


def points(protocol, name, folder, words):
    command = [HOST, "simulate", "--nf", str(ROOT / f"target/guests/{name}.wasm"), "--cores", "1,23",
               "--no-band", "--json", "--protocol", protocol, "--costs", f"{folder}/costs.json"]
    ran = subprocess.run(command + words, capture_output=True, check=True)
    for curve in json.loads(ran.stdout)["curves"]:
        yield curve["setting"], curve["points"]


def tell(protocol, name, folder, words, what):
    for setting, (alone, many) in points(protocol, name, folder, words):
        setting = what if setting is None else f"{setting['name']}={setting['value']}"
        total = sum(conflict["aborts"] for conflict in many["causes"])
        first = max(many["causes"], key=lambda conflict: conflict["aborts"], default=None)
        cause = "" if first is None else (f"{first['aborts'] / total:.0%} {first['object']}: "
                                          f"{first['observer']} × {first['mutator']}")
        print(f"{name:<10} {protocol:<9} {setting:<26} {alone['mpps']:>7.2f} {many['mpps']:>8.2f}"
              f" {many['failing_bursts_share']:>8.1%}  {cause}", flush=True)


def main():
    print(f"{'':<10} {'protocol':<9} {'':<26} {'1 core':>7} {'23 cores':>8} {'failing':>8}  first cause")
    with tempfile.TemporaryDirectory() as folder:
        for workload in ("antiddos", "bridge"):
            subprocess.run([Path(HOST).with_name("nfos-traffic"), workload, "--packets", "200000",
                            "--out", folder], check=True, capture_output=True)
        ports = [f"--port=memory:{folder}/bridge.{port}.pcap" for port in (0, 1)]
        for protocol in ("original", "ours"):
            tell(protocol, "anti-ddos", folder,
                 ["--packets=30000", f"--port=memory:{folder}/antiddos.pcap",
                  f"--port=pcap:tx={folder}/nothing-arrives.pcap", "--what-if=staleness_us=0,100"], "")
            tell(protocol, "bridge", folder,
                 ["--packets=20000", *ports, "--what-if=refresh_interval_ms=0,1000"], "")
            for what in ("access=read", "skew=0", "skew=0.99"):
                tell(protocol, "array", folder, ["--packets=30000", f"--set={what}"], what)


main()
