"""What a packet costs in numbers that a busy machine does not change, held to those of counts.json.

    python3 bench/counts.py            # fails if a number has moved
    python3 bench/counts.py --record   # writes counts.json anew
    python3 bench/counts.py --show     # prints all, with where instructions go; or both

For each network function of bench/src/cases.rs in its sandbox (the engine `direct`): instructions of a
packet on the worker's thread, counted by callgrind, and allocations, imports and bursts of a packet.
Instructions may grow by 3 %; where they shrink by more it says so, since the record then allows too
much. Nothing may allocate. Instructions depend on the compiler and on what the processor offers: where
these are others than when they were recorded, instructions are left out and it says so.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BENCH = TARGET / "release/nfos-bench"
RECORD = ROOT / "bench/counts.json"
FUNCTIONS = ["counter", "firewall", "policer", "bridge", "nat", "maglev", "anti-ddos", "array"]
TOLERANCE = 0.03
FEW, MANY = 1, 9
LAYERS = [
    ("transactions", ("nfos_stm", "nfos_sync")),
    ("structures", ("nfos_state",)),
    ("ports", ("nfos_netio",)),
    ("dataplane", ("nfos_dataplane",)),
    ("engine", ("nfos_engine", "nfos_bench", "wasmtime")),
    ("network function", ("nfos", "0x", "???", *(name.replace("-", "_") for name in FUNCTIONS))),
]
# The first word of a symbol that is one of these says whose it is.
OWNERS = re.compile("|".join(sorted({word for _, words in LAYERS for word in words},
                                    key=len, reverse=True)).replace("?", r"\?"))


os.environ.setdefault("NFOS_BENCH_GUESTS", str(ROOT / "target/guests"))


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def conditions():
    """What instructions depend on, beside the source."""
    flags = set()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = set(line.split(":")[1].split())
            break
    offered = [flag for flag in ("sse4_2", "avx2", "bmi2", "lzcnt") if flag in flags or
               flag == "lzcnt" and "abm" in flags]
    return {
        "rustc": output("rustc", "--version").strip(),
        "valgrind": output("valgrind", "--version").strip(),
        "libc": os.confstr("CS_GNU_LIBC_VERSION"),
        "machine": os.uname().machine,
        "offers": offered,
    }


def instructions_of_run(function, laps):
    """Instructions of the worker's thread by layer, and the packets of the run."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--dump-instr=no",
             f"--callgrind-out-file={folder}/out", BENCH, "count", function, "--subject", "direct",
             "--laps", str(laps)],
            capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"counts: {function}: {ran.stderr[-2000:]}")
        packets = json.loads(ran.stdout.splitlines()[-1])["packets"]
        threads = [by_layer(path) for path in glob.glob(f"{folder}/out*-*")
                   if not path.endswith("-01")]
        # The worker does more than all other threads that are not the first.
        return max(threads, key=lambda layers: sum(layers.values())), packets


def by_layer(path):
    """Self cost of every function by whose it is, from callgrind's format."""
    names, cost, here, called = {}, {}, "???", False
    for line in open(path, errors="replace"):
        function = re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line)
        if function:
            if function[3] is not None:
                names[function[2]] = function[3].strip()
            if not function[1]:
                here = layer_of(names.get(function[2], "???"))
        elif line.startswith("calls="):
            called = True
        elif line[:1] in "0123456789+-*":
            # The line after a call is the cost of what was called.
            if called:
                called = False
                continue
            parts = line.split()
            if len(parts) >= 2:
                cost[here] = cost.get(here, 0) + int(parts[1])
    return cost


def layer_of(function):
    owner = OWNERS.search(function)
    if owner:
        return next(layer for layer, words in LAYERS if owner[0] in words)
    return "libraries"


def measured(function):
    few, many = (instructions_of_run(function, laps) for laps in (FEW, MANY))
    packets = many[1] - few[1]
    layers = {layer: (many[0].get(layer, 0) - few[0].get(layer, 0)) / packets for layer in many[0]}
    counted = json.loads(output(BENCH, "count", function, "--subject", "direct").splitlines()[-1])
    return {
        "instructions": round(sum(layers.values()), 1),
        "layers": {layer: round(cost, 1) for layer, cost in sorted(layers.items())},
        "allocations": round(counted["allocations"], 3),
        "imports": round(counted["imports"], 3),
        "bursts": round(counted["bursts"], 4),
    }


def differences(name, now, then, comparable):
    if comparable:
        ratio = now["instructions"] / then["instructions"]
        text = f"{name}: {now['instructions']} instructions instead of {then['instructions']}" \
               f" ({ratio - 1:+.1%})"
        if ratio > 1 + TOLERANCE:
            yield text
        elif ratio < 1 - TOLERANCE:
            print(f"{text}: record them, python3 bench/counts.py --record", flush=True)
    if now["allocations"] > then["allocations"] + 0.01:
        yield f"{name}: {now['allocations']} allocations instead of {then['allocations']}"
    for what in ("imports", "bursts"):
        if abs(now[what] - then[what]) > TOLERANCE * then[what] + 0.01:
            yield f"{name}: {now[what]} {what} instead of {then[what]}"


def main():
    if not shutil.which("valgrind"):
        print("counts: left out: no valgrind; install what ci/setup.sh test names")
        return
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    here = conditions()
    comparable = record.get("conditions") == here
    wanted = [name for name in sys.argv[1:] if not name.startswith("--")] or FUNCTIONS
    counts, moved = {}, {}
    # Valgrind runs one thread at a time, so two of them need two cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, now in zip(wanted, pool.map(measured, wanted)):
            counts[name] = now
            if "--show" in sys.argv:
                print(json.dumps({"name": name, **now}), flush=True)
            if not {"--show", "--record"} & set(sys.argv):
                moved[name] = list(differences(name, now, record["counts"][name], comparable))
    # Time goes on faster beside other work, and with it what runs out: by itself, then.
    for name in [name for name in moved if moved[name]]:
        print("\n".join(["counts: once more, by itself:", *moved[name]]), flush=True)
        moved[name] = list(differences(name, measured(name), record["counts"][name], comparable))
    moved = [text for texts in moved.values() for text in texts]
    if "--record" in sys.argv:
        kept = record.get("counts", {}) if comparable else {}
        RECORD.write_text(json.dumps({"conditions": here, "counts": {**kept, **counts}}, indent=1)
                          + "\n")
    elif "--show" not in sys.argv:
        if not comparable:
            print(f"counts: instructions are left out: recorded with {record.get('conditions')},"
                  f" here is {here}")
        if moved:
            print("\n".join(moved))
            sys.exit("counts: if that is right, record them: python3 bench/counts.py --record")
        print(f"counts: those of {len(counts)} network functions are what they were")


main()
