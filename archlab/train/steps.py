"""The steps of a recorded run: many between two looks of the host, and on CUDA one graph a step.

All that a step reads and writes lies on the device: the images, an epoch's draws, the rates of all
steps, the sums of losses and wrong answers. The host waits for nothing, and what it launches can
be captured once and replayed. The same code runs uncaptured on a CPU.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from archlab.train import device
from archlab.train.batches import Batch, ResidentLoader
from archlab.train.module import Classifier, logits_of, total_loss

# He et al. 2015, section 4.2: "a learning rate of 0.01 to warm up the training until the training
# error is below 80 %", a tenth of the usual rate. The error is looked at once in so many steps.
CAREFUL_SHARE, CAREFUL_ERROR, CHECKED = 0.1, 0.80, 100
# The first steps of a kind are not captured: they pick kernels and make the optimizer's state.
UNCAPTURED = 3
_BUDGET = 0.5  # seconds of steps between two looks of the host


class Stepper:
    """Takes the optimizer steps of one run.

    Args:
        module: the net with its recipe and, in fine-tuning, what is frozen when.
        optimizer: over the net's parameters, on their device.
        loader: the images, on the same device.
        total: steps of the whole run.
        step: steps that are already done.
        careful: begin with a tenth of the rate, until the running error is below 80 %.

    Attributes:
        sums: since they were last read: losses, shares of wrong answers, steps; float64 (3).
        uncaptured: why steps are not captured as a CUDA graph; empty where they are, or may be.
    """

    def __init__(
        self,
        module: Classifier,
        optimizer: torch.optim.Optimizer,
        loader: ResidentLoader,
        total: int,
        *,
        step: int = 0,
        careful: bool = False,
    ) -> None:
        self.module, self.optimizer, self.loader, self.total = module, optimizer, loader, total
        self.step = step
        recipe, self.place = module.recipe, loader.images.device
        rates = [recipe.rate(each, total) for each in range(total + 1)]
        self._rates = torch.tensor(rates, dtype=torch.float64, device=self.place)
        self._bases = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self._at = torch.tensor([step], device=self.place)  # the step, for the device
        self._row = torch.zeros(1, dtype=torch.int64, device=self.place)  # of the epoch's draws
        self._draws: Tensor | None = None
        self._epoch = -1
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.place)
        self._is_careful = careful
        self._released = torch.tensor(not careful, device=self.place)
        self._seen = torch.zeros(2, dtype=torch.float64, device=self.place)  # wrong, and all
        self.uncaptured = "" if device.is_cuda(self.place) else "no CUDA device"
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._taken: dict[int, int] = {}  # uncaptured steps by the size of the batch
        self._was_frozen: bool | None = None
        # A graph reads its rates where they are; on a CPU the optimizer is faster with numbers.
        if device.is_cuda(self.place):
            for group in optimizer.param_groups:
                group["lr"] = torch.zeros((), device=self.place)
        self._set_rates()

    @property
    def rate(self) -> float:
        """The learning rate of the next step, of the last group."""
        return float(self.optimizer.param_groups[-1]["lr"])

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs besides weights and the optimizer's state."""
        return {
            "step": self.step, "sums": self.sums, "released": self._released, "seen": self._seen,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where another stepper was; the step is that of the constructor."""
        self.sums.copy_(state["sums"])
        self._released.copy_(state["released"])
        self._seen.copy_(state["seen"])
        self._set_rates()

    def run(self, until: int) -> int:
        """Take steps up to step `until`, or for half a second; return how many were taken."""
        first, begin = self.step, time.monotonic()
        self.freeze()
        plan = self.module.freeze_plan
        if plan is not None and plan.until is not None and self.step < plan.until:
            until = min(until, plan.until)
        while self.step < until:
            epoch, row = divmod(self.step, len(self.loader))
            self._enter(epoch, row)
            self._go(self.loader.size(row))
            self.step += 1
            if time.monotonic() - begin >= _BUDGET:
                break
        return self.step - first

    def take(
        self,
        batch: Batch,
        backward: Callable[[Tensor], None] | None = None,
        update: Callable[[], object] | None = None,
    ) -> dict[str, Tensor]:
        """Take one step on a batch at hand; return its loss, and how many images were wrong."""
        answer = self._learn(*batch, backward, update)
        self.step += 1
        return answer

    def again(self, size: int) -> None:
        """Take a step on the first images of the first batch, to measure its time."""
        self._enter(0, 0)
        self._row.zero_()
        self._at.zero_()
        self._go(size)

    def freeze(self) -> None:
        """Freeze and release what the step demands; before every stretch anew."""
        plan = self.module.freeze_plan
        if plan is None:
            return
        # What is not remembered cannot be forgotten by a resumed run.
        plan.apply(self.module.model, self.step)
        if self._was_frozen != (frozen := plan.is_frozen(self.step)):
            # Other parameters have gradients now: other work than was captured.
            self._was_frozen = frozen
            self._graphs.clear()
            self._taken.clear()

    def _enter(self, epoch: int, row: int) -> None:
        """Have the draws of an epoch on the device, and the row that is next."""
        if epoch == self._epoch:
            return
        draws = self.loader.draws(epoch)
        # Always the same memory, which a graph reads from.
        if self._draws is None:
            self._draws = draws.clone()
        else:
            self._draws.copy_(draws)
        self._row.fill_(row)
        self._epoch = epoch

    def _go(self, size: int) -> None:
        """Take the step of the next row: by its graph where there is one."""
        if graph := self._graphs.get(size):
            graph.replay()
        elif self.uncaptured or self._taken.get(size, 0) < UNCAPTURED:
            self._taken[size] = self._taken.get(size, 0) + 1
            self._advance(size)
        else:
            self._capture(size)

    def _capture(self, size: int) -> None:
        """Capture the step for batches of a size, and take it."""
        try:
            with device.ALONE:
                graph = torch.cuda.CUDAGraph()
                # Other threads may use the device meanwhile.
                stream, mode = torch.cuda.current_stream(), "thread_local"
                with torch.cuda.graph(graph, stream=stream, capture_error_mode=mode):
                    self._advance(size)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            # A net that looks at values or draws from the CPU cannot be captured; it trains so.
            self.uncaptured = str(error).strip().partition("\n")[0]
            warnings.warn(f"The steps are not captured: {self.uncaptured}", stacklevel=2)
            self._advance(size)
        else:
            self._graphs[size] = graph
            graph.replay()

    def _advance(self, size: int) -> None:
        assert self._draws is not None
        draws = self._draws.index_select(0, self._row)[0, :, :size]
        self._row += 1
        self._learn(*self.loader.gathered(draws))

    def _learn(
        self,
        images: Tensor,
        labels: Tensor,
        backward: Callable[[Tensor], None] | None = None,
        update: Callable[[], object] | None = None,
    ) -> dict[str, Tensor]:
        """Take one step; every value that it changes is on the device."""
        module = self.module
        self.optimizer.zero_grad()
        with device.autocast(module.recipe, self.place):
            output = module.output(images)
            loss = total_loss(output, labels, module.recipe.label_smoothing)
        wrong = (logits_of(output).detach().argmax(1) != labels).sum()
        (backward or torch.Tensor.backward)(loss)
        (update or self.optimizer.step)()
        self._at += 1
        loss = loss.detach()
        self.sums += torch.stack([loss, wrong / len(labels), torch.ones_like(loss)]).double()
        if self._is_careful:
            self._look(wrong, len(labels))
        # Of the next step: a callback may change them in between, as with a schedule of torch's.
        self._set_rates()
        if module.average is not None:
            self._follow(module.model, module.average)
        return {"loss": loss, "wrong": wrong}

    def _look(self, wrong: Tensor, count: int) -> None:
        """Every hundredth step, end the careful start if less than 80 % were wrong."""
        self._seen += torch.stack([wrong.double(), torch.full_like(self._seen[0], count)])
        is_time = (self._at[0] % CHECKED) == 0
        self._released |= is_time & (self._seen[0] < CAREFUL_ERROR * self._seen[1])
        self._seen *= ~is_time

    def _set_rates(self) -> None:
        rate = self._rates.index_select(0, self._at)[0]
        if self._is_careful:
            rate = torch.where(self._released, rate, CAREFUL_SHARE * rate)
        for base, group in zip(self._bases, self.optimizer.param_groups, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].copy_(rate * base)
            else:
                group["lr"] = float(rate) * base

    def _follow(self, model: nn.Module, average: nn.Module) -> None:
        """Move the average towards the weights; in the first steps faster, as it began anywhere."""
        done = self._at[0].float()
        kept = torch.clamp((1 + done) / (10 + done), max=self.module.recipe.ema_decay)
        for mean, value in zip(values(average), values(model), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value.to(mean.dtype), (1 - kept).to(mean.dtype))
            else:
                mean.copy_(value)


def values(model: nn.Module) -> Iterable[Tensor]:
    """Yield the parameters and buffers of a net, without their graphs."""
    yield from (weight.detach() for weight in model.parameters())
    yield from (buffer.detach() for buffer in model.buffers())


def averaged(model: nn.Module) -> nn.Module:
    """Return a copy for the average of a net's weights to be kept in."""
    return copy.deepcopy(model).requires_grad_(requires_grad=False)
