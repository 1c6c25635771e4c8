"""The accuracy that a model's source publishes, where the library itself carries it."""

from __future__ import annotations

from typing import Any


def published_accuracy(name: str, family: str) -> float | None:
    """Return top-1 accuracy on ImageNet-1K in percent, or None where none is published.

    Torchvision publishes it for its classification nets, in the metadata of their weights. Where a
    net has several sets of weights, the first (IMAGENET1K_V1) counts: the input size is taken from
    it, too. timm's package contains no accuracies.

    Args:
        name: as it stands in headers, such as `torchvision:resnet50`.
        family: the family of its `Source`; only `torchvision.image` has accuracies.

    Example:
        >>> published_accuracy("torchvision:alexnet", "torchvision.image")
        56.522
    """
    if family != "torchvision.image":
        return None
    # Imported here, as it takes 1.5 s and only torchvision's own models need it.
    from torchvision.models import get_model_weights

    records = {weights.name: weights.meta for weights in get_model_weights(name.partition(":")[2])}
    record: dict[str, Any] = records.get("IMAGENET1K_V1") or next(iter(records.values()), {})
    accuracy = record.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1")
    return None if accuracy is None else float(accuracy)
