"""Fine-tuning that survives a resume: fixed parameter groups, and freezing derived from the step.

Lightning's BackboneFinetuning adds groups as it goes and refreezes the backbone when resumed past
the unfreeze epoch (Lightning issue 21901). Here all groups exist from the start, and what is frozen
is a function of the global step alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from archlab.errors import OptionError, keyword

PARTS = ("stem", "stages", "head")


@dataclass(frozen=True, slots=True)
class Freeze:
    """What is frozen, and until which step.

    Attributes:
        frozen: parts of the net: stem, stages, head.
        until: the step from which everything is trained; None never: a linear probe.
        shares: learning rate of each part, as a share of the recipe's.
    """

    frozen: tuple[str, ...] = ("stem", "stages")
    until: int | None = None
    shares: Mapping[str, float] = field(
        default_factory=lambda: {"stem": 0.1, "stages": 0.1, "head": 1.0}
    )

    def groups(self, model: nn.Module, rate: float) -> list[dict[str, Any]]:
        """Return one optimizer group a part, frozen or not.

        A net without such parts, of which nothing is frozen, is one group.
        """
        if not self.frozen and not _has_parts(model):
            return [{"name": "all", "lr": rate, "params": list(model.parameters())}]
        weights = {
            part: [weight for module in modules for weight in module.parameters()]
            for part, modules in parts(model).items()
        }
        return [
            {"name": part, "lr": rate * self.shares[part], "params": params}
            for part, params in weights.items()
        ]

    def is_frozen(self, step: int) -> bool:
        """Whether the frozen parts are frozen at a step."""
        return self.until is None or step < self.until

    def apply(self, model: nn.Module, step: int) -> None:
        """Freeze or release the model's parts as the step demands, batch norm included."""
        if not self.frozen:
            return
        is_frozen = self.is_frozen(step)
        for part, modules in parts(model).items():
            trains = not (is_frozen and part in self.frozen)
            for module in modules:
                module.requires_grad_(trains)
                # In training mode batch norm moves its statistics without any gradient.
                for inner in module.modules():
                    if isinstance(inner, _BatchNorm):
                        inner.train(trains)


def parts(model: nn.Module) -> dict[str, list[nn.Module]]:
    """Return the model's children as stem, stages and head.

    The head is the child with the last linear layer (and what follows it); the stem ends before
    the first stage, a child with several weighted layers. A model without such an order is an
    OptionError.

    Example:
        >>> from archlab import zoo
        >>> {part: len(modules) for part, modules in parts(zoo.build("resnet18")).items()}
        {'stem': 4, 'stages': 5, 'head': 1}
    """
    children = list(model.children())
    weighted = [
        [inner for inner in child.modules() if isinstance(inner, nn.Conv2d | nn.Linear)]
        for child in children
    ]
    heads = [
        i
        for i, layers in enumerate(weighted)
        if any(isinstance(layer, nn.Linear) for layer in layers)
    ]
    stages = [i for i, layers in enumerate(weighted) if len(layers) > 1]
    if not heads or not stages or stages[0] >= heads[-1]:
        raise OptionError(
            f"{type(model).__name__} has no stem, stages and head in this order among its "
            "children, so that parts of it cannot be frozen by name. Freeze nothing "
            f"({keyword('freeze', 'none')}), and leave out the linear probe ({keyword('alone')})."
        )
    first, last = stages[0], heads[-1]
    return {"stem": children[:first], "stages": children[first:last], "head": children[last:]}


def _has_parts(model: nn.Module) -> bool:
    try:
        parts(model)
    except OptionError:
        return False
    return True


def replace_head(model: nn.Module, classes: int) -> None:
    """Give the model a fresh last linear layer with so many outputs."""
    layers = {
        path: module for path, module in model.named_modules() if isinstance(module, nn.Linear)
    }
    if not layers:
        raise OptionError(f"{type(model).__name__} has no linear layer to replace.")
    # named_modules goes from the input to the output: the last linear layer gives the logits.
    path, linear = layers.popitem()
    # A lazy layer that was loaded says 0 features until its first forward.
    features = linear.weight.shape[1]
    fresh = nn.Linear(features, classes, bias=linear.bias is not None)
    model.set_submodule(path, fresh)


def freeze(text: str, until: int | None) -> Freeze:
    """Return the plan of a text such as stem,stages; `none` freezes nothing.

    Raises:
        OptionError: an unknown part.

    Example:
        >>> freeze("backbone", 100).frozen
        ('stem', 'stages')
    """
    names = {"backbone": ("stem", "stages"), "none": ()}.get(text, tuple(text.split(",")))
    for name in names:
        if name not in PARTS:
            raise OptionError(
                f"{keyword('freeze', name)} is no part. Allowed: {', '.join(PARTS)}, joined by "
                "commas; backbone (stem and stages); none."
            )
    if set(names) == set(PARTS):
        raise OptionError(
            f"{keyword('freeze', text)} is all of the net: nothing would be trained. Leave out a "
            "part, such as head."
        )
    return Freeze(names, until if names else 0)
