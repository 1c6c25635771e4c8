"""The nets archlab can build by name: one family a file, all of them in the dict `ZOO`.

Reading names needs no torch, so `archlab --help` stays fast; `build` imports the one family asked
for. Bare `googlenet`, `resnet50` and so on are the published nets for 224x224 images and 1000
classes; `layout="cifar"` builds them for 32x32 images and 10. The 6n + 2 nets of the depths 50 and
152 are `cifar_resnet50` and so on.
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archlab.errors import OptionError, SpecError, did_you_mean
from archlab.zoo.options import is_cifar_depth, nearest_cifar_depths

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ZOO", "Family", "Variant", "build", "constructor", "describe", "find", "names"]

HE = "He et al. 2015, arXiv:1512.03385"
SZEGEDY = "Szegedy et al. 2014, arXiv:1409.4842"


@dataclass(frozen=True, slots=True)
class Family:
    """One family of nets.

    Attributes:
        function: The constructor, in `module`; its keyword-only arguments are the family's options.
        pattern: The names it answers to; the group, if any, is the depth.
        names: The names worth listing.
        summary: What the nets are; the part before the first comma is the title.
        units: What `describe` says of the blocks at a depth.
    """

    module: str
    function: str
    pattern: str
    names: tuple[str, ...]
    summary: str
    paper: str
    units: Callable[[int], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Variant:
    """What a name stands for: a family's key in `ZOO`, and the depth where the family has one."""

    family: str
    depth: int | None


def _kind_of_unit(depth: int) -> str:
    return "bottleneck units" if depth >= 50 else "basic units"


def _units_a_stage(depth: int) -> str:
    return f"{(depth - 2) // 6} basic units a stage"


# A name belongs to the first family whose pattern it matches. So the five depths of the paper's
# table 1 come before the 6n + 2 nets, of which 50 and 152 would be members, too.
ZOO: dict[str, Family] = {
    "googlenet": Family(
        module="archlab.zoo.googlenet",
        function="googlenet",
        pattern=r"googlenet",
        names=("googlenet",),
        summary="GoogLeNet, nine Inception blocks, two auxiliary heads, 224x224 input "
        "(layout=cifar for 32x32, norm=none for the 2014 net)",
        paper=SZEGEDY,
    ),
    "resnet": Family(
        module="archlab.zoo.resnet",
        function="resnet",
        pattern=r"resnet(18|34|50|101|152)",
        names=tuple(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
        summary="ResNet, 224x224 input (layout=cifar for 32x32)",
        paper=HE,
        units=_kind_of_unit,
    ),
    "plain": Family(
        module="archlab.zoo.resnet",
        function="plain",
        pattern=r"plain(18|34|50|101|152)",
        names=tuple(f"plain{depth}" for depth in (18, 34, 50, 101, 152)),
        summary="Plain net, no shortcuts, 224x224 input (layout=cifar for 32x32)",
        paper=HE,
        units=_kind_of_unit,
    ),
    "cifar_resnet": Family(
        module="archlab.zoo.cifar_resnet",
        function="cifar_resnet",
        pattern=r"(?:cifar_)?resnet([1-9][0-9]{0,5})",
        names=tuple(f"resnet{depth}" for depth in (20, 32, 44, 56, 110, 1202)),
        summary="CIFAR ResNet, 6n+2 layers, widths 16/32/64, option-A shortcuts",
        paper=HE,
        units=_units_a_stage,
    ),
    "cifar_plain": Family(
        module="archlab.zoo.cifar_resnet",
        function="cifar_plain",
        pattern=r"(?:cifar_)?plain([1-9][0-9]{0,5})",
        names=tuple(f"plain{depth}" for depth in (20, 32, 44, 56, 110, 1202)),
        summary="CIFAR plain net, 6n+2 layers, widths 16/32/64, no shortcuts",
        paper=HE,
        units=_units_a_stage,
    ),
}
CIFAR_FAMILIES = ("cifar_resnet", "cifar_plain")


def names() -> tuple[str, ...]:
    """Return the canonical names of all nets, family by family.

    Example:
        >>> names()[:3]
        ('googlenet', 'resnet18', 'resnet34')
    """
    return tuple(name for family in ZOO.values() for name in family.names)


def find(name: str) -> Variant | None:
    """Return the net that `name` means, or None where no family answers to it.

    Raises:
        SpecError: A family answers to the name but cannot have that depth.

    Example:
        >>> find("cifar_resnet50")
        Variant(family='cifar_resnet', depth=50)
        >>> find("alexnet") is None
        True
    """
    for key, family in ZOO.items():
        match = re.fullmatch(family.pattern, name)
        if match is None:
            continue
        depth = int(match[1]) if match.lastindex else None
        if key in CIFAR_FAMILIES and depth is not None and not is_cifar_depth(depth):
            raise SpecError(_bad_depth(name, depth))
        return Variant(key, depth)
    return None


def describe(name: str) -> str:
    """Return one line about the net called `name`.

    Example:
        >>> describe("resnet50")
        'ResNet-50, bottleneck units, 224x224 input (layout=cifar for 32x32)'
    """
    variant = _known(name)
    family = ZOO[variant.family]
    if variant.depth is None:
        return family.summary
    title, _, features = family.summary.partition(", ")
    parts = (f"{title}-{variant.depth}", family.units(variant.depth), features)
    return ", ".join(filter(None, parts))


def constructor(name: str) -> Callable[..., nn.Module]:
    """Return what builds the net called `name`; it takes the family's options by keyword.

    Raises:
        SpecError: The name means no net.

    Example:
        >>> list(inspect.signature(constructor("plain18")).parameters)
        ['layout', 'norm', 'num_classes']
    """
    variant = _known(name)
    family = ZOO[variant.family]
    function: Callable[..., nn.Module] = pkgutil.resolve_name(f"{family.module}:{family.function}")
    return function if variant.depth is None else functools.partial(function, variant.depth)


def build(name: str, **options: object) -> nn.Module:
    """Return a freshly initialised net, on the current default device.

    Raises:
        SpecError: The name means no net.
        OptionError: An option that the family does not have, or a value that is not allowed.

    Example:
        >>> build("resnet20", num_classes=100).fc.out_features
        100
    """
    net = constructor(name)
    # Python's own TypeError would name neither the nearest option nor those there are.
    allowed = list(inspect.signature(net).parameters)
    for option in options:
        if option not in allowed:
            raise OptionError(
                f"{name} has no option {option!r}; it has {', '.join(allowed)}."
                f"{did_you_mean(option, allowed)}"
            )
    return net(**options)


def _known(name: str) -> Variant:
    variant = find(name)
    if variant is None:
        raise SpecError(
            f"{name!r} is not a net of the zoo; it has {', '.join(names())}, and resnetD and "
            f"plainD for any depth D = 6n + 2.{did_you_mean(name, names())}"
        )
    return variant


def _bad_depth(name: str, depth: int) -> str:
    stem = name.removesuffix(str(depth))
    nearest = []
    for near in nearest_cifar_depths(depth):
        # Bare resnet50 would mean the bottleneck net, not the 6n + 2 net of that depth.
        variant = find(f"{stem}{near}")
        is_large = variant is not None and variant.family not in CIFAR_FAMILIES
        nearest.append(f"cifar_{stem}{near}" if is_large else f"{stem}{near}")
    large = ", or a depth of the large nets: 18, 34, 50, 101, 152"
    return (
        f"{name!r}: these nets have 6n + 2 layers, and {depth} is not 6n + 2; try "
        f"{' or '.join(nearest)}{'' if stem.startswith('cifar_') else large}."
    )
