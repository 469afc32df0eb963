#!/usr/bin/env python3
"""Ours and theirs, alternately, on the same workload: the ratio of CPU times, smallest, median and largest of the rounds.

    python3 sim/benches/peers/compare.py [ROUNDS]

Needs numpy and simpy (pip install numpy simpy). Each program times itself, without its start; nexosim's is wall time.
"""

import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OURS = ROOT / "target/release/examples/workload"
NEXOSIM = HERE / "nexosim/target/release/nexosim-async"

# What is compared, our command, theirs, and by how much their run is shorter than ours, which is scaled up.
PAIRS = [
    ("rounds, original loop in Python", ["rounds", "100"], [sys.executable, HERE / "original.py", "1"], 1),
    ("rounds, the same algorithm in numpy", ["rounds", "100"], [sys.executable, HERE / "prefix.py", "50"], 1),
    ("async, m = 1000, SimPy", ["events", "async", "1000", "2000000"],
     [sys.executable, HERE / "simpy_async.py", "1000", "200000"], 10),
    ("async, m = 1000, nexosim", ["events", "async", "1000", "2000000"], [NEXOSIM, "1000", "500000"], 4),
]


def seconds(command):
    return float(subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    build = ["cargo", "build", "--quiet", "--release"]
    subprocess.run([*build, "-p", "straggle-sim", "--example", "workload"], cwd=ROOT, check=True)
    nexosim = subprocess.run([*build, "--target-dir", "target"], cwd=HERE / "nexosim").returncode == 0
    print(f"{'theirs / ours':38} {'min':>8} {'median':>8} {'max':>8}")
    for name, ours, theirs, scale in PAIRS:
        if theirs[0] == NEXOSIM and not nexosim:
            print(f"{name:38} does not build here")
            continue
        ratios = [scale * seconds(theirs) / seconds([OURS, *ours]) for _ in range(rounds)]
        print(f"{name:38} {min(ratios):8.1f} {statistics.median(ratios):8.1f} {max(ratios):8.1f}", flush=True)


if __name__ == "__main__":
    main()
