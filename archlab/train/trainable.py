"""Refuses a net that is no classifier of the images at hand, before anything is written."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import nn

from archlab.contain import contained, said
from archlab.data.sets import ImageSet
from archlab.errors import OptionError, keyword
from archlab.tracer.chain import without_values
from archlab.train.build import input_channels
from archlab.train.module import logits_of, total_loss


def check_trainable(model: nn.Module, images: ImageSet, name: str) -> None:
    """Run a forward in each mode and see whether it gives scores that a loss can be made of.

    `model` is a copy that may be changed: batch norm sees black images.

    Raises:
        OptionError: the forward fails, or gives no scores of the classes, or nothing can be
            trained.

    Example:
        >>> from archlab.data.sets import load_images
        >>> check_trainable(nn.LSTM(16, 10), load_images("embedded"), "LSTM")
        Traceback (most recent call last):
        archlab.errors.OptionError: LSTM is no classifier of images 1x16x16: its forward fails ...
    """
    for mode in ("eval", "train"):
        output = check_scores(model.train(mode == "train"), images, name)
    place = logits_of(output).device
    loss = total_loss(output, torch.zeros(2, dtype=torch.int64, device=place))
    if not loss.requires_grad:
        raise OptionError(f"{name} has no parameter that the loss depends on and that may change.")


def check_scores(model: nn.Module, images: ImageSet, name: str) -> Any:
    """Return what the model gives for two black images, if that is scores of all classes.

    Raises:
        OptionError: the forward fails, or gives anything else.
    """
    # Two images, because batch norm in train mode wants more than one value a channel.
    channels = input_channels(model, images.shape[0])
    tensors = chain(model.parameters(), model.buffers())
    place = next((tensor.device for tensor in tensors), torch.device("cpu"))
    batch = torch.zeros(2, channels, *images.shape[1:], device=place)
    try:
        with contained():
            output = model(batch)
    except Exception as error:
        size = "x".join(map(str, batch.shape[1:]))
        reason = without_values(said(error).strip().split("\n")[0])
        raise OptionError(
            f"{name} is no classifier of images {size}: its forward fails on two of them "
            f"({reason})."
        ) from error
    scores, classes = logits_of(output), len(images.classes)
    if scores.dim() and len(scores) != len(batch):
        raise OptionError(
            f"{name} gives {len(scores)} rows of scores for {len(batch)} images, and a classifier "
            "gives one an image."
        )
    if scores.dim() != 2 or scores.shape[1] < classes or not scores.is_floating_point():
        raise OptionError(
            f"The net gives {tuple(scores.shape[1:])} outputs an image, and {images.name} has "
            f"{classes} classes. Build it with as many outputs, such as by "
            f"{keyword('set')} num_classes={classes}."
        )
    return output
