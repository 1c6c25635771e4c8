"""Finds the blocks of a net: the unit that it repeats, or the modules that a user names."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from torch import nn

from archlab.errors import SpecError, did_you_mean
from archlab.probe.gradients import owns_weight
from archlab.probe.running import members

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
# The share of layers with weights that must lie in the blocks: less is no unit of the net.
_ENOUGH = 0.5


def find_blocks(module: nn.Module) -> tuple[str, ...]:
    """Return the paths of the net's repeated unit, or nothing where no unit makes up the net.

    A unit is a class with at least two layers with weights, of which the net has at least two
    instances: the residual units of a ResNet, the Inception blocks of GoogLeNet, the layers of a
    transformer.

    Example:
        >>> from archlab import zoo
        >>> find_blocks(zoo.build("resnet8"))
        ('layer1.0', 'layer2.0', 'layer3.0')
    """
    total = _layers(module)
    units: dict[type[nn.Module], list[str]] = {}
    covered: dict[type[nn.Module], int] = {}
    listed: dict[type[nn.Module], int] = {}
    for path, member in members(module):
        layers = _layers(member)
        if path and layers > 1 and not isinstance(member, _CONTAINERS):
            units.setdefault(type(member), []).append(path)
            covered[type(member)] = covered.get(type(member), 0) + layers
            parent = module.get_submodule(path.rpartition(".")[0])
            listed[type(member)] = listed.get(type(member), 0) + isinstance(parent, _CONTAINERS)
    fitting = [
        kind for kind, paths in units.items() if len(paths) > 1 and covered[kind] >= _ENOUGH * total
    ]
    # The class that stands in containers most often, then the one with most instances, then the
    # outer one: named_modules goes from the outside in, and max takes the first of equals.
    best = max(fitting, key=lambda kind: (listed[kind], len(units[kind])), default=None)
    return tuple(units[best]) if best is not None else ()


def chosen(module: nn.Module, patterns: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the module paths that the patterns name: `layer1.0`, `layer?.*`, `encoder.layers.*`.

    A star stands for one level: `layer1.*` is `layer1.0`, not `layer1.0.conv1`.

    Raises:
        SpecError: a pattern that names no module.
    """
    known = [path for path, _ in members(module) if path]
    paths: list[str] = []
    for pattern in patterns:
        # fnmatch's star crosses dots, so only the paths of the pattern's own depth are compared.
        same_depth = [path for path in known if path.count(".") == pattern.count(".")]
        matches = fnmatch.filter(same_depth, pattern)
        if not matches:
            raise SpecError(
                f"{name} has no module {pattern!r}.{did_you_mean(pattern, known)} "
                "`archlab summary MODEL --depth 9` lists them."
            )
        paths += matches
    return tuple(dict.fromkeys(paths))


def _layers(module: nn.Module) -> int:
    return sum(owns_weight(member) for _, member in members(module))
