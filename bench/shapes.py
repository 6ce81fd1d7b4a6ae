"""The paper's shapes, simulated under both protocols, for the tables of docs/simulate.md.

    python3 bench/shapes.py [nfos-host] [shapes] [nat] [bursts]      # wants nfos-traffic beside it

Costs are those of this machine, calibrated anew for each function, so rates differ from machine to
machine; with the same costs a simulation prints the same bytes. `nat` and `bursts` take 60 ns for
the transfer of a cache line, as within a socket of many cores: what two virtual cores of one machine
take says little of that. *failing* is the share of bursts of which something had to run again.
"""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parents[1]
PARTS = ("shapes", "nat", "bursts")
HOST = next((word for word in sys.argv[1:] if word not in PARTS), ROOT / "target/release/nfos-host")
TRANSFER_NS = 60.0


def simulate(name, folder, cores, words):
    command = [HOST, "simulate", "--nf", str(ROOT / f"target/guests/{name}.wasm"), "--no-band", "--json",
               "--cores", cores, "--costs", f"{folder}/costs.json"]
    ran = subprocess.run(command + words, capture_output=True, check=True)
    for curve in json.loads(ran.stdout)["curves"]:
        yield curve["setting"], curve["points"]


def set_transfer(folder):
    """The machine is measured, and its transfers are then said to take what they take elsewhere."""
    costs = Path(folder, "costs.json")
    subprocess.run([HOST, "calibrate", "--costs", costs], check=True, capture_output=True)
    known = json.loads(costs.read_text())
    known["machine"]["transfer_ns"] = TRANSFER_NS
    costs.write_text(json.dumps(known))


def capture(folder, workload, words):
    subprocess.run([Path(HOST).with_name("nfos-traffic"), workload, *words, "--out", folder],
                   check=True, capture_output=True)


def first_cause(point):
    total = sum(conflict["aborts"] for conflict in point["causes"])
    pairs = {}
    for conflict in point["causes"]:
        pair = f"{conflict['object']}: {conflict['observer']} × {conflict['mutator']}"
        pairs[pair] = pairs.get(pair, 0) + conflict["aborts"]
    first = max(pairs, key=pairs.get, default=None)
    return "" if first is None else f"{pairs[first] / total:.1%} {first}"


def tell(protocol, name, folder, words, what):
    for setting, (alone, many) in simulate(name, folder, "1,23", ["--protocol", protocol, *words]):
        setting = what if setting is None else f"{setting['name']}={setting['value']}"
        print(f"{name:<10} {protocol:<9} {setting:<26} {alone['mpps']:>7.2f} {many['mpps']:>8.2f}"
              f" {many['failing_bursts_share']:>8.1%}  {first_cause(many)}", flush=True)


def antiddos_ports(folder):
    return [f"--port=memory:{folder}/antiddos.pcap", f"--port=pcap:tx={folder}/nothing-arrives.pcap"]


def bridge_ports(folder):
    return [f"--port=memory:{folder}/bridge.{port}.pcap" for port in (0, 1)]


def shapes(folder):
    print(f"{'':<10} {'protocol':<9} {'':<26} {'1 core':>7} {'23 cores':>8} {'failing':>8}  first cause")
    for protocol in ("original", "ours"):
        tell(protocol, "anti-ddos", folder,
             ["--packets=30000", *antiddos_ports(folder), "--what-if=staleness_us=0,100"], "")
        tell(protocol, "bridge", folder,
             ["--packets=20000", *bridge_ports(folder), "--what-if=refresh_interval_ms=0,1000"], "")
        for what in ("access=read", "skew=0", "skew=0.99"):
            tell(protocol, "array", folder, ["--packets=30000", f"--set={what}"], what)


# NAT's knee, at 1/5.35 of its size: 639,039 endpoints, of which each opens one of the pool's ports
# and gives none back. 53 addresses have 1.0 % more ports than that, 55 have 4.8 % more.
NAT_PACKETS = 3_200_000
NAT_ENDPOINTS = 639_039
NAT_PORTS = 12_178
NAT_CORES = "1,8,16,20,23"


