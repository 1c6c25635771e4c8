"""How large a batch fits the memory of a GPU, said where one did not fit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archlab.data.sets import ImageSet
from archlab.result import size
from archlab.runs.record import Plan
from archlab.train.build import build, input_channels
from archlab.train.module import total_loss

_KEPT = {"sgd": 1, "adam": 2, "adamw": 2}  # copies of the weights that an optimizer keeps
_SHARE = 0.8  # of the free memory; kernels' workspaces and the allocator's gaps need the rest


def too_small(plan: Plan, images: ImageSet, free: int, name: str) -> str:
    """Return in words that a run does not fit into `free` bytes of a GPU, and what would."""
    batch = plan.recipe.batch_size
    words = f"{plan.model} with batches of {batch} does not fit on {name} ({size(free)} free)"
    fitting = largest_batch(plan, images, free)
    if not 0 < fitting < batch:
        return f"{words}; another program may use the card."
    return f"{words}. About {fitting} images a batch do: batch_size={fitting}."


def largest_batch(plan: Plan, images: ImageSet, free: int) -> int:
    """Return the images, a power of two, whose training step needs no more than `free` bytes.

    It is an estimate: weights, gradients, the optimizer's state, the images themselves, and what
    the forward keeps for backward in float32.
    """
    net = build(plan.model, plan.options, plan.seed).to("meta").train()
    shape = (input_channels(net, images.shape[0]), *images.shape[1:])
    weights = sum(weight.nbytes for weight in net.parameters())
    resident = 3 * images.train_images.nbytes + images.test_images.nbytes  # one copy has a border
    fixed = weights * (2 + _KEPT[plan.recipe.optimizer]) + resident
    two, four = (saved(net, (count, *shape)) for count in (2, 4))
    room = (_SHARE * free - fixed) / max((four - two) / 2, 1)
    return 2 ** (int(room).bit_length() - 1) if room >= 1 else 0


def saved(net: nn.Module, shape: tuple[int, ...]) -> int:
    """Return the bytes that a forward on meta keeps for backward, weights left out."""
    weights = {weight.untyped_storage()._cdata for weight in net.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if (memory := tensor.untyped_storage()._cdata) not in weights:
            kept[memory] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = net(torch.zeros(shape, device="meta"))
        total_loss(output, torch.zeros(shape[0], dtype=torch.int64, device="meta"))
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
