"""How long training takes on this machine: an estimate, from real steps of the net itself.

What is measured is forward, backward and optimizer, with the recipe's batch, precision and memory
format, where the runs will train. Neither reading images nor starting processes is in it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from archlab.contain import contained
from archlab.data.sets import ImageSet
from archlab.engine import cores
from archlab.runs import record
from archlab.runs.recipe import Recipe
from archlab.runs.record import Plan
from archlab.train import device, run
from archlab.train.batches import Augment, Normalizer, ResidentLoader
from archlab.train.build import input_channels
from archlab.train.recorded import RecordedClassifier
from archlab.train.steps import UNCAPTURED, Stepper

# Steps that are measured at most, and seconds for them; those before may take as long again.
_STEPS, _SECONDS = 50, {"cpu": 1.0, "cuda": 5.0}
_FORWARD = 1 / 3  # what an image costs in evaluation, as a share of its cost in a step
_WORTH_TELLING = 60.0  # seconds


def seconds_a_step(
    model: nn.Module,
    recipe: Recipe,
    shape: tuple[int, int, int],
    classes: int,
    place: torch.device | None = None,
) -> float:
    """Return the seconds of a training step of a model, from steps of random images.

    The model's weights change and end on the CPU; nothing else does. On a CPU, where a step may
    take minutes, it is measured on as many images as a second allows, and scaled to the batch.

    Args:
        model: what is trained; frozen parameters stay so.
        recipe: batch, precision, memory format and optimizer.
        shape: channels, height and width of an image.
        classes: how many labels there are.
        place: where; None is where runs train.

    Example:
        >>> from archlab.runs.recipe import RECIPES
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
        >>> 0 < seconds_a_step(net, RECIPES["demo"], (1, 16, 16), 10) < 1
        True
    """
    place = place or device.place()
    fitting = input_channels(model, shape[0]), *shape[1:]
    with _undisturbed(model, recipe):
        return _steady(model, recipe, fitting, classes, place)


def _steady(
    model: nn.Module, recipe: Recipe, shape: tuple[int, ...], classes: int, place: torch.device
) -> float:
    """Return the seconds of a step; at the end nothing but the model keeps memory of the device."""
    stepper = _stepper(model, recipe, shape, classes, place)
    on_cuda, budget = device.is_cuda(place), _SECONDS[place.type]
    begin = time.perf_counter()
    # Batch norm needs two values a channel; only a CPU is so slow that a batch is too many.
    count = recipe.batch_size if on_cuda else min(2, recipe.batch_size)
    # On CUDA the first steps are not captured.
    _timed(stepper, count, UNCAPTURED + 2 if on_cuda else 0)
    smaller, shorter = 0, 0.0  # the size before, and its seconds
    while True:
        seconds = _timed(stepper, count, 1)
        # The first step of a size looks for kernels and memory.
        if on_cuda or seconds < budget / 4:
            seconds = _timed(stepper, count, 1)
        larger = min(4 * count, recipe.batch_size)
        left = budget - (time.perf_counter() - begin)
        if larger == count or 3 * seconds * larger / count > left:
            break
        smaller, shorter, count = count, seconds, larger
    if (steps := min(_STEPS, int(budget / max(seconds, 1e-6)))) > 1:
        seconds = _timed(stepper, count, steps) / steps
    if count == recipe.batch_size:
        return seconds
    # A step has costs that do not grow with its images: two sizes tell them apart.
    an_image = max(seconds - shorter, 0.0) / (count - smaller)
    return seconds + an_image * (recipe.batch_size - count)


def _stepper(
    model: nn.Module, recipe: Recipe, shape: tuple[int, ...], classes: int, place: torch.device
) -> Stepper:
    """Return what takes the steps of a run, on a batch of random images."""
    numbers = torch.Generator().manual_seed(0)
    size = (recipe.batch_size, *shape)
    pixels = torch.randint(256, size, generator=numbers, dtype=torch.uint8).to(place)
    labels = torch.randint(classes, size[:1], generator=numbers).to(place)
    loader = ResidentLoader(
        pixels, labels, Normalizer(pixels, recipe.center), batch_size=recipe.batch_size,
        augment=Augment(recipe.pad, recipe.flip, recipe.cutout),
        channels_last=device.channels_last(recipe, place),
    )  # fmt: skip
    net = device.placed(model.to(place), recipe).train()
    module = RecordedClassifier(net, recipe, total=1)
    return Stepper(module, module.configure_optimizers(), loader, 10**4)


def _timed(stepper: Stepper, count: int, steps: int) -> float:
    """Return the seconds of some steps of so many images, the device's work included."""
    begin = time.perf_counter()
    for _ in range(steps):
        stepper.again(count)
    float(stepper.sums[0])  # waits for the device
    return time.perf_counter() - begin


@contextlib.contextmanager
def _undisturbed(model: nn.Module, recipe: Recipe) -> Iterator[None]:
    """Set what a run of the recipe sets, and put it back, with memory."""
    try:
        with (
            device.switches(recipe), device.seeded(0), device.own_stream(), torch.enable_grad(),
            contained(),
        ):  # fmt: skip
            yield
    finally:
        model.zero_grad(set_to_none=True)
        model.to("cpu")
        if device.has_cuda():
            torch.cuda.empty_cache()


