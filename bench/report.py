"""Runs the benches section by section, and makes bench/RESULTS.md, its charts and a part of README.md.

    python3 bench/report.py run SECTION… [--full]     # sections: see SECTIONS below
    python3 bench/report.py page                      # from what has been run

`ci/bench.sh` does all of it. Every measurement is a command of its own, which prints one line of JSON;
command and line are kept in target/bench/results, so that sections can be run one at a time and a
row of the page be repeated alone.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import charts

ROOT = Path(__file__).parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
RESULTS = TARGET / "bench/results"
PAGE, CHARTS = ROOT / "bench/RESULTS.md", ROOT / "bench/charts"
os.environ.setdefault("NFOS_BENCH_GUESTS", str(ROOT / "target/guests"))
FULL = "--full" in sys.argv
FUNCTIONS = ["counter", "firewall", "policer", "bridge", "nat", "maglev", "anti-ddos", "array"]
SHARE_LITTLE = ["counter", "firewall", "policer", "bridge", "nat", "maglev"]
SCALE = ["firewall", "policer", "bridge", "maglev", "nat"]
SUBJECTS = ["direct", "component", "native", "sequential", "expert", "lock"]
BURSTS = [1, 2, 4, 8, 16, 32]
LOADS = [50, 80, 99]


def bench(*words):
    return ["target/release/nfos-bench", *(str(word) for word in words)]


def measure(section, command, seconds=240):
    """Runs a command that prints lines of JSON, and keeps them."""
    started = time.monotonic()
    try:
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
        failed = ran.stderr[:600] if ran.returncode else None
        lines = [json.loads(line) for line in ran.stdout.splitlines() if line[:1] == "{"]
    except subprocess.TimeoutExpired:
        failed, lines = f"not done after {seconds} s", []
    row = {"command": shlex.join(command), "lines": lines, "failed": failed,
           "at": time.strftime("%Y-%m-%d %H:%M"), "seconds": round(time.monotonic() - started, 1)}
    with open(RESULTS / f"{section}.jsonl", "a") as file:
        file.write(json.dumps(row) + "\n")
    print(f"{section}: {row['command']} ({row['seconds']} s){' failed' if failed else ''}", flush=True)
    return lines[-1] if lines else None


def rows(section):
    path = RESULTS / f"{section}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def line_of(section, **wanted):
    for row in rows(section):
        for line in row["lines"]:
            if all(line.get(key) == value for key, value in wanted.items()):
                return line
    return None


def compare(workers):
    for nf in FUNCTIONS:
        rounds, ms = (5, 400) if FULL else (3, 250)
        measure(f"compare{workers}", bench("compare", nf, "--workers", workers, "--rounds", rounds,
                                           "--ms", ms))


def search():
    engines = ["direct", "native", "component"] if FULL else ["direct"]
    for workers in (1, 2):
        for nf in FUNCTIONS:
            for engine in engines:
                more = ["--steps", 8, "--ms", 400, "--tries", 3] if FULL else \
                    ["--steps", 7, "--ms", 120]
                measure("search", bench("search", nf, "--workers", workers, "--subject", engine,
                                        *more))


def latency():
    for nf in FUNCTIONS:
        found = line_of("search", nf=nf, subject="direct", workers=1)
        for burst in ((32, 8, 1) if FULL else (32, 1)):
            for load in LOADS:
                if found and found["mpps"] > 0 and (burst == 32 or load == 50):
                    mpps = f"{found['mpps'] * load / 100:.3f}"
                    measure("latency", bench("latency", nf, "--mpps", mpps, "--burst", burst,
                                             "--ms", 2000 if FULL else 500))


def bursts():
    for nf in FUNCTIONS:
        for burst in BURSTS:
            measure("bursts", bench("compare", nf, "--subjects", "direct", "--burst", burst,
                                    "--rounds", 5 if FULL else 3, "--ms", 150))


def peers():
    for nf in ("counter", "firewall"):
        measure("peers", ["target/peers/release/nfos-bench-peers", nf, "5" if FULL else "3", "250"])


def counts():
    measure("counts", ["python3", "bench/counts.py", "--show"], 600)


def costs():
    for what in ("memory", "mappings", "start"):
        measure(what, ["python3", "bench/costs.py", what])


def scaling():
    measure("scaling", ["python3", "bench/scaling.py", "target/release/nfos-host",
                        "5" if FULL else "3"])


def devices():
    command = ["bench/macswap.sh", "2", "3" if FULL else "1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    row = {"command": shlex.join(command), "lines": [], "text": ran.stdout,
           "failed": ran.stderr[-400:] if ran.returncode else None, "at": time.strftime("%F %H:%M")}
    with open(RESULTS / "devices.jsonl", "a") as file:
        file.write(json.dumps(row) + "\n")
    measure("captures", ["python3", "bench/devices.py", "3" if FULL else "1"], 600)


SECTIONS = {
    "compare1": lambda: compare(1), "compare2": lambda: compare(2), "scaling": scaling,
    "search": search,
    "latency": latency, "bursts": bursts, "peers": peers, "counts": counts, "costs": costs,
    "devices": devices,
}

# Of sections that write others than one of their own name.
FILES = {"costs": ["memory", "mappings", "start"], "devices": ["devices", "captures"]}


def rate(line, subject):
    found = line and line["subjects"].get(subject)
    return found["mpps"] if found else None


def shown(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}"


def table(head, body):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" + "---:|" * (len(head) - 1)
    for row in body:
        yield "| " + " | ".join(row) + " |"
    yield ""


def commands(section, several=False):
    texts = [row["command"] for row in rows(section)]
    if not texts:
        return "not run"
    more = f", and {len(texts) - 1} more like it, with another network function, rate or number" \
        if len(texts) > 1 else ""
    return f"`{texts[0]}`{more}"


def throughput(workers):
    subjects = [one for one in SUBJECTS if workers == 1 or one != "sequential"]
    lines = {nf: line_of(f"compare{workers}", nf=nf) for nf in FUNCTIONS}
    body = []
    for nf, line in lines.items():
        if line:
            rates = [shown(rate(line, subject)) for subject in subjects]
            share = ratio(rate(line, "direct"), rate(line, "native"))
            body.append([f"{nf}, {line['workload']}", *rates, shown(share)])
    yield f"### {workers} worker{'s' if workers > 1 else ''}"
    yield ""
    yield f"Mpps, medians of runs in turns, by {commands(f'compare{workers}')}:"
    yield ""
    yield from table(["", *subjects, "direct / native"], body)
    if body:
        name = f"throughput-{workers}.svg"
        values = {one: [rate(lines[nf], one) for nf in FUNCTIONS] for one in subjects}
        charts.bars(CHARTS / name, f"Mpps, {workers} worker(s)", FUNCTIONS, values)
        yield f"![Mpps of each network function and subject](charts/{name})"
        yield ""


def ratio(one, other):
    return one / other if one and other else None


def verdict(value, goal):
    return "not measured" if value is None else "met" if value >= goal else "MISSED"


def goals():
    one = {nf: line_of("compare1", nf=nf) for nf in FUNCTIONS}
    two = {nf: line_of("compare2", nf=nf) for nf in FUNCTIONS}

    def kinds(nf):
        yield "direct / native, 1 worker", ratio(rate(one[nf], "direct"), rate(one[nf], "native")), 0.8
        yield "direct / lock, 2 workers", ratio(rate(two[nf], "direct"), rate(two[nf], "lock")), 1.0
        if nf in SHARE_LITTLE:
            yield ("direct / expert, 2 workers",
                   ratio(rate(two[nf], "direct"), rate(two[nf], "expert")), 0.9)
        if nf in SCALE:
            line = line_of("scaling", nf=nf)
            yield "direct, 2 workers / 1", line and line["scaling"], 1.9

    body = []
    for nf in FUNCTIONS:
        for what, value, goal in kinds(nf):
            body.append([f"{nf}: {what}", shown(value), f"≥ {goal}", verdict(value, goal)])
    met = sum(row[3] == "met" for row in body)
    yield f"Of {len(body)} goals {met} are met, by the medians of the tables below (`ci/bench.sh`). " \
        "Rates of one worker go by the CPU clock and those of several by the wall, so what two do " \
        "more than one is measured by itself, by the CPU clock (`python3 bench/scaling.py`):"
    yield ""
    yield from table(["goal", "ratio", "at least", ""], body)
    yield from reasons(two)


def in_imports(layers):
    """What of a packet's instructions are the border's, and of what handlers call beyond it."""
    return sum(layers.get(layer, 0) for layer in ("engine", "structures", "transactions"))


def reasons(two):
    """Why it loses where it does: conflicts, or what a packet costs without any."""
    body = []
    for nf in FUNCTIONS:
        counted = line_of("counts", name=nf)
        if not two[nf] or not counted:
            continue
        repeated = two[nf]["subjects"]["direct"]["aborts_per_kpacket"]
        cost = counted["layers"]
        body.append([nf, shown(repeated), shown(counted["instructions"], 0),
                     shown(cost.get("dataplane", 0), 0), shown(in_imports(cost), 0),
                     shown(cost.get("network function", 0), 0)])
    if body:
        yield "Where it loses on two workers, conflicts are the reason only if runs were repeated; else " \
            "it is what each packet costs without any, of which these are the parts, in instructions " \
            "(`ci/bench.sh`). A baseline has no savepoints, no packet-set table that can be rolled " \
            "back, and no copies between host and guest."
        yield ""
        yield from table(["", "runs repeated, of 1,000 packets", "instructions of a packet",
                          "of the dataplane", "of imports and transactions",
                          "of the network function"], body)


def scaled():
    body = [[line["nf"], str(line["ns_with_one"]), str(line["ns_with_two"]), str(line["scaling"])]
            for row in rows("scaling") for line in row["lines"]]
    yield "### Two workers against one"
    yield ""
    yield "Nanoseconds of CPU time of a packet with one worker and with two, direct, and how much more " \
        f"two idle cores would do than one: {commands('scaling')}."
    yield ""
    yield from table(["", "one", "two", "2 workers / 1"], body)


def found_rates():
    body = []
    for row in rows("search"):
        for line in row["lines"]:
            again = ", ".join(f"{loss:.2f}" for loss in line["confirmed_loss_percent"])
            trial = line["trial"]
            body.append([f"{line['nf']}, {line['subject']}", str(line["workers"]),
                         shown(line["mpps"]), f"{line['loss'] * 100:.3f}", again,
                         str(trial["lost_by_port"]), str(trial["lost_by_host"]),
                         str(trial["dropped_by_nf"])])
    yield "The highest rate with a loss below 0.1 %, by binary search. Packets arrive at a paced port " \
        "in memory with a ring of 4,096 for each worker, whether they are taken or not; all that " \
        "arrives and does not end as the network function decided is lost. A rate passes if one of " \
        "two trials (three with `--full`) does, since a virtual machine stops for longer than a ring " \
        "lasts; so the three trials that confirm it, in the fifth column, may fail: " \
        f"{commands('search')}."
    yield ""
    yield from table(["", "workers", "Mpps", "loss, %", "again, %", "lost by port", "lost by host",
                      "dropped by NF"], body)


def latencies():
    names = ["50", "90", "99", "99.9", "99.99"]
    body = []
    lines = [line for row in rows("latency") for line in row["lines"]]
    for line in lines:
        us = [shown(line["ns"][name] / 1e3, 1) for name in names]
        body.append([f"{line['nf']}, bursts of up to {line['burst']}", shown(line["mpps"]), *us,
                     f"{line['loss'] * 100:.2f}", str(line["samples"])])
    yield "Microseconds from arrival in the port to leaving it, one worker, direct, at 50, 80 and 99 % " \
        "of the highest rate of the search and in the last line of each at 50 % with bursts of one; " \
        "one packet in eight is timed, and arrival is when the schedule has it, not when it was " \
        f"taken: {commands('latency')}."
    yield ""
    yield from table(["", "Mpps", *(f"{name} %" for name in names), "loss, %", "samples"], body)
    at = [line for line in lines if line["burst"] == 32]
    if at:
        series = {f"{line['nf']} {line['mpps']:.1f}": [line["ns"][name] / 1e3 for name in names]
                  for line in at}
        charts.lines(CHARTS / "latency.svg", "Latency by percentile, µs", names, series)
        yield "![Latency by percentile](charts/latency.svg)"
        yield ""


def effect_of_bursts():
    body, values = [], {}
    for nf in FUNCTIONS:
        found = [rate(line_of("bursts", nf=nf, burst=burst), "direct") for burst in BURSTS]
        values[nf] = found
        body.append([nf, *(shown(one) for one in found), shown(ratio(found[-1], found[0]), 1)])
    yield f"Mpps of one worker, direct, with bursts of at most so many events: {commands('bursts')}."
    yield ""
    yield from table(["", *map(str, BURSTS), "32 / 1"], body)
    if any(any(found) for found in values.values()):
        charts.lines(CHARTS / "bursts.svg", "Mpps by most events of a burst", list(map(str, BURSTS)),
                     values)
        yield "![Mpps by burst](charts/bursts.svg)"
        yield ""


def counted():
    lines = [line for row in rows("counts") for line in row["lines"]]
    layers = sorted({layer for line in lines for layer in line["layers"]})
    body = []
    for line in lines:
        cells = [shown(line["layers"].get(layer), 0) for layer in layers]
        imports = in_imports(line["layers"])
        body.append([line["name"], shown(line["instructions"], 0), *cells,
                     f"{100 * imports / line['instructions']:.0f}", shown(line["allocations"]),
                     shown(line["imports"]), shown(1 / line["bursts"] if line["bursts"] else None, 1)])
    yield "Instructions of a packet on the worker's thread, by callgrind, and whose function they are in; " \
        "what is inlined counts as its caller's, and that is most of structures and transactions: an " \
        "import has its operation in line. So the share, in per cent, is that of the engine with both: " \
        "of crossing the border and of the transactional memory. The network function is in its " \
        "sandbox, on the engine direct. Imports are calls of the host by a packet, and packets " \
        f"come in bursts of that many: {commands('counts')}."
    yield ""
    yield from table(["", "instructions", *layers, "imports, %", "allocations", "imports", "burst"],
                     body)


def others():
    names = ["sequential", "compiled", "interpreted"]
    body = [[line["nf"], *(shown(line[one]) for one in names),
             shown(ratio(line["compiled"], line["sequential"]))]
            for row in rows("peers") for line in row["lines"]]
    yield "Mpps of one worker on two ports of 4,096 flows in both directions: the sequential " \
        "baseline, and a program of eBPF with a map behind helper functions, run by `rbpf` 0.4, " \
        "compiled and interpreted. Compiled, it checks nothing; sessions of the eBPF firewall never " \
        "end. The sequential baseline links this table to those above (`nfos-bench compare`): " \
        f"{commands('peers')}."
    yield ""
    yield from table(["", "sequential", "eBPF compiled", "eBPF interpreted", "compiled / sequential"],
                     body)
    yield "Not run: `solana_rbpf` and its successor (their programs need the loader and the syscalls of " \
        "that chain, and no map can be reached from outside), `ubpf` (C, in no registry), eBPF in the " \
        "kernel and VPP (both want privileges or drivers that a virtual machine of this kind does not " \
        "give), and the original C prototype (its authors' build wants another DPDK and hugepages)."
    yield ""
    for row in rows("devices"):
        if row["failed"]:
            yield f"`{row['command']}` (DPDK, `net_null`) failed: {row['failed'].strip()}"
        else:
            yield f"DPDK with two `net_null` devices, by `{row['command']}` beside nothing else " \
                "(`ci/bench.sh`):"
            yield ""
            yield "```"
            yield row["text"].rstrip()
            yield "```"
        yield ""
    played = [line for row in rows("captures") for line in row["lines"]]
    if played:
        modes = list(played[0]["mpps"])
        yield "Each network function over devices of DPDK: the first 4,096 packets of its workload, " \
            "played by `net_pcap` without an end from one receive queue, which workers share; Mpps by " \
            f"engine and number of workers: {commands('captures')}."
        yield ""
        yield from table(["", *modes],
                         [[line["nf"], *(shown(line["mpps"][mode]) for mode in modes)] for line in played])


def growth():
    lines = [line for row in rows("memory") for line in row["lines"]]
    if lines:
        workers = list(lines[0]["mib"])
        body = [[line["nf"], *(shown(line["mib"][one], 0) for one in workers),
                 shown(ratio(line["mib"][workers[-1]], line["mib"]["1"]))] for line in lines]
        yield "MiB resident at most, by the number of workers. Each worker's table of packet sets has " \
            f"room for all of them: {commands('memory')}."
        yield ""
        yield from table(["", *workers, f"{workers[-1]} / 1"], body)
    for row in rows("mappings"):
        yield f"NAT with 57 addresses and 3.6 million internal endpoints, by `{row['command']}`:"
        yield ""
        body = []
        for line in row["lines"]:
            if "packets" in line:
                body.append([str(line["workers"]), str(line["sent"]), str(line["drops"]),
                             str(line["mib"]), shown(line["mpps"])])
            else:
                yield json.dumps(line)
                yield ""
        yield from table(["workers", "sent", "dropped", "MiB", "Mpps"], body)
    lines = [line for row in rows("start") for line in row["lines"]]
    if lines:
        yield "Milliseconds of a run of two packets, with an empty cache of compiled network functions " \
            f"and with a filled one: {commands('start')}."
        yield ""
        yield from table(["", "cold", "warm"],
                         [[line["nf"], str(line["cold_ms"]), str(line["warm_ms"])] for line in lines])


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown")
    memory = int(open("/proc/meminfo").readline().split()[1]) >> 20
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True,
                            text=True).stdout.strip()
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    times = sorted(row["at"] for path in RESULTS.glob("*.jsonl") for row in rows(path.stem))
    yield f"{model}, {os.cpu_count()} cores visible, {memory} GiB; Linux {os.uname().release}; {rustc}; " \
        f"wasmtime 48.0.8; commit {commit}; {times[0]} to {times[-1]} (UTC)." if times else "no run"
    yield ""
    note = os.environ.get("BENCH_NOTE")
    if note:
        yield note
        yield ""


def page():
    CHARTS.mkdir(exist_ok=True)
    text = ["# Results", "",
            "Written by `ci/bench.sh` from one run; every row is a command that can be run alone, with "
            "`NFOS_BENCH_GUESTS=target/guests` in the environment so as not to build its network "
            "function first. What is measured and how is told in the [README](README.md) of this folder.", "",
            "**Read ratios, not rates.** Subjects of a line ran in turns on one machine.", "",
            *machine(), "## Goals", "", *goals(), "## Throughput", "", *throughput(1), *throughput(2), *scaled(),
            "## Highest rate without loss", "", *found_rates(), "## Latency", "", *latencies(),
            "## Bursts", "", *effect_of_bursts(), "## Instructions, allocations, crossings", "",
            *counted(), "## Others", "", *others(), "## Memory and start", "", *growth()]
    PAGE.write_text("\n".join(text).rstrip() + "\n")
    readme()


def readme():
    """The part of README.md between its marks: rows of the page and nothing else."""
    path, begin, end = ROOT / "README.md", "<!-- rows of bench/RESULTS.md -->", "<!-- end -->"
    text = path.read_text()
    if begin not in text:
        return
    body = []
    for nf in FUNCTIONS:
        for workers in (1, 2):
            line = line_of(f"compare{workers}", nf=nf)
            if line:
                body.append([f"{nf}, {line['workload']}, {workers} worker{'s'[:workers - 1]}",
                             *(shown(rate(line, one)) for one in ("direct", "native", "expert",
                                                                  "lock"))])
    part = ["", "Mpps by `ci/bench.sh`, [all of it](bench/RESULTS.md):", "",
            *table(["", "direct", "native", "expert", "lock"], body)]
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(before + begin + "\n".join(part) + end + after)


def main():
    RESULTS.mkdir(parents=True, exist_ok=True)
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if words[:1] == ["run"]:
        for name in words[1:] or SECTIONS:
            for stem in FILES.get(name, [name]):
                (RESULTS / f"{stem}.jsonl").unlink(missing_ok=True)
            SECTIONS[name]()
    elif words == ["page"]:
        page()
    else:
        sys.exit(__doc__)


main()
