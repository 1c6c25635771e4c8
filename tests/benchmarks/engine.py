"""What the engine costs: a scan of 200 small models against a plain loop, two workers against one.

    python tests/benchmarks/engine.py [ROUNDS]

Every way runs in a fresh process with one thread a worker, rows kept in a CSV file. CPU seconds (of
the process and its workers) tell the overhead on a busy machine too; the speed of two workers needs
two idle cores, so the load is printed.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

CIFAR = (("layout", "cifar"),)
NETS = {"resnet20": (), "plain20": (), "resnet32": (), "plain32": (), "resnet44": (), "plain44": (),
        "resnet56": (), "plain56": (), "resnet18": CIFAR, "plain18": CIFAR}  # fmt: skip
BATCHES = range(1, 21)
LOOP = f"""
import dataclasses, json, torch
torch.set_num_threads(1)
from archlab.api.scale.row import measure
from archlab.survey.row import Request
with open("rows", "w") as file:
    for batch in range({BATCHES.start}, {BATCHES.stop}):
        for net, options in {NETS}.items():
            file.write(json.dumps(measure(Request(model=net, batch=batch, options=options))))
"""
ENGINE = f"""
import sys
from archlab.survey.gather import ScanSettings, gather
from archlab.survey.row import Request
from pathlib import Path
requests = [Request(model=net, batch=batch, options=options)
            for batch in range({BATCHES.start}, {BATCHES.stop})
            for net, options in {NETS}.items()]
rows = gather(requests, Path("zoo.csv"), ScanSettings(jobs=int(sys.argv[1])))
assert len(rows) == 200 and not any(row.error for row in rows)
"""
WAYS = {"plain loop": (LOOP,), "one worker": (ENGINE, "1"), "two workers": (ENGINE, "2")}


def timed(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Seconds by the clock and of CPU."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", *arguments]
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=folder, env=env, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begin, cpu


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    clock: dict[str, list[float]] = {name: [] for name in WAYS}
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    loads = [os.getloadavg()[0]]
    for _ in range(rounds):
        for name, arguments in WAYS.items():
            seconds, used = timed(arguments)
            clock[name].append(seconds)
            cpu[name].append(used)
        loads.append(os.getloadavg()[0])
    print(
        f"200 small models, medians of {rounds} interleaved rounds, {os.cpu_count()} cores, load "
        f"{loads[0]:.1f} before and {', '.join(f'{load:.1f}' for load in loads[1:])} after each"
    )
    middle = {name: (statistics.median(clock[name]), statistics.median(cpu[name])) for name in WAYS}
    for name, (seconds, used) in middle.items():
        print(f"{name:12}  {seconds:6.1f} s by the clock  {used:6.1f} s of CPU")
    one, two, loop = middle["one worker"], middle["two workers"], middle["plain loop"]
    print(
        f"one worker ÷ plain loop: {one[1] / loop[1]:.2f} of CPU, {one[0] / loop[0]:.2f} by the "
        "clock (aim 1.10)"
    )
    print(f"one worker ÷ two workers: {one[0] / two[0]:.2f} by the clock (aim 1.6)")


if __name__ == "__main__":
    main()
