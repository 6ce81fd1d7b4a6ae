"""Runs of `nfos-host` and what they cost, for the scripts beside this one."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

TRACES = Path(__file__).parents[1] / "target/bench"
# By network function: traces of its ports, and parameters.
FUNCTIONS = {
    "counter": (["flows-4096", None], []),
    "firewall": (["flows-4096", None], []),
    "policer": ([None, "flows-4096"], []),
    "bridge": (["bridge.262144.0", "bridge.262144.1"], ["refresh_interval_ms=1000"]),
    "nat": (["caida", None], []),
    "maglev": (["lb-churn.262144.0", "lb-churn.262144.1"], []),
    "anti-ddos": (["antiddos", None], ["staleness_us=100"]),
    "array": (["array", None], []),
}


def trace_file(trace):
    """The file of a trace, which `nfos-bench compare` has made."""
    return TRACES / f"{trace if '.262144' in trace else f'{trace}.262144'}.pcap"


@dataclass
class Run:
    """CPU time, time on the wall and memory of a run, and the summary that `--json` prints."""

    cpu_s: float
    wall_s: float
    rss_kib: int
    summary: dict

    @property
    def received(self):
        return self.summary["received"]


def run(host, arguments, environment=None):
    """Runs `nfos-host run` with these arguments; `None` if it fails."""
    output, written = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(written, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execve(host, [host, "run", "--json", *arguments], environment or dict(os.environ))
    os.close(written)
    with os.fdopen(output) as summary:
        text = summary.read()
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        return None
    wall_s = time.monotonic() - started
    return Run(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss, json.loads(text))