def all_udp(path):
    """Makes every packet of a capture UDP, since the prototype has one pool; how many endpoints."""
    capture = bytearray(path.read_bytes())
    at, endpoints = 24, set()
    while at < len(capture):
        length, frame = struct.unpack_from("<I", capture, at + 8)[0], at + 16
        if capture[frame + 23] == 6:
            capture[frame + 23] = 17
            of_ip = struct.unpack_from(">H", capture, frame + 16)[0]
            struct.pack_into(">HH", capture, frame + 38, of_ip - 20, 0)
        endpoints.add(bytes(capture[frame + 26:frame + 30] + capture[frame + 34:frame + 36]))
        at = frame + length
    path.write_bytes(capture)
    return len(endpoints)


def nat(folder):
    capture(f"{folder}/nat.pcap", "caida", ["--packets", str(NAT_PACKETS)])
    assert all_udp(Path(folder, "nat.pcap")) == NAT_ENDPOINTS
    set_transfer(folder)
    # The last tenth of the traffic, in which pools run dry, without its very end.
    words = ["--in-step", f"--packets={NAT_PACKETS // 11}", f"--warm-up={NAT_PACKETS * 9 // 10}",
             "--set=port_first=1024", f"--set=port_last={1023 + NAT_PORTS}", "--state-limit=4G",
             f"--port=memory:{folder}/nat.pcap", f"--port=pcap:tx={folder}/nothing-arrives.pcap",
             "--what-if=external_addresses=53,55"]
    print(f"\nNAT, Mpps by cores {NAT_CORES}; failing bursts and first cause on the most")
    for protocol, burst in (("original", 1), ("original", 32), ("ours", 32)):
        options = ["--protocol", protocol, f"--burst={burst}"]
        curves = list(simulate("nat", folder, NAT_CORES, options + words))
        for setting, points in curves:
            rates = " ".join(f"{point['mpps']:>6.2f}" for point in points)
            print(f"{protocol:<9} bursts of {burst:<2} {setting['value']} addresses {rates} "
                  f"{points[-1]['failing_bursts_share']:>6.1%}  {first_cause(points[-1])}", flush=True)
        tight, roomy = (points[-1]["mpps"] for _, points in curves)
        print(f"{'':<9} 55 / 53 addresses: {roomy / tight:.2f}")


BURST_CORES = "4,8,16,23"


def bursts(folder):
    set_transfer(folder)
    cases = [("array", "read only", ["--set=access=read"]), ("array", "read and write", []),
             ("bridge", "interval 1 s", [*bridge_ports(folder), "--set=refresh_interval_ms=1000"]),
             ("anti-ddos", "0.1 ms", [*antiddos_ports(folder), "--set=staleness_us=100"]),
             ("firewall", "", []), ("policer", "", []), ("maglev", "", []), ("nat", "", [])]
    print(f"\nbursts of 32 over bursts of one, Mpps, by cores {BURST_CORES}")
    for protocol in ("original", "ours"):
        gains = []
        for name, what, words in cases:
            rates = []
            for burst in (1, 32):
                words_all = ["--packets=60000", f"--burst={burst}", "--protocol", protocol, *words]
                [(_, points)] = simulate(name, folder, BURST_CORES, words_all)
                rates.append([point["mpps"] for point in points])
            of_case = [many / one for one, many in zip(*rates)]
            gains.append(of_case)
            told = " ".join(f"{gain:>6.2f}" for gain in of_case)
            print(f"{protocol:<9} {name:<10} {what:<15} {told}", flush=True)
        told = " ".join(f"{mean(column):>6.2f}" for column in zip(*gains))
        print(f"{protocol:<9} {'mean':<26} {told}   of all {mean(map(mean, gains)):.2f}", flush=True)


def main():
    wanted = [word for word in sys.argv[1:] if word in PARTS] or PARTS
    with tempfile.TemporaryDirectory() as folder:
        for workload in ("antiddos", "bridge"):
            capture(folder, workload, ["--packets", "200000"])
        for part in wanted:
            globals()[part](folder)


main()
