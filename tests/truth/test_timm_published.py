"""All rows of timm's benchmark table: parameters, GMACs and activations as published."""

import csv
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import archlab
from archlab.analyze.layers import activations

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # timm scripts functions at import, which torch deprecates
    timm = pytest.importorskip("timm")

pytestmark = pytest.mark.slow

ROWS = list(csv.DictReader((Path(__file__).parent / "timm_published.csv").read_text().splitlines()))
# timm's benchmark fuses training-time branches where the model can (`--reparam`): parallel
# convolutions become one, batch norms disappear, and so parameters and MACs are fewer.
FUSED_BRANCHES = frozenset(
    {
        "efficientvit_m1", "efficientvit_m3", "efficientvit_m4", "fastvit_t8", "nextvit_base",
        "nextvit_large", "repvgg_a0", "repvgg_a2", "repvgg_b2g4", "repvgg_b3g4", "repvit_m3",
        "tiny_vit_21m_384", "tiny_vit_5m_224",
    }
)  # fmt: skip
# Differential attention: fused, both halves of the heads multiply v (two products); unfused, the
# two attention maps are subtracted first (one). timm counted with fused attention switched off.
UNFUSED = frozenset({"vit_dwee_patch16_reg1_gap_256", "vit_dlittle_patch16_reg1_gap_256"})


@contextmanager
def fused_attention(*, enabled: bool) -> Iterator[None]:
    before = timm.layers.use_fused_attn()
    timm.layers.set_fused_attn(enabled)
    try:
        yield
    finally:
        timm.layers.set_fused_attn(before)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['model']}@{row['infer_img_size']}")
def test_published_row(row) -> None:
    name, side = row["model"], int(row["infer_img_size"])
    options = {"reparameterize": True} if name in FUSED_BRANCHES else {}
    with fused_attention(enabled=name not in UNFUSED):
        model = archlab.load(f"timm:{name}", input=(1, 3, side, side), **options)
        cost = archlab.flops(model, convention="fvcore")
    assert cost.status == "complete"
    assert f"{cost.totals.params / 1e6:.2f}" == f"{float(row['param_count']):.2f}"
    assert cost.totals.macs / 1e9 == pytest.approx(float(row["infer_gmacs"]), abs=0.005)
    put_out = activations(model.trace())
    assert put_out / 1e6 == pytest.approx(float(row["infer_macts"]), abs=0.00501)


def test_every_row_is_tested() -> None:
    assert len(ROWS) == 240
    assert {row["model"] for row in ROWS} >= FUSED_BRANCHES | UNFUSED
