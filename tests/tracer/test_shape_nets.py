"""Whole nets: every answer of every shape rule against torch's kernel for the same call.

The meta kernel is asked first. Where it differs, the CPU kernel is the judge: the meta kernel of a
convolution knows no layout, and that of an eval mode batch norm returns statistics nobody keeps.
"""

import warnings
from typing import Any

import pytest
import torch
from kernels import Facts, facts, shaped
from torch.utils._python_dispatch import TorchDispatchMode

import archlab
from archlab import zoo
from archlab.tracer.modules import tensors_in
from archlab.tracer.overloads import operator
from archlab.tracer.settings import settings


class Comparison(TorchDispatchMode):
    """Runs torch's kernel for every operator and compares what the rule says."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[tuple[Any, ...]] = []
        self.answered: set[str] = set()
        self.judged: dict[tuple[Any, ...], Facts] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        op = operator(func)
        if op.composite:
            with self:
                return func.decompose(*args, **kwargs)
        values = op.bind(args, kwargs)
        sources = list(tensors_in(values.values()))
        on_meta_alone = all(item.is_meta for item in sources)
        answer = op.shape(values) if op.shape is not None and on_meta_alone else None
        if "device" in kwargs and sources:
            kwargs = {**kwargs, "device": torch.device("meta")}
        out = func(*args, **kwargs)
        if answer is not None:
            self.compare(func, args, kwargs, facts(answer), facts(out))
        return out

    def compare(self, func: Any, args: Any, kwargs: Any, answer: Facts, meta: Facts) -> None:
        self.answered.add(str(func))
        if answer == meta:
            return
        if "batch_norm" not in str(func) and shaped(answer) != shaped(meta):
            self.wrong.append((str(func), answer, meta))
            return
        key = (func, str(kwargs), *(str(facts(item)) for item in (*args, [])), str(answer))
        if key not in self.judged:
            self.judged[key] = facts(func(*on_cpu(args), **kwargs))
        if answer != self.judged[key]:
            self.wrong.append((str(func), answer, self.judged[key]))


def on_cpu(value: Any) -> Any:
    """Tensors of zeros with the same strides."""
    if isinstance(value, torch.Tensor):
        made = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
        return made.zero_()
    if isinstance(value, list | tuple):
        return type(value)(on_cpu(item) for item in value)
    return value


def compared(spec: str, batch: int = 2) -> Comparison:
    """Run a model's forward in both modes, and return what was wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own: deprecations, initialisation
        model = archlab.load(spec, batch=batch)
        comparison = Comparison()
        for mode in ("eval", "train"):
            graph = model.trace(mode)
            first = [graph.tensors[i] for i in graph.inputs]
            inputs = [
                torch.empty(x.shape, dtype=getattr(torch, x.dtype), device="meta") for x in first
            ]
            with settings(model.module, mode), comparison:
                model.module(*inputs)
    return comparison


ZOO = [name for name in zoo.names() if "1202" not in name]
TORCHVISION = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s",
    "googlenet", "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small",
    "mvit_v1_b", "r3d_18", "regnet_y_400mf", "resnext50_32x4d", "shufflenet_v2_x0_5",
    "squeezenet1_1", "swin3d_t", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_16",
]  # fmt: skip
TIMM = [
    "beit_base_patch16_224", "cait_xxs24_224", "coatnet_0_rw_224", "convnext_tiny",
    "deit3_small_patch16_224", "edgenext_xx_small", "ghostnet_100", "levit_128s", "mixer_s32_224",
    "mobilevit_xs", "nfnet_f0", "poolformer_s12", "resnetv2_50", "swin_tiny_patch4_window7_224",
    "volo_d1_224", "xcit_nano_12_p16_224",
]  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_a_zoo_net_by_rules_is_as_by_torch(name: str) -> None:
    comparison = compared(name)
    assert comparison.wrong == []
    assert {"aten.convolution.default", "aten.native_batch_norm.default"} <= comparison.answered


@pytest.mark.parametrize("name", TORCHVISION)
def test_a_torchvision_net_by_rules_is_as_by_torch(name: str) -> None:
    comparison = compared(f"torchvision:{name}")
    assert comparison.wrong == []
    assert len(comparison.answered) > 3


@pytest.mark.parametrize("name", TIMM)
def test_a_timm_net_by_rules_is_as_by_torch(name: str) -> None:
    pytest.importorskip("timm")
    comparison = compared(f"timm:{name}")
    assert comparison.wrong == []
    assert len(comparison.answered) > 3
