"""The accuracy that a model's source publishes, where the library itself carries it."""

from __future__ import annotations

from typing import Any


def published_accuracy(name: str, family: str) -> float | None:
    """Return top-1 accuracy on ImageNet-1K in percent, or None where none is published.

    Torchvision has it for its classification nets, in the metadata of their weights: of the first
    recipe (IMAGENET1K_V1) where there are several, which is also whose input size is taken. timm's
    package has none.

    Args:
        name: as in headers, `torchvision:resnet50`.
        family: `torchvision.image` or another.

    Example:
        >>> published_accuracy("torchvision:alexnet", "torchvision.image")
        56.522
    """
    if family != "torchvision.image":
        return None
    from torchvision.models import get_model_weights  # here: costs 1.5 s, only for its own models

    entries = {item.name: item.meta for item in get_model_weights(name.partition(":")[2])}
    meta: dict[str, Any] = entries.get("IMAGENET1K_V1") or next(iter(entries.values()), {})
    found = meta.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1")
    return None if found is None else float(found)
