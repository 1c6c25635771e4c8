"""The layout of a zoo net that is trained: chosen by the images, and read from records.

A net of the zoo that has layouts takes `cifar` for images up to 64x64 and `imagenet` for larger
ones, unless a layout is given. Its record always says which. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlab import zoo
from archlab.spec import parse_model

SMALL = 64  # the longest side of images that the nets for CIFAR are taken for
RULE = f"cifar for images up to {SMALL}x{SMALL}, imagenet for larger ones"


def has_layouts(model: str) -> bool:
    """Whether a spec is a net of the zoo that is built as `imagenet` or as `cifar`.

    Example:
        >>> [has_layouts(model) for model in ("resnet18", "resnet20", "torchvision:resnet18")]
        [True, False, False]
    """
    spec = parse_model(model)
    variant = zoo.find(spec.name) if spec.source in ("", "zoo") else None
    return variant is not None and variant.family not in zoo.CIFAR_FAMILIES


def fitting_layout(shape: tuple[int, int, int]) -> str:
    """Return the layout for images of a shape (channels, height, width).

    Example:
        >>> fitting_layout((3, 32, 32)), fitting_layout((3, 96, 128))
        ('cifar', 'imagenet')
    """
    return "cifar" if max(shape[1:]) <= SMALL else "imagenet"


def recorded_options(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constructor arguments in a record of a run, with the layout that they mean.

    Example:
        >>> recorded_options("resnet18", {"num_classes": 10})
        {'num_classes': 10, 'layout': 'cifar'}
    """
    # Records without a layout, or with "chapter", are of nets that were built for CIFAR.
    if has_layouts(model) and options.get("layout", "chapter") == "chapter":
        return {**options, "layout": "cifar"}
    return dict(options)


def layout_note(model: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the line of a header about the layout; none where the net has no layouts."""
    return (f"layout={options['layout']}",) if has_layouts(model) else ()
