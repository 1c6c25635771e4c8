"""Every value of receptive_field.json: ten nets, every layer, both axes (see README.md there)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import archlab

REFERENCE = json.loads((Path(__file__).parent / "receptive_field.json").read_text())
OURS = {"cifar_resnet_20": "resnet20", "cifar_plain_20": "plain20", "cifar_resnet_56": "resnet56"}
FIELDS = {
    name: name
    for axis in "hw"
    for name in (f"rf_{axis}", f"stride_{axis}", f"pad_{axis}", f"holes_{axis}")
} | {"centre0_h": "center_h", "centre0_w": "center_w"}


@pytest.mark.parametrize("net", [name for name in REFERENCE if name != "_meta"])
def test_every_layer(net: str) -> None:
    spec = OURS.get(net) or f"torchvision:{net}"
    result = archlab.receptive_field(
        archlab.load(spec, input="3x32x32" if net in OURS else "3x224x224")
    )
    rows = {row.path: row for row in result.rows}
    layers = {path: values for path, values in REFERENCE[net].items() if path != "_final"}
    assert len(layers) > 5
    for path, values in layers.items():
        ours = {theirs: getattr(rows[path], name) for theirs, name in FIELDS.items()}
        assert ours == {name: values[name] for name in FIELDS}, path
    assert result.status == "complete"
