"""What archlab costs, as ratios: against a bare forward on meta, against importing torch, and
against other counters. `nox -s bench` runs it; a ratio survives a slow machine, seconds do not.

Each figure is the median over RUNS of pairs timed in turn, CPU time of the process.
"""

from __future__ import annotations

import logging
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import torch
import torchvision

import archlab
from archlab.analyze.field.receptive_field import receptive_field

RUNS = 7


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def ratio(ours: Callable[[], object], theirs: Callable[[], object], runs: int = RUNS) -> float:
    ours(), theirs()  # warm
    return statistics.median(cpu_seconds(ours) / cpu_seconds(theirs) for _ in range(runs))


def child_seconds(*command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def everything(spec: str) -> None:
    """Build, trace in eval and train mode, count parameters, MACs and memory."""
    model = archlab.load(spec)
    for verb in (archlab.params, archlab.flops, archlab.memory):
        verb(model)


def meta_net(name: str, size: int = 224) -> tuple[torch.nn.Module, torch.Tensor]:
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(torchvision.models, name)().eval(), torch.empty(1, 3, size, size)


def report(what: str, value: float, limit: float | None = None, unit: str = "×") -> None:
    verdict = "" if limit is None else ("  ok" if value <= limit else "  OVER")
    bound = "" if limit is None else f"  (limit {limit:g} {unit})"
    print(f"{what:<72} {value:8.2f} {unit}{bound}{verdict}")


def against_bare_forward() -> None:
    print("\ntrace in eval and train mode + params + flops + memory ÷ a warm forward on meta")
    for name in ("resnet152", "vit_h_14"):
        net, x = meta_net(name)
        net(x)
        everything("resnet20")  # what is imported once is not the model's
        before = resident_mb()
        model = archlab.load(net, input=x)
        for verb in (archlab.params, archlab.flops, archlab.memory):
            verb(model)
        above = resident_mb() - before

        def ours(net: torch.nn.Module = net, x: torch.Tensor = x) -> None:
            fresh = archlab.load(net, input=x)
            for verb in (archlab.params, archlab.flops, archlab.memory):
                verb(fresh)

        value = ratio(ours, lambda net=net, x=x: net(x))
        report(f"{name}: all ÷ bare forward", value, 1.5)
        one = ratio(
            lambda net=net, x=x: archlab.trace(archlab.load(net, input=x)),
            lambda net=net, x=x: net(x),
        )
        report(f"{name}: one trace ÷ bare forward", one)
        report(f"{name}: memory above the process before it", above, 50, "MB")


def against_import_torch() -> None:
    print("\nwhole processes, CPU seconds")
    command = [sys.executable, "-m", "archlab"]
    pairs = [
        child_seconds(*command, "params", "resnet18", "--set", "layout=cifar")
        / child_seconds(sys.executable, "-c", "import torch")
        for _ in range(RUNS)
    ]
    value = statistics.median(pairs)
    report("archlab params resnet18 --set layout=cifar ÷ import torch", value, 1.2)
    seconds = statistics.median(child_seconds(*command, "--help") for _ in range(RUNS))
    report("archlab --help", seconds, 0.3, "s")


def by_drawing() -> None:
    print("\ndrawings, CPU seconds beyond the trace, the layout's process included")
    for name, limit in (("resnet152", 1.0), ("torchvision:densenet121", None)):
        model = archlab.load(name)
        model.trace()

        def draw(model: archlab.Model = model) -> None:
            _ = archlab.render(model).svg

        draw()
        pairs = []
        for _ in range(RUNS):
            children = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = cpu_seconds(draw)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
            pairs.append(seconds + spent)
        report(f"{name}: SVG", statistics.median(pairs), limit, "s")


def by_depth() -> None:
    print("\ntime per node, 6n+2 nets")
    small, large = archlab.load("resnet110"), archlab.load("resnet1202")
    few, many = len(small.trace().nodes), len(large.trace().nodes)

    def again(model: archlab.Model) -> Callable[[], object]:
        return lambda: archlab.flops(archlab.load(model.module, input="3x32x32"))

    value = ratio(again(large), again(small), 3) * few / many
    report(f"resnet1202 ({many} nodes) ÷ resnet110 ({few} nodes), per node", value, 1.2)


def receptive_fields() -> None:
    print("\nreceptive fields: the analysis alone, on a graph that is there")
    net, x = meta_net("inception_v3", 299)
    graph = archlab.trace(archlab.load(net, input=x))
    value = ratio(lambda: receptive_field(graph), lambda: net(x))
    report("inception_v3: analysis ÷ bare forward on meta", value, 1.0)
    graphs = [archlab.trace(name) for name in ("resnet110", "resnet1202")]
    times = [
        cpu_seconds(lambda graph=graph: receptive_field(graph)) / len(graph.nodes)
        for graph in graphs
    ]
    report("resnet1202 ÷ resnet110, per node", times[1] / times[0])


def against_others() -> None:
    print("\nparams + MACs of a ready module, archlab ÷ the other counter")
    import torchinfo
    from fvcore.nn import FlopCountAnalysis
    from torch.utils.flop_counter import FlopCounterMode

    for name in ("resnet50", "vit_b_16"):
        net = getattr(torchvision.models, name)().eval()
        x = torch.randn(1, 3, 224, 224)
        meta, empty = meta_net(name)

        def ours(net: torch.nn.Module = net) -> None:
            archlab.flops(archlab.load(net, input="3x224x224"))

        def fvcore(net: torch.nn.Module = net, x: torch.Tensor = x) -> None:
            analysis = FlopCountAnalysis(net, x)
            analysis.unsupported_ops_warnings(False).total()

        def info(net: torch.nn.Module = net) -> None:
            torchinfo.summary(net, (1, 3, 224, 224), verbose=0)

        def counter(net: torch.nn.Module = meta, x: torch.Tensor = empty) -> None:
            with FlopCounterMode(display=False):
                net(x)

        report(f"{name}: ÷ fvcore (CPU)", ratio(ours, fvcore, 3))
        report(f"{name}: ÷ torchinfo (CPU)", ratio(ours, info, 3))
        report(f"{name}: ÷ FlopCounterMode (meta)", ratio(ours, counter, 3))


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(
        f"python {platform.python_version()}, torch {torch.__version__}, torchvision "
        f"{torchvision.__version__}, {os.cpu_count()} CPUs, {RUNS} runs, medians of CPU time"
    )
    against_bare_forward()
    against_import_torch()
    by_depth()
    by_drawing()
    receptive_fields()
    against_others()


if __name__ == "__main__":
    main()