def steps_of_run(recipe: Recipe, train: int, test: int, done: int = 0) -> float:
    """Return how many steps a run still takes, measurements of its errors counted as steps.

    `train` and `test` are numbers of images, and `done` is how many steps are behind it.

    Example:
        >>> from archlab.runs.recipe import RECIPES
        >>> steps_of_run(RECIPES["paper"], 50_000, 10_000, done=63_999)  # 60,000 images in the end
        157.25
    """
    total = recipe.total_steps(train)
    # The last measurement takes all images.
    every = recipe.measured_every(total)
    between = max(0, (total - 1) // every - done // every)
    measured = between * (min(recipe.eval_images, train) + test) + train + test
    return total - done + _FORWARD * measured / recipe.batch_size


def side_by_side(runs: Sequence[float], jobs: int) -> float:
    """Return the time of runs, `jobs` at a time, that do not slow each other down.

    Example:
        >>> side_by_side([2, 2, 2, 2], jobs=2), side_by_side([5, 1, 1], jobs=8)
        (4.0, 5)
    """
    return max(sum(runs) / jobs, *runs)


def sweep_seconds(runs: Mapping[Path, Plan], images: ImageSet) -> list[float]:
    """Return the seconds that each run still takes alone: an estimate.

    The shallowest net is measured, and where it is fine-tuned also with its parts frozen; the time
    of a deeper one is taken to grow with its depth.

    Args:
        runs: plans by folder, which says how far each is.
        images: of all the plans.
    """
    shallow = min(runs.values(), key=lambda plan: plan.depth)
    train, test = len(images.train_labels), len(images.test_labels)
    seconds: dict[bool, float] = {}
    each = []
    for folder, plan in runs.items():
        outcome = record.read_outcome(folder)
        if outcome.status in ("done", "failed"):
            continue
        steps = steps_of_run(plan.recipe, train, test, outcome.step)
        frozen = max(0, _frozen_until(plan, train) - outcome.step)
        total = 0.0
        for state, count in ((True, frozen), (False, steps - frozen)):
            if count and state not in seconds:
                seconds[state] = _measured(plan if state else shallow, images, frozen=state)
            total += seconds.get(state, 0.0) * count
        each.append(total * max(plan.depth, 1) / max(shallow.depth, 1))
    return each


def _frozen_until(plan: Plan, train: int) -> int:
    """Return the step from which all of a plan's net is trained."""
    if not plan.freeze or not plan.freeze["frozen"]:
        return 0
    total, until = plan.recipe.total_steps(train), plan.freeze["until"]
    return total if until is None else min(until, total)


def _measured(plan: Plan, images: ImageSet, *, frozen: bool) -> float:
    with torch.random.fork_rng(devices=[]):  # the head of a fine-tuned net is drawn
        module = run.classifier(plan, total=1)
    if frozen and module.freeze_plan is not None:
        module.freeze_plan.apply(module.model, 0)
    return seconds_a_step(module.model, plan.recipe, images.shape, len(images.classes))


def tell(
    say: Callable[[str], None], runs: Mapping[Path, Plan], images: ImageSet, jobs: int = 0
) -> None:
    """Say how long some runs still take here, unless that is less than a minute.

    Where the net cannot be trained nothing is said, for the run itself will say it better.

    Args:
        say: what takes the sentence.
        runs: plans by folder.
        images: of all the plans.
        jobs: runs side by side, each a process with one thread; 0 is one run in this process.
    """
    with one_thread() if jobs else contextlib.nullcontext():
        try:
            each = sweep_seconds(runs, images)
        except Exception:  # noqa: BLE001  a user's net may raise anything
            return
        if sum(each) >= _WORTH_TELLING:
            say(f"estimate: {duration(each, max(jobs, 1))}")


def duration(runs: Sequence[float], jobs: int) -> str:
    """Return in words how long runs take on this machine, `jobs` of them at a time.

    Args:
        runs: the seconds of each alone.
        jobs: at a time.

    Example:
        >>> duration([3000], 1)
        'about 50 minutes on CPU, ...
    """
    whole, jobs = sum(runs), min(jobs, len(runs))
    where = f"on {device.hardware()}"
    if jobs == 1:
        one_by_one = f" ({len(runs)} runs, one after another)" if len(runs) > 1 else ""
        return f"about {span(whole)} {where}{one_by_one}"
    each = f"{len(runs)} runs, {jobs} side by side"
    if device.has_cuda():
        least = span(side_by_side(runs, jobs))
        return (
            f"{least} to {span(whole)} {where} ({each}; how much runs on one GPU slow each other "
            "down was not measured)"
        )
    # More processes than cores compute no faster.
    return f"about {span(side_by_side(runs, min(jobs, cores())))} {where} ({each})"


def span(seconds: float) -> str:
    """Return a time in words, to two digits or so.

    Example:
        >>> span(3000), span(9000), span(400_000)
        ('50 minutes', '2.5 hours', '111 hours')
    """
    if seconds < 90:
        return "a minute"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 36_000 else f"{seconds / 3600:,.0f} hours"


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread, as each process of a sweep does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
