"""A trained net as a file for other programs: ONNX, torch.export, or safetensors."""

from __future__ import annotations

import importlib
import io
import json
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from archlab.contain import contained, said
from archlab.errors import ArchlabError, DependencyError, TraceError

if TYPE_CHECKING:
    from torch import Tensor, nn


def exported(
    model: nn.Module, to: str, shape: tuple[int, int, int], about: Mapping[str, Any]
) -> bytes:
    """Return a net in eval mode as the bytes of a file.

    Args:
        model: a net on the CPU that maps images (N, C, H, W) to scores.
        to: a key of FORMATS.
        shape: channels, height and width of an image; how many images there are stays open.
        about: how the net is built again: plain values, for a format that has a place for them.

    Raises:
        DependencyError: a package that writes the format is not installed.
        TraceError: the net cannot be exported, or gives no scores.
    """
    try:
        # torch.export warns of what it will change itself.
        with contained(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return FORMATS[to](model.eval(), shape, about)
    except ArchlabError:
        raise
    except Exception as error:
        name, why = type(model).__name__, said(error).strip().split("\n")[0]
        raise TraceError(f"{name} cannot be exported to {to}: {why}.") from error


def _pt2(model: nn.Module, shape: tuple[int, int, int], _about: Mapping[str, Any]) -> bytes:
    import torch

    images, open_batch = _example(shape)
    file = io.BytesIO()
    with torch.no_grad():
        program = torch.export.export(_scoring(model, images), (images,), dynamic_shapes=open_batch)
    torch.export.save(program, file)
    return file.getvalue()


def _onnx(model: nn.Module, shape: tuple[int, int, int], _about: Mapping[str, Any]) -> bytes:
    for name in ("onnx", "onnxscript"):
        _import(name, "onnx onnxscript")
    import torch

    images, open_batch = _example(shape)
    with torch.no_grad():
        program = torch.onnx.export(
            _scoring(model, images), (images,), dynamo=True, dynamic_shapes=open_batch,
            input_names=["images"], output_names=["scores"], verbose=False,
        )  # fmt: skip
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


def _safetensors(model: nn.Module, _shape: tuple[int, int, int], about: Mapping[str, Any]) -> bytes:
    saved = _import("safetensors.torch", "safetensors")
    # Tensors that share memory, such as tied weights, are refused: each is written in full.
    tensors = {name: each.contiguous().clone() for name, each in model.state_dict().items()}
    content: bytes = saved.save(tensors, {"format": "pt", "archlab": json.dumps(about)})
    return content


FORMATS: dict[str, Callable[[nn.Module, tuple[int, int, int], Mapping[str, Any]], bytes]] = {
    "onnx": _onnx,
    "pt2": _pt2,
    "safetensors": _safetensors,
}


def _example(shape: tuple[int, int, int]) -> tuple[Tensor, tuple[dict[int, Any]]]:
    """Return images to trace with, and which of their sizes stay open."""
    import torch

    # Two images: a size of 1 would be taken for one that is always 1.
    return torch.zeros(2, *shape), ({0: torch.export.Dim("batch")},)


def _scoring(model: nn.Module, images: Tensor) -> nn.Module:
    """Return the net, or one around it that leaves out the scores of auxiliary heads."""
    import torch

    from archlab.train.module import logits_of

    if isinstance(model(images), torch.Tensor):
        return model

    class Scores(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: Tensor) -> Tensor:
            return logits_of(self.model(images))

    return Scores().eval()


def _import(name: str, packages: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = name.partition(".")[0]
        raise DependencyError(
            f"{missing} is not installed: pip install {packages} ({error})."
        ) from error
